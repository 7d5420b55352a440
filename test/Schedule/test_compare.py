# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc schedule compare`: published values, a row for every schedule, and what follows from them."""
import csv
import io
import json
import re
import subprocess

import pytest


def schedule(*arguments, status=0):
    done = subprocess.run(["dpc", "schedule", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def compare(ranks, micro_batches, *arguments, format="json"):
    text = schedule("compare", "--pp", ranks, "--micro-batches", micro_batches, "--format", format, *arguments)
    return json.loads(text) if format == "json" else text


def rows(comparison):
    return {row["schedule"]: row for row in comparison["schedules"]}


def known():
    return {row["name"]: row for row in json.loads(schedule("list", "--format", "json"))}


# Makespan and largest peak with F = I = W = 1 on the same devices, from simulations of
# the published schedules: (ranks, micro-batches) to schedule to both.
PUBLISHED = {
    (4, 8): {"1f1b": (33, 4), "zb-h1": (27, 4), "interleaved": (28.5, 5.5), "interleaved-zb": (25.5, 4), "zb-v": (25.5, 4),
             "dualpipe": (26, 5), "dualpipev": (27, 4.5)},
    (4, 16): {"1f1b": (57, 4), "zb-h1": (51, 4), "interleaved": (52.5, 5.5), "interleaved-zb": (49.5, 4), "zb-v": (49.5, 4),
              "dualpipe": (50, 5), "dualpipev": (51, 4.5)},
    (8, 16): {"1f1b": (69, 8), "zb-h1": (55, 8), "interleaved": (58.5, 11.5), "interleaved-zb": (51.5, 8), "zb-v": (51.5, 8),
              "dualpipe": (54, 9), "dualpipev": (55, 8.5)},
    (8, 20): {"1f1b": (81, 8), "zb-h1": (67, 8), "interleaved": (70.5, 12.5), "interleaved-zb": (63.5, 9), "zb-v": (63.5, 8),
              "dualpipe": (66, 9), "dualpipev": (67, 8.5)},
    (8, 32): {"1f1b": (117, 8), "zb-h1": (103, 8), "interleaved": (106.5, 11.5), "interleaved-zb": (99.5, 8), "zb-v": (99.5, 8),
              "dualpipe": (102, 9), "dualpipev": (103, 8.5)},
}
# Makespan of dualpipe and dualpipev where a pair takes 2.5 and 2.
OVERLAPPED = {
    (4, 8): ((24, 24.5), (22, 22)),
    (4, 16): ((44, 44.5), (38, 38)),
    (8, 16): ((49, 49.5), (44, 44)),
    (8, 20): ((59, 59.5), (52, 52)),
    (8, 32): ((89, 89.5), (76, 76)),
}
# Bound of one copy in one piece a device, and of two mirrored copies.
BOUNDS = {(4, 8): (27, 25), (4, 16): (51, 49), (8, 16): (55, 51), (8, 20): (67, 63), (8, 32): (103, 99)}


@pytest.mark.parametrize("size", sorted(PUBLISHED))
def test_simulated_values_are_the_published_ones(size):
    found = rows(compare(*size))
    for name, (makespan, peak) in PUBLISHED[size].items():
        assert found[name]["makespan"] == pytest.approx(makespan), name
        assert found[name]["peak_activations"] == pytest.approx(peak), name
    assert all(found[name]["span_idle_most"] == 0 for name in ("zb-v", "zb-h2"))
    assert (found["1f1b"]["lower_bound"], found["dualpipe"]["lower_bound"]) == BOUNDS[size]


@pytest.mark.parametrize("size", sorted(OVERLAPPED))
def test_overlapped_pairs_are_as_short_as_published(size):
    for pair, wanted in zip((2.5, 2), OVERLAPPED[size]):
        found = rows(compare(*size, "--cost", f"F=1,I=1,W=1,FB={pair}"))
        assert [found[name]["makespan"] for name in ("dualpipe", "dualpipev")] == list(wanted)


def test_formulas_have_the_values_of_the_published_table():
    """The table of the DeepSeek-V3 report: bubble, parameters and activations."""
    found = rows(compare(8, 20, "--cost", "F=1,I=1.5,W=1,FB=3"))
    table = {
        "1f1b": ("(P-1)(F+B)", 7 * 3.5, 1, "P", 8),
        "zb-h1": ("(P-1)(F+B-2W)", 7 * 1.5, 1, "P", 8),
        "dualpipe": ("(P/2-1)(F&B+B-3W)", 3 * 2.5, 2, "P+1", 9),
    }
    for name, (bubble, value, parameters, activations, peak) in table.items():
        row = found[name]
        assert row["bubble_formula"] == {"formula": bubble, "value": value}
        assert row["parameters"] == parameters
        assert row["activations_formula"] == {"formula": activations, "value": peak}
    text = compare(8, 20, format="text")
    assert re.search(r"dualpipe +\(P/2-1\)\(F&B\+B-3W\) +6  2x +P\+1 +9 +66 +6 +6 +9.1 % +9 +63 ", text)


def test_every_schedule_has_a_row():
    text, listed = compare(8, 20, format="text"), known()
    found = compare(8, 20)["schedules"]
    assert {row["name"] for row in found} == set(listed)
    assert all("makespan" in row for row in found)
    for name, row in listed.items():
        title = f"{name} ({row['alias']})" if "alias" in row else name
        assert re.search(rf"(?m)^{re.escape(title)}(  |: not legal)", text), title


def test_an_illegal_size_is_told_with_the_nearest_legal_one():
    text = compare(8, 10, format="text")
    assert "dualpipe: not legal at M = 10, needs an even number, at least 16; nearest 16: T 54, idle 6, peak 9\n" in text
    row = rows(compare(8, 10))["dualpipe"]
    assert not row["legal"] and row["micro_batches"] == 16 and row["makespan"] == 54
    assert re.search(r"chimera: not legal at M = 20, needs a multiple of 8; nearest 24: T \d", compare(8, 20, format="text"))
    text = compare(7, 20, format="text")
    assert "dualpipe: not legal at P = 7, needs an even number of ranks; nearest P = 8, M = 20: T 66, idle 6, peak 9\n" in text
    assert rows(compare(7, 20))["dualpipe"]["makespan"] == 66
    # What is not legal is in no ranking.
    assert all(place["schedule"] != "dualpipe" for place in compare(7, 20)["same_devices"])


def test_rankings_are_sorted_and_complete():
    comparison = compare(8, 20, "--cost", "F=1,I=1.2,W=0.8,FB=2.5")
    legal = [row["schedule"] for row in comparison["schedules"] if row["legal"]]
    assert sorted(place["schedule"] for place in comparison["same_devices"]) == sorted(legal)
    for block in ("same_devices", "same_devices_and_memory"):
        times = [place["makespan"] for place in comparison[block]]
        assert times == sorted(times) and len(times) > 2


def test_the_same_memory_is_two_pipelines_of_half_the_stages():
    block = compare(8, 20)["same_devices_and_memory"]
    assert all(place["parameters"] == 2 for place in block)
    found = {(place["schedule"], place["pipelines"]): place for place in block}
    assert found["dualpipe", 1]["makespan"] == 66
    half = rows(compare(4, 10, "--cost", "F=2,I=2,W=2"))["zb-h1"]
    assert found["zb-h1", 2]["makespan"] == half["makespan"] == 66
    assert found["zb-h1", 2]["peak_activations"] == 2 * half["peak_activations"] == 8
    assert compare(5, 20)["same_devices_and_memory"] == []
    # An odd micro-batch makes one of the two pipelines longer.
    odd = {place["schedule"]: place for place in compare(4, 9)["same_devices_and_memory"]}
    assert odd["1f1b"]["makespan"] == rows(compare(2, 5, "--cost", "F=2,I=2,W=2"))["1f1b"]["makespan"]


def second_copy(comparison, name="dualpipe"):
    return next(worth for worth in comparison["second_copy"] if worth["schedule"] == name)


RIVALS = ("same_devices", "same_devices_any_activations", "same_devices_and_memory")


def test_the_break_even_pair_is_where_the_makespans_meet():
    costs = "F=1,I=1.5,W=0.5,FB={}"

    def makespan(pair):
        return rows(compare(8, 20, "--cost", costs.format(pair)))["dualpipe"]["makespan"]

    worth, found = second_copy(compare(8, 20, "--cost", costs.format(3))), []
    for block in RIVALS:
        even, rival = worth[block]["break_even_pair"], worth[block]["against"]
        assert worth[block]["is_faster"] == (rival["makespan"] < makespan(3))
        found.append(even)
        if even < 3:
            assert makespan(even) == pytest.approx(rival["makespan"], abs=1e-6)
            assert makespan(even + 0.01) > rival["makespan"]
        else:
            assert makespan(3) <= rival["makespan"]
    assert min(found) < 3
    # Where a pair cannot be short enough, nothing is said to be.
    slow = second_copy(compare(8, 16, "--cost", "F=1,I=0,W=3,FB=4"))["same_devices"]
    assert slow["break_even_pair"] is None or 3 <= slow["break_even_pair"] <= 4


def test_without_a_gain_dualpipe_is_dominated_by_zb_v():
    comparison = compare(8, 20)
    worth = second_copy(comparison)
    assert worth["dominated_by"][0]["schedule"] == "zb-v"
    assert worth["same_devices"]["against"]["schedule"] == "zb-v" and worth["same_devices"]["is_faster"]
    assert 2.5 < worth["same_devices"]["break_even_pair"] < 3
    assert "is dominated by zb-v (63.5, peak 8), which holds one copy" in worth["words"]
    assert "F&B = 3 gains nothing" in worth["words"]
    text = re.sub(r"\s+", " ", compare(8, 20, format="text"))
    assert worth["words"] in text and comparison["chimera"]["words"] in text
    # With enough of a gain it is not.
    gains = second_copy(compare(8, 20, "--cost", "F=1,I=1,W=1,FB=2.25"))
    assert not gains["same_devices"]["is_faster"] and "zb-v" not in [place["schedule"] for place in gains["dominated_by"]]


def best(comparison, name):
    return min((row for row in comparison["schedules"] if row["name"] == name and row["legal"]), key=lambda row: row["makespan"])


@pytest.mark.parametrize("ranks,micro_batches,size", [(8, 20, 32), (4, 8, 8), (4, 5, 8), (8, 16, 16)])
def test_the_question_about_chimera_is_answered_by_simulation(ranks, micro_batches, size):
    answer = compare(ranks, micro_batches)["chimera"]
    assert [case["backward_in_forwards"] for case in answer["cases"]] == [1, 2]
    for case in answer["cases"]:
        half = case["backward_in_forwards"] / 2
        again = compare(ranks, size, "--cost", f"F=1,I={half},W={half}")
        halves = compare(ranks, 2 * size, "--cost", f"F=0.5,I={half / 2},W={half / 2}")
        assert case["micro_batches"] == size
        for name in ("chimera", "dualpipe"):
            for kind, where in (name, again), (name + "_halved", halves):
                wanted = best(where, name)
                assert (case[kind]["makespan"], case[kind]["idle_most"]) == (wanted["makespan"], wanted["idle_most"])
        assert case["shortest"]["makespan"] == again["same_devices"][0]["makespan"]
        difference = case["chimera"]["makespan"] - case["dualpipe"]["makespan"]
        said = "fewer" if difference < -1e-9 else "more" if difference > 1e-9 else "as many"
        letters = "F" if half == 0.5 else "2F"
        assert f"{'yes' if said == 'fewer' else 'no'} with B = {letters}, where it has {said} (" in answer["words"]
    assert answer["words"].count(".  ") == 0 and answer["words"].startswith("Has Chimera fewer bubbles than DualPipe? At P = ")


def test_the_answer_about_chimera_changes_with_the_numbers():
    words = {compare(8, 20, "--cost", f"F=1,I=1,W=1,FB={pair}")["chimera"]["words"] for pair in (3, 2.5, 2)}
    assert len(words) == 3


def test_csv_has_the_same_rows():
    table = list(csv.DictReader(io.StringIO(compare(8, 10, format="csv"))))
    for line, row in zip(table, compare(8, 10)["schedules"], strict=True):
        assert line["schedule"] == row["schedule"] and (line["legal"] == "yes") == row["legal"]
        assert float(line["makespan"]) == pytest.approx(row["makespan"])


def test_the_legend_tells_the_papers_apart():
    text = compare(8, 20, format="text")
    for letter in ("F", "I", "W", "B", "F&B"):
        assert re.search(rf"(?m)^  {letter} +\d", text), letter
    assert "I + W" in text


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 1), (3, 1), (5, 2), (13, 7)])
def test_small_and_odd_sizes(size):
    for arguments in ([], ["--cost", "F=0,I=0,W=0"], ["--cost", "F=0,I=1,W=0,FB=0,comm=3"]):
        text = compare(*size, *arguments, format="text")
        assert "nan" not in text and "inf" not in text
        comparison = compare(*size, *arguments)
        assert {row["name"] for row in comparison["schedules"]} == set(known())
        assert all("makespan" in row for row in comparison["schedules"])


def test_what_is_too_large_to_simulate_among_others_is_said():
    text = compare(512, 65536, format="text")
    assert re.search(r"(?m)^  not simulated: about \d+ actions", text)
    assert re.search(r"(?m)^1f1b +\(P-1\)\(F\+B\) +1533 ", text)


def test_a_number_of_stages_takes_the_place_of_the_usual_ones():
    usual, found = rows(compare(4, 12)), rows(compare(4, 12, "--chunks", 3))
    assert "interleaved,v=4" in usual and "interleaved,v=3" not in usual
    assert "interleaved,v=4" not in found and found["interleaved"] == usual["interleaved"]
    one = json.loads(schedule("simulate", "interleaved,v=3", "--pp", 4, "--micro-batches", 12, "--cost", "F=1,I=1,W=1", "--format", "json"))
    assert found["interleaved,v=3"]["makespan"] == one["makespan"]


def test_bad_costs_are_refused():
    assert "no time" in schedule("compare", "--pp", 4, "--cost", "F=-1", status=2)
