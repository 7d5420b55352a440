#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a process for each rank costs: a DualPipe step on two ranks, as two threads of one process and as two processes under each MPI
that is installed, in turns. Prints the ratio of the fastest steps, and of the medians. Nothing is asserted.

    python3 test/benchmark/processes.py [--dpc build/bin/dpc] [--repeats 9] [--steps 6]
"""
import argparse
import os
import pathlib
import shutil
import statistics
import tempfile

import gpt2
import step

LAUNCHERS = {"mpirun.openmpi": ["--oversubscribe", "--bind-to", "none"], "mpiexec.mpich": []}


def write_wrapper(folder, dpc, launcher, flags):
    """A program that runs dpc in two processes, and compiles as dpc does."""
    path = folder / launcher
    path.write_text(f"""#!/bin/bash
[ "$1" = run ] || exec {dpc} "$@"
exec {launcher} {' '.join(flags)} -n 2 {dpc} "$@"
""")
    path.chmod(0o755)
    return path


class Processes(step.Program):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ranks = 1  # of each process, and as many threads


def main():
    parser = argparse.ArgumentParser(description="Time a step of two processes against one of two threads")
    parser.add_argument("--dpc", type=pathlib.Path, default=step.ROOT / "build" / "bin" / "dpc")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        gpt2.write(folder, gpt2.Size())
        programs = {"threads": step.Program(options.dpc, folder, 2, "dualpipe", options.steps)}
        for launcher, flags in LAUNCHERS.items():
            if shutil.which(launcher):
                programs[launcher] = Processes(write_wrapper(folder, options.dpc, launcher, flags), folder, 2, "dualpipe", options.steps, "-" + launcher)
        times = {name: [] for name in programs}
        for round_ in range(options.repeats):
            # Who goes first changes, as the first run after a pause may be another.
            for name in sorted(programs, reverse=round_ % 2 == 1):
                times[name].append(programs[name].run()[0])
            print(", ".join(f"{name} {t[-1] * 1e3:.1f} ms" for name, t in times.items()), flush=True)
        for name, t in times.items():
            print(f"{name}: fastest {min(t) * 1e3:.1f} ms, {min(t) / min(times['threads']):.3f} of threads; "
                  f"median {statistics.median(t) * 1e3:.1f} ms, {statistics.median(t) / statistics.median(times['threads']):.3f}")


if __name__ == "__main__":
    main()
