# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Schedules with the costs of a compiled model."""
import json
import os

import pytest

from commands import output

MODELS = os.path.join(os.environ["DPC_SOURCE_DIR"], "test", "models")


def dpc(*arguments):
    return output("dpc", *arguments)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "gpt2.dpc"
    dpc("compile", os.path.join(MODELS, "gpt2.onnx"), "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "sgd", "--loss",
        "loss", "-o", path)
    return path


def test_its_own_schedule_is_simulated_with_its_stages(artifact):
    costs = json.loads((artifact / "manifest.json").read_text())["forecast"]["costs"]
    got = json.loads(dpc("schedule", "simulate", "dualpipe", "--pp", 2, "--micro-batches", 4, "--cost-from", artifact, "--format", "json"))
    busiest = 4 / 2 * sum(max(s["forward_s"], s["input_s"] + s["weight_s"]) for s in costs["stages"])
    assert 0 < busiest < got["makespan"]
    assert got["makespan"] >= got["lower_bound"] > 0
    assert all(peak > 0 for peak in got["peak_bytes"])


def test_all_schedules_are_compared_with_its_costs(artifact):
    costs = json.loads((artifact / "manifest.json").read_text())["forecast"]["costs"]
    comparison = json.loads(dpc("schedule", "compare", "--pp", 4, "--micro-batches", 8, "--cost-from", artifact, "--format", "json"))
    # A device's share is a fourth of the model.
    assert comparison["costs"]["F"] == pytest.approx(sum(s["forward_s"] for s in costs["stages"]) / 4)
    assert comparison["costs"]["W"] == pytest.approx(sum(s["weight_s"] for s in costs["stages"]) / 4)
    assert {row["name"] for row in comparison["schedules"]} == {row["name"] for row in json.loads(dpc("schedule", "list", "--format", "json"))}
    for row in comparison["schedules"]:
        assert row["makespan"] > 0 and row["peak_bytes"] > 0, row["schedule"]
    assert "all times in milliseconds; it was compiled into 2 stages" in dpc("schedule", "compare", "--pp", 4, "--micro-batches", 8, "--cost-from", artifact)
