#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What overlapping forward and backward is worth where a stage communicates.

A layer of experts on two expert ranks of one thread each: a dense part, an exchange of tokens, the experts, the exchange back.
The link is emulated so that communication takes as long as computing. The same 16 micro-batches run as

    0F0 (0F1&0B0) (0F2&0B1) ... (0F15&0B14) 0B15      and      0F0 0F1 0B0 0F2 0B1 ... 0F15 0B14 0B15

in turn, several times, on two cores that do nothing else. Nothing is asserted; the last line says how much less time a step takes
with pairs.

    python3 test/benchmark/pairs.py [--repeats N] [--steps N] [--keep DIR]
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile

import built
from built import call

sys.path.insert(0, str(built.ROOT / "test" / "e2e"))
import experts

MICRO_BATCHES, ROWS, WIDTH, HIDDEN, CLASSES = 16, 512, 192, 512, 64
LATENCY = 20e-6


def dense(w, h, name, hidden):
    """A part without communication, as attention would be."""
    width = h[1][1]
    up, down = w.parameter(name + ".up", [width, hidden], 0.1), w.parameter(name + ".down", [hidden, width], 0.1)
    return w.matmul(w.unary("tanh", w.matmul(h, up)), down)


def schedule(pairs):
    last = MICRO_BATCHES - 1
    middle = [f"(0F{m + 1}&0B{m})" if pairs else f"0F{m + 1} 0B{m}" for m in range(last)]
    return "\n".join(["schedule " + ("pairs" if pairs else "plain"), "ranks 1", "stages 1", f"micro-batches {MICRO_BATCHES}",
                      f"replica 0: micro-batches 0..{last} on ranks 0", "rank 0: " + " ".join(["0F0", *middle, f"0B{last}"]), ""])


class Benchmark:
    def __init__(self, folder, steps):
        self.folder, self.steps = folder, steps
        experts.KINDS["dense"] = dense
        (folder / "model.mlir").write_text(experts.model(layers=["dense", "tokens"], rows=ROWS, width=WIDTH, hidden=HIDDEN, classes=CLASSES, gates=False))
        for kind in ("pairs", "plain"):
            (folder / f"{kind}.txt").write_text(schedule(kind == "pairs"))

    def compile(self, kind, machine=None):
        out = self.folder / f"{kind}.dpc"
        options = ["--machine", machine] if machine else []
        call("dpc", "compile", self.folder / "model.mlir", "-o", out, "--force", "--pp", 1, "--micro-batches", MICRO_BATCHES, "--optimizer", "sgd",
             "--schedule", self.folder / f"{kind}.txt", *options)
        return json.loads((out / "manifest.json").read_text())["forecast"]["step_s"]

    def run(self, kind, link=None, trace=None):
        """Seconds of the steps; the first, which touches memory for the first time, does not count."""
        metrics = self.folder / "metrics.jsonl"
        options = ["--link", f"latency={link[0]}s,bandwidth={link[1]}B/s"] if link else []
        options += ["--trace", trace, "--trace-steps", f"{self.steps + 1}:{self.steps + 2}"] if trace else []
        call("dpc", "run", self.folder / f"{kind}.dpc", "--data", "synthetic:1", "--steps", self.steps + 1, "--lr", 1e-3, "--threads", 2,
             "--metrics", metrics, *options)
        return [line["step_s"] for line in map(json.loads, metrics.read_text().splitlines()) if "step_s" in line][1:]

    def describe_machine(self, forecast, measured, link):
        """The compiler's machine, as fast as this one turned out to be, with the emulated link."""
        rates = {"matmul_flops_per_s": 6.0e10, "kernel_flops_per_s": 8.0e9, "memory_bytes_per_s": 1.2e10}
        machine = {"format_version": 1, "name": "measured", **{key: value * forecast / measured for key, value in rates.items()},
                   "launch_overhead_s": 1e-6, "message_latency_s": link[0], "message_bytes_per_s": link[1]}
        path = self.folder / "machine.json"
        path.write_text(json.dumps(machine))
        return path


def compare(plain, pairs):
    return f"plain {plain * 1e3:.1f} ms, pairs {pairs * 1e3:.1f} ms, {(1 - pairs / plain) * 100:.1f} % less"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="runs of each schedule, in turn (5)")
    parser.add_argument("--steps", type=int, default=4, help="steps of a run that count (4)")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for artifacts, metrics and a trace of each schedule")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        benchmark = Benchmark(folder, options.steps)
        quick = {"format_version": 1, "name": "no link", "matmul_flops_per_s": 6.0e10, "kernel_flops_per_s": 8.0e9, "memory_bytes_per_s": 1.2e10,
                 "launch_overhead_s": 1e-6, "message_latency_s": 0, "message_bytes_per_s": 1e18}
        (folder / "machine.json").write_text(json.dumps(quick))
        forecast = benchmark.compile("plain", folder / "machine.json")
        # The fastest step: what else the machine does must not make the link slower.
        computing = min(min(benchmark.run("plain")) for _ in range(3))
        print(f"computing alone: {computing * 1e3:.1f} ms a step (without a link to wait for)")
        # Two exchanges forward and two backward of each micro-batch; half of the bytes stay where they are.
        count, sent = 4 * MICRO_BATCHES, ROWS * WIDTH * 4 / 2
        link = (LATENCY, round(count * sent / (computing - count * LATENCY)))
        print(f"link: {link[0] * 1e6:.0f} us, {link[1] / 1e6:.1f} MB/s, so that {count} exchanges of {sent / 1e3:.0f} kB take as long")
        machine = benchmark.describe_machine(forecast, computing, link)
        expected = {kind: benchmark.compile(kind, machine) for kind in ("plain", "pairs")}
        times = {"plain": [], "pairs": []}
        for repeat in range(options.repeats):
            for kind in times:
                trace = folder / f"{kind}.trace.json" if options.keep and repeat == 0 else None
                times[kind].append(benchmark.run(kind, link, trace))
            print(f"  {repeat + 1}: {compare(*(statistics.median(times[kind][-1]) for kind in times))}", flush=True)
        print("forecast of a step:", compare(expected["plain"], expected["pairs"]))
        print("fastest step:", compare(*(min(map(min, times[kind])) for kind in times)))
        print("median step:", compare(*(statistics.median(sum(times[kind], [])) for kind in times)))


if __name__ == "__main__":
    main()
