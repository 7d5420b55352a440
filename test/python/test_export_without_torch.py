# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The exporter's edges, where there is no PyTorch: what needs it says so, the rest of the package does without it."""
import os
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(os.environ["DPC_BUILD_DIR"]) / "python"


def python(*arguments, folder=None):
    # A folder without PyTorch comes first, whatever else is installed.
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(folder or ""), str(PACKAGE)]))
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=environment, cwd=folder)


@pytest.fixture
def no_torch(tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    return tmp_path


def test_the_export_is_a_module_and_its_function(no_torch):
    done = python("-c", "import dpc, sys; assert 'torch' not in sys.modules; assert callable(dpc.export) and callable(dpc.export.main); print(dpc.export.__name__)", folder=no_torch)
    assert done.returncode == 0 and done.stdout == "dpc.export\n", done.stderr


def test_a_name_that_the_package_lacks():
    done = python("-c", "import dpc; dpc.exprot")
    assert "module 'dpc' has no attribute 'exprot'" in done.stderr


@pytest.mark.parametrize("module", ["export", "weights"])
def test_help_needs_no_pytorch(no_torch, module):
    done = python("-m", f"dpc.{module}", "--help", folder=no_torch)
    assert done.returncode == 0 and not done.stderr
    assert "torch" in done.stdout.lower() and "--force" in done.stdout


def test_pytorch_is_asked_for(no_torch):
    done = python("-m", "dpc.export", "nothing:here", "-o", "m.onnx", folder=no_torch)
    assert done.returncode == 10 and "pip install torch" in done.stderr and "Traceback" not in done.stderr
    (no_torch / "w.pt").write_bytes(b"PK\x03\x04")
    done = python("-m", "dpc.weights", "w.pt", "w.safetensors", folder=no_torch)
    assert done.returncode == 10 and "pip install torch" in done.stderr and "Traceback" not in done.stderr


def test_an_existing_file_is_not_replaced(no_torch):
    (no_torch / "m.onnx").write_bytes(b"")
    for arguments in (("dpc.export", "a:b", "-o", "m.onnx"), ("dpc.weights", "w.pt", "m.onnx")):
        done = python("-m", *arguments, folder=no_torch)
        assert done.returncode == 2 and "'m.onnx' exists; --force replaces it" in done.stderr


def test_the_scripts_outside_these_tests_compile():
    folder = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "pytorch"
    for file in sorted(folder.glob("*.py")):
        compile(file.read_text(), str(file), "exec")
