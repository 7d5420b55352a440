# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bytes of activations beside shares: what a lane keeps, against a sum of its own and the simulator's peaks."""
import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from test_cost_from import artifact, simulate
from test_draw import SVG, draw, page_data, sizes, tasks_of, trace_events
from test_draw_scaled import CROWDED, crowded_events

# One keeps more for its weight half than its input half frees, as models do.
KEPT = [(54016, 82688), (66304, 107264), (57856, 44720), (74624, 0)]


def model(folder, kept=KEPT):
    stages = [{"name": f"s{s}", "forward_s": 0.001, "input_s": 0.001, "weight_s": 0.001, "output_bytes": 8, "gradient_bytes": 8,
               "activation_bytes": a, "weight_bytes": w} for s, (a, w) in enumerate(kept)]
    return artifact(folder, {"format": "dpc-artifact", "format_version": [4, 0], "forecast": {"costs": {"ranks": 4, "stages": stages}}})


def expected_kept(rows, stages):
    """The bytes that a rank keeps when each of its actions begins: sums over what has begun and ended before."""
    kept = []
    for row in rows:
        held = {}
        for other in rows[:rows.index(row) + 1]:
            begun = other is row
            for kind, stage, micro in tasks_of(other["action"]):
                full, weights = stages[stage]
                if kind == "F":
                    held[stage, micro] = full
                elif not begun:
                    held[stage, micro] = weights if kind == "I" else 0
        kept.append(sum(held.values()))
    return kept


SCHEDULES = ["1f1b", "zb-h1", "dualpipe", "zb-h2"]


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_table_has_the_bytes_of_what_is_kept(tmp_path, name):
    rows = list(csv.DictReader(io.StringIO(draw(name, *sizes(4, 8), "--cost-from", model(tmp_path), "--format", "csv"))))
    for rank in range(4):
        mine = [row for row in rows if row["rank"] == str(rank)]
        assert [float(row["kept_bytes"]) for row in mine] == expected_kept(mine, KEPT)
        assert [float(row["kept"]) for row in mine] == expected_kept(mine, [(1, 1)] * 4)


@pytest.mark.parametrize("name", [*SCHEDULES, "interleaved", "zb-v", "dualpipev", "gpipe"])
def test_peaks_are_the_simulators(tmp_path, name):
    path = model(tmp_path)
    peaks = simulate(path, name, 4, 8)["peak_bytes"]
    picture = page_data(draw(name, *sizes(4, 8), "--cost-from", path, "--format", "html"))["pictures"][0]
    assert [lane["peakBytes"] for lane in picture["lanes"]] == pytest.approx(peaks) and len(set(peaks)) > 1
    for lane in picture["lanes"]:
        assert lane["peakBytes"] >= max(lane["keptBytes"]) and len(lane["keptBytes"]) * 2 == len(lane["kept"])
        assert lane["keptBytes"][-1] == 0 == lane["kept"][-1] and min(lane["keptBytes"]) >= 0


def test_bytes_of_the_command_line():
    arguments = ["zb-h1", *sizes(4, 8), "--cost", "keep=3e6,keep-weight=1e6"]
    text = draw(*arguments, "--width", 110)
    assert "at most 12 MB of activations a rank" in text
    assert [line.split()[-1] + line.split()[-2] for line in text.splitlines() if re.match(r" +\d│", line)] == ["MB12", "MB10", "MB8", "MB6"]
    # Where a line has no room for one more column, the heading still says it.
    narrow = draw(*arguments, "--width", 60)
    assert "12 MB" in narrow.replace("\n", " ") and max(map(len, narrow.splitlines())) <= 60
    root = ElementTree.fromstring(draw(*arguments, "--format", "svg"))
    assert "activations kept by rank 3, at most 4 (6 MB)" in [t.text for path in root.iter(SVG + "path") for t in path.iter(SVG + "title")]
    assert {"4 (12 MB)", "4 (10 MB)", "4 (8 MB)", "4 (6 MB)"} <= {text.text for text in root.iter(SVG + "text")}


def test_costs_without_bytes_have_shares_only():
    arguments = ["zb-h1", *sizes(4, 8)]
    for format in ("text", "svg", "html", "csv"):
        assert not re.search(r"\d [kMG]?B\b", draw(*arguments, "--format", format))
    rows = list(csv.DictReader(io.StringIO(draw(*arguments, "--format", "csv"))))
    assert all(row["kept_bytes"] == "" for row in rows) and max(float(row["kept"]) for row in rows) == 4
    assert all("keptBytes" not in lane for lane in page_data(draw(*arguments, "--format", "html"))["pictures"][0]["lanes"])


def stages_of(kept=KEPT):
    return [{"name": f"s{s}", "activation_bytes": a, "weight_bytes": w} for s, (a, w) in enumerate(kept)]


def write(path, facts, events=None):
    path.write_text(json.dumps({"otherData": facts, "traceEvents": events or crowded_events()}))
    return path


def test_a_trace_brings_its_own_bytes(tmp_path):
    path = write(tmp_path / "t.json", {**CROWDED, "stages": stages_of()})
    rows = list(csv.DictReader(io.StringIO(draw("--trace", path, "--format", "csv"))))
    assert len(rows) == 3 * 12
    for row in rows:
        (kind, stage, _), = tasks_of(row["action"])
        assert float(row["kept_bytes"]) == KEPT[stage][kind == "W"]
    for picture in page_data(draw("--trace", path, "--format", "html"))["pictures"]:
        assert [lane["peakBytes"] for lane in picture["lanes"]] == [max(pair) for pair in KEPT]
    assert "at most 107 kB of activations a rank" in draw("--trace", path)


def test_an_input_half_that_is_not_traced_is_over_when_the_weight_half_begins(tmp_path):
    events = [event for event in crowded_events() if event["name"] not in ("I0 m0", "s0.input_half m0")]
    path = write(tmp_path / "t.json", {**CROWDED, "stages": stages_of()}, events)
    lane = page_data(draw("--trace", path, "--format", "html"))["pictures"][0]["lanes"][0]
    assert lane["keptBytes"] == [54016, 82688, 0] and lane["kept"][::2] == [0, 20, 22.5]


def test_what_ends_when_another_begins_is_gone_by_then(tmp_path):
    """Microseconds are sums and not exact: 0.1 + 0.2 is later than 0.3."""
    tasks = [("s0.forward m0", 0, 0.1), ("s0.backward m0", 0.1, 0.2), ("s0.forward m1", 0.3, 0.1), ("s0.backward m1", 0.4, 0.1)]
    events = [{"ph": "X", "pid": 0, "tid": 2, "ts": start, "dur": length, "name": name, "cat": "task", "args": {"step": 1}} for name, start, length in tasks]
    assert 0.1 + 0.2 > 0.3
    lane, = page_data(draw("--trace", write(tmp_path / "t.json", {"stages": stages_of()}, events), "--format", "html"))["pictures"][0]["lanes"]
    assert lane["peakBytes"] == 54016 and lane["peak"] == 1


GOOD = stages_of()
BAD_STAGES = [7, "x", {}, None, [], GOOD[:3], [*GOOD[:3], 7], [*GOOD[:3], {}]] + [
    [*GOOD[:2], {**GOOD[2], key: value}, GOOD[3]] for key in ("activation_bytes", "weight_bytes") for value in (-1, "5", 1e300, None, [1], True)]


@pytest.mark.parametrize("stages", BAD_STAGES, ids=lambda stages: json.dumps(stages)[-60:])
def test_bytes_that_are_none_are_left_out(tmp_path, stages):
    path, bare = write(tmp_path / "t.json", {**CROWDED, "stages": stages}), write(tmp_path / "bare.json", CROWDED)
    for format in ("text", "svg", "html", "csv"):
        assert draw("--trace", path, "--format", format) == draw("--trace", bare, "--format", format)


def test_tasks_out_of_order_keep_no_less_than_nothing(tmp_path):
    """Ends before begins, twice the same forward, a stage done by two ranks."""
    names = ["s0.weight_half m0", "s0.forward m0", "s0.forward m0", "s1.backward m0", "s0.input_half m0", "s0.input_half m0", "s1.forward m16777216"]
    events = [{"ph": "X", "pid": rank, "tid": 2, "ts": 10 * i, "dur": 25, "name": name, "cat": "task", "args": {"step": 1}}
              for rank in range(2) for i, name in enumerate(names)]
    path = write(tmp_path / "t.json", {"stages": stages_of()}, events)
    for lane in page_data(draw("--trace", path, "--format", "html"))["pictures"][0]["lanes"]:
        assert min(lane["keptBytes"]) >= 0 and lane["peakBytes"] <= 82688 + 66304


@pytest.mark.parametrize("ranks, share", [(2, 0.5), (1, 0.25), (4, 1), (5, 1), (-2, 1), ("2", 1), (1e300, 1), (0, 1), (None, 1)])
def test_ranks_that_differ_in_experts_are_no_further_devices_of_the_pipeline(tmp_path, ranks, share):
    path = write(tmp_path / "t.json", {**CROWDED, "pipeline_ranks": ranks})
    for picture in page_data(draw("--trace", path, "--format", "html"))["pictures"]:
        assert [lane["peak"] for lane in picture["lanes"]] == [share] * 4


def test_hostile_stage_names_are_not_shown(tmp_path):
    stages = [{**stage, "name": "</script>"} for stage in stages_of(KEPT[:2])]
    page = draw("--trace", write(tmp_path / "t.json", {"stages": stages}, trace_events()), "--format", "html")
    assert page.count("</script>") == 2
