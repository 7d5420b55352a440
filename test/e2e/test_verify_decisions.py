# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc verify` of graphs in which a float decides an integer: the float64 interpreter decides as the graph's types do."""
import numpy as np
import onnx
import pytest
from commands import succeed
from field import compile_
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

LENGTH, WIDTH, BUCKETS = 32, 8, 16
RNG = np.random.default_rng(9)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=f"{op}_{outputs.split()[0]}", **attributes)


def constant(name, value, kind=np.float32):
    return numpy_helper.from_array(np.asarray(value, kind), name)


def save(path, nodes, constants):
    used = {name for n in nodes for name in n.input}
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [LENGTH, WIDTH]) for n in ("x", "y") if n in used]
    loss = helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])
    graph = helper.make_graph(nodes, "g", inputs, [loss], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


SQUARES = [node("Sub", "out y", "d"), node("Mul", "d d", "s"), node("ReduceMean", "s", "loss", keepdims=0)]


def bucket_model(path):
    """A relative-position bias: buckets grow as logarithms. log(16 / 8) / log(16) * 8 is 2 in float32 and below 2 in float64."""
    positions = np.arange(LENGTH)
    distance = np.abs(positions[:, None] - positions[None, :])
    nodes = [node("Cast", "distance", "f", to=TensorProto.FLOAT), node("Div", "f eight", "q"), node("Max", "q one", "r"), node("Log", "r", "l"),
             node("Div", "l log16", "m"), node("Mul", "m eight", "n"), node("Cast", "n", "bucket", to=TensorProto.INT64), node("Min", "bucket last", "b"),
             node("Gather", "bias.weight b", "bias"), node("Squeeze", "bias axis", "scores"), node("MatMul", "scores x", "mixed"), node("MatMul", "mixed w.weight", "out"), *SQUARES]
    save(path, nodes, [constant("distance", distance, np.int64), constant("eight", 8), constant("one", 1), constant("log16", np.log(np.float32(16))),
                       constant("last", BUCKETS - 1, np.int64), constant("axis", [2], np.int64), constant("bias.weight", RNG.standard_normal((BUCKETS, 1))),
                       constant("w.weight", RNG.standard_normal((WIDTH, WIDTH)) / 3)])


WEIGHT = [constant("w.weight", RNG.standard_normal((WIDTH, WIDTH)) / 3), constant("one", 1), constant("tenth", 0.1)]


def predicate_model(path):
    """0.1 * 3 is rounded up to 0.3 in float32, which is then not below it; in float64 it is."""
    nodes = [node("Mul", "x three", "v"), node("GreaterOrEqual", "v limit", "chosen"), node("Where", "chosen one x", "u"), node("MatMul", "u w.weight", "out"), *SQUARES]
    save(path, nodes, [*WEIGHT, constant("three", 3), constant("limit", np.float32(0.1) * np.float32(3))])


def floor_model(path):
    """0.7 * 10 is rounded up to 7 in float32."""
    nodes = [node("Mul", "x ten", "v"), node("Floor", "v", "f"), node("Mul", "f tenth", "u"), node("MatMul", "u w.weight", "out"), *SQUARES]
    save(path, nodes, [*WEIGHT, constant("ten", 10)])


def largest_model(path):
    """Two values are equal in float32 and differ in float64: the first is taken, and gets the gradient."""
    nodes = [node("MatMul", "x w.weight", "a"), node("Mul", "x three", "v"), node("TopK", "v two", "best place", axis=-1), node("GatherElements", "a place", "picked", axis=-1),
             node("Mul", "picked best", "out"), node("Mul", "out out", "s"), node("ReduceMean", "s", "loss", keepdims=0)]
    save(path, nodes, [*WEIGHT, constant("three", 3), constant("two", [2], np.int64)])


def parameter_at_a_step_model(path):
    """Trained values lie where the function steps: its derivative is that of the side they are on."""
    nodes = [node("Mul", "w.weight ten", "v"), node("Floor", "v", "f"), node("Mul", "f tenth", "r"), node("GreaterOrEqual", "w.weight limit", "above"),
             node("Where", "above one w.weight", "c"), node("Add", "r c", "u"), node("MatMul", "x u", "out"), *SQUARES]
    weight = np.where(RNG.random((WIDTH, WIDTH)) < 0.5, 0.7, RNG.standard_normal((WIDTH, WIDTH)))
    save(path, nodes, [constant("w.weight", weight), constant("ten", 10), constant("tenth", 0.1), constant("one", 1), constant("limit", 0.7)])


@pytest.mark.parametrize("make", [bucket_model, predicate_model, floor_model, largest_model, parameter_at_a_step_model])
@pytest.mark.parametrize("options", [[], ["--pp", 2]], ids=["one-rank", "two-ranks"])
def test_what_a_float_decides_is_decided_in_its_own_type(make, options, tmp_path):
    make(tmp_path / "m.onnx")
    rng = np.random.default_rng(1)
    data = {n: rng.standard_normal((4, LENGTH, WIDTH)).astype(np.float32) for n in "xy"}
    data["x"][rng.random(data["x"].shape) < 0.3] = 0.1
    data["x"][rng.random(data["x"].shape) < 0.3] = 0.7
    if make is largest_model:
        # Times 3 both round to the same.
        pair = next((a, b) for a in np.linspace(2, 3, 999, dtype=np.float32) for b in [np.nextafter(a, np.float32(0))] if a * np.float32(3) == b * np.float32(3))
        data["x"][..., 2], data["x"][..., 5] = pair[1], pair[0]
    save_file(data, str(tmp_path / "d.safetensors"))
    compile_(tmp_path / "m.onnx", tmp_path / "m.dpc", "--micro-batches", 4, *options)
    out = succeed("dpc", "verify", tmp_path / "m.dpc", "--data", tmp_path / "d.safetensors", "--steps", 2)
    assert "verified: 2 steps" in out
