# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Evaluation by its own entry point: the losses of the training step's forwards, bit for bit; a third of its memory at
most; and no trace of it in training."""
import json
import re

import numpy as np
import pytest
from commands import execute, output
from safetensors.numpy import load_file, save_file
from test_models import MODELS, Model
from test_schedules import SCHEDULES

MICRO_BATCHES = 8
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.safetensors"
    save_file({k[3:]: v for k, v in Model("gpt2").reference.items() if k.startswith("in/")}, str(path))
    return path


def compile_(folder, ranks, schedule, model="gpt2.onnx", optimizer="sgd"):
    artifact = folder / "model.dpc"
    output("dpc", "compile", MODELS / model, "-o", artifact, "--force", "--pp", ranks, "--micro-batches", MICRO_BATCHES, "--schedule", schedule, "--optimizer", optimizer)
    return artifact


def evaluations(metrics):
    return [line["loss"] for line in map(json.loads, metrics.read_text().splitlines()) if line.get("event") == "eval"]


def losses(folder, artifact, data, threads=2):
    """The total loss of a step that changes nothing, and that of an evaluation behind it, over the same micro-batches."""
    metrics, dump = folder / "metrics.jsonl", folder / "dump"
    output("dpc", "run", artifact, "--data", data, "--steps", 1, "--lr", 0, "--dump", dump, "--metrics", metrics, "--checkpoint", "none", "--threads", threads,
           "--eval-data", data, "--eval-steps", 1)
    evaluated, = evaluations(metrics)
    return float(load_file(str(dump / "step-1.safetensors"))["total_loss"].reshape(-1)[0]), evaluated


def arenas(artifact, entry):
    """Bytes of each rank's arenas but the weights."""
    ranks = []
    for line in output("dpc", "inspect", artifact, "--summary", "--entry", entry).splitlines():
        if line.startswith("program"):
            ranks.append(0)
        found = re.fullmatch(r"  (\w+): .*, ([\d.]+) (\w+)", line)
        if found and found[1] != "weights":
            ranks[-1] += float(found[2]) * UNITS[found[3]]
    return ranks


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_evaluates_as_it_trains(schedule, data, tmp_path):
    artifact = compile_(tmp_path, 4, schedule)  # of SGD, which keeps the least beside the weights
    trained, evaluated = losses(tmp_path, artifact, data)
    assert trained == evaluated
    entries = json.loads((artifact / "manifest.json").read_text())["entry_points"]
    assert [entry["name"] for entry in entries] == ["train_step", "eval_step"]
    training, evaluation = arenas(artifact, "train_step"), arenas(artifact, "eval_step")
    assert len(training) == len(evaluation) == 4
    for rank in range(4):
        assert evaluation[rank] <= training[rank] / 3, f"rank {rank}"


def test_any_number_of_ranks_and_threads(data, tmp_path):
    found = set()
    for ranks, schedule in [(1, "1f1b"), (2, "dualpipe"), (4, "dualpipe")]:
        artifact = compile_(tmp_path, ranks, schedule)
        for threads in (1, 2, 4):
            found.update(losses(tmp_path, artifact, data, threads))
    assert len(found) == 1, found


@pytest.mark.parametrize("model", ["llama", "bert", "moe"])
def test_other_models(model, data, tmp_path):
    artifact = compile_(tmp_path, 4, "dualpipe", f"{model}.onnx")
    trained, evaluated = losses(tmp_path, artifact, "synthetic:7")
    assert trained == evaluated
    said = output("dpc", "verify", artifact)  # the interpreter's losses, and evaluation beside the step's, each bit for bit
    assert "verified: 1 step" in said


def test_the_mean_of_held_out_data_is_that_of_its_steps(data, tmp_path):
    # Two steps of evaluation, weighted by what each counts; some labels are ignored.
    held_out = load_file(str(data))
    rows = len(held_out["labels"])
    assert rows == MICRO_BATCHES
    twice = {name: np.concatenate([value, value[::-1]]) for name, value in held_out.items()}
    twice["labels"][:3, :, 4:] = -100
    save_file(twice, str(tmp_path / "twice.safetensors"))
    artifact = compile_(tmp_path, 2, "1f1b")
    total = den = 0
    for part in (slice(0, rows), slice(rows, None)):
        save_file({name: np.ascontiguousarray(value[part]) for name, value in twice.items()}, str(tmp_path / "part.safetensors"))
        loss, _ = losses(tmp_path, artifact, tmp_path / "part.safetensors")
        counted = (twice["labels"][part] != -100).sum()
        total, den = total + loss * counted, den + counted
    said = output("dpc", "eval", artifact, "--data", tmp_path / "twice.safetensors")
    assert float(re.match(r"loss ([\d.]+) \(mean over 16 micro-batches\)", said)[1]) == pytest.approx(total / den, abs=1e-6)


def test_evaluations_in_between_change_nothing(data, tmp_path):
    artifact = compile_(tmp_path, 4, "dualpipe", optimizer="adamw")
    runs = {}
    for name, options in {"without": (), "with": ("--eval-data", "synthetic:3", "--eval-every", 1, "--eval-steps", 2)}.items():
        metrics = tmp_path / f"{name}.jsonl"
        output("dpc", "run", artifact, "--data", data, "--epochs", 0, "--steps", 4, "--lr", 1e-2, "--clip-norm", 0.5, "--dump", tmp_path / name, "--metrics", metrics,
               "--checkpoint", tmp_path / f"{name}.kept", *options)
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        runs[name] = [(line["loss"], line["grad_norm"]) for line in lines if "grad_norm" in line]
        assert len(evaluations(metrics)) == (4 if options else 0)
    assert runs["with"] == runs["without"] and len(runs["with"]) == 4
    for step in range(1, 5):
        one, two = (load_file(str(tmp_path / name / f"step-{step}.safetensors")) for name in runs)
        assert one.keys() == two.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], two[name], err_msg=f"{name}, step {step}")
    kept = [load_file(str(next((tmp_path / f"{name}.kept" / "step-4").glob("*.safetensors")))) for name in runs]
    assert kept[0].keys() == kept[1].keys() and any(name.endswith("exp_avg_sq") for name in kept[0])
    for name in kept[0]:
        np.testing.assert_array_equal(kept[0][name], kept[1][name], err_msg=name)


def test_evaluation_takes_no_memory_of_its_own(data, tmp_path):
    artifact, report = compile_(tmp_path, 4, "1f1b"), tmp_path / "report.json"
    execute("dpc", "run", artifact, "--data", data, "--steps", 1, "--lr", 0.1, "--report", report, "--checkpoint", "none")
    report = json.loads(report.read_text())
    assert report["arena_bytes"] == report["forecast"]["arena_bytes"]
    # Weights, and what training needs beside them.
    weights = []
    for line in output("dpc", "inspect", artifact, "--summary").splitlines():
        if found := re.fullmatch(r"  weights: weights, ([\d.]+) (\w+)", line):
            weights.append(float(found[1]) * UNITS[found[2]])
    for rank, training in enumerate(arenas(artifact, "train_step")):
        assert report["arena_bytes"][rank] == pytest.approx(weights[rank] + training, rel=2e-3)


def test_explain_knows_it(tmp_path):
    artifact = compile_(tmp_path, 4, "1f1b")
    said = output("dpc", "explain", artifact)
    found = re.search(r"^  eval_step  (.*)$", said, re.M)
    assert found, said
    numbers = re.findall(r"([\d.]+) (kB|B|MB)", found[1])
    assert len(numbers) == 4
    for (number, unit), expected in zip(numbers, arenas(artifact, "eval_step")):
        assert float(number) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit] == pytest.approx(expected, rel=1e-2)
