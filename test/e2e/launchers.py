# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Commands as several processes, under each MPI's own launcher."""
import os
import pathlib
import shutil
import subprocess

import pytest

LAUNCHERS = {"openmpi": ["mpirun.openmpi", "--oversubscribe", "-n"], "mpich": ["mpiexec.mpich", "-n"]}
# Of a launcher around the tests, whose processes these are not.
OTHERS = ("OMPI_", "PMIX_", "PMI_", "SLURM_", "MPI_LOCAL", "HYDI_")


def environment():
    """Open MPI starts nothing as root without being told twice, and may not read another
    process's memory in most containers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    return {**kept, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}


def needs(mpi):
    """Skips where the launcher is not installed, or its plug-in not built."""
    if not shutil.which(LAUNCHERS[mpi][0]):
        pytest.skip(f"there is no {LAUNCHERS[mpi][0]}")
    if not shutil.which(f"mpicc.{mpi}"):
        pytest.skip(f"mpi:{mpi} is not built: there is no mpicc.{mpi}")
    return mpi


def telling(folder, *command):
    """A command as one of several processes, each of which leaves its status in the folder:
    a launcher has but one, and that may be its own. See `told`. What a launcher sends to end
    the others, or to say that one is lost, is for the command alone."""
    script = pathlib.Path(folder) / "telling.sh"
    script.write_text(f'#!/bin/sh\ntrap : TERM USR1\n"$@"\nstatus=$?\necho "$status $(date +%s.%N)" > "{folder}/.part.$$"\nmv "{folder}/.part.$$" "{folder}/ended.$' + '{OMPI_COMM_WORLD_RANK:-$PMI_RANK}"\nexit "$status"\n')
    script.chmod(0o755)
    return [script, *command]


def told(folder):
    """The statuses of the processes that have ended, and when they did."""
    ended = {}
    for path in pathlib.Path(folder).glob("ended.*"):
        status, at = path.read_text().split()
        ended[int(path.suffix[1:])] = int(status), float(at)
    return ended


def start(mpi, processes, *command):
    """In a group of its own: launchers leave processes behind when they are killed."""
    return begin([*LAUNCHERS[mpi], str(processes), *map(str, command)])


def begin(command, said=subprocess.PIPE, **variables):
    return subprocess.Popen(command, env={**environment(), **variables}, text=True, start_new_session=True, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)


def finish(launched, timeout=300):
    """Its status, and what all processes said."""
    try:
        said, _ = launched.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(launched.pid, 9)
        raise
    return launched.returncode, said


def run(mpi, processes, *command):
    return finish(start(mpi, processes, *command))
