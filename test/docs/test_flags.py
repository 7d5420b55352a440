# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every flag that a command's --help lists is used by a test of that command: a flag that does nothing would pass otherwise."""
import os
import pathlib
import re
import subprocess

import pytest

TESTS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test"
COMMANDS = ["check", "compile", "run", "eval", "verify", "explain", "inspect", "export"]
SCHEDULE = ["list", "show", "check", "simulate", "compare", "draw", "search"]
# In every command, by the one parser of command lines.
COMMON = {"--config", "--print-config", "--version"}
# What says how a model is read is one list of flags for these three.
MODEL = r'"(compile|check|explain)"|dpc (compile|check|explain)|compile_\('
# How a test says which command it calls, in Python, in RUN lines and in C++.
CALLS = {"run": r'"run"|dpc run|dpc-run|runCommand', "eval": r'"eval"|dpc eval', **dict.fromkeys(("compile", "check", "explain"), MODEL)}


def flags_of(*command):
    text = subprocess.run(["dpc", *command, "--help"], capture_output=True, text=True, check=True).stdout
    return sorted(set(re.findall(r"^\s+(?:-\w,)?(--[a-z][a-z0-9-]*)", text, re.MULTILINE)) - {"--help"} - COMMON)


def texts():
    for path in sorted(TESTS.rglob("*")):
        if path.suffix in (".py", ".test", ".mlir", ".onnxtxt", ".cpp", ".sh") and path.name != "test_flags.py":
            yield path.read_text(errors="replace")


ALL = list(texts())


def unused(command, call, flags):
    ours = [text for text in ALL if re.search(call, text)]
    return [flag for flag in flags if not any(re.search(re.escape(flag) + r"(?![a-z-])", text) for text in ours)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_in_a_test(command):
    flags = flags_of(command)
    assert flags
    assert unused(command, CALLS.get(command, rf'"{command}"|dpc {command}'), flags) == []


@pytest.mark.parametrize("command", SCHEDULE)
def test_every_flag_of_schedule_is_in_a_test(command):
    call = rf'"{command}"|schedule {command}'
    assert unused(command, call, flags_of("schedule", command)) == []


@pytest.mark.parametrize("command", [[c] for c in [*COMMANDS, "doctor"]] + [["schedule", c] for c in SCHEDULE], ids=" ".join)
def test_every_command_has_the_common_flags(command, tmp_path):
    def call(*more):
        return subprocess.run(["dpc", *command, *more], capture_output=True, text=True)

    assert "0." in call("--version").stdout
    (tmp_path / "c.toml").write_text('no-such-flag="1"\n')
    refused = call("--config", tmp_path / "c.toml", *(["m"] if command != ["schedule", "draw"] else []))
    assert refused.returncode == 2 and "no-such-flag" in refused.stderr
    # With what it requires given, the configuration is printed and nothing is done.
    required = {"run": ["m.dpc", "--data", "d", "--lr", "1"], "eval": ["m.dpc", "--data", "d"], "export": ["m.dpc", "-o", "x.onnx"],
                "doctor": [], "list": [], "compare": [], "draw": ["1f1b"], "search": ["--pp", "2"]}.get(command[-1], ["m.dpc"])
    printed = call(*required, "--print-config")
    assert printed.returncode == 0, printed.stderr
    assert all(value in printed.stdout for value in required if value[0] != "-")
