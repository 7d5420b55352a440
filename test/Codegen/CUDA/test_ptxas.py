# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which ptxas is run: DPC_PTXAS, then the one beside the executable, then that of the build's virtual environment,
then that on PATH. And every way of dealing work to threads needs no spill and no stack by it."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

INPUTS = pathlib.Path(__file__).parent / "Inputs"
TOOL = pathlib.Path(os.environ["DPC_BUILD_DIR"]) / "bin" / "dpc-cuda-test"


def make_program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return path


def find(tool, folder, **variables):
    environment = {key: value for key, value in os.environ.items() if key != "DPC_PTXAS"}
    environment.update(variables, PATH=f"{folder / 'path'}")
    return subprocess.run([tool, "--find-ptxas"], env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_order(tmp_path):
    folder = tmp_path.resolve()
    (folder / "bin").mkdir()
    tool = pathlib.Path(shutil.copy(TOOL, folder / "bin"))
    assert find(tool, folder) == ""
    for place in ("path", "venv/lib/python3.11/site-packages/nvidia/cuda_nvcc/bin", "bin"):
        program = make_program(folder / place / "ptxas")
        assert find(tool, folder) == str(program)
    given = make_program(folder / "given")
    assert find(tool, folder, DPC_PTXAS=str(given)) == str(given)
    assert find(tool, folder, DPC_PTXAS="") == ""


def test_no_spill_and_no_stack():
    if not subprocess.run([TOOL, "--find-ptxas"], capture_output=True, text=True).stdout.strip():
        pytest.skip("there is no ptxas")
    done = subprocess.run([TOOL, INPUTS / "mappings.mlir", "--arch=sm_80", "--arch=sm_90", "--arch=sm_100", "--print=figures"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = re.findall(r"registers (\d+), spills (\d+), stack (\d+)", done.stdout)
    assert len(figures) == 3 * 32
    assert {(spills, stack) for _, spills, stack in figures} == {("0", "0")}
