# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The gradient's norm: what clipping divides by, the same bits for any number of threads."""
import json

import numpy as np
import onnx
import pytest
from commands import execute
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

# Blocks of 4,096 elements and a rest; large enough that threads share the blocks.
WIDTH, ROWS, COUNT = 601, 3, 4
RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("norm")
    floats, nodes = TensorProto.FLOAT, [
        helper.make_node("MatMul", ["x", "w"], ["y"], name="product"),
        helper.make_node("Add", ["y", "b"], ["z"], name="bias"),
        helper.make_node("Mul", ["z", "z"], ["square"], name="square"),
        helper.make_node("ReduceMean", ["square"], ["loss"], name="mean", keepdims=0),
    ]
    parameters = [numpy_helper.from_array(RNG.standard_normal(shape).astype(np.float32) / 20, name) for name, shape in (("w", (WIDTH, WIDTH)), ("b", (WIDTH,)))]
    graph = helper.make_graph(nodes, "squares", [helper.make_tensor_value_info("x", floats, [ROWS, WIDTH])], [helper.make_tensor_value_info("loss", floats, [])],
                              parameters)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "model.onnx")
    save_file({"x": RNG.standard_normal((COUNT, ROWS, WIDTH)).astype(np.float32)}, str(folder / "data.safetensors"))
    execute("dpc", "compile", folder / "model.onnx", "-o", folder / "model.dpc", "--pp", 1, "--micro-batches", 2, "--loss", "loss", "--optimizer", "sgd")
    return folder


def train(folder, threads):
    metrics, dump = folder / f"{threads}.jsonl", folder / f"{threads}"
    execute("dpc", "run", folder / "model.dpc", "--data", folder / "data.safetensors", "--epochs", 0, "--steps", 3, "--lr", 0.1, "--clip-norm", 1e-2,
            "--threads", threads, "--metrics", metrics, "--dump", dump, "--checkpoint", "none")
    norms = [line["grad_norm"] for line in map(json.loads, metrics.read_text().splitlines()) if "grad_norm" in line]
    return norms, [load_file(dump / f"step-{step}.safetensors") for step in (1, 2, 3)]


def test_clipped_steps_do_not_depend_on_threads(folder):
    norms, steps = train(folder, 1)
    assert len(norms) == 3 and min(norms) > 1e-2, "nothing was clipped"
    for norm, step in zip(norms, steps):
        expected = np.sqrt(sum((step[f"grad/{name}"].astype(np.float64) ** 2).sum() for name in ("w", "b")))
        assert norm == pytest.approx(expected, rel=1e-6)
    for threads in (2, 3, 4):
        other, parts = train(folder, threads)
        assert other == norms, threads
        for one, two in zip(steps, parts):
            for name in ("loss", "param/w", "param/b"):
                np.testing.assert_array_equal(one[name], two[name], err_msg=f"{name}, {threads} threads")
