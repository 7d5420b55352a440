# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo's own graph, data and timeline, for a few steps."""
import json
import math
import os
import pathlib
import re
import subprocess
import sys

import pytest

from commands import output

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
DEMO = SOURCE / "demo"


def tokens(path):
    return f"tokens:{path},dtype=u8,inputs=input_ids,labels=labels,shift"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    output(sys.executable, DEMO / "corpus.py", folder)
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    summary = output("dpc", "compile", DEMO / "gpt2-bytes.onnx", "--pp", 4, "--micro-batches", 8, "--schedule", "dualpipe",
                     "--optimizer", "adamw", "--init", "seed:1", "--loss", "loss", "-o", folder / "gpt2.dpc")
    said = output("dpc", "run", folder / "gpt2.dpc", "--steps", 16, "--lr", "1e-3", "--data", tokens(folder / "train.bin"),
                  "--eval-data", tokens(folder / "held-out.bin"), "--eval-steps", 1, "--trace", folder / "trace.json",
                  "--report", folder / "report.json")
    return summary, said, json.loads((folder / "report.json").read_text())


def test_the_corpus_keeps_no_file_in_both_halves(folder):
    train, held_out = ((folder / name).read_bytes() for name in ("train.bin", "held-out.bin"))
    assert len(train) == 4 << 20 and len(held_out) >= 64 << 10
    assert held_out[:4096] not in train


def test_the_summary_says_what_was_made(trained):
    summary = trained[0]
    assert "4 stages, each on two ranks (mirrored); schedule dualpipe, 8 micro-batches" in summary
    messages = re.search(r"^(\d+) messages checked", summary, re.M)
    # At least a value forward and a gradient back over each of 3 cuts, of 8 micro-batches.
    assert messages and int(messages[1]) >= 2 * 3 * 8


def test_it_starts_at_chance_and_learns(trained):
    losses = trained[2]["losses"]
    assert abs(losses[0] - math.log(256)) < 0.15
    assert losses[-1] < losses[0] - 1
    held_out = float(re.search(r"held-out loss ([0-9.]+)", trained[1])[1])
    assert held_out < losses[0] - 0.5


def test_another_partition_starts_at_the_same_loss(folder, trained):
    output("dpc", "compile", DEMO / "gpt2-bytes.onnx", "--pp", 1, "--micro-batches", 8, "--schedule", "1f1b", "--optimizer",
           "adamw", "--init", "seed:1", "--loss", "loss", "-o", folder / "one.dpc")
    output("dpc", "run", folder / "one.dpc", "--steps", 1, "--lr", "1e-3", "--data", tokens(folder / "train.bin"), "--report",
           folder / "one.json")
    assert json.loads((folder / "one.json").read_text())["losses"][0] == trained[2]["losses"][0]


def test_the_timeline_shows_every_task_of_a_step(folder, trained):
    output("dpc", "schedule", "draw", "--trace", folder / "trace.json", "--step", 1, "--format", "html", "-o", folder / "timeline.html")
    page = (folder / "timeline.html").read_text()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])
    measured, forecast, *scaled = data["pictures"]
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    tasks = [e for e in events if e.get("cat") == "task" and e["args"]["step"] == 1]
    assert len(tasks) == sum(len(lane["kinds"].replace("#", "")) for lane in measured["lanes"])
    kinds = {kind for lane in measured["lanes"] for kind in lane["kinds"]}
    assert {"&", "W", "F", "I"} <= kinds
    # Beside the tasks the forecast, of the same tasks of the same ranks: every one has its error.
    expected = [e for e in events if e.get("cat") == "forecast" and e["args"]["step"] == 1 and e["tid"] == 0]
    assert len(expected) == sum(len(lane["kinds"]) for lane in forecast["lanes"])
    assert [(e["cells"], e["unmatched"]) for e in forecast["errors"]] == [(len(lane["kinds"].replace("#", "")), 0) for lane in measured["lanes"]]


    # Where four ranks share fewer cores, also the forecast as long as the step.
    assert len(scaled) == (len(os.sched_getaffinity(0)) < 4)
    for picture in scaled:
        assert picture["makespan"] == pytest.approx(measured["makespan"]) and [len(lane["kinds"]) for lane in picture["lanes"]] == [
            len(lane["kinds"]) for lane in forecast["lanes"]]
    assert all(lane["peakBytes"] > 1e5 for lane in measured["lanes"])


def test_a_step_that_was_not_traced_is_named(folder, trained):
    done = subprocess.run(["dpc", "schedule", "draw", "--trace", folder / "trace.json", "--step", "99", "-o", folder / "no.html"],
                          capture_output=True, text=True)
    assert done.returncode == 3 and "has no tasks of step 99" in done.stderr and not (folder / "no.html").exists()


def test_without_init_the_absent_file_is_reported_once(folder):
    done = subprocess.run(["dpc", "check", DEMO / "gpt2-bytes.onnx"], capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.count("error:") == 1 and "77 parameters" in done.stderr and "--init seed:N" in done.stderr
