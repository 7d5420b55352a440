#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much shorter than fixed schedules the search gets where stages cost differently and pairs gain.

Seeded factors of 0.8 to 1.2 for each stage's times, FB = 2.5 with F = I = W = 1; for each known schedule its own placement and, as
the cap, its own peak. A row says how often the search was shorter, by how much, and how long it took. Exits with 1 if it was ever
longer.

    python3 test/benchmark/search.py [--vectors 20] [--iterations N] [--schedules dualpipe,zb-v,...]
"""
import argparse
import json
import random
import subprocess
import sys
import time

import built  # noqa: F401

PLACEMENTS = {"1f1b": "linear", "zb-h1": "linear", "zb-v": "v", "dualpipev": "v", "dualpipe": "mirrored"}


def schedule(*arguments):
    return json.loads(subprocess.run(["dpc", "schedule", *map(str, arguments), "--format", "json"], capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vectors", type=int, default=20)
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--schedules", default=",".join(PLACEMENTS))
    options = parser.parse_args()
    print(f"{'schedule':10} {'P, M':>6} {'shorter':>8} {'longer':>7} {'gain, mean':>11} {'least':>8} {'most':>8} {'above bound':>12} {'seconds':>8}")
    everLonger = False
    for name in options.schedules.split(","):
        placement = PLACEMENTS[name]
        for ranks, micro_batches in ((4, 16), (8, 20)):
            gains, gaps, seconds = [], [], 0
            for vector in range(options.vectors):
                chance = random.Random(f"{ranks} {vector}")
                stages = ranks * (2 if placement == "v" else 1)
                cost = "F=1,I=1,W=1,FB=2.5,stages=" + ":".join(f"{chance.uniform(0.8, 1.2):.4f}" for _ in range(stages))
                sizes = ["--pp", ranks, "--micro-batches", micro_batches, "--cost", cost]
                known = schedule("simulate", name, *sizes)
                begin = time.monotonic()
                found = schedule("search", *sizes, "--placement", placement, "--activation-cap", max(known["peak_activations"]),
                                 *(["--iterations", options.iterations] if options.iterations else []))
                seconds += time.monotonic() - begin
                gains.append(1 - found["makespan"] / known["makespan"])
                gaps.append(found["gap"])
            shorter, longer = sum(g > 1e-9 for g in gains), sum(g < -1e-9 for g in gains)
            everLonger |= longer > 0
            mean = lambda values: sum(values) / len(values)
            print(f"{name:10} {ranks}, {micro_batches:2} {shorter:5}/{len(gains)} {longer:7} {mean(gains):11.2%} {min(gains):8.2%} {max(gains):8.2%} "
                  f"{mean(gaps):12.2%} {seconds / len(gains):8.1f}", flush=True)
    return everLonger


if __name__ == "__main__":
    sys.exit(main())
