# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every program keeps the format's rule: all communications of all ranks stand in one order, so that it ends on a device that
runs each rank's communications one after another. The lowering phase closes with the proof of it, so compiling is the test.

Without DPC_TEST_ALL=1 a sample: the model that ties parameters of its first stage and its last, whose reduction comes in
among the messages, and the one of expert ranks, whose stages communicate themselves; the others' programs are alike.
"""
import json
import os

import pytest

import experts
from commands import call, output, said
from test_every_graph import GRAPHS, Unreferenced
from test_models import MODELS

SCHEDULES = [entry["name"] for entry in json.loads(output("dpc", "schedule", "list", "--format", "json"))]
RANKS = [2, 4, 8]
MICRO_BATCHES = 16  # what every schedule allows on so many ranks
SAMPLE = ["gpt2.onnx"]


def check_all(model, *options, expected=()):
    refused = []
    for schedule in SCHEDULES:
        for ranks in RANKS:
            done = call("dpc", "compile", model, "--compile-to", "lower", "--pp", ranks, "--micro-batches", MICRO_BATCHES, "--schedule", schedule,
                        *options)
            if done.returncode:
                assert "cannot be cut into" in said(done), f"{schedule} on {ranks} ranks: {said(done)}"
                refused.append((schedule, ranks))
    assert refused == list(expected)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in SAMPLE else pytest.mark.skipif(
    not os.environ.get("DPC_TEST_ALL"), reason="takes minutes: scripts/test --all, or DPC_TEST_ALL=1")) for name in sorted(GRAPHS)])
def test_every_graph_under_every_schedule(name):
    graph = GRAPHS[name]
    options = graph.options if isinstance(graph, Unreferenced) else ["--loss", graph.model.info["loss"]]
    check_all(MODELS / name, *options)


def test_expert_ranks_under_every_schedule(tmp_path):
    model = tmp_path / "experts.mlir"
    model.write_text(experts.model(2, False, experts.LAYERS, 16))
    # 32 stages are more than its layers can be cut into.
    check_all(model, expected=[("hanayo", 8)])
