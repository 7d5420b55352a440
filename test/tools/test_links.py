# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tools are linked with: LLVM as two shared libraries, and none of it in what only runs."""
import os
import pathlib
import re
import subprocess

import pytest

BIN = pathlib.Path(os.environ["DPC_BUILD_DIR"]) / "bin"


def needed(tool):
    """The shared libraries a tool itself names."""
    out = subprocess.run(["readelf", "-d", BIN / tool], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", out)


@pytest.mark.parametrize("tool", ["dpc", "dpc-opt", "dpc-lsp-server"])
def test_only_the_shared_libraries_of_llvm_and_mlir(tool):
    ours = {re.sub(r"\.so.*", "", name) for name in needed(tool) if re.match(r"lib(LLVM|MLIR|clang|lld)", name)}
    assert "libMLIR" in ours
    assert ours <= {"libMLIR", "libLLVM", "libLLVM-22"}


@pytest.mark.parametrize("tool", ["dpc", "dpc-opt", "dpc-lsp-server"])
def test_no_part_of_mlir_is_linked_a_second_time(tool):
    # A statically linked part would define what the shared library also defines.
    out = subprocess.run(["nm", "-D", "--defined-only", BIN / tool], capture_output=True, text=True, check=True).stdout
    assert "_ZN4mlir9MLIRContextC1" not in out
    out = subprocess.run(["nm", "--defined-only", BIN / tool], capture_output=True, text=True, check=True).stdout
    assert not re.search(r" T _ZN4mlir9MLIRContextC1", out)


@pytest.mark.parametrize("file", ["bin/dpc-run", "lib/libdpcrt-cpu.so"])
def test_the_runtime_has_no_llvm_in_it(file):
    libraries = subprocess.run(["ldd", BIN.parent / file], capture_output=True, text=True, check=True).stdout
    assert "libstdc++" in libraries
    # What a device needs beyond the C and C++ libraries is its plug-in's.
    assert ("libdnnl" in libraries) == (file != "bin/dpc-run")
    assert not re.search(r"LLVM|MLIR", libraries)
    symbols = subprocess.run(["nm", "-C", BIN.parent / file], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\b(llvm|mlir)::", symbols)
