# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every graph of test/models under every schedule on four ranks: with DPC_TEST_ALL=1 only, for it takes minutes.

The first step's losses are those of one rank, bit for bit, and its gradients those of float64 autograd; of a graph
without such numbers, those of one rank.
"""
import os
import shutil

import numpy as np
import pytest

from test_models import MODELS, NAMES, Model, train
from test_schedules import SCHEDULES

pytestmark = pytest.mark.skipif(not os.environ.get("DPC_TEST_ALL"), reason="takes minutes: scripts/test --all, or DPC_TEST_ALL=1")

RANKS, MICRO_BATCHES = 4, 8  # allowed by every schedule; 16 stages, the most that one asks for, by every graph


class Referenced:
    """A graph with numbers of float64 autograd."""

    def __init__(self, name, graph):
        self.model, self.graph = Model(name), graph

    def step(self, folder, ranks, schedule):
        return self.model.train(folder, self.graph, ranks, schedule, "sgd", micro_batches=MICRO_BATCHES, steps=1)[0]

    def check_gradients(self, step, alone):
        self.model.check_gradients(self.graph, step)


class Unreferenced:
    """A graph without, of random data."""

    def __init__(self, file, *options):
        self.file, self.options = file, options

    def step(self, folder, ranks, schedule):
        return train(folder, self.file, "synthetic:1", ranks, schedule, "sgd", MICRO_BATCHES, 1, self.options)[0]

    def check_gradients(self, step, alone):
        wanted = {key: value.astype(np.float64) for key, value in alone.items() if key.startswith("grad/")}
        assert wanted and set(wanted) == {key for key in step if key.startswith("grad/")}
        largest = max(np.linalg.norm(value) for value in wanted.values())
        for key, want in wanted.items():
            assert np.linalg.norm(step[key] - want) <= 1e-5 * np.linalg.norm(want) + 1e-7 * largest, key


GRAPHS = {graph["file"]: Referenced(name, graph) for name in NAMES for graph in Model(name).info["graphs"]}
GRAPHS["fresh_llama_merged.onnx"] = Unreferenced("fresh_llama_merged.onnx", "--tied", "model.model.layers.0.input_layernorm.weight")
GRAPHS["fresh_mlp_merged.onnx"] = Unreferenced("fresh_mlp_merged.onnx", "--tied", "blocks.0.ln.weight", "--tied", "blocks.0.ln.bias")
GRAPHS["wakeword_mlp.onnx"] = Unreferenced("wakeword_mlp.onnx", "--loss-op", "mse")
NOT_SUPPORTED = {"resnet.onnx"}  # batch normalisation, pooling


def test_no_graph_is_left_out():
    assert set(GRAPHS) | NOT_SUPPORTED == {path.name for path in MODELS.glob("*.onnx")}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The first step of one rank, by the graph's file."""
    known = {}

    def step(file):
        if file not in known:
            folder = tmp_path_factory.mktemp("alone")
            known[file] = GRAPHS[file].step(folder, 1, "1f1b")
            shutil.rmtree(folder)
        return known[file]
    return step


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("file", GRAPHS)
def test_every_graph_under_every_schedule(alone, file, schedule, tmp_path):
    graph = GRAPHS[file]
    step = graph.step(tmp_path, RANKS, schedule)
    shutil.rmtree(tmp_path)  # hundreds of them would stay until the end
    np.testing.assert_array_equal(step["loss"], alone(file)["loss"])
    graph.check_gradients(step, alone(file))
