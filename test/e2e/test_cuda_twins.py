# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The folder of twins in which an emulated driver finds what an image of an artifact computes."""
import json
import os
import re
import shutil

import pytest

from commands import output, refuse
from test_cuda_target import MLP
from test_models import MODELS

pytestmark = pytest.mark.skipif(not shutil.which("dpc-cuda-twins"), reason="this build has no emulator")
OPTIONS = ["--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "adamw"]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """The artifact, and the folder of its device code."""
    folder = tmp_path_factory.mktemp("gpt2")
    loss = json.loads((MODELS / "gpt2.json").read_text())["loss"]
    output("dpc", "compile", MODELS / "gpt2.onnx", "-o", folder / "m.dpc", "--loss", loss, *OPTIONS, "--target", "cuda:sm_80", "--target", "cuda:sm_90",
           "--dump-device-code", folder / "code")
    return folder / "m.dpc", folder / "code"


def images(model):
    """The images of an artifact, with the hashes that it has of them itself."""
    sums = dict(reversed(line.split("  ")) for line in (model / "XXH128SUMS").read_text().splitlines())
    return {t["file"]: sums[t["file"]] for t in json.loads((model / "manifest.json").read_text())["targets"]}


def test_every_image_has_a_twin_of_its_hash(gpt2, tmp_path):
    model, code = gpt2
    assert "twins made" in output("dpc-cuda-twins", model, code, "-o", tmp_path / "twins")
    assert "kernels/compute_80.ptx" in images(model)
    assert {f"{name}.so" for name in images(model).values()} == {file.name for file in (tmp_path / "twins").iterdir()}
    # Each has every function of the table.
    page = output("dpc", "inspect", model)
    functions = set(re.findall(r"^    (\w+): \d+ blocks? of \d+ threads", page, re.M))
    assert len(functions) > 60 and any(name.startswith("sum_") for name in functions)
    for name in images(model).values():
        twin = (tmp_path / "twins" / f"{name}.so").read_bytes()
        assert all(function.encode() + b"\0" in twin for function in functions)


def test_what_lies_there_is_kept_unless_it_is_old(gpt2, tmp_path):
    model, code = gpt2
    first = output("dpc-cuda-twins", model, code, "-o", tmp_path)
    assert re.search(r"^\d images, [1-9] twins made$", first, re.M)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert " 0 twins made" in output("dpc-cuda-twins", model, code, "-o", tmp_path)
    old = sorted(tmp_path.iterdir())[0]
    old.write_bytes(b"of another program")
    os.utime(old, (1, 1))
    assert " 1 twins made" in output("dpc-cuda-twins", model, code, "-o", tmp_path)
    assert before == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


def test_what_cannot_be(gpt2, tmp_path):
    model, code = gpt2
    shutil.copytree(code, tmp_path / "code")
    (tmp_path / "code" / "compute_80.bc").unlink()
    refuse(1, ["cannot read", "compute_80.bc"], "dpc-cuda-twins", model, tmp_path / "code", "-o", tmp_path / "twins")
    (tmp_path / "code" / "compute_80.bc").write_bytes(b"this is no bitcode")
    refuse(1, ["compute_80.bc:"], "dpc-cuda-twins", model, tmp_path / "code", "-o", tmp_path / "twins")
    refuse(2, ["--dump-device-code: no --target is a GPU"],
           "dpc", "compile", MODELS / "gpt2.onnx", "-o", tmp_path / "x.dpc", *OPTIONS, "--dump-device-code", tmp_path / "code")
    output("dpc", "compile", MLP, "-o", tmp_path / "cpu.dpc", "--init", "seed:1", "--optimizer", "sgd")
    refuse(1, ["has no image for GPUs"], "dpc-cuda-twins", tmp_path / "cpu.dpc", code, "-o", tmp_path / "twins")
