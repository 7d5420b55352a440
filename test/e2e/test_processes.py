# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ranks in several processes, under each MPI: what they compute is what threads compute, bit for bit,
and what goes wrong ends all of them with one status and one message."""
import json
import os
import pathlib
import re
import shutil
import signal
import time

import pytest

from commands import execute, succeed
from launchers import LAUNCHERS, finish, needs, run, start

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
MODELS = SOURCE / "test" / "models"
USAGE, ARTIFACT, TIMEOUT, LOST, STOPPED, DATA, CHECKPOINT = 2, 3, 4, 5, 75, 9, 7
ALL = bool(os.environ.get("DPC_TEST_ALL"))


@pytest.fixture(params=list(LAUNCHERS))
def mpi(request):
    return needs(request.param)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Compiles once for all tests."""
    folder, made = tmp_path_factory.mktemp("compiled"), {}

    def compile_(model, *options):
        key = (model, *map(str, options))
        if key not in made:
            made[key] = folder / f"{len(made)}.dpc"
            succeed("dpc", "compile", MODELS / f"{model}.onnx", "-o", made[key], *options)
        return made[key]

    return compile_


def command(artifact, folder, *more, steps=5, data="synthetic:1", checkpoint="none"):
    return ["dpc-run", artifact, "--data", data, "--steps", steps, "--lr", 0.01, "--threads", 1, "--checkpoint", checkpoint, "--dump", folder / "dump", "--metrics", folder / "metrics.jsonl", "--report", folder / "report.json", *more]


def dumps(folder):
    """The bits of all steps: losses, gradients and weights."""
    return {path.name: path.read_bytes() for path in sorted((folder / "dump").iterdir())}


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def threads(artifact, tmp_path, *more, **options):
    folder = tmp_path / "threads"
    folder.mkdir()
    execute(*command(artifact, folder, *more, **options))
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What threads compute, once for all tests."""
    made = {}

    def run_(artifact):
        if artifact not in made:
            made[artifact] = threads(artifact, tmp_path_factory.mktemp("alone"))
        return made[artifact]

    return run_


CASES = [("gpt2", 2, "dualpipe", 2), ("gpt2", 4, "1f1b", 2), ("llama", 4, "dualpipev", 4), ("bert", 4, "zb-h1", 3), ("moe", 4, "dualpipe", 4), ("gpt2", 8, "dualpipe", 8)]
MORE = [(model, ranks, schedule, processes) for model in ("gpt2", "llama", "bert", "moe") for schedule in ("1f1b", "zb-h1", "dualpipe", "dualpipev")
        for ranks, processes in ((2, 2), (4, 2), (4, 4), (8, 8))]


@pytest.mark.parametrize("model, ranks, schedule, processes", MORE + CASES[3:4] if ALL else CASES)
def test_processes_compute_what_threads_compute(tmp_path, compiled, alone, mpi, model, ranks, schedule, processes):
    artifact = compiled(model, "--pp", ranks, "--micro-batches", 2 * ranks, "--schedule", schedule, "--optimizer", "sgd")
    folder = alone(artifact)
    spread = tmp_path / "spread"
    spread.mkdir()
    status, said = run(mpi, processes, *command(artifact, spread, "--trace", spread / "trace.json"))
    assert status == 0, said
    assert dumps(spread) == dumps(folder)
    # One of them speaks, and for all ranks.
    assert len(re.findall(r"5 steps, loss", said)) == 1, said
    steps, alone = ([m for m in metrics(f) if "step_s" in m] for f in (spread, folder))
    assert len(steps) == 5 and [m["loss"] for m in steps] == [m["loss"] for m in alone] and [m["grad_norm"] for m in steps] == [m["grad_norm"] for m in alone]
    assert all(m["peak_bytes"] == alone[0]["peak_bytes"] and len(m["peak_bytes"]) == ranks for m in steps)
    events = json.loads((spread / "trace.json").read_text())["traceEvents"]
    assert {e["pid"] for e in events if e.get("cat") == "task"} == set(range(ranks))


def test_replicas_and_a_mirror_over_processes(tmp_path, compiled, mpi):
    artifact = compiled("gpt2", "--pp", 2, "--dp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "adamw")
    folder = threads(artifact, tmp_path)
    for processes in (2, 4):
        spread = tmp_path / str(processes)
        spread.mkdir()
        status, said = run(mpi, processes, *command(artifact, spread))
        assert status == 0, said
        assert dumps(spread) == dumps(folder)


def test_a_checkpoint_goes_on_in_another_world(tmp_path, compiled, mpi):
    artifact = compiled("gpt2", "--pp", 4, "--micro-batches", 8, "--schedule", "dualpipe", "--optimizer", "adamw")
    whole = threads(artifact, tmp_path)
    (tmp_path / "spread").mkdir()
    status, said = run(mpi, 4, *command(artifact, tmp_path / "spread", steps=2, checkpoint=tmp_path / "kept"))
    assert status == 0, said
    for processes in (2, 1):
        folder, kept = tmp_path / f"on{processes}", tmp_path / f"kept{processes}"
        folder.mkdir()
        shutil.copytree(tmp_path / "kept", kept)
        status, said = run(mpi, processes, *command(artifact, folder, checkpoint=kept))
        assert status == 0, said
        assert "resuming from" in said and said.count("resuming from") == 1
        assert {k: v for k, v in dumps(whole).items() if k[5] in "345"} == dumps(folder)


@pytest.mark.parametrize("name", ["flags", "artifact", "processes", "link", "device", "data"])
def test_what_is_wrong_is_said_once(tmp_path, compiled, mpi, name):
    artifact = compiled("gpt2", "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "sgd")
    run_, processes = command(artifact, tmp_path, "--timeout", "20s"), 2
    if name == "artifact":
        other = compiled("gpt2", "--pp", 2, "--micro-batches", 4, "--schedule", "1f1b", "--optimizer", "sgd")
        script = tmp_path / "each.sh"
        script.write_text(f'#!/bin/sh\n[ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = 1 ] && set -- "$@" && exec dpc-run {other} "$@"\nexec dpc-run {artifact} "$@"\n')
        script.chmod(0o755)
        run_, words, status = [script, *run_[2:]], "has another artifact at", ARTIFACT
    elif name == "processes":
        processes, words, status = 3, "there are 3 processes for 2 ranks", USAGE
    elif name == "link":
        run_, words, status = [*run_, "--link", "latency=1ms"], "--link emulates links among the ranks of one process", USAGE
    elif name == "device":
        run_, words, status = [*run_, "--device", "virtual"], "device 'virtual' runs all ranks in one process, not in 2", USAGE
    elif name == "flags":
        run_, words, status = [*run_, "--epoch"], "there is no flag --epoch", USAGE
    else:
        run_, words, status = command(artifact, tmp_path, data=tmp_path / "none.safetensors"), "none.safetensors", DATA
    code, said = run(mpi, processes, *run_)
    assert code == status, said
    assert said.count(words) == 1, said


def test_a_launcher_whose_processes_are_not_joined_is_refused(tmp_path, compiled, mpi):
    artifact = compiled("gpt2", "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "sgd")
    other = next(name for name in LAUNCHERS if name != mpi)
    for transport, words in (("local", "would train the whole model"), ("nccl", "nccl"), (f"mpi:{other}", "mpi:")):
        if transport.startswith("mpi") and not shutil.which(f"mpicc.{other}"):
            continue
        status, said = run(mpi, 2, *command(artifact, tmp_path, "--transport", transport))
        assert status == USAGE and words in said, said


def test_a_process_that_does_not_come_is_not_waited_for(tmp_path, compiled, mpi):
    artifact = compiled("gpt2", "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "sgd")
    script = tmp_path / "late.sh"
    script.write_text('#!/bin/sh\n[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 1 ] && exec sleep 20\nexec "$@"\n')
    script.chmod(0o755)
    begin = time.time()
    status, said = run(mpi, 2, script, *command(artifact, tmp_path, "--launch-timeout", "2s"))
    assert "the world of processes has not come together in time" in said and time.time() - begin < 15, said
    assert status == TIMEOUT, said


def children(launched):
    """The processes of dpc-run under a launcher, in the order of their start."""
    pids = []
    for each in pathlib.Path("/proc").iterdir():
        try:
            arguments = (each / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is no process
            continue
        if arguments[0] == b"dpc-run" and str(launched.folder / "report.json").encode() in arguments:
            pids.append(int(each.name))
    return sorted(pids)


def long_run(mpi, compiled, tmp_path, *more):
    """A run under way: past its first steps."""
    artifact = compiled("gpt2", "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "sgd")
    launched = start(mpi, 2, "dpc-run", artifact, "--data", "synthetic:1", "--steps", 1000000, "--lr", 0.01, "--threads", 1, "--timeout", "6s", "--metrics",
                     tmp_path / "metrics.jsonl", "--report", tmp_path / "report.json", *more)
    launched.folder = tmp_path
    for _ in range(600):
        if (tmp_path / "metrics.jsonl").exists() and len(metrics(tmp_path)) > 3:
            return launched
        time.sleep(0.1)
    launched.kill()
    raise AssertionError(finish(launched))


def test_a_signal_stops_all_at_one_step(tmp_path, compiled, mpi):
    launched = long_run(mpi, compiled, tmp_path, "--checkpoint", tmp_path / "kept")
    os.kill(children(launched)[1], signal.SIGTERM)
    status, said = finish(launched, 60)
    assert status == STOPPED and said.count("stopped on request after step") == 1, said
    step = int(re.search(r"stopped on request after step (\d+)", said)[1])
    assert (tmp_path / "kept" / f"step-{step}").is_dir(), said


@pytest.mark.parametrize("which", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("process", [0, 1])
def test_a_process_that_is_lost_ends_all(tmp_path, compiled, mpi, which, process):
    """A launcher that ends the others itself has its own status then."""
    launched = long_run(mpi, compiled, tmp_path, "--checkpoint", tmp_path / "kept")
    pids, begin = children(launched), time.time()
    os.kill(pids[process], which)
    try:
        for _ in range(150):
            left = [pid for pid in pids if pid != pids[process] and pathlib.Path(f"/proc/{pid}").exists()]
            if not left:
                break
            time.sleep(0.1)
        assert not left and time.time() - begin < 14, "a process is left"
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    status, said = finish(launched, 30)
    assert status != 0, said
    if which == signal.SIGSTOP:
        assert f"process {process} has given no sign of life for" in said, said
    assert not (tmp_path / "kept").exists() or not list((tmp_path / "kept").glob("step-*")), "it saved though the world was broken"
