# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc run --device cuda` where something of NVIDIA's is missing: one line that says what, status 10. Its libraries are stood in for
(test/unit/cuda)."""
import ctypes.util
import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])
FAKES = BUILD / "test" / "cuda"
MODEL = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "docs" / "mlp.onnxtxt"


def compiled(path, target):
    done = subprocess.run([BUILD / "bin" / "dpc", "compile", MODEL, "--init", "seed:1", "--optimizer", "sgd", "--target", target, "-o", path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("model") / "m.dpc", "cuda:sm_100")


@pytest.fixture
def nvidia(tmp_path):
    """A folder with a driver and cuBLASLt 12."""
    shutil.copy(FAKES / "driver" / "libcuda.so.1", tmp_path)
    shutil.copy(FAKES / "cublaslt" / "libcublasLt.so.12", tmp_path)
    return tmp_path


def refused(artifact, folder, **said):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "VIRTUAL_ENV", "CONDA_", "LD_LIBRARY_PATH"))}
    done = subprocess.run([BUILD / "bin" / "dpc", "run", artifact, "--data", "synthetic:1", "--lr", "0.1", "--steps", "1", "--checkpoint", "none", "--device", "cuda"],
                          capture_output=True, text=True, env={**kept, "DPC_CUDA_LIBRARIES": str(folder), **said})
    assert done.returncode == 10, done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


@pytest.mark.skipif(ctypes.util.find_library("cuda") is not None, reason="this machine has NVIDIA's driver")
def test_without_a_driver(artifact, tmp_path):
    assert refused(artifact, tmp_path).endswith(
        f"there is no 'libcuda.so.1' in '{tmp_path}' (DPC_CUDA_LIBRARIES) or where the dynamic loader looks; NVIDIA's driver 525 (CUDA 12.0) or newer brings it")


def test_without_a_gpu(artifact, nvidia):
    assert refused(artifact, nvidia, FAKE_CUDA_GPUS="0").endswith(f"the driver '{nvidia}/libcuda.so.1' (CUDA 12.4) finds no NVIDIA GPU")


def test_with_a_library_that_is_too_old(artifact, nvidia):
    assert refused(artifact, nvidia, FAKE_CUBLASLT_VERSION="111103").endswith("is cuBLASLt 11.11.3; the least is cuBLASLt 12")


def test_of_another_architecture(artifact, nvidia):
    # A cubin where there is ptxas, else PTX.
    assert re.search(r"GPU 0 \(Fake Hopper, sm_90\) does not run code for (sm|compute)_100; dpc compile --target cuda:sm_90 would be right$", refused(artifact, nvidia))


def test_for_another_device(nvidia, tmp_path):
    assert "the artifact was not compiled for device 'cuda' but for cpu" in refused(compiled(tmp_path / "cpu.dpc", "cpu"), nvidia)
