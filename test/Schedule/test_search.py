# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc schedule search`: its forms of output, and its errors."""
import json
import subprocess

import pytest


def search(*arguments, status=0):
    done = subprocess.run(["dpc", "schedule", "search", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done


SMALL = ["--placement", "mirrored", "--pp", 4, "--micro-batches", 8, "--cost", "F=1,I=1,W=1,FB=3", "--activation-cap", 5]


def test_json_says_what_was_reached():
    got = json.loads(search(*SMALL, "--format", "json").stdout)
    assert got["makespan"] == got["lower_bound"] == 25 and got["gap"] == 0
    assert got["idle"] == [1] * 4 and max(got["peak_activations"]) <= 5
    assert got["seed"] == 0 and got["iterations"] > 0 and not got["stopped_by_time"]
    assert got["schedule"].startswith("schedule ")


@pytest.mark.parametrize("format,suffix", [("text", "txt"), ("csv", "csv")])
def test_what_is_printed_is_a_schedule_file(format, suffix, tmp_path):
    file = tmp_path / f"found.{suffix}"
    file.write_text(search(*SMALL, "--format", format).stdout)
    checked = subprocess.run(["dpc", "schedule", "check", file, "--activation-cap", "5"], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr
    simulated = subprocess.run(["dpc", "schedule", "simulate", file, "--format", "json"], capture_output=True, text=True, timeout=60)
    assert json.loads(simulated.stdout)["makespan"] == 25


def test_the_same_every_time_but_for_the_seed():
    sizes = ["--pp", 3, "--micro-batches", 5, "--cost", "F=1,I=1.2,W=0.8,FB=2.5", "--activation-cap", 2, "--iterations", 2000]
    first = search(*sizes, "--seed", 7).stdout
    assert first == search(*sizes, "--seed", 7).stdout
    assert "2000 iterations" in first and "seed 7" in first


def test_costs_of_stages_decide_how_many_there_are():
    for factors in ("1:0.8:1.2", "1:0.8:1.2:1:1:1"):
        got = search("--pp", 3, "--micro-batches", 4, "--cost", "stages=" + factors, "--iterations", 500).stdout
        assert f"\nstages {factors.count(':') + 1}\n" in got


def test_bad_words_get_one_error():
    assert "the least cap is 1" in search(*SMALL[:-1], 0.5, status=3).stderr
    assert "even number of stages" in search("--placement", "v", "--chunks", 3, status=3).stderr
    assert "no time" in search("--cost", "F=x", status=2).stderr
    search("--placement", "round", status=2)
    search("--iterations", 0, status=2)
