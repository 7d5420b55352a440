# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The examples of the pages on schedules are what dpc prints."""
import os
import pathlib
import re
import shlex
import subprocess

import pytest

DOCS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "docs"
EXAMPLES = [(page, command, output)
            for page in ("ScheduleFormat.md", "Simulation.md", "Comparing.md", "Search.md", "Schedules.md")
            for block in re.findall(r"^```console\n(.*?)^```$", (DOCS / page).read_text(), re.M | re.S)
            for command, output in re.findall(r"^\$ (dpc .*)\n((?:(?!\$ ).*\n)*)", block, re.M)]


def test_there_are_examples():
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("page,command,output", EXAMPLES)
def test_the_example_is_what_is_printed(page, command, output):
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=120)
    assert done.stdout + done.stderr == output
