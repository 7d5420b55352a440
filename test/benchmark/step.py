#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A training step against what the machine can do, side by side in one run.

Times, in turn and several times: the floor (floor.py), a step on one rank and one thread, a DualPipe step on two ranks and two threads,
and, where PyTorch is installed, its eager step. Prints the ratios of the fastest of each, and what memory was used. Nothing is asserted.

    python3 test/benchmark/step.py [--dpc build/bin/dpc] [--repeats 3] [--steps 6]

Given several times, --dpc names builds to compare: each compiles the model itself, and one rank's step on one thread, then that of two
ranks, are timed in turns, so that what else the machine does meets all alike.

    python3 test/benchmark/step.py --dpc OLD/build/bin/dpc --dpc build/bin/dpc --repeats 9
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import floor
import gpt2

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def call(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Program:
    """The model compiled for some ranks, run with as many threads."""

    def __init__(self, dpc, folder, ranks, schedule, steps, name=""):
        self.dpc, self.folder, self.ranks, self.steps = dpc, folder, ranks, steps
        self.artifact = folder / f"{schedule}-{ranks}{name}.dpc"
        call(dpc, "compile", folder / "model.onnx", "-o", self.artifact, "--pp", ranks, "--micro-batches", gpt2.Size().micro_batches, "--schedule",
             schedule, "--optimizer", "adamw", "--target", "cpu:native")

    def run(self, *options):
        """The fastest step in seconds, and the report."""
        report = self.folder / "report.json"
        call(self.dpc, "run", self.artifact, "--data", self.folder / "data.safetensors", "--epochs", 0, "--steps", self.steps, "--lr", "1e-3",
             "--threads", self.ranks, "--report", report, *options)
        content = json.loads(report.read_text())
        return min(content["step_s"][1:]), content


def compare(builds, repeats, steps):
    """Steps of several builds in turns, on one rank and on two; the ratio of each one's fastest to the first one's."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        gpt2.write(folder, gpt2.Size())
        for what, ranks, schedule in (("one rank, one thread", 1, "1f1b"), ("two ranks, two threads, DualPipe", 2, "dualpipe")):
            programs = [Program(dpc, folder, ranks, schedule, steps, f"-{i}") for i, dpc in enumerate(builds)]
            times = [[] for _ in builds]
            for round_ in range(repeats):
                # Who goes first changes, as the first run after a pause may be another.
                for i in sorted(range(len(builds)), reverse=round_ % 2 == 1):
                    times[i].append(programs[i].run()[0])
                print(", ".join(f"{t[-1] * 1e3:.1f} ms" for t in times), flush=True)
            print(f"{what}:")
            for dpc, t in zip(builds, times):
                print(f"{dpc}: {min(t) * 1e3:.1f} ms, {min(t) / min(times[0]):.3f} of the first one's", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Time a training step against the library floor, or builds against each other")
    parser.add_argument("--dpc", type=pathlib.Path, action="append", help="the build to time (build/bin/dpc); several times: builds to compare")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    if options.dpc and len(options.dpc) > 1:
        return compare(options.dpc, options.repeats, options.steps)
    options.dpc = options.dpc[0] if options.dpc else ROOT / "build" / "bin" / "dpc"
    size = gpt2.Size()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        gpt2.write(folder, size)
        one = Program(options.dpc, folder, 1, "1f1b", options.steps)
        two = Program(options.dpc, folder, 2, "dualpipe", options.steps)
        floors, ones, twos, eagers = [], [], [], []
        for _ in range(options.repeats):
            least, library = floor.floor(size, options.dpc.parent / "matmul-floor")
            floors.append(least)
            seconds, report = one.run()
            ones.append(seconds)
            twos.append(two.run()[0])
            if library.startswith("PyTorch"):
                eagers.append(floor.eager(size, folder))
            print(f"floor {least * 1e3:.0f} ms, one rank {ones[-1] * 1e3:.0f} ms, two ranks {twos[-1] * 1e3:.0f} ms"
                  + (f", eager PyTorch {eagers[-1][0] * 1e3:.0f} ms" if eagers and eagers[-1] else ""))
    best = min(floors)
    flops = size.micro_batches * sum(c.flops for c in floor.linears(size) + floor.attention_calls(size))
    print(f"floor ({library}): {best * 1e3:.0f} ms, {flops / best / 1e9:.0f} GFLOP/s of matmul")
    print(f"one rank, one thread: {min(ones) / best:.2f} of the floor")
    print(f"two ranks, two threads, DualPipe: {min(twos) / min(ones):.2f} of one rank's step, {min(twos) / best:.2f} of the floor")
    if eagers and eagers[0]:
        print(f"eager PyTorch, one thread: {min(e[0] for e in eagers) / best:.2f} of the floor, {eagers[0][1] / 1e6:.0f} MB above the idle process")
    resident = report["resident_bytes"]
    print(f"memory of one rank: arenas {sum(report['arena_bytes']) / 1e6:.0f} MB (forecast {sum(report['forecast']['arena_bytes']) / 1e6:.0f} MB), "
          f"resident {(resident['peak'] - resident['at_start']) / 1e6:.0f} MB above the idle process")


if __name__ == "__main__":
    main()
