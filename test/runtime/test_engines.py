# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What carries bytes between processes: each MPI that is installed, under its own launcher."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])
CONFORMANCE = BUILD / "test" / "world" / "engine-conformance"
LAUNCHERS = {"openmpi": ["mpirun.openmpi", "--oversubscribe", "-n"], "mpich": ["mpiexec.mpich", "-n"]}
PRODUCTS = {"openmpi": "Open MPI", "mpich": "MPICH"}
# Of a launcher around the tests, whose processes these are not.
OTHERS = ("OMPI_", "PMIX_", "PMI_", "SLURM_", "MPI_LOCAL", "HYDI_")


def environment():
    """Open MPI starts nothing as root without being told twice, and may not read another
    process's memory in most containers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    return {**kept, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}


def run(mpi, processes, *command):
    # Its group ends with it: launchers leave processes behind when they are killed.
    launched = subprocess.Popen([*LAUNCHERS[mpi], str(processes), *command], env=environment(), text=True, start_new_session=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said, _ = launched.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        os.killpg(launched.pid, 9)
        raise
    return launched.returncode, said


@pytest.fixture(params=list(LAUNCHERS))
def mpi(request):
    if not shutil.which(LAUNCHERS[request.param][0]):
        pytest.skip(f"there is no {LAUNCHERS[request.param][0]}")
    if not shutil.which(f"mpicc.{request.param}"):
        pytest.skip(f"mpi:{request.param} is not built: there is no mpicc.{request.param}")
    return request.param


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_conformance(mpi, processes):
    status, said = run(mpi, processes, CONFORMANCE, f"mpi:{mpi}", str(processes), "--gtest_color=no")
    assert status == 0, said
    assert re.search(rf"^mpi:{mpi}: {PRODUCTS[mpi]} \d+\.\d+\S*, {processes} processes$", said, re.MULTILINE), said
    # Process 0 speaks for all; the others say what fails.
    assert re.search(r"\[  PASSED  \] \d\d tests", said), said


def test_processes_of_another_launcher_are_worlds_of_their_own(mpi):
    other = next(name for name in LAUNCHERS if name != mpi)
    if not (BUILD / "lib" / f"libdpcrt-mpi-{other}.so").exists():
        pytest.skip(f"mpi:{other} is not built")
    status, said = run(mpi, 2, CONFORMANCE, f"mpi:{other}", "2")
    assert status != 0
    assert "a world of 1 processes, not of 2" in said


def test_a_failure_ends_all_processes(mpi):
    status, said = run(mpi, 2, CONFORMANCE, f"mpi:{mpi}", "3")
    assert status != 0
    assert "a world of 2 processes, not of 3" in said
