#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the proofs of a compile take on programs of the size of a large model: deadlock, order, races, values.

The model is the tree's mixture of experts with its exported layers repeated to 61, so that bodies have as many kernels as exported
layers have; tensors are small, which no proof looks at. A row says how many commands ranks carry out in a step, and the seconds of
each proof on one core, of training and evaluation together. The process's peak memory holds the module and its text as well.

    python3 test/benchmark/proof.py [--layers 61] [--pp 16] [--micro-batches 64] [--schedules dualpipe,...]
"""
import argparse
import copy
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

import onnx

import built  # noqa: F401

MODEL = pathlib.Path(__file__).resolve().parent.parent / "models" / "moe.onnx"
SCHEDULES = "gpipe,1f1b,zb-h1,zb-h2,interleaved,looped-bfs,interleaved-zb,combined-1f1b,zb-v,v-half,v-min,hanayo,dualpipev,chimera,dualpipe"


def layer_of(node):
    """The number of the layer that a node belongs to, as the exporter recorded it."""
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes" and (found := re.search(r"blocks\.(\d+)", entry.value)):
            return int(found[1])
    return None


def repeated(layers):
    """The model with `layers` layers: those it has, and then copies of its last two in turn."""
    model = onnx.load(str(MODEL))
    graph = model.graph
    nodes = list(graph.node)
    by_layer = {k: [n for n in nodes if layer_of(n) == k] for k in range(4)}
    last = max(i for i, n in enumerate(nodes) if layer_of(n) == 3)
    # What flows from layer to layer is the last value that a layer makes.
    value = {k: by_layer[k][-1].output[0] for k in by_layer}
    initializers = {i.name: i for i in graph.initializer}
    added, before = [], value[3]
    for number in range(4, layers):
        kind = 2 + number % 2
        renamed = {value[kind - 1]: before}
        for node in by_layer[kind]:
            one = copy.deepcopy(node)
            one.name = f"{node.name}/{number}"
            for i, name in enumerate(one.input):
                if name.startswith(f"blocks.{kind}."):
                    fresh = name.replace(f"blocks.{kind}.", f"blocks.{number}.", 1)
                    if fresh not in initializers:
                        initializers[fresh] = copy.deepcopy(initializers[name])
                        initializers[fresh].name = fresh
                        graph.initializer.append(initializers[fresh])
                    one.input[i] = fresh
                else:
                    one.input[i] = renamed.get(name, name)
            for i, name in enumerate(one.output):
                renamed[name] = one.output[i] = f"{name}/{number}"
            for entry in one.metadata_props:
                entry.value = entry.value.replace(f"blocks.{kind}", f"blocks.{number}")
            added.append(one)
        before = renamed[value[kind]]
    after = nodes[last + 1:]
    for node in after:
        for i, name in enumerate(node.input):
            node.input[i] = before if name == value[3] else name
    del graph.node[:]
    graph.node.extend(nodes[:last + 1] + added + after)
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=61)
    parser.add_argument("--pp", type=int, default=16)
    parser.add_argument("--micro-batches", type=int, default=64)
    parser.add_argument("--schedules", default=SCHEDULES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        onnx.save(repeated(options.layers), str(folder / "model.onnx"))
        print(f"{'schedule':15} {'deadlock, order, races':>23} {'values':>8} {'peak memory':>12}")
        for schedule in options.schedules.split(","):
            made = subprocess.run(["dpc", "compile", folder / "model.onnx", "--pp", str(options.pp), "--micro-batches", str(options.micro_batches),
                                   "--schedule", schedule, "--compile-to", "lower", "--dump-phases", folder], capture_output=True, text=True)
            if made.returncode:
                print(f"{schedule:15} {made.stderr.splitlines()[0]}", flush=True)
                continue
            done = subprocess.run(["dpc-opt", "--prog-check", "--prog-prove-values", "--mlir-timing", "--mlir-disable-threading",
                                   folder / "5-lower.mlir", "-o", "/dev/null"], capture_output=True, text=True)
            if done.returncode:
                print(f"{schedule:15} {done.stderr.splitlines()[0]}")
                return 1
            seconds = {name: float(found[1]) for name in ("ProgCheck", "ProgProveValues")
                       if (found := re.search(rf"([\d.]+) \([ \d.]+%\)  {name}", done.stderr))}
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
            print(f"{schedule:15} {seconds['ProgCheck']:21.2f} s {seconds['ProgProveValues']:6.2f} s {peak:9.2f} GB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
