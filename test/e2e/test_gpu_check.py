# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""scripts/gpu-check: the folder that is packed for a machine with a GPU, tried on the virtual device."""
import json
import os
import pathlib
import shutil

import pytest
from safetensors.numpy import load_file, save_file

from commands import call, execute, output
from emulated_gpu import EmulatedGpu, needs_emulator

SOURCE, BUILD = pathlib.Path(os.environ["DPC_SOURCE_DIR"]), pathlib.Path(os.environ["DPC_BUILD_DIR"])


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "pack"
    said = output(SOURCE / "scripts" / "gpu-check", "pack", folder, "--build", BUILD, "--device", "virtual", "--small")
    assert f"{folder}: " in said and said.rstrip().endswith("pack/run REPORT.json")
    return folder


def lines_of(report):
    """The facts of all checks, and the line of each."""
    lines = json.loads(report.read_text())
    facts = {key: value for line in lines if "check" not in line for key, value in line.items()}
    return facts, {line["check"]: line for line in lines if "check" in line}


def test_a_packed_folder_checks_a_device(tmp_path, packed):
    moved = shutil.copytree(packed, tmp_path / "elsewhere")
    said = output(moved / "run", tmp_path / "report.json", env={**os.environ, "LD_LIBRARY_PATH": "", "PATH": "/usr/bin:/bin"}, cwd=tmp_path)
    facts, checks = lines_of(tmp_path / "report.json")
    assert facts["device"] == "virtual" and "emulated" not in facts
    assert "0 failed" in said and "0 not reached" in said
    assert {line["result"] for line in checks.values()} == {"passed", "measured"}
    trained = [line for line in checks.values() if line["part"] == "models"]
    assert len(trained) == 3 and all(line["worst"]["gradient"] < 2e-5 for line in trained)
    same = [line for line in checks.values() if line["part"] == "bits"]
    assert same and all(line["worst"] == {"loss": 0, "gradient": 0, "weight": 0} for line in same)
    for line in checks.values():
        if line["part"] == "rates":
            assert line["copy_GB_per_s"] > 0 and line["host_us_per_launch"] > 0
            assert all(each["us"] > 0 and each["GB_per_s"] > 0 and each["of"] for each in line["kernels"])
            assert all(each["TFLOP_per_s"] > 0 for each in line["products"])
        if line["part"] == "steps":
            assert 0 < line["step_ms"]["least"] <= line["step_ms"]["median"] <= line["step_ms"]["most"]


@needs_emulator
def test_the_folder_for_a_gpu_goes_through_on_the_emulator(tmp_path):
    folder, gpu = tmp_path / "pack", EmulatedGpu(tmp_path)
    output(SOURCE / "scripts" / "gpu-check", "pack", folder, "--build", BUILD, "--small", "--twins", gpu.twins)
    said = output(folder / "run", tmp_path / "report.json", env=gpu.environment())
    assert "0 failed" in said and "0 not reached" in said
    lines = json.loads((tmp_path / "report.json").read_text())
    assert all(line["emulated"] is True for line in lines)
    done = {}
    for line in lines:
        if "check" in line:
            done.setdefault(line["part"], set()).add(line["result"])
    assert all(done[part] == {"passed"} for part in ("models", "bits", "delays", "ptx"))
    assert all(done[part] == {"measured"} for part in ("versions", "rates", "steps"))


def test_parts_are_chosen(tmp_path, packed):
    execute(packed / "run", tmp_path / "report.json", "--parts", "versions")
    assert [line["part"] for line in lines_of(tmp_path / "report.json")[1].values()] == ["versions"]
    execute(packed / "run", tmp_path / "report.json", "--parts", "versions,model", status=2,
            words=("there is no part 'model'", "bits, models, rates, steps, versions"))


def test_what_is_not_reached_is_said(tmp_path, packed):
    plan = json.loads((packed / "plan.json").read_text())
    for check in plan["checks"]:
        check["needs"] = 10 if check["part"] == "models" else 1000
    (packed / "short.json").write_text(json.dumps(plan))
    execute(packed / "run", tmp_path / "report.json", "--plan", packed / "short.json", "--seconds", 100)
    for line in lines_of(tmp_path / "report.json")[1].values():
        assert line["result"] == ("passed" if line["part"] == "models" else "not reached")


def test_other_values_are_a_failure(tmp_path, packed):
    moved = shutil.copytree(packed, tmp_path / "changed")
    expected = moved / "expected" / "gpt2-f32" / "step-3.safetensors"
    values = load_file(expected)
    values["param/transformer.wpe.weight"] *= 1.001
    save_file(values, expected)
    execute(moved / "run", tmp_path / "report.json", "--parts", "models", status=1,
            words=("the weight of param/transformer.wpe.weight off by", "3 failed"))
    _, checks = lines_of(tmp_path / "report.json")
    assert all(line["result"] == "failed" and 9e-4 < line["worst"]["weight"] < 1.1e-3 for line in checks.values())


def test_a_run_that_fails_or_takes_too_long_is_a_failure(tmp_path, packed):
    plan = json.loads((packed / "plan.json").read_text())
    model = next(check for check in plan["checks"] if check["part"] == "models")
    plan["checks"] = [{**model, "name": "no such flag", "flags": ["--no-such-flag"]},
                      {**model, "name": "too long", "flags": ["--data", "synthetic:1", "--steps", "10000000", "--lr", "0.01"], "seconds": 2},
                      {"part": "models", "name": "a program", "kind": "program", "command": ["sh", "-c", "echo it says; exit 3"]},
                      {"part": "models", "name": "not here", "kind": "program", "command": ["there-is-none"], "optional": True},
                      {"part": "models", "name": "cannot", "kind": "program", "command": ["sh", "-c", "exit 77"]}]
    (packed / "failing.json").write_text(json.dumps(plan))
    execute(packed / "run", tmp_path / "report.json", "--plan", packed / "failing.json", status=1, words=("3 failed", "2 skipped"))
    _, checks = lines_of(tmp_path / "report.json")
    assert "status 2" in checks["no such flag"]["why"] and "--no-such-flag" in checks["no such flag"]["why"]
    assert checks["too long"]["why"] == "its time was over" and checks["too long"]["seconds"] < 10
    assert checks["a program"]["why"] == "status 3: it says"


@pytest.mark.parametrize("change, words", [
    ({"kind": "walk"}, "'checks[0].kind' is 'walk', which this build does not know"),
    ({"artifact": "../elsewhere.dpc"}, "names '../elsewhere.dpc', which leaves the folder"),
    ({"same_as": "what comes behind"}, "needs one of 'expected' and 'same_as'"),
    ({"loss": -1}, "'checks[0].loss' is no number from 0 on"),
    ({"artifact": ""}, "'checks[0].artifact' is missing"),
])
def test_a_wrong_plan_is_refused(tmp_path, packed, change, words):
    plan = json.loads((packed / "plan.json").read_text())
    plan["checks"] = [{**next(check for check in plan["checks"] if check["part"] == "models"), **change}]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    execute(packed / "run", tmp_path / "report.json", "--plan", tmp_path / "plan.json", status=2, words=(words,))
    assert not (tmp_path / "report.json").exists()


def test_a_folder_that_is_there_is_left_alone(packed):
    done = call(SOURCE / "scripts" / "gpu-check", "pack", packed)
    assert done.returncode == 1 and "is there already" in done.stderr
    assert call(SOURCE / "scripts" / "gpu-check", "unpack").returncode == 2
