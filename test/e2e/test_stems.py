# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that begin with convolutions, a vision transformer and an encoder like Whisper's, against PyTorch's numbers in
float64 (test/pytorch/stems.py): kernels, strides and channels of the real ones, four layers."""
import functools
import json
import os
import pathlib
import tempfile
import zlib

import numpy as np
import pytest
from commands import expect, output, succeed
from safetensors.numpy import load_file

EXPORTED = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "exported"
NAMES = ["vit_conv", "whisper"]
WAYS = [(ranks, schedule) for ranks in (2, 4) for schedule in ("1f1b", "zb-h1", "dualpipe")]


def compile_(name, folder, ranks, schedule, *more):
    expected = json.loads((EXPORTED / f"{name}.json").read_text())
    succeed("dpc", "compile", EXPORTED / f"{name}.onnx", "-o", folder / "m.dpc", "--force", "--optimizer", "sgd", "--pp", ranks, "--micro-batches", expected["micro_batches"],
            "--schedule", schedule, *more)
    return expected


def train(name, folder, ranks, schedule, *more):
    expected = compile_(name, folder, ranks, schedule, *more)
    output("dpc", "run", folder / "m.dpc", "--data", EXPORTED / f"{name}.safetensors", "--epochs", 0, "--steps", len(expected["losses"]), "--lr", expected["lr"],
           "--dump", folder / "dump", "--checkpoint", folder / "kept")
    return expected, [load_file(str(folder / "dump" / f"step-{n + 1}.safetensors")) for n in range(len(expected["losses"]))]


@functools.cache
def alone(name):
    with tempfile.TemporaryDirectory() as folder:
        return train(name, pathlib.Path(folder), 1, "1f1b")[1][0]["loss"].tobytes()


def by_framework(steps, folder, kind, step):
    """Gradients or weights by PyTorch's names and in its layout."""
    parameters = json.loads((folder / "m.dpc" / "manifest.json").read_text())["parameters"]
    for p in parameters:
        value = steps[step][f"{kind}/{p['name']}"].astype(np.float64)
        for key in p.get("framework", [p["name"]]):
            yield key, value.T if p.get("transposed") else value


def check(key, value, wanted, bound):
    flat = value.reshape(-1)
    probes = np.random.default_rng(zlib.crc32(key.encode())).standard_normal((len(wanted["probes"]), flat.size)) / np.sqrt(flat.size)
    assert abs(np.linalg.norm(flat) - wanted["norm"]) <= bound, key
    # A difference of norm d has products of about d / sqrt(size) with such vectors; 6 of these are never exceeded.
    assert np.abs(probes @ flat - wanted["probes"]).max() <= 6 * bound / np.sqrt(flat.size), key


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ranks, schedule", WAYS)
def test_training_is_pytorchs(name, ranks, schedule, tmp_path):
    expected, steps = train(name, tmp_path, ranks, schedule)
    assert steps[0]["loss"].tobytes() == alone(name)
    np.testing.assert_allclose(steps[0]["loss"].reshape(-1), expected["micro_batch_loss"], rtol=1e-5)
    np.testing.assert_allclose([float(step["total_loss"].reshape(-1)[0]) for step in steps], expected["losses"], rtol=1e-5)
    largest = max(p["grad"]["norm"] for p in expected["parameters"].values())
    gradients = dict(by_framework(steps, tmp_path, "grad", 0))
    assert gradients.keys() == expected["parameters"].keys()
    for key, gradient in gradients.items():
        wanted = expected["parameters"][key]
        check(key, gradient, wanted["grad"], max(1e-5, 4 * wanted["grad_rel_float32"]) * wanted["grad"]["norm"] + 1e-7 * largest)
    for key, weight in by_framework(steps, tmp_path, "param", -1):
        wanted = expected["parameters"][key]["weight"]
        check(key, weight, wanted, 1e-5 * max(wanted["norm"], 1e-2))


@pytest.mark.parametrize("name", NAMES)
def test_the_stem_is_the_librarys(name, tmp_path):
    compile_(name, tmp_path, 2, "dualpipe")
    text = output("dpc", "inspect", tmp_path / "m.dpc")
    calls = [line for line in text.splitlines() if ": convolution(" in line]
    if name == "vit_conv":
        assert any("forward, 2x3x64x64 to 48 channels, kernel 16x16 strides 16x16" in call for call in calls)
    else:
        assert any("forward, 2x80x32 to 48 channels, kernel 3 strides 1" in call for call in calls)
        assert any("forward, 2x48x32 to 48 channels, kernel 3 strides 2" in call for call in calls)
        assert any("input gradient" in call for call in calls)
    assert any("weight gradient" in call for call in calls)


@pytest.mark.parametrize("name", NAMES)
def test_in_bf16_it_follows(name, tmp_path):
    expected, steps = train(name, tmp_path, 4, "dualpipe", "--precision", "bf16")
    np.testing.assert_allclose([float(step["total_loss"].reshape(-1)[0]) for step in steps], expected["losses"], rtol=2e-2)
    expect("dpc", "verify", tmp_path / "m.dpc", "--data", EXPORTED / f"{name}.safetensors", words=["verified: 1 step"])
