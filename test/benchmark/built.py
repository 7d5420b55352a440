# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Imported first by the scripts of this folder: finds the tools that were built, as docs/Performance.md calls the scripts."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("DPC_BUILD_DIR", ROOT / "build")) / "bin"
if not (BIN / "dpc").exists():
    sys.exit(f"error: there is no {BIN / 'dpc'}; build dpc first (scripts/demo), or say where with DPC_BUILD_DIR")
os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"


def call(*command):
    """What the command prints; ends the script with what it said if it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(done.args)}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
