# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The forecast of a step: what it covers, and what slow links do to it."""
import json
import os
import pathlib
import re

import pytest

from commands import output

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
DEMO = SOURCE / "demo" / "gpt2-bytes.onnx"


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    output("dpc", "compile", SOURCE / "test" / "models" / "gpt2.onnx", "-o", folder / "m.dpc", "--pp", 4, "--micro-batches", 8, "--schedule",
           "dualpipe", "--optimizer", "adamw")
    return folder / "m.dpc"


@pytest.fixture(scope="module")
def forecast(artifact):
    return json.loads((artifact / "manifest.json").read_text())["forecast"]


def spans(forecast, rank, stream):
    return [e for e in forecast["timeline"] if e["rank"] == rank and e["stream"] == stream]


def test_the_timeline_has_every_task_of_the_schedule(forecast):
    text = output("dpc", "schedule", "show", "dualpipe", "--pp", 4, "--micro-batches", 8)
    for rank in range(4):
        actions = re.search(rf"^rank {rank}: (.*)$", text, re.M)[1].split()
        expected = []
        for action in actions:
            if pair := re.match(r"\((\d+)F(\d+)&(\d+)B(\d+)\)", action):
                expected.append("F{0}&B{2} m{1} m{3}".format(*pair.groups()))
                continue
            stage, kind, micro_batch = re.match(r"(\d+)([FIWB])(\d+)", action).groups()
            expected += [f"{k}{stage} m{micro_batch}" for k in ("IW" if kind == "B" else kind)]
        tasks = [e["name"] for e in spans(forecast, rank, "compute") if re.match(r"[FIW]\d", e["name"])]
        # Stage 0's input half is empty: nothing needs the gradient of token numbers.
        assert [n for n in tasks if not n.startswith("I0")] == [n for n in expected if not n.startswith("I0")]


def test_a_stream_does_one_thing_at_a_time_and_ends_with_the_step(forecast):
    for rank in range(4):
        for stream in ("compute", "reduce"):
            end = 0
            for e in spans(forecast, rank, stream):
                assert e["start_s"] >= end - 2e-9 and e["end_s"] > e["start_s"]
                end = e["end_s"]
        assert spans(forecast, rank, "compute")[0]["name"] == "zero gradients"
        assert spans(forecast, rank, "compute")[-1]["name"] == "update"
    assert max(e["end_s"] for e in forecast["timeline"]) == pytest.approx(forecast["step_s"], abs=2e-9)


def test_messages_carry_what_tasks_made_to_tasks_that_need_it(forecast):
    tasks = {}
    for rank in range(4):
        for e in spans(forecast, rank, "compute"):
            for part in re.finditer(r"([FB])(\d+)(?=&| m)|([I])(\d+) ", e["name"]):
                kind, stage = (part[1] or part[3]).replace("B", "I"), int(part[2] or part[4])
                micro_batches = re.findall(r"m(\d+)", e["name"])
                micro_batch = micro_batches[-1] if part[1] == "B" else micro_batches[0]
                tasks[kind, stage, int(micro_batch)] = e
    messages = [e for e in forecast["timeline"] if e["stream"] == "comm"]
    assert len(messages) >= 2 * 3 * 8  # over three cuts, eight micro-batches, there and back
    for e in messages:
        kind, stage, micro_batch, rank = re.match(r"([FI])(\d+) m(\d+) to rank (\d+)", e["name"]).groups()
        made = tasks[kind, int(stage), int(micro_batch)]
        assert made["rank"] == e["rank"] and made["start_s"] < e["start_s"]
        used = tasks[kind, int(stage) + (1 if kind == "F" else -1), int(micro_batch)] if (kind, int(stage)) != ("I", 1) else None
        if used and used["rank"] == int(rank):
            assert used["start_s"] >= e["end_s"] - 2e-9


def test_a_pair_sends_its_forward_before_its_backward_is_done(tmp_path):
    # Also where the weight half reads the output of its own stage's forward, as in this model.
    output("dpc", "compile", DEMO, "-o", tmp_path / "m.dpc", "--pp", 4, "--micro-batches", 8, "--schedule", "dualpipe", "--init", "seed:1",
           "--loss", "loss")
    forecast = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())["forecast"]

    def alone(kind, stage):
        return next(e["end_s"] - e["start_s"] for e in forecast["timeline"] if e["name"].startswith(f"{kind}{stage} m") and e["stream"] == "compute")

    seen = set()
    for rank in range(4):
        pairs = {(e["name"].split()[0], e["name"].split()[1]): e for e in spans(forecast, rank, "compute") if "&" in e["name"]}
        for (name, micro_batch), pair in pairs.items():
            stage, back = map(int, re.match(r"F(\d+)&B(\d+)", name).groups())
            for message in spans(forecast, rank, "comm"):
                if message["name"].startswith(f"F{stage} {micro_batch} "):
                    seen.add(name)
                    # It may be held back to go with the gradient of the pair's backward, no longer.
                    assert message["start_s"] < pair["start_s"] + alone("F", stage) + 1.02 * alone("I", back), name
    assert {"F0&B3", "F1&B2", "F2&B1"} <= seen


def test_the_trace_shows_the_forecast(artifact, forecast, tmp_path):
    output("dpc", "run", artifact, "--data", "synthetic:1", "--steps", 3, "--lr", "1e-3", "--trace", tmp_path / "t.json", "--trace-steps", "2:4")
    events = json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    steps = {e["args"]["step"] for e in events if e.get("cat") == "task"}
    assert len(steps) == 2
    for step in steps:
        for rank in range(4):
            shown = [e["name"] for e in events if e.get("cat") == "forecast" and e["pid"] == rank and e["args"]["step"] == step]
            assert sorted(shown) == sorted(e["name"] for e in forecast["timeline"] if e["rank"] == rank and e["stream"] != "comm")


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """The demo's graph in four stages, and half of F: a micro-batch's forward through a quarter of the model."""
    folder = tmp_path_factory.mktemp("stages")
    model = [DEMO, "--pp", 4, "--micro-batches", 32, "--schedule", "dualpipe", "--init", "seed:1", "--loss", "loss"]
    output("dpc", "compile", *model, "--compile-to", "partition", "--dump-phases", folder)
    said = output("dpc", "explain", *model)
    forwards = [float(t) * {"us": 1e-6, "ms": 1e-3, "s": 1}[u]
                for t, u in re.findall(r"^  s\d +@\S+ +\S+ \S+ +\S+ \S+ +\S+ \S+ +(\S+) (us|ms|s) ", said, re.M)]
    assert len(forwards) == 4
    return folder, model, sum(forwards) / len(forwards) / 2


def step_of(folder, model, latency):
    machine = json.loads((SOURCE / "lib" / "Machine" / "default.json").read_text())
    (folder / "machine.json").write_text(json.dumps(dict(machine, message_latency_s=latency)))
    output("dpc", "compile", *model, "--machine", folder / "machine.json", "--compile-to", "lower", "--report", folder / "report.json")
    report = json.loads((folder / "report.json").read_text())
    return report["forecast"]["step_s"]


@pytest.mark.parametrize("cuts", ["the same", "found anew"])
def test_a_latency_of_half_a_forward_costs_less_than_a_twentieth(stages, cuts):
    # With a core for each of four ranks; a link's latency must not unbalance the stages either.
    folder, model, half = stages
    if cuts == "the same":
        model = [folder / "1-partition.mlir", *model[1:7]]
    without, with_latency = step_of(folder, model, 0.0), step_of(folder, model, half)
    assert with_latency > without + 2 * half  # the link is felt at all
    assert with_latency < 1.05 * without, f"{without} s a step, {with_latency} s with a latency of {half} s"


def test_the_costs_of_stages_are_those_of_the_timeline(artifact, forecast):
    manifest = json.loads((artifact / "manifest.json").read_text())
    costs = forecast["costs"]
    assert costs["ranks"] == 4 and len(costs["stages"]) == 4 and [len(row) for row in costs["pairs_s"]] == [4] * 4
    seconds = {f"{kind}{s}": stage[key] for s, stage in enumerate(costs["stages"])
               for kind, key in (("F", "forward_s"), ("I", "input_s"), ("W", "weight_s"))}
    compared = 0
    for e in forecast["timeline"]:
        if e["stream"] != "compute" or not re.match(r"[FIW]\d", e["name"]):
            continue
        pair = re.match(r"F(\d+)&B(\d+)", e["name"])
        want = costs["pairs_s"][int(pair[1])][int(pair[2])] if pair else seconds[e["name"].split()[0]]
        assert e["end_s"] - e["start_s"] == pytest.approx(want, abs=3e-9)
        compared += 1
    assert compared > 50
    # What one stage sends forward, the gradient of the next one's input brings back; only the first has none to send.
    assert [s["gradient_bytes"] > 0 for s in costs["stages"]] == [False, True, True, True]
    assert [s["output_bytes"] > 0 for s in costs["stages"]] == [True, True, True, False]
    assert all(s["activation_bytes"] > 0 and s["weight_bytes"] > 0 for s in costs["stages"])
    assert manifest["schedule"] == output("dpc", "schedule", "show", "dualpipe", "--pp", 4, "--micro-batches", 8)
