# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integers divided by what data brings: a divisor of 0 ends the run by name and leaves the weights alone; it does not
end the process."""
import re

import numpy as np
import onnx
import pytest
from commands import expect, refuse, succeed
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

MICRO_BATCHES, STEPS = 4, 3


def model(path, op="Div"):
    """Buckets of positions by a width that data brings, then a product on both sides of which a cut can lie."""
    rng = np.random.default_rng(1)
    weights = [numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name) for name, shape in (("first.weight", (6, 8)), ("second.weight", (8, 3)))]
    nodes = [helper.make_node(op, ["ids", "width"], ["bucket"], name="bucket_of"), helper.make_node("Cast", ["bucket"], ["f"], name="to_float", to=TensorProto.FLOAT),
             helper.make_node("Mul", ["f", "x"], ["scaled"], name="scale"), helper.make_node("MatMul", ["scaled", "first.weight"], ["a"], name="first"),
             helper.make_node("Tanh", ["a"], ["t"], name="tanh"), helper.make_node("MatMul", ["t", "second.weight"], ["y"], name="second"),
             helper.make_node("Mul", ["y", "y"], ["s"], name="square"), helper.make_node("ReduceMean", ["s"], ["loss"], name="mean", keepdims=0)]
    inputs = [helper.make_tensor_value_info(name, kind, [4, 6]) for name, kind in (("ids", TensorProto.INT64), ("width", TensorProto.INT64), ("x", TensorProto.FLOAT))]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


def data(path, zeros=()):
    rng = np.random.default_rng(2)
    count = MICRO_BATCHES * STEPS
    values = {"ids": rng.integers(0, 100, (count, 4, 6)), "width": rng.integers(1, 9, (count, 4, 6)), "x": rng.standard_normal((count, 4, 6)).astype(np.float32)}
    values["width"][0, 0, :2] = -1, 7
    values["ids"][0, 0, 0] = np.iinfo(np.int64).min  # divided by -1 it is itself again
    values["x"][0, 0, 0] = 0
    for place in zeros:
        values["width"][place] = 0
    save_file(values, path)
    return values


@pytest.mark.parametrize("ranks, schedule", [(1, "1f1b"), (2, "1f1b"), (2, "dualpipe")])
@pytest.mark.parametrize("op", ["Div", "Mod"])
def test_a_divisor_of_zero_is_reported_and_the_step_skipped(op, ranks, schedule, tmp_path):
    model(tmp_path / "m.onnx", op)
    good, bad, artifact = tmp_path / "good.safetensors", tmp_path / "bad.safetensors", tmp_path / "m.dpc"
    data(good)
    data(bad, [(6, 2, 1), (6, 2, 3), (7, 0, 0)])  # in the second step
    succeed("dpc", "compile", tmp_path / "m.onnx", "-o", artifact, "--pp", ranks, "--micro-batches", MICRO_BATCHES, "--schedule", schedule, "--optimizer", "sgd")
    run = ("dpc", "run", artifact, "--lr", 0.01, "--steps", STEPS, "--checkpoint", "none")
    succeed(*run, "--data", good, "--dump", tmp_path / "good")
    refuse(9, ["micro-batch 6: node 'bucket_of' divides by 0 at [2, 1] of [4, 6]; the weights were left alone"], *run, "--data", bad, "--dump", tmp_path / "bad")
    # The step before is the same, and nothing of the second one was applied or written.
    one, other = (load_file(str(tmp_path / name / "step-1.safetensors")) for name in ("good", "bad"))
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)
    # Evaluation says it, too.
    refuse(9, ["node 'bucket_of' divides by 0"], "dpc", "eval", artifact, "--data", bad)
    expect("dpc", "verify", artifact, "--data", good, words=["verified: 1 step"])


def test_losses_are_those_of_integer_division(tmp_path):
    model(tmp_path / "m.onnx")
    values = data(tmp_path / "x.safetensors")
    succeed("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--micro-batches", MICRO_BATCHES, "--optimizer", "sgd")
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors", "--steps", 1, "--lr", 0, "--dump", tmp_path / "dump", "--checkpoint", "none")
    step = load_file(str(tmp_path / "dump" / "step-1.safetensors"))
    bucket = np.trunc(values["ids"] / values["width"])  # towards zero
    hidden = np.tanh((bucket * values["x"])[:MICRO_BATCHES] @ step["param/first.weight"].astype(np.float64))
    np.testing.assert_allclose(step["loss"], ((hidden @ step["param/second.weight"]) ** 2).mean(axis=(1, 2)), rtol=1e-4)


def test_a_model_without_such_divisions_has_no_trace_of_it(tmp_path):
    model(tmp_path / "m.onnx")
    graph = onnx.load(tmp_path / "m.onnx")
    graph.graph.node[0].input[1] = "seven"
    graph.graph.initializer.append(numpy_helper.from_array(np.full((4, 6), 7), "seven"))
    del graph.graph.input[1]
    onnx.save(graph, tmp_path / "m.onnx")
    succeed("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--micro-batches", MICRO_BATCHES)
    assert "divisions" not in (tmp_path / "m.dpc" / "manifest.json").read_text()
    assert not re.search("fault", succeed("dpc", "inspect", tmp_path / "m.dpc"))
