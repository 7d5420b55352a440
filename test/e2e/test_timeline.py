# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A traced run as a drawing: the forecast once more where ranks share cores, and the bytes of what is kept."""
import csv
import io
import json
import os
import pathlib
import re

import pytest

from commands import output

MODEL = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models" / "gpt2.onnx"


def call(*command, cores=None):
    """On the first so many cores of this process, or all."""
    def choose():
        if cores:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    return output(*command, preexec_fn=choose)


def compiled(folder, name, ranks, schedule):
    call("dpc", "compile", MODEL, "-o", folder / name, "--pp", ranks, "--micro-batches", 4 * ranks, "--schedule", schedule, "--optimizer", "adamw")
    return folder / name


def traced(artifact, path, *flags, cores=None):
    call("dpc", "run", artifact, "--data", "synthetic:1", "--steps", 2, "--lr", "1e-3", "--trace", path, "--checkpoint", "none", *flags, cores=cores)
    return path


def page_data(*arguments):
    page = call("dpc", "schedule", "draw", *arguments, "--format", "html")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("timeline"), "two.dpc", 2, "zb-h1")


@pytest.mark.parametrize("flags, cores, crowd", [
    (["--threads", 1], None, "2 ranks on 1 core"),
    (["--threads", 2], 1, "2 ranks on 1 core"),
    ([], 1, "2 ranks on 1 core"),
    (["--threads", 2], 2, None),
    (["--threads", 8], 2, None),
])
def test_a_scaled_forecast_is_drawn_where_ranks_share_cores(two, tmp_path, flags, cores, crowd):
    available = len(os.sched_getaffinity(0))
    path = traced(two, tmp_path / "t.json", *flags, cores=cores)
    facts = json.loads(path.read_text())["otherData"]
    used = min(cores or available, available)
    assert (facts["ranks"], facts["threads"], facts["cores"]) == (2, flags[1] if flags else used, used)
    if used < 2: # a machine with one core
        crowd = "2 ranks on 1 core"
    rows = list(csv.DictReader(io.StringIO(call("dpc", "schedule", "draw", "--trace", path, "--format", "csv"))))
    pictures = list(dict.fromkeys(row["picture"] for row in rows))
    assert pictures[:2] == ["step 2, measured", "step 2, forecast"]
    assert len(pictures) == (3 if crowd else 2)
    text = call("dpc", "schedule", "draw", "--trace", path, "--width", 150)
    assert len(re.findall(r"(?m)^ +scaled│", text)) == (2 if crowd else 0)
    if crowd:
        assert crowd in pictures[2] and f"({crowd})" in text
        # As long as the step, task by task in the same proportions.
        end = {picture: max(float(row["end"]) for row in rows if row["picture"] == picture) for picture in pictures}
        assert end[pictures[2]] == pytest.approx(end[pictures[0]])
        factor = end[pictures[0]] / end[pictures[1]]
        lengths = [[float(row["duration"]) for row in rows if row["picture"] == picture] for picture in pictures[1:]]
        assert lengths[1] == pytest.approx([factor * length for length in lengths[0]], abs=1e-6)


def test_a_trace_keeps_the_bytes_that_the_simulator_and_the_manifest_know(tmp_path):
    """With halves that are all tasks of their own, a rank's order of tasks is the schedule's, and so is its peak."""
    artifact = compiled(tmp_path, "four.dpc", 4, "zb-h1")
    path = traced(artifact, tmp_path / "t.json")
    manifest = json.loads((artifact / "manifest.json").read_text())
    stages = manifest["forecast"]["costs"]["stages"]
    assert json.loads(path.read_text())["otherData"]["stages"] == [
        {key: stage[key] for key in ("name", "activation_bytes", "weight_bytes")} for stage in stages]
    sizes = ["zb-h1", "--pp", 4, "--micro-batches", 16, "--cost-from", artifact]
    simulated = json.loads(call("dpc", "schedule", "simulate", *sizes, "--format", "json"))["peak_bytes"]
    assert len(set(simulated)) > 1 and min(simulated) > 0
    measured, forecast, *_ = page_data("--trace", path)["pictures"]
    planned, = page_data(*sizes)["pictures"]
    for picture in (measured, forecast, planned):
        assert [lane["peakBytes"] for lane in picture["lanes"]] == simulated
        assert all(lane["keptBytes"][-1] == 0 for lane in picture["lanes"])
    # They lie in a rank's arenas, with weights, moments and all else: in those for stashes and messages.
    assert len(manifest["forecast"]["arena_bytes"]) == 4
    said = call("dpc", "explain", artifact)
    arenas = dict(re.findall(r"(?m)^  (\d) +((?:\S+ [kM]?B +)+)\d+$", said))
    head = re.search(r"(?m)^  rank  (weights .*)$", said)[1].split()
    for rank, peak in enumerate(simulated):
        room = {name: float(n) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit] for name, (n, unit) in zip(head, re.findall(r"(\S+) ([kM]?B)", arenas[str(rank)]))}
        arena = room["stash"] + room["messages"]
        # Printed to three digits; an arena also holds what is on its way and what alignment costs.
        assert 0.6 * arena < peak < 1.01 * arena < manifest["forecast"]["arena_bytes"][rank]


def test_between_its_halves_a_backward_keeps_what_the_second_needs(tmp_path):
    """A full backward that is no pair runs as its halves: the trace shows what the schedule's one task does not."""
    artifact = compiled(tmp_path, "plain.dpc", 2, "1f1b")
    stages = json.loads((artifact / "manifest.json").read_text())["forecast"]["costs"]["stages"]
    simulated = json.loads(call("dpc", "schedule", "simulate", "1f1b", "--pp", 2, "--micro-batches", 8, "--cost-from", artifact, "--format", "json"))["peak_bytes"]
    measured = page_data("--trace", traced(artifact, tmp_path / "t.json"))["pictures"][0]
    for lane, stage, peak in zip(measured["lanes"], stages, simulated):
        assert lane["peakBytes"] == peak + max(0, stage["weight_bytes"] - stage["activation_bytes"])
