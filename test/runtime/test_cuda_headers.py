# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is declared of NVIDIA's driver and of cuBLASLt, against NVIDIA's own headers, where they are: a
toolkit's, or those of the Python packages. Each thing that is declared is changed once, to see that it is noticed."""
import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
API = pathlib.Path("devices/cuda/api")


def find_headers():
    """The folders of cuda.h and cublasLt.h with all that they include, or none."""
    for root in filter(None, [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda", "/opt/cuda"]):
        folder = pathlib.Path(root) / "include"
        if (folder / "cuda.h").exists() and (folder / "cublasLt.h").exists():
            return [folder]
    for environment in filter(None, [os.environ.get("VIRTUAL_ENV"), os.environ.get("CONDA_PREFIX"), sys.prefix]):
        folders = [pathlib.Path(path) for path in sorted(glob.glob(f"{environment}/lib/python*/site-packages/nvidia/*/include"))]
        if all(any((folder / name).exists() for folder in folders) for name in ("cuda.h", "cublasLt.h")):
            return folders
    return []


@pytest.fixture(scope="module")
def headers():
    folders = find_headers()
    if not folders:
        pytest.skip("NVIDIA's cuda.h and cublasLt.h are not here (CUDA_HOME, /usr/local/cuda, Python packages)")
    return folders


def compile_with(headers, root):
    """Status and words of the compiler, which takes the declarations from `root`."""
    flags = [f"-I{root}", *(flag for folder in headers for flag in ("-isystem", folder))]
    done = subprocess.run(["clang++-22", "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-ferror-limit=0", *flags,
                           SOURCE / "test/runtime/Inputs/CudaHeaders.cpp"], capture_output=True, text=True)
    return done.returncode, done.stderr


def changed(tmp_path, pattern, to):
    """A copy of the declarations with every place changed that the pattern finds, and its groups `name`."""
    shutil.copytree(SOURCE / "runtime" / API, tmp_path / API)
    names = []
    for path in sorted((tmp_path / API).iterdir()):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".def":
            names += [match["name"] for match in re.finditer(pattern, text)]
            path.write_text(re.sub(pattern, to, text), encoding="utf-8")
    return names


def assert_each_is_noticed(names, status, words):
    assert status != 0
    assert [name for name in names if not re.search(rf"static assertion failed.*\b{name}\b", words)] == []


def test_everything_is_the_vendors(headers):
    status, words = compile_with(headers, SOURCE / "runtime")
    assert (status, words) == (0, "")


def test_a_wrong_value_is_noticed(headers, tmp_path):
    names = changed(tmp_path, r"(?<=DPCRT_CUDA_VALUE\()(?P<name>\w+), (\d+)\)", lambda m: f"{m[1]}, {int(m[2]) + 1})")
    assert len(names) > 100
    assert_each_is_noticed(names, *compile_with(headers, tmp_path))


FUNCTION = r"DPCRT_CUDA_FUNCTION\(([^,]+),\s*(?P<name>\w+),\s*\(([^)]*)\)\)"


@pytest.mark.parametrize("change", ["result", "parameter added", "parameter changed"])
def test_a_wrong_signature_is_noticed(headers, tmp_path, change):
    def other(match):
        result, name, parameters = match.groups()
        if change == "result":
            result = "short"
        elif change == "parameter added":
            parameters = ", ".join(filter(None, [parameters, "short"]))
        else:
            parameters = ", ".join([*parameters.split(",")[:-1], "short"])
        return f"DPCRT_CUDA_FUNCTION({result}, {name}, ({parameters}))"

    names = changed(tmp_path, FUNCTION, other)
    assert len([name for name in names if name.startswith("cublasLt")]) == 17 and len(names) > 70
    assert_each_is_noticed(names, *compile_with(headers, tmp_path))


@pytest.mark.parametrize("file, field, other, what", [
    ("DriverTypes.h", "char bytes[16]", "char bytes[15]", "CUuuid"),
    ("DriverTypes.h", "kMemHostAllocPortable = 1", "kMemHostAllocPortable = 2", "CU_MEMHOSTALLOC_PORTABLE"),
    ("DriverTypes.h", "using CUdeviceptr = unsigned long long", "using CUdeviceptr = unsigned", "cuMemAlloc_v2"),
    ("DriverTypes.h", "using CUdevice = int", "using CUdevice = unsigned", "cuDeviceGet"),
    ("DriverTypes.h", "enum type : unsigned", "enum type : unsigned short", "CUresult"),
    ("CublasLtTypes.h", "uint64_t data[8]", "uint64_t data[7]", "cublasLtMatmulAlgo_t"),
    ("CublasLtTypes.h", "size_t workspaceSize", "unsigned workspaceSize", "cublasLtMatmulHeuristicResult_t::workspaceSize"),
    ("CublasLtTypes.h", "float wavesCount", "double wavesCount", "cublasLtMatmulHeuristicResult_t::wavesCount"),
    ("CublasLtTypes.h", "int reserved[4]", "int reserved[5]", "cublasLtMatmulHeuristicResult_t::reserved"),
])
def test_a_wrong_type_is_noticed(headers, tmp_path, file, field, other, what):
    shutil.copytree(SOURCE / "runtime" / API, tmp_path / API)
    path = tmp_path / API / file
    text = path.read_text(encoding="utf-8")
    assert field in text
    path.write_text(text.replace(field, other), encoding="utf-8")
    status, words = compile_with(headers, tmp_path)
    assert status != 0 and re.search(rf"static assertion failed.*{what}", words), words
