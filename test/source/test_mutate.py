# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The faults that scripts/mutate plants: small, in code only, and different from what stands there."""
import importlib.machinery
import importlib.util
import os
import pathlib
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
loader = importlib.machinery.SourceFileLoader("mutate", str(SOURCE / "scripts" / "mutate"))
mutate = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutate", loader))
loader.exec_module(mutate)

TEXT = '''// a < b stays, as does this: x = 0;
#include <a> // 1 < 2
static_assert(1 < 2);
int f(int a) {
  std::string s = "a < b, 0"; // a == b
  const char *raw = R"(
    a < b;
  )";
  if (a < 3)
    total += a;
  log("0 < 1");
  return g(a, 0);
}'''


def test_every_fault_is_one_line_of_code():
    lines = TEXT.split("\n")
    found = list(mutate.faults(TEXT))
    assert {number for number, _ in found} == {8, 9, 10, 11}
    assert all(new != lines[number] for number, new in found)
    assert (8, "  if (a <= 3)") in found and (9, "    total -= a;") in found and (9, "    ;") in found
    assert (10, "  ;") in found and (11, "  return g(a, 1);") in found
    assert len(found) == 5


def test_the_seed_draws_the_same_faults():
    def listed(seed):
        done = subprocess.run([SOURCE / "scripts" / "mutate", "12", "--list", "--seed", str(seed)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert listed(5) == listed(5) != listed(6)
    assert listed(5).count("\n") == 12


def test_what_fails_is_named_and_no_test_is_no_answer(tmp_path):
    lit = tmp_path / "venv" / "bin" / "lit"
    lit.parent.mkdir(parents=True)

    def answer(status, text):
        lit.write_text(f"#!/bin/sh\necho '{text}'\nexit {status}\n")
        lit.chmod(0o755)
        return mutate.Tests(tmp_path).failure(["Import"])

    assert answer(0, "") is None
    assert answer(1, "FAIL: dpc :: Import/a.mlir (1 of 2)") == "Import/a.mlir"
    with pytest.raises(SystemExit, match="did not match any tests"):
        answer(2, "error: filter did not match any tests")


def test_tests_are_run_nearest_first():
    near = mutate.Tests(pathlib.Path("build")).near
    assert near(pathlib.Path("lib/Schedule/core/Text.cpp")) == ["Schedule", "unit-run/schedule-test"]
    assert near(pathlib.Path("lib/Dialect/NN/Loss.cpp"))[0] == "Dialect/NN"
    assert "unit-run/program-test" in near(pathlib.Path("runtime/program/check/Check.cpp"))
