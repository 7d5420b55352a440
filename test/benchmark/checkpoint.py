#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a checkpoint after every step costs: the same steps with and without, in turn, on a file system in memory.

The model is that of step.py, one rank, one thread, AdamW: three floats kept for each parameter. Times are of whole runs, so that
copying between steps, waiting for the checkpoint before and the last one's writing count.

    python3 test/benchmark/checkpoint.py [--repeats 5] [--steps 12]
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import built
import gpt2


def run(folder, name, steps, *more):
    report = folder / f"{name}.json"
    begin = time.monotonic()
    done = subprocess.run(["dpc", "run", str(folder / "m.dpc"), "--data", str(folder / "data.safetensors"), "--epochs", "0", "--steps", str(steps), "--lr", "1e-3",
                           "--threads", "1", "--log-every", "0", "--report", str(report), *map(str, more)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.monotonic() - begin, json.loads(report.read_text())["resident_bytes"]["peak"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None) as name:
        folder = pathlib.Path(name)
        gpt2.write(folder, gpt2.Size())
        subprocess.run(["dpc", "compile", str(folder / "model.onnx"), "-o", str(folder / "m.dpc"), "--micro-batches", str(gpt2.Size().micro_batches),
                        "--optimizer", "adamw", "--target", "cpu:native"], check=True, capture_output=True)
        without, kept, ratios = [], [], []
        for _ in range(options.repeats):
            a = run(folder, "none", options.steps, "--checkpoint", "none")
            b = run(folder, "every", options.steps, "--checkpoint", folder / "ck", "--checkpoint-every", 1, "--keep", 1, "--resume", "never")
            without.append(a)
            kept.append(b)
            ratios.append(b[0] / a[0])
            print(f"{options.steps} steps: without {a[0]:.2f} s, a checkpoint after each {b[0]:.2f} s, {ratios[-1] - 1:+.1%}", flush=True)
        size = sum(p.stat().st_size for p in (folder / "ck").rglob("*.safetensors"))
        print(f"median {statistics.median(ratios) - 1:+.1%} with {size / 1e6:.0f} MB a checkpoint; "
              f"memory {(max(k[1] for k in kept) - max(w[1] for w in without)) / 1e6:+.0f} MB")


if __name__ == "__main__":
    main()
