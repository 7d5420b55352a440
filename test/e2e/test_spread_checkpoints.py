# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checkpoints of several processes: each writes its part, any other world goes on from it, and what goes wrong in one leaves the one before."""
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from commands import succeed
from launchers import LAUNCHERS, needs, run
from test_checkpoints import fault

SOURCE, BUILD = pathlib.Path(os.environ["DPC_SOURCE_DIR"]), pathlib.Path(os.environ["DPC_BUILD_DIR"])
GPT2, MLP = SOURCE / "test" / "models" / "gpt2.onnx", SOURCE / "docs" / "mlp.onnxtxt"
ALL = bool(os.environ.get("DPC_TEST_ALL"))
CHECKPOINT, IO = 7, 11


@pytest.fixture(params=list(LAUNCHERS))
def mpi(request):
    return needs(request.param)


def compile_(out, model, *options):
    succeed("dpc", "compile", model, "-o", out, "--optimizer", "adamw", *options)
    return out


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """Eight ranks, and four in another layout, of the same step; and what the first lose in six steps."""
    folder = tmp_path_factory.mktemp("gpt2")
    eight = compile_(folder / "eight.dpc", GPT2, "--pp", 4, "--dp", 2, "--micro-batches", 8, "--schedule", "dualpipe")
    four = compile_(folder / "four.dpc", GPT2, "--pp", 2, "--dp", 2, "--micro-batches", 8, "--schedule", "zb-h1")
    succeed(*command(eight, folder, "none", steps=6))
    return eight, four, losses(folder)


@pytest.fixture(scope="module")
def mlp(tmp_path_factory):
    return compile_(tmp_path_factory.mktemp("mlp") / "m.dpc", MLP, "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--init", "seed:1")


def command(artifact, folder, checkpoint, *more, steps):
    return ["dpc-run", artifact, "--data", "synthetic:1", "--steps", steps, "--lr", 0.01, "--threads", 1, "--timeout", "60s", "--checkpoint", checkpoint,
            "--metrics", folder / "metrics.jsonl", *more]


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def losses(folder):
    return {m["step"]: m["loss"] for m in metrics(folder) if "step_s" in m}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def each(tmp_path, process, text):
    """A script that the launcher starts in each process, with `text` for one of them before the command."""
    script = tmp_path / f"only{process}.sh"
    script.write_text(f'#!/bin/sh\nif [ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = {process} ]; then\n{text}\nfi\nexec "$@"\n')
    script.chmod(0o755)
    return script


def only(tmp_path, process, environment):
    """The command, with a fault in one process."""
    return each(tmp_path, process, "\n".join(f"export {name}='{environment[name]}'" for name in environment if name.startswith("FAULT_") or name == "LD_PRELOAD"))


def test_what_eight_processes_write_other_worlds_go_on_from(tmp_path, gpt2, mpi):
    eight, four, whole = gpt2
    status, said = run(mpi, 8, *command(eight, tmp_path, tmp_path / "kept", steps=3))
    assert status == 0, said
    written = tmp_path / "kept" / "step-3"
    assert names(tmp_path / "kept") == ["step-3"] and losses(tmp_path) == {step: whole[step] for step in (1, 2, 3)}
    manifest = json.loads((written / "manifest.json").read_text())
    assert [f["name"] for f in manifest["files"]] == [f"state-{process}.safetensors" for process in range(8)]
    # Nobody writes much more than another that has the same.
    sizes = [f["bytes"] for f in manifest["files"]]
    assert max(sizes) < sum(sizes) / 2, sizes
    worlds = [(eight, 1), (eight, 2), (four, 1)] + ([(eight, 4), (eight, 8), (four, 2), (four, 4)] if ALL else [])
    for number, (artifact, processes) in enumerate(worlds):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copytree(tmp_path / "kept", folder / "kept")
        again = command(artifact, folder, folder / "kept", steps=6)
        status, said = run(mpi, processes, *again) if processes > 1 else (0, succeed(*again))
        assert status == 0 and said.count("resuming from") == 1, said
        got = losses(folder)
        assert sorted(got) == [4, 5, 6]
        np.testing.assert_allclose([got[s] for s in (4, 5, 6)], [whole[s] for s in (4, 5, 6)], rtol=1e-6, err_msg=f"{processes} processes")
        # What one process writes is whole tensors in one file.
        files = ["state.safetensors"] if processes == 1 else [f"state-{process}.safetensors" for process in range(processes)]
        assert names(folder / "kept" / "step-6") == ["manifest.json", *files]


def test_a_checkpoint_in_parts_is_exported_as_one(tmp_path, mlp, mpi):
    (tmp_path / "alone").mkdir()
    succeed(*command(mlp, tmp_path / "alone", tmp_path / "alone" / "kept", steps=2))
    status, said = run(mpi, 2, *command(mlp, tmp_path, tmp_path / "kept", steps=2))
    assert status == 0, said
    for folder in ("kept", "alone/kept"):
        succeed("dpc", "export", mlp, "--checkpoint", tmp_path / folder, "-o", tmp_path / f"{folder.replace('/', '-')}.safetensors")
    assert (tmp_path / "kept.safetensors").read_bytes() == (tmp_path / "alone-kept.safetensors").read_bytes()


def test_a_process_killed_while_it_writes_leaves_the_checkpoint_before(tmp_path, mlp, mpi):
    """At calls of writing of the second checkpoint, and beyond the last one."""
    again = command(mlp, tmp_path, tmp_path / "kept", "--checkpoint-every", 1, "--keep", 9, steps=3)
    for process in (0, 1):
        # The calls of one checkpoint, counted where none fails.
        count = tmp_path / f"count{process}"
        status, said = run(mpi, 2, only(tmp_path, process, fault("kept/step", 0, "kill", count)), *again)
        assert status == 0, said
        calls = int(count.read_text()) // 3
        assert calls > 5
        shutil.rmtree(tmp_path / "kept")
        for at in range(calls + 1, 2 * calls + 1) if ALL else (calls + calls // 2,):
            (tmp_path / "metrics.jsonl").unlink(missing_ok=True)
            status, said = run(mpi, 2, only(tmp_path, process, fault("kept/step", at, "kill", tmp_path / "log")), *again)
            assert status != 0, said
            complete = [path.parent.name for path in (tmp_path / "kept").glob("step-*[0-9]/manifest.json")]
            assert "step-1" in complete and "step-3" not in complete, (at, complete)
            (tmp_path / "metrics.jsonl").unlink(missing_ok=True)
            status, said = run(mpi, 2, *again)
            assert status == 0 and "resuming from" in said and "damaged" not in said, said
            assert names(tmp_path / "kept") == ["step-1", "step-2", "step-3"]
            shutil.rmtree(tmp_path / "kept")


def test_if_one_cannot_write_training_goes_on_and_the_next_is_kept(tmp_path, mlp, mpi):
    again = command(mlp, tmp_path, tmp_path / "kept", "--checkpoint-every", 1, "--keep", 9, steps=3)
    count = tmp_path / "count"
    status, said = run(mpi, 2, only(tmp_path, 1, fault("kept/step", 0, "fail", count)), *again)
    assert status == 0, said
    calls = int(count.read_text()) // 3
    for checkpoint in (2, 3):
        shutil.rmtree(tmp_path / "kept")
        (tmp_path / "metrics.jsonl").unlink(missing_ok=True)
        at = (checkpoint - 1) * calls + 2
        status, said = run(mpi, 2, only(tmp_path, 1, fault("kept/step", at, "fail", tmp_path / "log")), *again)
        assert status == (IO if checkpoint == 3 else 0), said
        assert said.count(f"the checkpoint of step {checkpoint} could not be kept: process 1: cannot write") == 1, said
        assert names(tmp_path / "kept") == [f"step-{n}" for n in (1, 2, 3) if n != checkpoint]
        failed = [m["step"] for m in metrics(tmp_path) if m.get("event") == "checkpoint" and "error" in m]
        assert failed == [checkpoint]


def test_a_folder_that_is_not_shared_is_refused(tmp_path, mlp, mpi):
    """Each process has a folder of its own, as on the disks of two machines."""
    (tmp_path / "other").mkdir()
    before = command(mlp, tmp_path, tmp_path / "one", steps=2)
    script = each(tmp_path, 1, f'exec {" ".join(str(a) for a in command(mlp, tmp_path, tmp_path / "other", steps=2))}')
    status, said = run(mpi, 2, script, *before)
    assert status == CHECKPOINT, said
    assert said.count("is not one for all processes") == 1 and "process 1 on " in said and f"('{tmp_path / 'other'}')" in said, said
    assert not (tmp_path / "one").exists() and not names(tmp_path / "other") and not (tmp_path / "metrics.jsonl").exists()
