# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs in orders that no real device shows: whatever order the virtual device draws, a run has the bits that it
has on the CPU: losses, gradients, weights and moments.

test/benchmark/virtual-orders.py draws more of them.
"""
import filecmp
import json
import os
import pathlib

import pytest
from safetensors.numpy import save_file

import experts

from commands import expect, output

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
MODELS = SOURCE / "test" / "models"
SCHEDULES = ["gpipe", "1f1b", "interleaved", "zb-h1", "zb-v", "dualpipe", "dualpipev"]
ORDERS = ["0,policy=first,messages=serialised", "0,policy=reverse,messages=eager", "0,policy=starve=0", "3,messages=eager", "4,messages=serialised"]


def compile_(model, folder, ranks, schedule):
    out = folder / "model.dpc"
    output("dpc", "compile", model, "-o", out, "--pp", ranks, "--micro-batches", 8, "--schedule", schedule, "--optimizer", "adamw")
    return out


def train(artifact, folder, *options, data="synthetic:1", dumps=True):
    """What a run leaves behind, by name: what it dumped of each step, and its checkpoint; and its losses. Steps that are
    dumped are done one at a time, others are two at a time under way where the device takes them."""
    dump = ["--dump", folder / "dump"] if dumps else []
    output("dpc", "run", artifact, "--data", data, "--epochs", 0, "--lr", 0.01, "--steps", 2, *dump, "--checkpoint", folder / "saved",
           "--report", folder / "report.json", *options)
    files = {path.relative_to(folder): path for path in folder.rglob("*.safetensors")}
    assert len(files) == (3 if dumps else 1)
    return files, json.loads((folder / "report.json").read_text())["losses"]


def compare(artifact, folder, orders=ORDERS, graphs=False, **more):
    wanted, losses = train(artifact, folder / "cpu", **more)
    options = ["--device", "virtual", *(["--cuda-graphs"] if graphs else [])]
    for number, order in enumerate(orders):
        got, other = train(artifact, folder / str(number), *options, "--seed-order", order, dumps=number % 2 == 0, **more)
        assert other == losses
        for name in got:
            assert filecmp.cmp(wanted[name], got[name], shallow=False), f"{name} differs with --seed-order {order}"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("ranks", [2, 4])
def test_every_schedule_has_the_cpu_s_bits(ranks, schedule, tmp_path):
    compare(compile_(MODELS / "gpt2.onnx", tmp_path, ranks, schedule), tmp_path)


@pytest.mark.parametrize("model, ranks, schedule", [("gpt2", 1, "1f1b"), ("llama", 4, "zb-v"), ("llama", 2, "dualpipe"), ("moe", 4, "dualpipev")])
def test_every_model_has_the_cpu_s_bits(model, ranks, schedule, tmp_path):
    compare(compile_(MODELS / f"{model}.onnx", tmp_path, ranks, schedule), tmp_path)


@pytest.mark.parametrize("model, ranks, schedule", [("gpt2", 4, "dualpipe"), ("llama", 4, "zb-v"), ("moe", 2, "1f1b")])
def test_graphs_have_the_cpu_s_bits(model, ranks, schedule, tmp_path):
    orders = ["0,policy=reverse", "0,policy=starve=3", "1", "2,messages=eager", "3,messages=serialised"]
    compare(compile_(MODELS / f"{model}.onnx", tmp_path, ranks, schedule), tmp_path, orders, graphs=True)


def test_expert_ranks_have_the_cpu_s_bits(tmp_path):
    (tmp_path / "experts.mlir").write_text(experts.model())
    save_file(experts.data(8)[0], str(tmp_path / "data.safetensors"))
    artifact = compile_(tmp_path / "experts.mlir", tmp_path, 2, "dualpipe")
    compare(artifact, tmp_path, data=tmp_path / "data.safetensors")
    compare(artifact, tmp_path / "graphs", ["1", "2,messages=serialised"], graphs=True, data=tmp_path / "data.safetensors")


@pytest.fixture(scope="module")
def mlp(tmp_path_factory):
    out = tmp_path_factory.mktemp("mlp") / "m.dpc"
    output("dpc", "compile", SOURCE / "docs" / "mlp.onnxtxt", "--init", "seed:1", "--pp", 2, "--micro-batches", 4, "-o", out)
    return out


def test_a_seed_is_an_order(mlp, tmp_path):
    def order(*options):
        output("dpc", "run", mlp, "--data", "synthetic:1", "--lr", 0.1, "--steps", 1, "--checkpoint", "none", "--report", tmp_path / "r.json", *options)
        return json.loads((tmp_path / "r.json").read_text()).get("order")

    assert order() is None
    drawn = [order("--device", "virtual", "--seed-order", seed) for seed in (0, 1, 2, 3, 0)]
    assert len(set(drawn)) == 4 and drawn[0] == drawn[-1] == order("--device", "virtual", "--threads", 1)
    graphs = [order("--device", "virtual", "--seed-order", seed, "--cuda-graphs") for seed in (0, 1, 0)]
    assert len({*drawn, *graphs}) == 6 and graphs[0] == graphs[-1]


@pytest.mark.parametrize("messages", ["rendezvous", "eager", "serialised"])
def test_messages_in_many_orders(messages, mlp, tmp_path):
    compare(mlp, tmp_path, [f"{seed},messages={messages}" for seed in range(6)])


def test_every_command_may_come_last(mlp, tmp_path):
    compare(mlp, tmp_path, [f"0,policy=delay={command}" for command in range(0, 60, 4)])


RUN = ["--data", "synthetic:1", "--steps", 1, "--lr", 0.1, "--checkpoint", "none"]


@pytest.mark.parametrize("status, words, options", [
    (2, "'policy=last' is wrong; N[,policy=random|first|reverse|starve=QUEUE|delay=COMMAND][,messages=rendezvous|eager|serialised] would be right",
     ["--device", "virtual", "--seed-order", "3,policy=last"]),
    (2, "'messages=fast' is wrong", ["--device", "virtual", "--seed-order", "3,messages=fast"]),
    (2, "--seed-order: there is no queue 100; this run has the queues 0 to 11", ["--device", "virtual", "--seed-order", "0,policy=starve=100"]),
    (2, "--seed-order: there is no command 1000000; this run has the commands 0 to ", ["--device", "virtual", "--seed-order", "0,policy=delay=1000000"]),
    (2, "--seed-order 3: device 'cpu' draws no order; --device virtual does", ["--seed-order", 3]),
    (2, "--cuda-graphs: device 'cpu' runs each command when it is called", ["--cuda-graphs"]),
    (2, "device 'virtual' emulates no link", ["--device", "virtual", "--link", "latency=1ms"]),
    (10, "this build has cpu, virtual", ["--device", "abacus"]),
])
def test_what_it_cannot_do_is_refused(mlp, tmp_path, status, words, options):
    expect("dpc", "run", mlp, *RUN, *options, status=status, words=[words], cwd=tmp_path)


def test_an_evaluation_has_the_cpu_s_losses(mlp, tmp_path):
    losses = [expect("dpc", "eval", mlp, "--data", "synthetic:2", "--steps", 2, "--device", device) for device in ("cpu", "virtual")]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("graphs", [[], ["--cuda-graphs"]], ids=["commands", "graphs"])
def test_a_trace_tells_when_commands_ran(mlp, tmp_path, graphs):
    output("dpc", "run", mlp, "--data", "synthetic:1", "--lr", 0.1, "--checkpoint", "none", "--steps", 3, "--device", "virtual", *graphs, "--trace", "t.json", "--trace-steps", "2:3", "--metrics", "m.jsonl", cwd=tmp_path)
    events = json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    measured = [event for event in events if event["ph"] == "X" and event.get("cat") in ("task", "running")]
    assert {event["args"]["step"] for event in measured} == {2}
    assert {event["pid"] for event in measured} == {0, 1} and all(event["dur"] >= 0 for event in measured)
    bubble = [line["bubble"] for line in map(json.loads, (tmp_path / "m.jsonl").read_text().splitlines()) if "bubble" in line]
    assert bubble[0] is None  # of steps without a trace it is not known
