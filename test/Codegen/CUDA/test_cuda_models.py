# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every kernel of the public transformers compiles for GPUs, in f32 and bf16; where there is a ptxas, without a
spill and without a stack."""
import json
import os
import pathlib
import re
import subprocess

import pytest

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
NAMES = ["gpt2", "llama", "bert", "moe"]
ARCHITECTURES = ["sm_80", "sm_90", "sm_100"]


def succeed(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module", params=[(name, precision) for name in NAMES for precision in ("f32", "bf16")], ids="-".join)
def lowered(request, tmp_path_factory):
    """The module after the lower phase."""
    name, precision = request.param
    folder = tmp_path_factory.mktemp(f"{name}-{precision}")
    loss = json.loads((MODELS / f"{name}.json").read_text())["loss"]
    succeed("dpc", "compile", MODELS / f"{name}.onnx", "-o", folder / "model.dpc", "--pp", 2, "--micro-batches", 8, "--optimizer", "adamw",
            "--precision", precision, "--loss", loss, "--dump-phases", folder / "phases")
    return folder / "phases" / "5-lower.mlir"


def test_compiles_alike_without_libraries_and_atomics(lowered):
    text, again = (succeed("dpc-cuda-test", lowered, "--no-cubin", "--print=ptx") for _ in range(2))
    assert text == again
    ptx = text[text.index(".version"):]
    functions = int(re.search(r"(\d+) device functions", text)[1])
    assert functions > 60
    assert ptx.count(".visible .entry") == functions == len(re.findall(r"^  k_\w+: grid", text, re.MULTILINE))
    assert not re.search(r"\.extern|\bcall\b|\batom\b|\bred\.global|\.local", ptx)


def test_needs_no_spill_and_no_stack(lowered):
    if not succeed("dpc-cuda-test", "--find-ptxas").strip():
        pytest.skip("there is no ptxas")
    text = succeed("dpc-cuda-test", lowered, "--print=figures", *(f"--arch={name}" for name in ARCHITECTURES))
    shared = dict(re.findall(r"^  (k_\w+): grid \d+, block \d+, shared (\d+)", text, re.MULTILINE))
    figures = re.findall(r"^(sm_\d+) (k_\w+): registers (\d+), spills (\d+), stack (\d+), shared (\d+)", text, re.MULTILINE)
    assert len(figures) == len(ARCHITECTURES) * len(shared)
    for architecture, symbol, registers, spills, stack, bytes_ in figures:
        assert (int(spills), int(stack)) == (0, 0), f"{symbol} on {architecture}"
        assert 0 < int(registers) <= 128, f"{symbol} on {architecture}"
        assert int(bytes_) <= int(shared[symbol]), f"{symbol} on {architecture}"
