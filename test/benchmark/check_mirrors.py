#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What --check-mirrors costs: a DualPipe step on two ranks and two threads without it and with it, in turns.

    python3 test/benchmark/check_mirrors.py [--dpc build/bin/dpc] [--repeats 9] [--steps 6]
"""
import argparse
import pathlib
import tempfile

import gpt2
import step


def main():
    parser = argparse.ArgumentParser(description="Time a step with --check-mirrors against one without")
    parser.add_argument("--dpc", type=pathlib.Path, default=step.ROOT / "build" / "bin" / "dpc")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        gpt2.write(folder, gpt2.Size())
        program = step.Program(options.dpc, folder, 2, "dualpipe", options.steps)
        without, with_ = [], []
        for round_ in range(options.repeats):
            # Who goes first changes, as the first run after a pause may be another.
            for times, flags in sorted([(without, []), (with_, ["--check-mirrors"])], key=lambda pair: len(pair[1]), reverse=round_ % 2 == 1):
                times.append(program.run(*flags)[0])
            print(f"{without[-1] * 1e3:.1f} ms, {with_[-1] * 1e3:.1f} ms", flush=True)
    print(f"without {min(without) * 1e3:.1f} ms, with --check-mirrors {min(with_) * 1e3:.1f} ms: {min(with_) / min(without):.4f}")


if __name__ == "__main__":
    main()
