# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The proof of values finds every fault of value that is planted in a program, and what it does not find changes no bit.

A slot that only one run uses may lie elsewhere, and a slot that holds the same value may be read for it: such programs
compute the same, and are run to see it. With DPC_TEST_ALL set every fault is planted, else a part of them."""
import os
import pathlib
import re
import shutil

import pytest

import experts
from commands import call, execute, output
from seal import seal

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
ALL = bool(os.environ.get("DPC_TEST_ALL"))


def lowered(folder, model, schedule):
    """The module after lowering, and the command line that made it."""
    options = ["--pp", 4, "--micro-batches", 8, "--schedule", schedule, "--optimizer", "adamw"]
    if model.startswith("two "):  # replicas
        model = model[4:]
        options[3] = 4
        options += ["--dp", 2]
    if model == "experts":
        source = folder / "experts.mlir"
        source.write_text(experts.model(2, False, experts.LAYERS, 16))
    else:
        source = MODELS / f"{model}.onnx"
    execute("dpc", "compile", source, *options, "--compile-to", "lower", "--dump-phases", folder)
    return folder / "5-lower.mlir", options


def plant(module, every, *options):
    """Faults planted and found, by kind, and the list of what was not found."""
    said = output("dpc-value-mutants", module, "--every", every, *options)
    counts = {kind: (int(found), int(planted)) for kind, found, planted in re.findall(r"^([a-z -]+): (\d+) of (\d+) found$", said, re.M)}
    return counts, re.findall(r"^not found: (.*)$", said, re.M)


CASES = [(model, schedule) for model in ["gpt2", "llama", "moe", "experts"] for schedule in ["dualpipe", "zb-v", "interleaved"]]


@pytest.mark.parametrize("model, schedule", [*CASES, ("two gpt2", "zb-v"), ("two experts", "interleaved")])
def test_every_fault_of_value_is_found(tmp_path, model, schedule):
    module, _ = lowered(tmp_path, model, schedule)
    counts, survivors = plant(module, 1 if ALL or "experts" in model else 20)
    print(model, schedule, counts)
    assert set(counts) >= {"slot", "micro-batch", "sum left out", "sum twice", "contribution left out", "contribution twice"}
    assert ("sum over an axis less" in counts) == ("experts" in model or model.startswith("two"))
    for kind, (found, planted) in counts.items():
        assert planted > 0, kind
        if kind != "slot":
            assert found == planted, survivors
    found, planted = counts["slot"]
    assert planted - found <= planted / 100, survivors


def test_what_is_not_found_computes_the_same_bits(tmp_path):
    module, options = lowered(tmp_path, "gpt2", "dualpipe")
    (tmp_path / "survivors").mkdir()
    _, survivors = plant(module, 1 if ALL else 2, "--survivors", tmp_path / "survivors")
    artifact = tmp_path / "gpt2.dpc"
    execute("dpc", "compile", module, *options, "-o", artifact)

    def steps(artifact, dump):
        done = call("dpc", "run", artifact, "--data", "synthetic:1", "--steps", 2, "--lr", 1e-3, "--dump", dump)
        if done.returncode == 0:
            return [(dump / f"step-{step}.safetensors").read_bytes() for step in (1, 2)]
        assert done.returncode == 3 and re.search("race|overlap", done.stderr), done.stderr
        return None

    right = steps(artifact, tmp_path / "right")
    compared = 0
    for number, fault in enumerate(survivors):
        changed = tmp_path / f"{number}.dpc"
        shutil.copytree(artifact, changed)
        for program in (tmp_path / "survivors").glob(f"{number}.rank*.prog"):
            name = "train_step." + program.name.split(".", 1)[1]
            shutil.copy(program, changed / name)
            seal(changed, name)
        found = steps(changed, tmp_path / f"dump{number}")
        assert found in (None, right), fault
        compared += found is not None
        shutil.rmtree(changed)
    assert survivors and compared, survivors
