# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Commands as several processes, under each MPI's own launcher."""
import os
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


def start(mpi, processes, *command):
    """In a group of its own: launchers leave processes behind when they are killed."""
    return subprocess.Popen([*LAUNCHERS[mpi], str(processes), *map(str, command)], env=environment(), text=True, start_new_session=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


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
