#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small models in many orders on the virtual device, against their bits on the CPU.

Each of gpt2, llama, bert and moe is compiled with each schedule on each number of ranks that it allows, and runs with as many drawn
orders as asked for, which take turns at the ways of carrying out messages, and in each fixed policy in each of these. A line says
how many different orders that were, and fails where one of them changed a bit of a loss, a gradient, a weight or a moment. Every
second run dumps no gradients, so that two of its steps are under way at a time.

    python3 test/benchmark/virtual-orders.py [--orders N] [--models NAME,...] [--schedules NAME,...] [--ranks P,...] [--micro-batches M]
                                             [--cuda-graphs]

Two hundred drawn orders of sixteen half-models on eight ranks, each of which has a stage of either direction:

    python3 test/benchmark/virtual-orders.py --orders 200 --models gpt2 --schedules dualpipe --ranks 8 --micro-batches 20
"""
import argparse
import filecmp
import json
import pathlib
import subprocess
import sys
import tempfile

import built

MODELS = built.ROOT / "test" / "models"
SCHEDULES = "gpipe,1f1b,interleaved,zb-h1,zb-v,dualpipe,dualpipev"
POLICIES = ["policy=first", "policy=reverse", *(f"policy=starve={queue}" for queue in range(2))]
MESSAGES = ["rendezvous", "eager", "serialised"]


def call(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True)


def train(artifact, folder, *options, dumps=True):
    """The run's files by name, its losses, and the order that it took. Without dumps, two steps are under way at a time."""
    dump = ["--dump", folder / "dump"] if dumps else []
    done = call("dpc", "run", artifact, "--data", "synthetic:1", "--lr", 0.01, "--steps", 2, *dump, "--checkpoint",
                folder / "saved", "--report", folder / "report.json", *options)
    if done.returncode:
        sys.exit(f"{' '.join(done.args)}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    files = {path.relative_to(folder): path for path in folder.rglob("*.safetensors")}
    report = json.loads((folder / "report.json").read_text())
    return files, report["losses"], report.get("order")


def try_orders(artifact, orders, flags):
    """How many different orders there were, and those that changed a bit."""
    taken, wrong = set(), []
    with tempfile.TemporaryDirectory() as folder:
        wanted, losses, _ = train(artifact, pathlib.Path(folder))
        for number, order in enumerate(orders):
            with tempfile.TemporaryDirectory() as other:
                got, own, digest = train(artifact, pathlib.Path(other), "--device", "virtual", "--seed-order", order, *flags, dumps=number % 2 == 0)
                taken.add(digest)
                if own != losses or not got or not all(filecmp.cmp(wanted[name], got[name], shallow=False) for name in got):
                    wrong.append(order)
    return len(taken), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=50, help="how many orders are drawn for each program")
    parser.add_argument("--models", default="gpt2,llama,bert,moe")
    parser.add_argument("--schedules", default=SCHEDULES)
    parser.add_argument("--ranks", default="1,2,4")
    parser.add_argument("--micro-batches", type=int, default=8)
    parser.add_argument("--cuda-graphs", action="store_true", help="launch every step as one graph")
    options = parser.parse_args()
    flags = ["--cuda-graphs"] if options.cuda_graphs else []
    orders = [f"0,{policy},messages={messages}" for policy in POLICIES for messages in MESSAGES]
    orders += [f"{seed},messages={MESSAGES[seed % len(MESSAGES)]}" for seed in range(options.orders)]
    failed = False
    for model in options.models.split(","):
        for schedule in options.schedules.split(","):
            for ranks in options.ranks.split(","):
                with tempfile.TemporaryDirectory() as folder:
                    artifact = pathlib.Path(folder) / "model.dpc"
                    done = call("dpc", "compile", MODELS / f"{model}.onnx", "-o", artifact, "--pp", ranks, "--micro-batches",
                                options.micro_batches, "--schedule", schedule, "--optimizer", "adamw")
                    if done.returncode:
                        print(f"{model} {schedule} P {ranks}: not legal: {done.stderr.strip().splitlines()[-1]}", flush=True)
                        continue
                    count, wrong = try_orders(artifact, orders, flags)
                failed |= bool(wrong)
                print(f"{model} {schedule} P {ranks}: {count} different orders of {len(orders)}" +
                      (f"; other bits with --seed-order {' '.join(wrong)}" if wrong else ""), flush=True)
    sys.exit(failed)


main()
