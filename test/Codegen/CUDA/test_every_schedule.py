# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whatever the CPU's target compiles compiles for GPUs: every graph under every schedule on 1, 2 and 4 ranks, in f32 and bf16,
for three architectures; twice to the same bytes; where there is a ptxas, without a spill and without a stack.

Kernels are named by what they compute, and the same ones come again under most schedules. So modules are lowered for each
combination, and the kernels of all combinations of a graph compiled together, each once. What is refused must be refused
for the CPU, too.

Without DPC_TEST_ALL=1 a sample.
"""
import itertools
import json
import os
import pathlib
import re
import statistics
import sys
import time

import pytest

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "test" / "e2e"))
from commands import call, output, said
from test_every_graph import GRAPHS, Unreferenced
from test_models import MODELS

ALL = bool(os.environ.get("DPC_TEST_ALL"))
ARCHITECTURES = ["sm_80", "sm_90", "sm_100"]
SCHEDULES = [entry["name"] for entry in json.loads(output("dpc", "schedule", "list", "--format", "json"))] if ALL else ["1f1b", "dualpipe"]
RANKS = [1, 2, 4] if ALL else [1, 2]
MICRO_BATCHES = 8
MOST_REGISTERS = 128


def options_of(file):
    graph = GRAPHS[file]
    return graph.options if isinstance(graph, Unreferenced) else ["--loss", graph.model.info["loss"]]


def lower_all(file, precision, folder):
    """The lowered module of each combination that there is."""
    lowered = []
    for schedule, ranks in itertools.product(SCHEDULES, RANKS):
        command = ["dpc", "compile", MODELS / file, "--compile-to", "lower", "--pp", ranks, "--micro-batches", MICRO_BATCHES, "--schedule", schedule,
                   "--precision", precision, "--optimizer", "adamw", *options_of(file)]
        phases = folder / f"{schedule}-{ranks}"
        done = call(*command, "--target", "cuda:sm_90", "--dump-phases", phases)
        if done.returncode:
            assert done.returncode in (2, 3) and call(*command).returncode == done.returncode, f"{schedule} on {ranks} ranks: {said(done)}"
            continue
        for dump in phases.iterdir():
            if dump.name != "5-lower.mlir":
                dump.unlink()
        lowered.append(phases / "5-lower.mlir")
    return lowered


def compile_all(modules, *options):
    return output("dpc-cuda-test", *modules, *options, *(f"--arch={name}" for name in ARCHITECTURES))


@pytest.mark.parametrize("precision", ["f32", "bf16"])
@pytest.mark.parametrize("file", sorted(GRAPHS) if ALL else ["gpt2.onnx"])
def test_every_kernel_compiles(file, precision, tmp_path):
    modules = lower_all(file, precision, tmp_path)
    assert len(modules) >= len(SCHEDULES)
    sums = [f"--sum=f32:{ranks}" for ranks in (2, 4)]
    text, again = (compile_all(modules, *sums, "--no-cubin", "--print=ptx") for _ in range(2))
    assert text == again
    functions = int(re.search(r"(\d+) device functions", text)[1])
    assert text.count(".visible .entry") == functions * len(ARCHITECTURES)
    if not output("dpc-cuda-test", "--find-ptxas").strip():
        pytest.skip("there is no ptxas")
    figures = re.findall(r"^(sm_\d+) (\w+): registers (\d+), spills (\d+), stack (\d+)", compile_all(modules, *sums, "--print=figures", "--quiet"), re.M)
    assert len(figures) == functions * len(ARCHITECTURES)
    print(f"{file} {precision}: {len(modules)} combinations, {functions} functions, at most {max(int(f[2]) for f in figures)} registers")
    for architecture, symbol, registers, spills, stack in figures:
        assert (int(spills), int(stack)) == (0, 0), f"{symbol} on {architecture}"
        assert 0 < int(registers) <= MOST_REGISTERS, f"{symbol} on {architecture}"


def seconds(target, file, precision, folder):
    begin = time.monotonic()
    output("dpc", "compile", MODELS / file, "-o", folder / "m.dpc", "--force", "--pp", 4, "--micro-batches", 8, "--schedule", "dualpipe", "--precision", precision,
           "--optimizer", "adamw", *options_of(file), "--target", target)
    return time.monotonic() - begin


@pytest.mark.skipif(not ALL, reason="measures: scripts/test --all, or DPC_TEST_ALL=1")
@pytest.mark.parametrize("precision", ["f32", "bf16"])
@pytest.mark.parametrize("file", ["gpt2.onnx", "llama.onnx", "bert.onnx", "moe.onnx"])
def test_one_architecture_takes_at_most_twice_the_time(file, precision, tmp_path):
    times = {"cpu": [], "cuda:sm_90": []}
    for _ in range(5):
        for target, taken in times.items():
            taken.append(seconds(target, file, precision, tmp_path))
    cpu, cuda = (statistics.median(taken) for taken in times.values())
    print(f"{file} {precision}: CPU {cpu:.2f} s, sm_90 {cuda:.2f} s, {cuda / cpu:.2f} times")
    assert cuda <= 2 * cpu
