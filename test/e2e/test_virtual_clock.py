# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc run --device virtual --virtual-clock`: what it takes, what it says and what it refuses. That a step takes what the simulator
predicts is held by ClockExecutorTest.cpp, in a time of its own, and by test/benchmark/wall-clock.py, in the machine's.
"""
import json
import os
import pathlib

import pytest

from commands import execute, output, refuse

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
RUN = ["--data", "synthetic:1", "--lr", 0.1, "--device", "virtual"]


@pytest.fixture(scope="module")
def mlp(tmp_path_factory):
    out = tmp_path_factory.mktemp("mlp") / "m.dpc"
    output("dpc", "compile", SOURCE / "docs" / "mlp.onnxtxt", "--init", "seed:1", "--pp", 2, "--micro-batches", 4, "--schedule", "1f1b", "-o", out)
    return out


def costs_of(artifact):
    return json.loads((artifact / "manifest.json").read_text())["forecast"]["costs"]


def report(artifact, folder, *options):
    path = folder / "report.json"
    output("dpc", "run", artifact, *RUN, "--steps", 2, "--report", path, *options)
    return json.loads(path.read_text())


def times(folder, costs, factor):
    """A file of costs that take `factor` times as long."""
    path = folder / f"times-{factor}.json"
    stages = [{**stage, **{kind: stage[kind] * factor for kind in ("forward_s", "input_s", "weight_s")}} for stage in costs["stages"]]
    path.write_text(json.dumps({"stages": stages}))
    return path


def test_a_run_says_what_it_shows(mlp, tmp_path):
    done = execute("dpc", "run", mlp, *RUN, "--steps", 3, "--virtual-clock", "--report", tmp_path / "r.json", "--metrics", tmp_path / "m.jsonl")
    got = json.loads((tmp_path / "r.json").read_text())
    factor = got["virtual_clock"]["factor"]
    assert factor > 1
    assert "note: --virtual-clock computes nothing: there is no loss, and no checkpoint is kept" in done.stderr
    assert f"all times are {factor:.0f} times as long as given" in done.stderr
    assert "loss" not in done.stdout and done.stdout.startswith("3 steps, fastest step ")
    assert got["losses"] == [None] * 3 and got["checkpoint"] is None and len(got["step_s"]) == 3
    assert not pathlib.Path(f"{mlp}.checkpoints").exists()
    steps = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [step["loss"] for step in steps if "step_s" in step] == [None] * 3


def test_the_factor_is_what_the_given_times_need(mlp, tmp_path):
    own = report(mlp, tmp_path, "--virtual-clock")["virtual_clock"]["factor"]
    assert report(mlp, tmp_path, "--virtual-clock", "--clock-times", mlp)["virtual_clock"]["factor"] == own
    costs = costs_of(mlp)
    assert report(mlp, tmp_path, "--virtual-clock", "--clock-times", times(tmp_path, costs, 10))["virtual_clock"]["factor"] == own / 10
    # Some hundredths of a second for each task need none.
    slow = report(mlp, tmp_path, "--virtual-clock", "--clock-times", times(tmp_path, costs, 0.02 / costs["stages"][0]["forward_s"]))
    assert slow["virtual_clock"]["factor"] == 1
    assert "virtual_clock" not in report(mlp, tmp_path, "--checkpoint", "none")


@pytest.mark.parametrize("graphs", [[], ["--cuda-graphs"]], ids=["commands", "graphs"])
def test_a_step_takes_no_less_than_its_tasks(mlp, tmp_path, graphs):
    costs = costs_of(mlp)
    got = report(mlp, tmp_path, "--virtual-clock", "--link", "latency=1us", *graphs)
    busiest = 4 * max(stage["forward_s"] + stage["input_s"] + stage["weight_s"] for stage in costs["stages"])
    assert all(seconds >= busiest * got["virtual_clock"]["factor"] * 0.999 for seconds in got["step_s"])


def test_a_trace_shows_the_given_times(mlp, tmp_path):
    costs, trace = costs_of(mlp), tmp_path / "t.json"
    factor = report(mlp, tmp_path, "--virtual-clock", "--trace", trace)["virtual_clock"]["factor"]
    tasks = [event for event in json.loads(trace.read_text())["traceEvents"] if event.get("cat") == "task"]
    forwards = {stage: [task["dur"] * 1e-6 for task in tasks if task["name"].startswith(f"s{stage}.forward m")] for stage in (0, 1)}
    for stage, seconds in forwards.items():
        assert len(seconds) >= 4
        assert min(seconds) >= costs["stages"][stage]["forward_s"] * factor * 0.999


@pytest.mark.parametrize("status, words, options", [
    (2, "--dump: with --virtual-clock nothing is computed", ["--dump", "d"]),
    (2, "--checkpoint: with --virtual-clock nothing is computed", ["--checkpoint", "c"]),
    (2, "--checkpoint-every: with", ["--checkpoint-every", 2]),
    (2, "--keep: with", ["--keep", 2]),
    (2, "--resume: with", ["--resume", "auto"]),
    (2, "--init-weights: with", ["--init-weights", "w.safetensors"]),
    (2, "--eval-data: with", ["--eval-data", "synthetic:2"]),
    (2, "--seed-order: with", ["--seed-order", 3]),
])
def test_what_wants_values_is_refused(mlp, status, words, options):
    refuse(status, [words], "dpc", "run", mlp, *RUN, "--steps", 1, "--virtual-clock", *options)


def test_a_device_that_computes_is_refused(mlp):
    refuse(2, ["--virtual-clock: device 'cpu' takes the times that it needs; --device virtual would be right"], "dpc", "run", mlp, "--data", "synthetic:1",
           "--lr", 0.1, "--steps", 1, "--virtual-clock")


def test_times_are_for_the_clock(mlp):
    refuse(2, ["--clock-times needs --virtual-clock"], "dpc", "run", mlp, *RUN, "--steps", 1, "--clock-times", mlp)


def test_what_changes_nothing_is_no_error(mlp):
    output("dpc", "run", mlp, *RUN, "--steps", 1, "--virtual-clock", "--checkpoint", "none", "--resume", "never")


@pytest.mark.parametrize("status, words, change", [
    (2, "there are times of 1 stages, but 's1.forward' is of stage 1", lambda c: {"stages": c["stages"][:1]}),
    (2, "the input half of stage 1 takes 2000 s; at most 1000 s would be right",
     lambda c: {"stages": [c["stages"][0], {**c["stages"][1], "input_s": 2000}]}),
    (3, "stages[0].weight_s is no number of at least 0", lambda c: {"stages": [{**c["stages"][0], "weight_s": -1}]}),
    (3, "no JSON of costs as an artifact's manifest has them", lambda c: []),
])
def test_times_that_are_none_are_refused(mlp, tmp_path, status, words, change):
    (tmp_path / "t.json").write_text(json.dumps(change(costs_of(mlp))))
    refuse(status, ["--clock-times: ", words], "dpc", "run", mlp, *RUN, "--steps", 1, "--virtual-clock", "--clock-times", tmp_path / "t.json")


def test_a_file_that_there_is_not_is_named(mlp):
    refuse(3, ["--clock-times: there is no 'absent.json'"], "dpc", "run", mlp, *RUN, "--steps", 1, "--virtual-clock", "--clock-times", "absent.json")
