# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writing at constant indices, as the shifts of labels in exported models do: values as the ONNX reference has them, gradients verified, the rest refused."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import load_file, save_file

from commands import call

MODEL = 3


def model(op, indices, updates, shape=(3, 4), **attributes):
    """loss = mean((scatter(x @ w, indices, u) * c)^2), u and w being trained."""
    rng = np.random.default_rng(0)
    values = {"w": rng.standard_normal((5, shape[-1])), "u": rng.standard_normal(updates), "c": rng.standard_normal(shape)}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["d"]), helper.make_node("Mul", ["u", "one"], ["v"]), helper.make_node(op, ["d", "i", "v"], ["s"], **attributes),
             helper.make_node("Mul", ["s", "c"], ["m"]), helper.make_node("Mul", ["m", "m"], ["q"]), helper.make_node("ReduceMean", ["q"], ["loss"], keepdims=0)]
    stored = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in values.items()] + [numpy_helper.from_array(np.array(indices, np.int64), "i"),
                                                                                           numpy_helper.from_array(np.array(1, np.float32), "one")]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [shape[0], 5])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("made", [
    model("ScatterElements", [[0, -1]] * 3, (3, 2), axis=1),
    model("ScatterElements", [[2, 0, 1, -3]], (1, 4), axis=0),
    model("ScatterND", [[1], [-1]], (2, 4)),
    model("ScatterND", [[[0, 0], [2, -1]], [[1, 1], [1, 2]]], (2, 2)),
], ids=["elements-axis-1", "elements-axis-0", "rows", "points"])
def test_values_and_gradients(made, tmp_path):
    onnx.save(made, tmp_path / "m.onnx")
    done = call("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--optimizer", "sgd", "--micro-batches", "1", "--train", "u", "--train", "w")
    assert done.returncode == 0, done.stderr
    x = np.random.default_rng(1).standard_normal((1, 3, 5)).astype(np.float32)
    save_file({"x": x}, tmp_path / "d.safetensors")
    done = call("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "d.safetensors", "--lr", "0.1", "--steps", "1", "--dump", tmp_path / "dump")
    assert done.returncode == 0, done.stderr
    dump = load_file(next((tmp_path / "dump").iterdir()))
    evaluator = ReferenceEvaluator(made)
    np.testing.assert_allclose(dump["loss"], evaluator.run(None, {"x": x[0]})[0], rtol=1e-5)
    # A difference quotient for an update and for a weight whose element was overwritten or not.
    stored = {t.name: t for t in made.graph.initializer}
    for name in ("u", "w"):
        value = numpy_helper.to_array(stored[name]).astype(np.float64)
        gradient = np.zeros_like(value)
        for at in np.ndindex(value.shape):
            losses = []
            for step in (1e-2, -1e-2):
                moved = value.copy()
                moved[at] += step
                stored[name].CopyFrom(numpy_helper.from_array(moved.astype(np.float32), name))
                losses.append(float(ReferenceEvaluator(made).run(None, {"x": x[0]})[0]))
            gradient[at] = (losses[0] - losses[1]) / 2e-2
        stored[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
        np.testing.assert_allclose(dump[f"grad/{name}"], gradient, atol=2e-3)
    done = call("dpc", "verify", tmp_path / "m.dpc", "--data", tmp_path / "d.safetensors")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("made, words", [
    (model("ScatterElements", [[0, 4]] * 3, (3, 2), axis=1), "index 4 is outside dimension 1 of 3x4"),
    (model("ScatterElements", [[0, 0]] * 3, (3, 2), axis=1), "writes element 0 twice"),
    (model("ScatterElements", [[0, 1]] * 3, (3, 2), axis=1, reduction="add"), "reduction 'add' is not supported"),
    (model("ScatterND", [[3]], (1, 4)), "index 3 is outside dimension 0 of 3x4"),
    (model("ScatterND", [[0]], (1, 3)), "cannot write updates of shape 1x3"),
    (model("ScatterND", [[0, 0], [1, 1]], (2, 2), shape=(400, 400)), "at most 131072"),
], ids=["outside", "twice", "reduction", "outside-nd", "shape", "large"])
def test_what_is_not_supported_is_refused(made, words, tmp_path):
    onnx.save(made, tmp_path / "m.onnx")
    done = call("dpc", "check", tmp_path / "m.onnx")
    assert done.returncode == MODEL and words in done.stdout + done.stderr, done.stdout + done.stderr
