# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs that lose a process, under launchers that leave the others alone and under those that
do not: all end within the time-out, with one status and one message, and leave nothing."""
import contextlib
import ctypes
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

from commands import succeed
from launchers import LAUNCHERS, begin, finish, needs, telling, told
from test_processes import MODELS, metrics

ALL = bool(os.environ.get("DPC_TEST_ALL"))
USAGE, ARTIFACT, TIMEOUT, LOST, ABORTED, KILLED = 2, 3, 4, 5, 134, 137
BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])
STEPS, SECONDS, LAUNCH_SECONDS = 60, 6, 8
LATE = 20  # seconds that a busy machine may take on top of a time-out
# So that a launcher does not end the others when one is lost.
RECOVERY = {"openmpi": ["mpirun.openmpi", "--oversubscribe", "--enable-recovery", "-n"], "mpich": ["mpiexec.mpich", "-disable-auto-cleanup", "-n"]}


@pytest.fixture(params=list(LAUNCHERS))
def mpi(request):
    return needs(request.param)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("compiled"), {}

    def compile_(schedule="dualpipe"):
        if schedule not in made:
            made[schedule] = folder / f"{schedule}.dpc"
            succeed("dpc", "compile", MODELS / "gpt2.onnx", "-o", made[schedule], "--pp", 2, "--micro-batches", 4, "--schedule", schedule, "--optimizer", "sgd")
        return made[schedule]

    return compile_


class Launched:
    """A run in two processes, whose launcher keeps its own files in the run's folder."""

    def __init__(self, launcher, folder, *command):
        self.folder = folder
        self.said = folder / "said"
        with open(self.said, "w") as said:
            self.launcher = begin([*launcher, "2", *map(str, telling(folder, *command))], said=said, TMPDIR=str(folder))
        self.begun, self.shared = time.time(), set()

    def processes(self):
        """Those of dpc-run, by their number."""
        found = {}
        for process in self.all():
            with contextlib.suppress(OSError, ValueError):
                variables = dict(each.split(b"=", 1) for each in pathlib.Path(f"/proc/{process}/environ").read_bytes().split(b"\0") if b"=" in each)
                if pathlib.Path(f"/proc/{process}/comm").read_text() == "dpc-run\n":
                    found[int(variables.get(b"OMPI_COMM_WORLD_RANK", variables.get(b"PMI_RANK")))] = process
        return found

    def all(self):
        """Everything that the launcher has started and that still runs."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.folder).encode() in (process / "cmdline").read_bytes() and int(process.name) != os.getpid():
                    found.append(int(process.name))
        return found

    def remember_shared_memory(self):
        for process in self.processes().values():
            with contextlib.suppress(OSError):
                self.shared |= set(re.findall(r"/dev/shm/\S+", pathlib.Path(f"/proc/{process}/maps").read_text()))

    def heard(self):
        return self.said.read_text()

    def until(self, is_so, seconds=LATE):
        end = time.time() + seconds
        while not is_so() and time.time() < end:
            time.sleep(0.02)
        return is_so()

    def ends(self, seconds):
        """Waits for the launcher; its status and what all have said. Nothing is left then."""
        try:
            self.launcher.wait(seconds)
            assert self.until(lambda: not self.all()), f"left: {self.all()}"
            assert not [name for name in self.shared if os.path.exists(name)], "shared memory is left"
            assert not list(self.folder.glob("ompi.*")) and not list(self.folder.glob("openmpi-sessions-*")), "Open MPI's session is left"
        finally:
            self.kill()
        return self.launcher.returncode, self.heard()

    def kill(self):
        for process in self.all():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if self.launcher.poll() is None:
            os.killpg(self.launcher.pid, signal.SIGKILL)
            self.launcher.wait()


def command(artifact, folder, steps=STEPS):
    return ["dpc-run", artifact, "--data", "synthetic:1", "--steps", steps, "--lr", 0.01, "--threads", 1, "--timeout", f"{SECONDS}s", "--launch-timeout", f"{LAUNCH_SECONDS}s",
            "--checkpoint", folder / "kept", "--checkpoint-every", 10, "--metrics", folder / "metrics.jsonl"]


def under_way(launcher, compiled, folder):
    """A run of many steps, past its first ones."""
    launched = Launched(launcher, folder, *command(compiled(), folder, 1000000))
    if not launched.until(lambda: (folder / "metrics.jsonl").exists() and len(metrics(folder)) > 3, 60):
        launched.kill()
        raise AssertionError(launched.heard())
    return launched


def statuses(folder):
    return {process: status for process, (status, _) in told(folder).items()}


@pytest.fixture(scope="module")
def length(tmp_path_factory, compiled):
    """How long a run takes that nothing happens to."""
    measured = {}

    def measure(mpi):
        if mpi not in measured:
            folder = tmp_path_factory.mktemp("whole")
            whole = Launched(RECOVERY[mpi], folder, *command(compiled(), folder))
            begun = time.time()
            status, said = whole.ends(120)
            assert status == 0 and statuses(folder) == {0: 0, 1: 0}, said
            measured[mpi] = time.time() - begun
        return measured[mpi]

    return measure


# Whether the launcher lets the others end by themselves, and the seed of a moment and of who is killed.
KILLS = [(recovery, moment) for recovery in (True, False) for moment in range(20)] if ALL else [(True, 0)]


@pytest.mark.skipif(not ALL, reason="takes minutes; test_processes.py kills and stops processes in every run")
@pytest.mark.parametrize("recovery, moment", KILLS)
def test_who_is_killed_ends_all(tmp_path, compiled, mpi, length, recovery, moment):
    """At a moment from before its processes have met to their end."""
    drawn = random.Random(moment)
    victim, after = drawn.randrange(2), (drawn.uniform(0, 1.05) if ALL else 0.7) * length(mpi)
    launched = Launched((RECOVERY if recovery else LAUNCHERS)[mpi], tmp_path, *command(compiled(), tmp_path))
    time.sleep(after)
    launched.until(lambda: victim in launched.processes() or victim in told(tmp_path) or launched.launcher.poll() is not None)
    launched.remember_shared_memory()
    killed = time.time()
    with contextlib.suppress(KeyError, ProcessLookupError):
        os.kill(launched.processes()[victim], signal.SIGKILL)
    try:
        status, said = launched.ends(LAUNCH_SECONDS + LATE)
    except subprocess.TimeoutExpired:
        # Open MPI's own mpirun may stand still at its end (PMIx_server_finalize), behind all processes.
        if recovery or set(statuses(tmp_path)) != {0, 1}:
            raise
        status, said = launched.launcher.returncode, launched.heard()
    ended = statuses(tmp_path)
    if ended.get(victim) == 0:  # it had done everything
        assert ended.get(1 - victim) in (0, LOST), (ended, said)
    elif not recovery:
        # A launcher that ends all has a status of its own, MPICH's that of whatever it sent first.
        assert status != 0, (ended, said)
    elif ended[1 - victim] == 0:
        # All had agreed that everything is done, and what was killed was on its way out.
        assert (tmp_path / "kept" / f"step-{STEPS}" / "manifest.json").exists() and f"{STEPS} steps" in said, (ended, said)
    else:
        assert ended[victim] == KILLED, (ended, said)
        if ended[1 - victim] == ABORTED and "process_vm_readv" in said:
            return  # by UCX, as it read from the victim
        before = ended[1 - victim] == TIMEOUT and "the world of processes has not come together in time" in said
        # A neighbour is silent, or the engine notices, or it is the very end.
        noticed = f"process {victim} has given no sign of life for" in said or re.search(r"dpc run: mpi:\w+, .*; a process has ended, or cannot be reached$", said, re.MULTILINE)
        lost = ended[1 - victim] == LOST and (noticed or "another process has ended, or stands still, while all end" in said)
        assert before or lost, (ended, said)
        assert told(tmp_path)[1 - victim][1] - killed < (LAUNCH_SECONDS if before else SECONDS) + LATE, "long after the time-out"
    # What it has kept is whole; what was being written has another name.
    for checkpoint in (folder for folder in (tmp_path / "kept").glob("step-*") if folder.name[5:].isdigit()):
        status, said = finish(begin(["dpc-run", compiled(), "--data", "synthetic:1", "--steps", str(int(checkpoint.name[5:]) + 1), "--lr", "0.01", "--checkpoint", "none", "--resume", checkpoint]))
        assert status == 0, said


@pytest.mark.skipif(not ALL, reason="test_processes.py has it with launchers that end all")
def test_who_does_not_come_is_not_waited_for(tmp_path, compiled, mpi):
    script = tmp_path / "late.sh"
    script.write_text(f'#!/bin/sh\n[ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = 1 ] && exec sleep 600 {tmp_path}\nexec "$@"\n')
    script.chmod(0o755)
    launched = Launched(RECOVERY[mpi], tmp_path, script, *command(compiled(), tmp_path))
    try:
        assert launched.until(lambda: 0 in told(tmp_path), LAUNCH_SECONDS + LATE), launched.heard()
    finally:
        launched.kill()
    assert statuses(tmp_path)[0] == TIMEOUT and "the world of processes has not come together in time" in launched.heard(), launched.heard()


@pytest.mark.skipif(not ALL, reason="takes minutes; test_processes.py kills and stops processes in every run")
@pytest.mark.parametrize("process", [0, 1] if ALL else [1])
def test_who_stands_still_ends_all(tmp_path, compiled, mpi, process):
    launched = under_way(RECOVERY[mpi], compiled, tmp_path)
    launched.remember_shared_memory()
    stopped = launched.processes()[process]
    os.kill(stopped, signal.SIGSTOP)
    assert launched.until(lambda: 1 - process in told(tmp_path)), launched.heard()
    assert statuses(tmp_path) == {1 - process: LOST}
    os.kill(stopped, signal.SIGCONT)  # it learns that it has been given up
    _, said = launched.ends(SECONDS + LATE)
    aborted = "process_vm_readv" in said  # by UCX, as it read from the one that had given it up
    assert statuses(tmp_path) == {1 - process: LOST, process: ABORTED if aborted else LOST}, said
    assert f"process {process} has given no sign of life for" in said, said


@pytest.mark.skipif(not ALL, reason="takes minutes; test_processes.py kills and stops processes in every run")
def test_a_thread_that_stands_still_is_a_timeout_that_says_what_all_do(tmp_path, compiled, mpi):
    """Its process goes on to give signs of life, so only what waits for its streams tells."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes, libc.ptrace.restype = [ctypes.c_long] * 4, ctypes.c_long
    seize, interrupt, every_thread = 0x4206, 0x4207, 0x40000000
    launched = under_way(RECOVERY[mpi], compiled, tmp_path)
    try:
        process = launched.processes()[1]

        def used(thread):
            try:
                fields = pathlib.Path(f"/proc/{process}/task/{thread}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:  # it has ended, as one that writes a checkpoint does
                return -1
            return int(fields[11])

        # The stream of computation uses the most of a core.
        before = {int(thread): used(thread) for thread in os.listdir(f"/proc/{process}/task")}
        time.sleep(1)
        stream = max(before, key=lambda thread: used(thread) - before[thread])
        if libc.ptrace(seize, stream, 0, 0) != 0:
            pytest.skip(f"a process may not be traced here: {os.strerror(ctypes.get_errno())}")
        assert libc.ptrace(interrupt, stream, 0, 0) == 0
        os.waitpid(stream, every_thread)
        assert launched.until(lambda: 0 in told(tmp_path), SECONDS + LATE), launched.heard()
        said = launched.heard()
    finally:
        launched.kill()
        with contextlib.suppress(ChildProcessError, UnboundLocalError):
            os.waitpid(stream, every_thread)
    assert statuses(tmp_path)[0] == TIMEOUT, said
    moved, come = f"nothing has moved for {SECONDS} s (--timeout); every stream waits:", "process 1 has not come to exchange a step's result"
    assert said.count(moved) + said.count(come) == 1, said
    for rank in (0, 1) if moved in said else (1,):
        for name in ("compute", "comm", "reduce"):
            assert re.search(rf"^  rank {rank}, stream {name}: ", said, re.MULTILINE), said


@pytest.mark.parametrize("recovery", [False, True])
def test_two_artifacts_end_all_alike(tmp_path, compiled, mpi, recovery):
    launcher = (RECOVERY if recovery else LAUNCHERS)[mpi]
    script = tmp_path / "each.sh"
    script.write_text(f'#!/bin/sh\n[ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = 1 ] && exec dpc-run {compiled("1f1b")} "$@"\nexec dpc-run {compiled()} "$@"\n')
    script.chmod(0o755)
    status, said = Launched(launcher, tmp_path, script, *command(compiled(), tmp_path)[2:]).ends(SECONDS + LATE)
    assert statuses(tmp_path) == {0: ARTIFACT, 1: ARTIFACT}, said
    assert said.count("has another artifact at") == 1, said
    assert status == ARTIFACT or recovery, said


@pytest.fixture(scope="module")
def other_build(tmp_path_factory):
    """dpc-run and its plug-ins of another version: of what they have in common, the version alone
    is another one. It is a constant in each of them."""
    version = set(re.findall(r"DPCRT_PLUGIN_VERSION=0x([0-9a-f]+)u", (BUILD / "build.ninja").read_text()))
    assert len(version) == 1
    own = int(version.pop(), 16)
    folder = tmp_path_factory.mktemp("other")
    (folder / "bin").mkdir(), (folder / "lib").mkdir()
    for path in [BUILD / "bin" / "dpc-run", *(BUILD / "lib").glob("libdpcrt*.so*")]:
        content, to = path.read_bytes(), folder / path.parent.name / path.name
        to.write_bytes(content.replace(own.to_bytes(4, "little"), (own ^ 1).to_bytes(4, "little")))
        assert path.name != "dpc-run" or to.read_bytes() != content
        shutil.copymode(path, to)
    return folder / "bin" / "dpc-run"


@pytest.mark.parametrize("recovery", [False, True])
def test_two_builds_end_all_alike(tmp_path, compiled, mpi, other_build, recovery):
    launcher = (RECOVERY if recovery else LAUNCHERS)[mpi]
    script = tmp_path / "each.sh"
    script.write_text(f'#!/bin/sh\n[ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = 1 ] && exec {other_build} "$@"\nexec dpc-run "$@"\n')
    script.chmod(0o755)
    status, said = Launched(launcher, tmp_path, script, *command(compiled(), tmp_path)[1:]).ends(SECONDS + LATE)
    assert statuses(tmp_path) == {0: USAGE, 1: USAGE}, said
    assert said.count("runs another version of dpc than process") == 1, said
    assert status == USAGE or recovery, said
