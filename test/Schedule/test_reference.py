# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Generated and simulated schedules against the reference files, closed forms and properties."""
import json
import pathlib
import re
import subprocess

import pytest

import os

REFERENCES = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "schedules"
FILES = sorted(f.name for f in REFERENCES.glob("*.txt"))
SIMULATED = json.loads((REFERENCES / "simulated.json").read_text())


def schedule(*arguments, status=0):
    done = subprocess.run(["dpc", "schedule", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done


NAMES = [row["name"] for row in json.loads(schedule("list", "--format", "json").stdout)]


def size(file):
    name, ranks, micro_batches = re.fullmatch(r"(.+)-p(\d+)-m(\d+)\.txt", file).groups()
    return [name, "--pp", ranks, "--micro-batches", micro_batches]


def rows(text):
    return {r: a.split() for r, a in re.findall(r"(?m)^rank (\d+):\s*(.*?)\s*(?:#.*)?$", text)}


def simulate(*arguments):
    return json.loads(schedule("simulate", *arguments, "--format", "json").stdout)


def legal(name, ranks, micro_batches):
    if name == "dualpipe":
        return ranks % 2 == 0 and micro_batches % 2 == 0 and micro_batches >= 2 * ranks
    if name == "chimera":
        return ranks % 2 == 0 and micro_batches % ranks == 0
    if name in ("interleaved", "interleaved-zb", "combined-1f1b"):
        return micro_batches % max(1, micro_batches // ranks) == 0
    return name != "dualpipev" or micro_batches >= 2 * ranks


def test_there_are_references():
    assert len(FILES) == 16 and set(SIMULATED) <= set(FILES)


@pytest.mark.parametrize("file", FILES)
def test_actions_equal_the_reference(file):
    assert rows(schedule("show", *size(file)).stdout) == rows((REFERENCES / file).read_text())


@pytest.mark.parametrize("file", FILES)
def test_a_shown_schedule_is_a_schedule_file(file, tmp_path):
    text = schedule("show", *size(file)).stdout
    copy = tmp_path / "copy.txt"
    copy.write_text(text)
    assert schedule("show", copy).stdout == text
    schedule("check", copy)


@pytest.mark.parametrize("file", sorted(SIMULATED))
def test_times_equal_the_reference(file):
    for costs, wanted in SIMULATED[file].items():
        forward, inputs, weights, pair = costs.split("/")
        got = simulate(*size(file), "--cost", f"F={forward},I={inputs},W={weights},FB={pair}")
        assert got["makespan"] == pytest.approx(wanted["T"], abs=1e-6)
        assert got["idle"] == pytest.approx(wanted["idle"], abs=1e-6)
        assert got["peak_activations"] == pytest.approx(wanted["peak"], abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_every_legal_size_checks_and_respects_its_bound(name):
    for ranks in (1, 2, 3, 4, 6, 8):
        for micro_batches in (1, 2, 3, 5, 8, 12, 16, 31):
            arguments = [name, "--pp", ranks, "--micro-batches", micro_batches]
            if not legal(name, ranks, micro_batches):
                assert "legal" in schedule("check", *arguments, status=3).stderr, arguments
                continue
            schedule("check", *arguments)
            got = simulate(*arguments, "--cost", "F=1,I=1,W=1,FB=3")
            assert got["makespan"] >= got["lower_bound"] - 1e-9, arguments
            # As much work on every rank, so what is not idle is the same.
            assert got["idle"] == pytest.approx([got["makespan"] - 3 * micro_batches] * ranks), arguments


@pytest.mark.parametrize("name,backwards", [("gpipe", 2), ("1f1b", 2)])
def test_closed_form_of_the_bubble(name, backwards):
    """Narayanan et al. 2021: (P - 1)(F + B) idle on every rank."""
    for ranks in (2, 4, 8):
        got = simulate(name, "--pp", ranks, "--micro-batches", 3 * ranks, "--cost", "F=1,I=1,W=1")
        assert got["idle"] == pytest.approx([(ranks - 1) * (1 + backwards)] * ranks)


def test_peaks_of_1f1b_fall_by_one_a_rank():
    assert simulate("1f1b", "--pp", 4, "--micro-batches", 16)["peak_activations"] == [4, 3, 2, 1]


def test_large_schedules_are_made_checked_and_simulated():
    for name in ("1f1b", "dualpipe", "dualpipev"):
        arguments = [name, "--pp", 64, "--micro-batches", 1024]
        schedule("check", *arguments)
        assert simulate(*arguments)["makespan"] > 3 * 1024


def corrupt(tmp_path, change):
    lines = schedule("show", "1f1b", "--pp", 2, "--micro-batches", 4).stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("rank 0:"))
    head, actions = lines[at].split(": ")
    lines[at] = head + ": " + " ".join(change(actions.split()))
    file = tmp_path / "broken.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("change,words", [
    (lambda a: a[:-1], "0B3"),  # a task dropped
    (lambda a: a + a[:1], "0F0"),  # a task twice
    (lambda a: [a[2], *a[:2], *a[3:]], "0B0"),  # a backward before its forward
    (lambda a: [x.replace("0F1", "1F1") for x in a], "1F1"),  # a task of another rank
])
def test_broken_schedules_are_named(tmp_path, change, words):
    file = corrupt(tmp_path, change)
    assert words in schedule("check", file, status=1).stderr
    schedule("simulate", file, status=3)


def test_bad_words_get_one_error(tmp_path):
    assert "known are gpipe" in schedule("show", "nothing", status=3).stderr
    assert "dualpipev takes any number" in schedule("show", "dualpipe", "--pp", 3, status=3).stderr
    assert "cannot read" in schedule("show", tmp_path / "absent.txt", status=3).stderr
    assert "no time" in schedule("simulate", "gpipe", "--cost", "F=-1", status=2).stderr
    assert "there is no 'X'" in schedule("simulate", "gpipe", "--cost", "X=1", status=2).stderr
    assert "for 4 ranks" in schedule("show", REFERENCES / "1f1b-p4-m8.txt", "--pp", 2, status=3).stderr
    schedule("show", "gpipe", "--pp", 0, status=2)
    schedule("paint", "gpipe", status=2)
