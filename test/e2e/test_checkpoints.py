# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs that are stopped, killed, starved of disk and resumed elsewhere: nothing that was
learned is lost, and a resumed run is the one that was not interrupted."""
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from commands import expect, succeed

SOURCE, BUILD = pathlib.Path(os.environ["DPC_SOURCE_DIR"]), pathlib.Path(os.environ["DPC_BUILD_DIR"])
MLP = SOURCE / "docs" / "mlp.onnxtxt"
STOPPED, CHECKPOINT, USAGE, IO = 75, 7, 2, 11


def compile_(out, model=MLP, ranks=2, micro_batches=4, schedule="dualpipe", optimizer="adamw", init=("--init", "seed:1"), more=()):
    succeed("dpc", "compile", model, "-o", out, "--force", "--pp", ranks, "--micro-batches", micro_batches, "--schedule", schedule,
            "--optimizer", optimizer, *init, *more)
    return out


@pytest.fixture(scope="module")
def mlp(tmp_path_factory):
    return compile_(tmp_path_factory.mktemp("mlp") / "m.dpc")


def command(artifact, *more, steps=6, lr=0.01):
    return ["dpc-run", artifact, "--data", "synthetic:1", "--lr", lr, "--steps", steps, "--threads", 1, *more]


def await_line(run, words):
    for line in run.stderr:
        if words in line:
            return
    raise AssertionError(f"'{words}' was never said")


def state(folder):
    """Of the only or newest checkpoint: its tensors, and what of its manifest a run decides."""
    manifests = {p.parent: json.loads(p.read_text()) for p in folder.glob("step-*[0-9]/manifest.json")}
    newest = max(manifests, key=lambda p: (manifests[p]["generation"], manifests[p]["step"]))
    manifest = manifests[newest]
    return (newest / "state.safetensors").read_bytes(), {k: manifest[k] for k in ("step", "updates", "cursor", "seed", "shuffle", "files")}


@pytest.fixture(scope="module")
def uninterrupted(mlp, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    succeed(*command(mlp, "--checkpoint", folder / "ck", "--dump", folder / "dump"))
    return folder


def test_one_checkpoint_beside_the_artifact_and_none_on_request(mlp, tmp_path):
    artifact = tmp_path / "model.dpc"
    shutil.copytree(mlp, artifact)
    said = succeed(*command(artifact, steps=2))
    assert "model.checkpoints/step-2" in said
    # A run without flags starts anew; the former one goes when the new one is there.
    said = succeed(*command(f"{artifact}/", steps=3))
    assert "starting anew" in said and "--resume auto" in said
    assert [p.name for p in (tmp_path / "model.checkpoints").iterdir()] == ["step-3"]
    succeed(*command(artifact, "--resume", "auto", steps=5))
    assert state(tmp_path / "model.checkpoints")[1]["step"] == 5
    shutil.rmtree(tmp_path / "model.checkpoints")
    succeed(*command(artifact, "--checkpoint", "none", steps=2))
    assert [p.name for p in tmp_path.iterdir()] == ["model.dpc"]
    # What cannot be written is found before the first step.
    (tmp_path / "model.checkpoints").write_text("a file")
    said = expect(*command(artifact, steps=2), status=IO)
    assert "--checkpoint DIR" in said and "step 1" not in said


def test_every_and_keep(mlp, tmp_path):
    succeed(*command(mlp, "--checkpoint", tmp_path / "a", "--checkpoint-every", 2, steps=9))
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["step-6", "step-8", "step-9"]
    succeed(*command(mlp, "--checkpoint", tmp_path / "b", "--checkpoint-every", 2, "--keep", 1, steps=9))
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["step-9"]


def test_a_resumed_run_is_the_uninterrupted_one(mlp, uninterrupted, tmp_path):
    folder = tmp_path / "ck"
    metrics = tmp_path / "m.jsonl"
    succeed(*command(mlp, "--checkpoint", folder, "--metrics", metrics, steps=2))
    said = succeed(*command(mlp, "--checkpoint", folder, "--dump", tmp_path / "dump", "--metrics", metrics))
    first = said.splitlines()[0]
    assert "resuming from" in first and "step-2" in first and "--resume never" in first
    assert state(folder) == state(uninterrupted / "ck")
    for step in range(3, 7):
        one, other = (load_file(f / "dump" / f"step-{step}.safetensors") for f in (tmp_path, uninterrupted))
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=f"step {step}, {name}")
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [line["step"] for line in lines if "step_s" in line] == [1, 2, 3, 4, 5, 6]
    assert [line["event"] for line in lines if "event" in line] == ["start", "checkpoint", "end", "resume", "checkpoint", "end"]
    assert "nothing is left to train" in succeed(*command(mlp, "--checkpoint", folder))


def test_bits_survive_a_resume_under_dualpipe_on_four_ranks(tmp_path):
    model = compile_(tmp_path / "gpt2.dpc", SOURCE / "test" / "models" / "gpt2.onnx", 4, 8, init=(), more=("--loss", "loss"))
    shuffled = ["--shuffle", 3, "--epochs", 0]
    save_file({k[3:]: v for k, v in load_file(SOURCE / "test" / "models" / "gpt2.ref.safetensors").items() if k.startswith("in/")},
              tmp_path / "d.safetensors")

    def run(folder, steps, *more):
        succeed("dpc-run", model, "--data", tmp_path / "d.safetensors", "--lr", 1e-3, "--steps", steps, "--checkpoint", folder, *more)

    run(tmp_path / "whole", 6, *shuffled)
    for steps in (1, 3, 6): # the order is the checkpoint's: the flag may be left out
        run(tmp_path / "parts", steps, *(shuffled if steps == 1 else ["--epochs", 0]))
    assert state(tmp_path / "parts") == state(tmp_path / "whole")


def test_a_chain_over_ranks_schedules_and_micro_batches(tmp_path):
    """The same samples in the same order, whatever holds the model: losses as in a chain on one rank."""
    gpt2 = SOURCE / "test" / "models" / "gpt2.onnx"
    save_file({k[3:]: v for k, v in load_file(SOURCE / "test" / "models" / "gpt2.ref.safetensors").items() if k.startswith("in/")},
              tmp_path / "d.safetensors")
    chain = [(4, 8, "dualpipe"), (2, 4, "zb-h1"), (1, 6, "1f1b"), (4, 10, "dualpipev"), (4, 8, "interleaved")]
    losses = {}
    for name in ("moving", "one"):
        losses[name], samples = [], []
        for number, (ranks, m, schedule) in enumerate(chain, 1):
            ranks, schedule = (ranks, schedule) if name == "moving" else (1, "1f1b")
            model = compile_(tmp_path / "m.dpc", gpt2, ranks, m, schedule, "sgd", init=(), more=("--loss", "loss"))
            metrics = tmp_path / "metrics.jsonl"
            metrics.unlink(missing_ok=True)
            succeed("dpc-run", model, "--data", tmp_path / "d.safetensors", "--epochs", 0, "--shuffle", 5, "--lr", 0.05, "--threads", number % 2 + 1,
                    "--steps", 2 * number, "--checkpoint", tmp_path / name, "--metrics", metrics)
            lines = [json.loads(line) for line in metrics.read_text().splitlines()]
            losses[name] += [line["loss"] for line in lines if "step_s" in line]
            samples += [line["samples"] for line in lines if "step_s" in line]
        assert samples == [16, 32, 40, 48, 60, 72, 92, 112, 128, 144] # two to a micro-batch, none twice
    np.testing.assert_allclose(losses["moving"], losses["one"], rtol=1e-6)


def test_what_is_of_another_model_is_refused_by_name(mlp, tmp_path):
    folder = tmp_path / "ck"
    succeed(*command(mlp, "--checkpoint", folder, steps=2))
    before = state(folder)

    def refused(artifact, *words):
        said = expect(*command(artifact, "--checkpoint", folder), status=CHECKPOINT)
        for word in words:
            assert word in said, f"'{word}' is not in\n{said}"

    refused(compile_(tmp_path / "sgd.dpc", optimizer="sgd"), "adamw", "sgd", "--resume never")
    text = MLP.read_text()
    (tmp_path / "wide.onnxtxt").write_text(text.replace("dims: 16", "dims: 24").replace('"512"', '"768"').replace('"64"', '"96"').replace('"256"', '"384"'))
    refused(compile_(tmp_path / "wide.dpc", tmp_path / "wide.onnxtxt"), "'fc1.weight' is f32[8, 16] in the checkpoint, f32[8, 24] in the model")
    (tmp_path / "other.onnxtxt").write_text(text.replace("fc2.", "head."))
    refused(compile_(tmp_path / "other.dpc", tmp_path / "other.onnxtxt"), "'head.weight'", "'fc2.weight'", "is not in the model")
    # Another graph around the same parameters is a note.
    (tmp_path / "same.onnxtxt").write_text(text.replace("Relu", "Tanh"))
    assert "another model file" in succeed(*command(compile_(tmp_path / "same.dpc", tmp_path / "same.onnxtxt"), "--checkpoint", folder, steps=3))
    assert state(folder)[1]["step"] == 3 and before[1]["step"] == 2
    # Another order of the samples would take some twice.
    said = expect(*command(mlp, "--checkpoint", folder, "--shuffle", 4), status=CHECKPOINT)
    assert "--shuffle 4" in said and "without it" in said


def test_damage_is_named_and_the_one_before_taken(mlp, uninterrupted, tmp_path):
    succeed(*command(mlp, "--checkpoint", tmp_path / "whole", "--checkpoint-every", 2, "--keep", 9))
    for number, damage in enumerate([lambda p: p.write_bytes(p.read_bytes()[:-1]), lambda p: p.write_bytes(p.read_bytes()[:-9] + b"123456789"),
                                     lambda p: p.unlink()]):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", folder)
        damage(folder / "step-6" / "state.safetensors")
        said = succeed(*command(mlp, "--checkpoint", folder))
        assert "step-6/state.safetensors" in said and "step-4" in said.splitlines()[0] and "checkpoint before is taken" in said
        assert state(folder)[0] == state(uninterrupted / "ck")[0]
        # Asked for by name, there is no other.
        damaged = tmp_path / f"{number}.damaged"
        shutil.copytree(tmp_path / "whole" / "step-6", damaged)
        damage(damaged / "state.safetensors")
        said = expect(*command(mlp, "--checkpoint", tmp_path / "new", "--resume", damaged), status=CHECKPOINT)
        assert f"{damaged}/state.safetensors" in said


def test_resume_from_an_earlier_one_is_another_run(mlp, tmp_path):
    folder = tmp_path / "ck"
    succeed(*command(mlp, "--checkpoint", folder, "--checkpoint-every", 2, "--keep", 9))
    succeed(*command(mlp, "--checkpoint", folder, "--resume", folder / "step-2", "--keep", 9, steps=3, lr=0.5))
    said = succeed(*command(mlp, "--checkpoint", folder, steps=4))
    assert "step-3" in said.splitlines()[0], "the branch that was begun last goes on, not the longest"
    succeed(*command(mlp, "--checkpoint", folder, "--resume", "never", steps=1))
    assert "step-1" in succeed(*command(mlp, "--checkpoint", folder, steps=2)).splitlines()[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_run_after_the_step_with_a_checkpoint(mlp, uninterrupted, tmp_path, number):
    files = ["--trace", tmp_path / "t.json", "--report", tmp_path / "r.json", "--metrics", tmp_path / "m.jsonl"]
    slow = command(mlp, "--checkpoint", tmp_path / "ck", "--link", "latency=100ms", *files)
    run = subprocess.Popen([str(c) for c in slow], stderr=subprocess.PIPE, text=True)
    await_line(run, "step 1/6") # redirected, it logs as it goes
    run.send_signal(number)
    said = run.stderr.read()
    assert run.wait(60) == STOPPED, said
    stopped = json.loads((tmp_path / "r.json").read_text())["steps"]
    assert f"after step {stopped} of 6" in said and f"step-{stopped}" in said
    assert json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    assert state(tmp_path / "ck")[1]["step"] == stopped < 6
    succeed(*command(mlp, "--checkpoint", tmp_path / "ck"))
    assert state(tmp_path / "ck") == state(uninterrupted / "ck")


def test_a_second_interrupt_stops_at_once(mlp, tmp_path):
    slow = command(mlp, "--checkpoint", tmp_path / "ck", "--link", "latency=5s")
    run = subprocess.Popen([str(c) for c in slow], stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    begin = time.monotonic()
    run.send_signal(signal.SIGINT)
    time.sleep(0.2)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == -signal.SIGINT
    assert time.monotonic() - begin < 3


def test_two_runs_at_one_time_into_one_output(mlp, tmp_path):
    def arguments(name):
        return {"checkpoint": ["--checkpoint", tmp_path / "ck"], "dump": ["--dump", tmp_path / "d"], "metrics": ["--metrics", tmp_path / "m"],
                "report": ["--report", tmp_path / "r"], "trace": ["--trace", tmp_path / "t"]}[name]
    for name in ("checkpoint", "dump", "metrics", "report", "trace"):
        elsewhere = [] if name == "checkpoint" else ["--checkpoint", tmp_path / f"{name}1"]
        run = subprocess.Popen([str(c) for c in command(mlp, *arguments(name), *elsewhere, "--link", "latency=100ms", "--log-every", 1, steps=1000)],
                               stderr=subprocess.PIPE, text=True)
        await_line(run, "step 1/1000")
        elsewhere = [] if name == "checkpoint" else ["--checkpoint", tmp_path / f"{name}2"]
        said = expect(*command(mlp, *arguments(name), *elsewhere), status=IO)
        assert "another run" in said and f"process {run.pid}" in said
        run.kill() # the lock dies with its owner
        run.wait(60)
        succeed(*command(mlp, *arguments(name), *elsewhere))


def test_a_full_disk_costs_the_new_checkpoint_only(mlp, tmp_path):
    folder = tmp_path / "ck"
    succeed(*command(mlp, "--checkpoint", folder, steps=1))
    former = state(folder)
    limited = dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)))
    said = expect(*command(mlp, "--checkpoint", folder, "--checkpoint-every", 1, steps=4), status=IO, **limited)
    assert "step 2 could not be kept" in said and "that of step 1 stays" in said and "training goes on" in said
    assert "4 steps" in said or "steps 2 to 4" in said
    assert state(folder) == former and [p.name for p in folder.iterdir()] == ["step-1"]
    succeed(*command(mlp, "--checkpoint", folder, steps=4))


def fault(folder, at, kind, log, errno=28):
    return dict(os.environ, LD_PRELOAD=str(BUILD / "test" / "fault" / "fault.so"), FAULT_FOLDER=str(folder), FAULT_AT=str(at), FAULT_KIND=kind,
                FAULT_LOG=str(log), FAULT_ERRNO=str(errno))


@pytest.mark.parametrize("kind", ["kill", "short", "fail"])
def test_a_fault_at_every_system_call_of_writing(mlp, tmp_path, kind):
    run = command(mlp, "--checkpoint", tmp_path / "x" / "ck", "--checkpoint-every", 1, "--keep", 2, "--log-every", 1, steps=4)
    (tmp_path / "x").mkdir()
    succeed(*run, env=fault("x/ck/step", 0, kind, tmp_path / "count"))
    whole, calls = state(tmp_path / "x" / "ck"), int((tmp_path / "count").read_text())
    assert calls > 60 or kind == "short"
    happened = 0
    for at in range(1, calls + 1):
        shutil.rmtree(tmp_path / "x" / "ck")
        done = subprocess.run([str(c) for c in run], capture_output=True, text=True, timeout=60,
                              env=fault("x/ck/step", at, kind, tmp_path / "log", errno=28 if at % 2 else 5))
        happened += done.returncode != 0 or "could not be kept" in done.stderr
        assert done.returncode in ([0, IO] if kind == "fail" else [-signal.SIGKILL]), (at, done.stderr)
        for complete in (tmp_path / "x" / "ck").glob("step-*[0-9]/manifest.json"):
            for file in json.loads(complete.read_text())["files"]:
                assert (complete.parent / file["name"]).stat().st_size == file["bytes"], f"call {at}"
        # The same command goes on; what it repeats and ends with is the run without the fault.
        said = succeed(*run)
        assert "damaged" not in said, f"call {at}\n{said}"
        assert state(tmp_path / "x" / "ck") == whole, f"call {at}"
        assert {p.name for p in (tmp_path / "x" / "ck").iterdir()} <= {f"step-{n}" for n in ((1, 2, 3, 4) if kind == "fail" else (2, 3, 4))}, f"call {at}"
    assert happened == calls if kind != "fail" else happened > calls // 2


def kill_at_random(artifact, folder, moments, seed):
    """kill -9 at random moments, the same command again and again; returns the most steps that were repeated."""
    every, steps = 50, 400 * max(moments, 4)
    draw = random.Random(seed)
    run = [str(c) for c in command(artifact, "--checkpoint", folder / "ck", "--checkpoint-every", every, "--metrics", folder / "m.jsonl",
                                   "--log-every", 0, steps=steps)]
    most, kills = 0, 0
    while True:
        process = subprocess.Popen(run, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            process.wait(draw.uniform(0.02, 0.3) if kills < moments else 300)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        else:
            assert process.returncode == 0, process.stderr.read()
            break
        steps_of = [[]]
        for line in (folder / "m.jsonl").read_text().splitlines() if (folder / "m.jsonl").exists() else []:
            line = json.loads(line) if line.endswith("}") else {}
            if line.get("event") in ("start", "resume"):
                steps_of.append([line.get("step", 0)])
            elif "step_s" in line:
                steps_of[-1].append(line["step"])
        for before, after in zip(steps_of[1:], steps_of[2:]):
            most = max(most, before[-1] - after[0])
    return most, kills, every, steps


def test_kill_nine_at_random_moments(mlp, tmp_path):
    moments = 200 if os.environ.get("DPC_TEST_ALL") else 12
    most, kills, every, steps = kill_at_random(mlp, tmp_path, moments, 1)
    print(f"{kills} kills, at most {most} of {steps} steps repeated, a checkpoint every {every}")
    assert kills >= moments // 2 and most <= 2 * every
    succeed(*command(mlp, "--checkpoint", tmp_path / "whole", "--log-every", 0, steps=steps))
    assert state(tmp_path / "ck") == state(tmp_path / "whole")


def test_a_checkpoint_of_an_earlier_build_is_resumed(mlp, tmp_path):
    """test/checkpoints/v1 was written when the format was new; what follows it is recorded beside it."""
    shutil.copytree(SOURCE / "test" / "checkpoints" / "v1", tmp_path / "ck")
    said = succeed(*command(mlp, "--checkpoint", tmp_path / "ck", "--dump", tmp_path / "dump", steps=6))
    assert "step-3" in said.splitlines()[0]
    wanted = json.loads((SOURCE / "test" / "checkpoints" / "v1.json").read_text())
    got = [float(load_file(tmp_path / "dump" / f"step-{s}.safetensors")["total_loss"]) for s in (4, 5, 6)]
    np.testing.assert_allclose(got, wanted["total_loss"], rtol=1e-6)
