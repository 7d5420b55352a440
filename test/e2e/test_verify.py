# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""dpc verify: silent on what dpc compiles, and loud about programs into which a fault was put."""
import os
import pathlib
import re
import shutil

import pytest

from commands import call
from seal import seal

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
OPTIONS = ["--pp", "2", "--micro-batches", "4", "--schedule", "dualpipe", "--optimizer", "adamw"]


@pytest.fixture(scope="module")
def phases(tmp_path_factory):
    """GPT-2 on two mirrored stages, with the IR after each phase."""
    folder = tmp_path_factory.mktemp("phases")
    done = call("dpc", "compile", MODELS / "gpt2.onnx", "-o", folder / "good.dpc", "--dump-phases", folder, *OPTIONS)
    assert done.returncode == 0, done.stderr
    return folder


def replace_once(text, pattern, replacement, after=""):
    """Changes the first match behind `after`; that there is one is part of the test."""
    begin = text.index(after)
    changed, count = re.subn(pattern, replacement, text[begin:], count=1)
    assert count == 1, f"nothing matches {pattern}"
    return text[:begin] + changed


def swap_micro_batches(text):
    # Rank 0's last stage sees the labels of micro-batch 3 for 2, and of 2 for 3.
    begin = text.index("prog.program")
    swapped = {"2": "3", "3": "2"}
    changed, count = re.subn(r'(prog\.feed "labels" )([23])', lambda m: m[1] + swapped[m[2]], text[begin:], count=2)
    assert count == 2
    return text[:begin] + changed


def drop_accumulation(text):
    return replace_once(text, "accumulate true", "accumulate false")


def read_stale_slot(text):
    # The second run of a weight half gets a kept value of the first run's micro-batch.
    first, second = list(re.finditer(r"prog\.run @s1\.weight_half\((%\d+), ", text))[:2]
    assert first[1] != second[1]
    return text[: second.start(1)] + first[1] + text[second.end(1) :]


def seed_wrongly(text):
    # The loss's backward begins with den times the loss scale; now with the scale alone.
    return replace_once(text, r"nn\.mul %arg0, %arg1 : tensor<f32>", "nn.mul %arg1, %arg1 : tensor<f32>", after="@input_half(%arg0: tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}")


def differentiate_wrongly(text):
    # The derivative of tanh is 1 - y * y; its product with the gradient is subtracted.
    return replace_once(text, r"nn\.sub (%\d+, %\d+ : tensor<2x16x128xf32>)", r"nn.add \1", after="@input_half")


FAULTS = {
    "micro-batches-swapped": ("5-lower", swap_micro_batches, "the loss of micro-batch 2 is"),
    "accumulation-dropped": ("5-lower", drop_accumulation, "the gradient of '"),
    "stale-slot": ("5-lower", read_stale_slot, "the gradient of '"),
    "wrong-seed": ("2-autodiff", seed_wrongly, "the gradient of '"),
    "wrong-derivative": ("2-autodiff", differentiate_wrongly, "the gradient of '"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found(phases, tmp_path, fault):
    phase, plant, words = FAULTS[fault]
    broken = tmp_path / "broken.mlir"
    broken.write_text(plant((phases / f"{phase}.mlir").read_text()))
    made = call("dpc", "compile", broken, "-o", tmp_path / "broken.dpc", *OPTIONS)
    assert made.returncode == 0, made.stderr
    done = call("dpc", "verify", tmp_path / "broken.dpc")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "difference: step 1: " + words in done.stdout, done.stdout
    # What is wrong with programs can be seen without running them; bodies are what it is held against.
    assert ("difference: in the proof of values: train_step: " in done.stdout) == (phase == "5-lower"), done.stdout
    assert "found" in done.stderr


@pytest.mark.parametrize("phase", ["0-import", "2-autodiff", "5-lower"])
def test_going_on_from_a_phase_keeps_the_model(phases, tmp_path, phase):
    made = call("dpc", "compile", phases / f"{phase}.mlir", "-o", tmp_path / "again.dpc", *OPTIONS)
    assert made.returncode == 0, made.stderr
    done = call("dpc", "verify", tmp_path / "again.dpc")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("model", ["gpt2", "llama", "bert", "moe"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_what_dpc_compiles_is_right(tmp_path, model, optimizer):
    out = tmp_path / "model.dpc"
    options = OPTIONS[:-1] + [optimizer]
    made = call("dpc", "compile", MODELS / f"{model}.onnx", "-o", out, *options)
    assert made.returncode == 0, made.stderr
    done = call("dpc", "verify", out, "--steps", "2", "--data", "synthetic:3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified: 2 steps of" in done.stdout


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_first_step_of_weights_that_begin_at_zero_is_exact(tmp_path, optimizer):
    # Drawn biases are zero: after a step they are the step, with all of its error.
    out = tmp_path / "model.dpc"
    made = call("dpc", "compile", MODELS / "gpt2.onnx", "-o", out, "--init", "seed:1", *OPTIONS[:-1], optimizer)
    assert made.returncode == 0, made.stderr
    done = call("dpc", "verify", out)
    assert done.returncode == 0, done.stdout + done.stderr


def test_errors(phases, tmp_path):
    for options, status, words in [
        (["--steps", "0"], 2, "--steps"),
        (["--data", tmp_path / "absent.safetensors"], 9, "absent.safetensors"),
        (["--lr", "-1"], 2, "--lr"),
    ]:
        done = call("dpc", "verify", phases / "good.dpc", *options)
        assert done.returncode == status, done.stderr
        assert words in done.stderr
    done = call("dpc", "verify", tmp_path / "absent.dpc")
    assert done.returncode == 3, done.stderr
    assert "absent.dpc" in done.stderr


def test_artifact_without_the_definition_of_its_step_is_refused(phases, tmp_path):
    """One that was compiled before artifacts had it."""
    old = tmp_path / "old.dpc"
    shutil.copytree(phases / "good.dpc", old)
    (old / "step.mlirbc").unlink()
    sums = old / "XXH128SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(True) if "step.mlirbc" not in line))
    done = call("dpc", "verify", old)
    assert done.returncode == 3, done.stderr
    assert "verify needs the definition of the step" in done.stderr and "compile the model again" in done.stderr
    assert call("dpc", "run", old, "--data", "synthetic:1", "--steps", "1", "--lr", "1e-3").returncode == 0


def test_definition_of_another_model_is_found(phases, tmp_path):
    """Programs are held against the file that the artifact has, whatever made it."""
    other = tmp_path / "other.dpc"
    made = call("dpc", "compile", MODELS / "gpt2.onnx", "-o", other, *OPTIONS[:-1], "sgd")
    assert made.returncode == 0, made.stderr
    mixed = tmp_path / "mixed.dpc"
    shutil.copytree(phases / "good.dpc", mixed)
    shutil.copy(other / "step.mlirbc", mixed / "step.mlirbc")
    seal(mixed, "step.mlirbc")
    done = call("dpc", "verify", mixed)
    assert done.returncode != 0
    assert "in the proof of values" in done.stdout, done.stdout + done.stderr
