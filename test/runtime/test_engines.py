# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What carries bytes between processes: each MPI that is installed, under its own launcher."""
import os
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "e2e"))
from launchers import LAUNCHERS, needs, run

BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])
CONFORMANCE = BUILD / "test" / "world" / "engine-conformance"
PRODUCTS = {"openmpi": "Open MPI", "mpich": "MPICH"}


@pytest.fixture(params=list(LAUNCHERS))
def mpi(request):
    return needs(request.param)


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
