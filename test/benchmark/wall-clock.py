#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real executors against the simulator: steps of many ranks on the virtual device's clock.

A model of many small layers is compiled with each schedule for each number of ranks and micro-batches, with and without a slow link,
and runs with --virtual-clock: with the stages' times as forecast, with unequal ones (from 0.7 to 1.3 times as long along the model),
and with both drawn anew, each up to a fifth longer or shorter. A row says what `dpc schedule simulate` predicts with the same times,
what a step took, and their ratio. With a slow link the prediction is that of --serialised, because a rank has one stream of messages,
whose order was planned with the times as forecast (--planned-from); and a full backward and a pair count as their tasks, because a program sends what each makes as soon as it is there. It fails where a
ratio is not within 0.95 to 1.05, or where schedules that are predicted more than that apart come in another order.

    python3 test/benchmark/wall-clock.py [--ranks 8,16,64] [--rounds 2,4] [--schedules dualpipe,zb-v,1f1b] [--seed 1] [--steps 3]
"""
import argparse
import itertools
import json
import pathlib
import random
import re
import sys
import tempfile

import onnx
from onnx import TensorProto, helper

from built import call

WIDTH = 4
NEAR = 0.05
# Launches take most of a stage's time, so that equal layers are equal stages.
MACHINE = {"format_version": 1, "name": "wall-clock", "matmul_flops_per_s": 1e12, "kernel_flops_per_s": 1e12, "memory_bytes_per_s": 1e12,
           "launch_overhead_s": 1e-3}
LINKS = {"no link": {"message_latency_s": 0, "message_bytes_per_s": 1e18}, "slow link": {"message_latency_s": 4e-4, "message_bytes_per_s": 1.6e5}}


def model(layers):
    """`layers` times a matrix product and what is positive of it, and a loss."""
    nodes, weights, value = [], [], "x"
    for i in range(layers):
        weights.append(helper.make_tensor(f"layers.{i}.weight", TensorProto.FLOAT, [WIDTH, WIDTH], [0.1] * WIDTH * WIDTH))
        nodes.append(helper.make_node("MatMul", [value, f"layers.{i}.weight"], [f"h{i}"], name=f"layers.{i}.product"))
        value = f"a{i}"
        nodes.append(helper.make_node("Relu", [f"h{i}"], [value], name=f"layers.{i}.relu"))
    nodes.append(helper.make_node("SoftmaxCrossEntropyLoss", [value, "labels"], ["loss"], name="loss", reduction="mean"))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, WIDTH]), helper.make_tensor_value_info("labels", TensorProto.INT64, [2])]
    graph = helper.make_graph(nodes, "layers", inputs, [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def as_compiled(schedule, ranks, micro_batches, folder):
    """A file of the schedule with each full backward as its two halves and each pair as its three tasks: that is how a block without
    communication runs, and sends what it makes."""
    text = call("dpc", "schedule", "show", schedule, "--pp", ranks, "--micro-batches", micro_batches)
    text = re.sub(r"\((\d+F\d+)&(\d+B\d+)\)", r"\1 \2", text)
    path = folder / "compiled.schedule"
    path.write_text(re.sub(r"(?<= )(\d+)B(\d+)(?=\s)", r"\1I\2 \1W\2", text))
    return path


def changed(costs, unequal, draw):
    """The costs with other times, and pairs that take as long as their parts. `draw`: a source of numbers, or None."""
    stages = [dict(stage) for stage in costs["stages"]]
    for i, stage in enumerate(stages):
        for kind in ("forward_s", "input_s", "weight_s"):
            stage[kind] *= (0.7 + 0.6 * (i + 0.5) / len(stages) if unequal else 1) * (draw.uniform(0.8, 1.2) if draw else 1)
    return {**costs, "stages": stages, "pairs_s": [[a["forward_s"] + b["input_s"] + b["weight_s"] for b in stages] for a in stages]}


def predict(schedule, costs, artifact, link):
    found = json.loads(call("dpc", "schedule", "simulate", schedule, "--cost-from", costs, "--serialised", "--planned-from", artifact, "--format", "json"))
    return found["serialised"]["makespan"] if link == "slow link" else found["makespan"]


def measure(artifact, costs, steps, folder):
    """Seconds of a step, in the time of the costs: the fastest but for the first, for nothing but a busy machine makes one longer."""
    call("dpc", "run", artifact, "--data", "synthetic:1", "--lr", 0.1, "--steps", steps, "--device", "virtual", "--virtual-clock",
         "--clock-times", costs, "--report", folder / "report.json", "--log-every", 0)
    report = json.loads((folder / "report.json").read_text())
    return min(report["step_s"][1:] or report["step_s"]) / report["virtual_clock"]["factor"]


def in_order(rows):
    """Whether schedules that are predicted to differ come in the order in which they are predicted."""
    return all(b["measured"] > a["measured"] for a, b in itertools.permutations(rows, 2) if b["predicted"] > a["predicted"] * (1 + NEAR))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", default="8,16,64")
    parser.add_argument("--rounds", default="2,4", help="micro-batches of a step, in multiples of the ranks")
    parser.add_argument("--schedules", default="dualpipe,zb-v,1f1b")
    parser.add_argument("--links", default=",".join(LINKS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    schedules = options.schedules.split(",")
    failed, ratios = False, []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        print(f"{'':46} {'schedule':10} {'predicted':>10} {'measured':>10} {'ratio':>7}")
        for ranks, rounds, link in itertools.product(map(int, options.ranks.split(",")), map(int, options.rounds.split(",")), options.links.split(",")):
            micro_batches = ranks * rounds
            onnx.save(model(2 * ranks), str(folder / "model.onnx"))
            (folder / "machine.json").write_text(json.dumps({**MACHINE, **LINKS[link]}))
            for schedule in schedules:
                call("dpc", "compile", folder / "model.onnx", "-o", folder / f"{schedule}.dpc", "--force", "--pp", ranks, "--micro-batches", micro_batches,
                     "--schedule", schedule, "--optimizer", "sgd", "--machine", folder / "machine.json")
            for unequal, is_drawn in itertools.product((False, True), (False, True)):
                what = f"P {ranks}, M {micro_batches}, {link}, {'unequal' if unequal else 'equal'}{', drawn' if is_drawn else ''}"
                rows = []
                for schedule in schedules:
                    artifact = folder / f"{schedule}.dpc"
                    costs = changed(json.loads((artifact / "manifest.json").read_text())["forecast"]["costs"], unequal,
                                    random.Random(f"{options.seed} {what}") if is_drawn else None)
                    (folder / "costs.json").write_text(json.dumps(costs))
                    row = {"predicted": predict(as_compiled(schedule, ranks, micro_batches, folder), folder / "costs.json", artifact, link),
                           "measured": measure(artifact, folder / "costs.json", options.steps, folder)}
                    rows.append(row)
                    ratio = row["measured"] / row["predicted"]
                    ratios.append(ratio)
                    is_far = abs(ratio - 1) > NEAR
                    failed |= is_far
                    print(f"{what:46} {schedule:10} {row['predicted']:8.4f} s {row['measured']:8.4f} s {ratio:7.4f}{' far' if is_far else ''}", flush=True)
                if not in_order(rows):
                    failed = True
                    print(f"{what:46} the schedules come in another order", flush=True)
    print(f"{len(ratios)} steps, ratios from {min(ratios):.4f} to {max(ratios):.4f}")
    sys.exit(failed)


main()
