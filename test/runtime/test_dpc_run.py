# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""dpc-run is the runtime alone: it links no LLVM and no MLIR, and so does its static part."""
import os
import pathlib
import subprocess

BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])


def test_links_no_llvm():
    libraries = subprocess.run(["ldd", BUILD / "bin" / "dpc-run"], capture_output=True, text=True, check=True).stdout
    assert "libstdc++" in libraries
    assert "LLVM" not in libraries and "MLIR" not in libraries
    symbols = subprocess.run(["nm", "-C", BUILD / "bin" / "dpc-run"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in symbols.splitlines() if " llvm::" in line or " mlir::" in line]


def test_refuses_what_it_does_not_know():
    def run(*args):
        return subprocess.run([BUILD / "bin" / "dpc-run", *args], capture_output=True, text=True)

    assert run().returncode == 2
    assert run("x.dpc", "--data", "synthetic", "--lr", "1", "--chekpoint", "d").returncode == 2
    missing = run("nothing.dpc", "--data", "synthetic", "--lr", "1", "--steps", "1")
    assert missing.returncode == 3 and "is not a compiled model" in missing.stderr
    assert run("--help").returncode == 0
