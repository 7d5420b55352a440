# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs every command of docs/TrainYourModel.md, in order, as it stands there; and those that the README shows."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import onnx
import pyarrow
import pyarrow.parquet
import pytest
from pages import code_blocks
from safetensors.numpy import load_file

SOURCE, BUILD = pathlib.Path(os.environ["DPC_SOURCE_DIR"]), pathlib.Path(os.environ["DPC_BUILD_DIR"])
EXPORTED = SOURCE / "test" / "exported"


def run(text, folder, status=0):
    """A block of commands, with the python of the tests."""
    environment = {**os.environ, "PYTHONPATH": str(BUILD / "python"), "PATH": f"{pathlib.Path(os.environ['DPC_PYTHON']).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, f"{text}\n{done.stdout}{done.stderr}"
    return done.stderr + done.stdout


@pytest.fixture
def folder(tmp_path):
    """What the reader brings: an exported model and tokens, of a language that can be learned."""
    shutil.copy(EXPORTED / "nanogpt.onnx", tmp_path / "model.onnx")
    rng = np.random.default_rng(1)
    tokens = np.cumsum(rng.choice([1, 2, 5], 4000)) % 64
    np.save(tmp_path / "train.npy", tokens[:3600])
    rows = [row.tolist() for row in tokens[3600:].reshape(-1, 50)]
    pyarrow.parquet.write_table(pyarrow.table({"text": ["x"] * len(rows), "input_ids": rows}), tmp_path / "held-out.parquet")
    np.save(tmp_path / "ids.npy", tokens[:3200].reshape(100, 2, 16))
    np.save(tmp_path / "labels.npy", tokens[1:3201].reshape(100, 2, 16))
    (tmp_path / "runs").mkdir()
    return tmp_path


def test_every_command_of_the_page(folder):
    blocks = list(code_blocks((SOURCE / "docs" / "TrainYourModel.md").read_text(), "sh"))
    assert len(blocks) >= 11
    said = [run(block, folder) for block in blocks]
    everything = "\n".join(said)
    assert "verified: 1 step" in everything and "resuming from runs/a/step-40" in everything and "resuming from runs/a/step-60" in everything
    lines = [json.loads(line) for line in (folder / "runs" / "a.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "step_s" in line]
    assert len(losses) == 40 and losses[-1] < losses[0] - 0.3
    assert [line["step"] for line in lines if line.get("event") == "eval"] == [20, 40]
    # What was learned is in both exports, and is not what training began with.
    weights, initial = load_file(folder / "weights.safetensors"), load_file(folder / "data.safetensors")
    assert initial["idx"].shape == (100, 2, 16)
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(folder / "trained.onnx").graph.initializer}
    before = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(folder / "model.onnx").graph.initializer}
    name = next(n for n in stored if n in weights and stored[n].shape == weights[n].shape and stored[n].ndim == 1)
    np.testing.assert_array_equal(stored[name], weights[name])
    assert not np.array_equal(stored[name], before[name])
    assert "forecast" in (folder / "runs" / "a.html").read_text()


def test_tables_and_arrays_become_tokens(folder):
    tokens = np.load(folder / "train.npy")
    run("python -m dpc.data tokens train.npy train.npy -o twice.bin --dtype u16", folder)
    np.testing.assert_array_equal(np.fromfile(folder / "twice.bin", "<u2"), np.concatenate([tokens, tokens]))
    table = pyarrow.table({"tokens": [[1, 2], [], [70000]]})
    with pyarrow.OSFile(str(folder / "t.arrow"), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    assert "dtype=u32" in run("python -m dpc.data tokens t.arrow -o t.bin", folder)
    np.testing.assert_array_equal(np.fromfile(folder / "t.bin", "<u4"), [1, 2, 70000])
    assert "does not fit u16; u32 would hold it" in run("python -m dpc.data tokens t.arrow -o u.bin --dtype u16", folder, status=9)
    np.save(folder / "bad.npy", np.array([3, -1]))
    assert "token -1" in run("python -m dpc.data tokens bad.npy -o u.bin", folder, status=9)
    np.save(folder / "bad.npy", np.array([0.5]))
    assert "whole numbers" in run("python -m dpc.data tokens bad.npy -o u.bin", folder, status=9)
    assert "text, input_ids" in run("python -m dpc.data tokens held-out.parquet --column ids -o u.bin", folder, status=9)
    assert "--force" in run("python -m dpc.data tokens train.npy -o t.bin", folder, status=2)
    assert run("python -m dpc.data tokens none.npy -o u.bin", folder, status=9).endswith("'none.npy'\n")
    assert run("python -m dpc.data tokens train.npy -o none/u.bin", folder, status=11).endswith("'none/u.bin'\n")
    assert "'None'" not in run("python -m dpc.data tokens none.arrow -o u.bin", folder, status=9)
    assert not (folder / "u.bin").exists()


def test_what_the_readme_shows(folder):
    readme = (SOURCE / "README.md").read_text()
    block = next(b for b in code_blocks(readme, "sh") if "dpc compile" in b)
    commands = [line for line in block.replace("\\\n", " ").splitlines() if line.startswith("dpc ")]
    assert len(commands) >= 6
    run("python -m dpc.data tokens train.npy -o train.bin", folder)
    said = run("\n".join(commands), folder)
    assert "weights: " in said and (folder / "weights.safetensors").exists()


def test_the_picture_is_what_the_command_draws(tmp_path):
    readme = (SOURCE / "README.md").read_text()
    command = re.search(r"`(dpc schedule draw [^`]*)`", readme).group(1)
    drawn = subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout
    assert drawn == (SOURCE / "docs" / "schedules.svg").read_text()
    assert "docs/schedules.svg" in readme
