# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that `python -m dpc.export` wrote (test/pytorch/roundtrip.py --fixtures): they train as PyTorch does, and their weights go back."""
import json
import os
import pathlib

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from commands import succeed

EXPORTED = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "exported"


@pytest.fixture(scope="module", params=["nanogpt", "vit"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    expected = json.loads((EXPORTED / f"{request.param}.json").read_text())
    succeed("dpc", "compile", EXPORTED / f"{request.param}.onnx", "-o", folder / "m.dpc", "--optimizer", "adamw", "--pp", "2", "--micro-batches", expected["micro_batches"])
    succeed("dpc", "run", folder / "m.dpc", "--data", EXPORTED / f"{request.param}.safetensors", "--lr", expected["lr"], "--epochs", "0", "--steps", len(expected["losses"]),
            "--report", folder / "run.json", "--checkpoint", folder / "kept")
    succeed("dpc", "export", folder / "m.dpc", "--checkpoint", folder / "kept", "-o", folder / "w.safetensors")
    return request.param, folder, expected


def test_losses_of_twenty_steps_are_pytorchs(run):
    _, folder, expected = run
    np.testing.assert_allclose(json.loads((folder / "run.json").read_text())["losses"], expected["losses"], rtol=1e-5)


def test_the_state_dict_is_the_modules(run):
    _, folder, expected = run
    with safe_open(folder / "w.safetensors", "np") as file:
        assert list(file.offset_keys()) == list(expected["state_dict"])
    assert {key: list(value.shape) for key, value in load_file(folder / "w.safetensors").items()} == expected["state_dict"]


def test_every_parameter_is_trained_and_none_twice(run):
    name, folder, expected = run
    parameters = json.loads((folder / "m.dpc" / "manifest.json").read_text())["parameters"]
    assert all(p["trained"] for p in parameters) and not [p for p in parameters if "copies" in p]
    weights, initial = load_file(folder / "w.safetensors"), folder / "i.safetensors"
    succeed("dpc", "export", folder / "m.dpc", "-o", initial)
    before = load_file(initial)
    moved = {key for key in weights if not np.array_equal(weights[key], before[key])}
    buffers = {key for key in weights if key.endswith(".attn.bias")}
    assert buffers and moved == set(weights) - buffers
    if name == "nanogpt":  # the embedding is tied
        assert len(parameters) == len(moved) - 1
        assert np.array_equal(weights["lm_head.weight"], weights["transformer.wte.weight"])
        assert np.array_equal(weights["transformer.h.0.attn.bias"][0, 0], np.tril(np.ones((16, 16))))
    else:  # its layers begin as copies of each other, and are not tied
        assert len(parameters) == len(moved)
        assert np.array_equal(before["blocks.0.attn.c_attn.weight"], before["blocks.1.attn.c_attn.weight"])
        assert not np.array_equal(weights["blocks.0.attn.c_attn.weight"], weights["blocks.1.attn.c_attn.weight"])


def test_the_state_dict_begins_where_the_run_ended(run):
    name, folder, _ = run
    data = EXPORTED / f"{name}.safetensors"
    losses = []
    # A resumed run; the state dict; the checkpoint's own file, whose moments are left out.
    kept = next(folder.glob("kept/step-20/*.safetensors"))
    for options in (("--init-weights", folder / "w.safetensors", "--checkpoint", "none", "--steps", "1"), ("--init-weights", kept, "--checkpoint", "none", "--steps", "1"),
                    ("--checkpoint", folder / "kept", "--steps", "21")):
        succeed("dpc", "run", folder / "m.dpc", "--data", data, "--lr", "1e-3", "--epochs", "0", "--report", folder / "next.json", *options)
        losses.append(json.loads((folder / "next.json").read_text())["losses"][-1])
    assert losses[0] == losses[1] == losses[2]


def test_verify_passes(run):
    name, folder, _ = run
    assert "verified" in succeed("dpc", "verify", folder / "m.dpc", "--data", EXPORTED / f"{name}.safetensors")
