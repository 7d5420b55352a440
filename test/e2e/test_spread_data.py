# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data of several processes: who feeds none of it does not need to see it, and what one finds in it ends all alike."""
import json
import os
import pathlib

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from commands import succeed
from launchers import LAUNCHERS, needs, run

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
MODELS, MLP = SOURCE / "test" / "models", SOURCE / "docs" / "mlp.onnxtxt"
DATA, NONFINITE = 9, 6


@pytest.fixture(params=list(LAUNCHERS))
def mpi(request):
    return needs(request.param)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """Four stages, of which the first is fed tokens and the last labels; and its data."""
    folder = tmp_path_factory.mktemp("gpt2")
    succeed("dpc", "compile", MODELS / "gpt2.onnx", "-o", folder / "m.dpc", "--pp", 4, "--micro-batches", 4, "--schedule", "1f1b", "--optimizer", "sgd", "--loss", "loss")
    save_file(inputs(), folder / "d.safetensors")
    return folder


def inputs():
    return {k[3:]: v for k, v in load_file(MODELS / "gpt2.ref.safetensors").items() if k.startswith("in/")}


def command(artifact, data, folder, *more, steps=3):
    return ["dpc-run", artifact, "--data", data, "--epochs", 0, "--steps", steps, "--lr", 0.01, "--threads", 1, "--timeout", "60s", "--checkpoint", "none",
            "--metrics", folder / "metrics.jsonl", *more]


def losses(folder):
    return [m["loss"] for m in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()) if "step_s" in m]


def with_others(tmp_path, make, processes, other):
    """A script that runs the command of `make(data)` with data of another path in these processes."""
    script = tmp_path / "each.sh"
    words = " ".join(str(a) for a in make(other))
    script.write_text(f'#!/bin/sh\ncase "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" in {"|".join(map(str, processes))}) exec {words} ;; esac\nexec "$@"\n')
    script.chmod(0o755)
    return script


def test_who_feeds_nothing_needs_no_data(tmp_path, gpt2, mpi):
    def make(data, folder=tmp_path):
        return command(gpt2 / "m.dpc", data, folder, "--eval-data", data, "--eval-every", 2, "--eval-steps", 1)

    (tmp_path / "alone").mkdir()
    succeed(*make(gpt2 / "d.safetensors", tmp_path / "alone"))
    status, said = run(mpi, 4, with_others(tmp_path, make, [1, 2], tmp_path / "none.safetensors"), *make(gpt2 / "d.safetensors"))
    assert status == 0, said
    assert losses(tmp_path) == losses(tmp_path / "alone")
    # The last one feeds labels, and has none.
    status, said = run(mpi, 4, with_others(tmp_path, make, [3], tmp_path / "none.safetensors"), *make(gpt2 / "d.safetensors"))
    assert status == DATA and said.count("none.safetensors'") == 1, said


def test_data_that_is_not_the_same_is_refused(tmp_path, gpt2, mpi):
    def make(data):
        return command(gpt2 / "m.dpc", data, tmp_path)

    save_file({name: np.concatenate([value, value]) for name, value in inputs().items()}, tmp_path / "more.safetensors")
    status, said = run(mpi, 4, with_others(tmp_path, make, [3], tmp_path / "more.safetensors"), *make(gpt2 / "d.safetensors"))
    assert status == DATA and said.count("process 3 finds") == 1 and "all must have the same data" in said, said


def test_what_one_process_finds_in_its_data_ends_all(tmp_path, gpt2, mpi):
    """A label that is none, in the second step; the others wait for that process in it."""
    data = inputs()
    data["labels"] = data["labels"].copy()
    data["labels"].reshape(8, -1)[5, 3] = 10**6
    save_file(data, tmp_path / "d.safetensors")
    status, said = run(mpi, 4, *command(gpt2 / "m.dpc", tmp_path / "d.safetensors", tmp_path))
    assert status == DATA, said
    assert said.count("element 3 of micro-batch 5 is 1000000") == 1, said


def test_an_input_that_is_not_finite_is_named_once(tmp_path, mpi):
    """The process that reads it alone can see that it is not."""
    succeed("dpc", "compile", MLP, "-o", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 2, "--schedule", "1f1b", "--optimizer", "sgd", "--init", "seed:1")
    manifest = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())
    draw, data = np.random.default_rng(1), {}
    for spec in manifest["inputs"]:
        shape = (4, *spec["shape"])
        data[spec["name"]] = draw.standard_normal(shape).astype(np.float32) if spec["dtype"] == "f32" else draw.integers(0, spec.get("limit") or 2, shape)
    bad = next(spec["name"] for spec in manifest["inputs"] if spec["dtype"] == "f32")
    data[bad].reshape(4, -1)[1, 2] = np.nan
    save_file(data, tmp_path / "d.safetensors")
    status, said = run(mpi, 2, *command(tmp_path / "m.dpc", tmp_path / "d.safetensors", tmp_path))
    assert status == NONFINITE, said
    assert said.count(f"first not finite: input '{bad}', element 2 of the step's micro-batch 1") == 1, said
