# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The faults that scripts/mutate plants: small, in code only, and different from what stands there."""
import importlib.machinery
import importlib.util
import math
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


def test_every_other_test_is_run_once_and_the_slow_ones_last(tmp_path):
    tests, run = mutate.Tests(tmp_path), []
    tests.failure = lambda where=(), without=(): run.append((list(where), list(without)))
    near = ["Import", "unit-run/ImportTest"]
    assert tests.kill(pathlib.Path("lib/Import/Emitter.cpp")) is None
    assert run == [(near, []), ([], [])]
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / ".lit_test_times.txt").write_text("1.5e+00 e2e/a.py\n3.0e+01 e2e/b.py\n2.0e+02 e2e/c.py\n9.0e+01 source/d.py\n")
    run.clear()
    assert tests.kill(pathlib.Path("lib/Import/Emitter.cpp")) is None
    assert run == [(near, []), ([], ["e2e/b.py", "e2e/c.py"]), (["e2e/b.py", "e2e/c.py"], ["e2e/c.py"]), (["e2e/c.py"], [])]
    run.clear()
    tests.longest = 60
    assert tests.kill(pathlib.Path("lib/Import/Emitter.cpp")) is None
    assert run == [(near, ["e2e/c.py"]), ([], ["e2e/b.py", "e2e/c.py"]), (["e2e/b.py", "e2e/c.py"], ["e2e/c.py"])]
    tests.longest = math.inf
    tests.failure = lambda where=(), without=(): "e2e/b.py" if "e2e/b.py" in where else None
    assert tests.kill(pathlib.Path("lib/Import/Emitter.cpp")) == "e2e/b.py"


def test_tests_are_run_nearest_first():
    near = mutate.Tests(pathlib.Path("build")).near
    assert near(pathlib.Path("lib/Schedule/core/Text.cpp")) == ["Schedule", "unit-run/schedule-test"]
    assert near(pathlib.Path("lib/Dialect/NN/Loss.cpp"))[0] == "Dialect/NN"
    assert "unit-run/program-test" in near(pathlib.Path("runtime/program/check/Check.cpp"))
