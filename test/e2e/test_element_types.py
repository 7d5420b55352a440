# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inputs of every integer type and of booleans, from the file to the kernels."""
import math

import numpy as np
import onnx
import pytest
from commands import succeed
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

TYPES = {"int8": (TensorProto.INT8, -128, 127), "uint8": (TensorProto.UINT8, 0, 255), "int16": (TensorProto.INT16, -(2**15), 2**15 - 1),
         "uint16": (TensorProto.UINT16, 0, 2**16 - 1), "int32": (TensorProto.INT32, -7, 7),
         "int64": (TensorProto.INT64, -7, 7), "bool": (TensorProto.BOOL, 0, 1)}


@pytest.mark.parametrize("name", TYPES)
def test_an_input_keeps_its_type_and_sign(tmp_path, name):
    kind, low, high = TYPES[name]
    weight = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)
    nodes = [helper.make_node("Cast", ["x"], ["f"], name="cast", to=TensorProto.FLOAT), helper.make_node("MatMul", ["f", "w"], ["y"], name="mm"),
             helper.make_node("ReduceMean", ["y"], ["loss"], name="mean", keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", kind, [4, 6])], [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
                              [numpy_helper.from_array(weight, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "m.onnx")
    x = np.random.default_rng(2).integers(low, high + 1, (2, 4, 6)).astype(name)
    x[0, 0, :2] = low, high
    save_file({"x": x}, tmp_path / "x.safetensors")
    succeed("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--pp", 1, "--micro-batches", 2, "--optimizer", "sgd")
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors", "--steps", 1, "--lr", 0.5, "--dump", tmp_path / "dump")
    step = load_file(str(tmp_path / "dump" / "step-1.safetensors"))
    losses = (x.astype(np.float64) @ weight).mean(axis=(1, 2))
    np.testing.assert_allclose(step["loss"], losses, rtol=1e-5, atol=1e-5)
    gradient = x.astype(np.float64).sum(axis=(0, 1))[:, None] / (2 * 4 * 3) * np.ones((1, 3))
    np.testing.assert_allclose(step["grad/w"], gradient, rtol=1e-5, atol=1e-5)
    succeed("dpc", "verify", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors")


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "uint16"])
def test_narrow_integers_are_made_looked_up_and_compared(tmp_path, name):
    kind, low, high = TYPES[name]
    table = np.array([3, high, low, 5, 7, 11], name)
    weight = np.full((6, 3), 0.5, np.float32)
    nodes = [helper.make_node("Relu", ["x"], ["p"], name="relu"), helper.make_node("Cast", ["p"], ["n"], name="narrow", to=kind),
             helper.make_node("Equal", ["n", "table"], ["same"], name="same"), helper.make_node("Where", ["same", "table", "zero"], ["kept"], name="kept"),
             helper.make_node("Cast", ["kept"], ["f"], name="wide", to=TensorProto.FLOAT), helper.make_node("MatMul", ["f", "w"], ["y"], name="mm")]
    model = small(tmp_path, nodes, [helper.make_tensor("table", kind, [6], table.tolist()), helper.make_tensor("zero", kind, [], [0]), numpy_helper.from_array(weight, "w")])
    x = np.random.default_rng(4).uniform(-1, 12, (2, 4, 6)).astype(np.float32)
    x[0, 0, :4] = 3.75, high, low, 5
    save_file({"x": x}, tmp_path / "x.safetensors")
    succeed("dpc", "compile", model, "-o", tmp_path / "m.dpc", "--micro-batches", 2, "--optimizer", "sgd")
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors", "--steps", 1, "--lr", 0.5, "--dump", tmp_path / "dump")
    integers = np.maximum(x, 0).astype(name)
    kept = np.where(integers == table, table, 0).astype(np.float64)
    assert {3, high} <= set(kept.flat)
    losses = load_file(str(tmp_path / "dump" / "step-1.safetensors"))["loss"]
    np.testing.assert_allclose(losses, (kept @ weight).mean(axis=(1, 2)), rtol=1e-6)
    succeed("dpc", "verify", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors")


def small(tmp_path, nodes, initializers):
    """x [4, 6] in float32, through the nodes to `y`, and the mean of y."""
    nodes = [*nodes, helper.make_node("ReduceMean", ["y"], ["loss"], name="mean", keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 6])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


def cast(given, made, kind):
    return helper.make_node("Cast", [given], [made], name=f"to_{made}", to=kind)


FUNCTIONS = {"Exp": np.exp, "Tanh": np.tanh, "Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Erf": lambda x: np.vectorize(math.erf)(x),
             "Sin": np.sin, "Cos": np.cos, "Log": lambda x: np.log(x)}


@pytest.mark.parametrize("reduce", ["ReduceSum", "ReduceMean"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_double_precision_is_computed_in_double_precision(tmp_path, function, reduce):
    """A product and a function of float64, summed and averaged over micro-batches: the loss is f32, gradients are doubles."""
    rng = np.random.default_rng(3)
    weight, x = rng.uniform(0.2, 1.2, (6, 3)), rng.uniform(0.1, 1.0, (2, 4, 6))
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"], name="mm"), helper.make_node(function, ["p"], ["y"], name="curve"),
             helper.make_node(reduce, ["y"], ["loss"], name="total", keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [4, 6])],
                              [helper.make_tensor_value_info("loss", TensorProto.DOUBLE, [])], [numpy_helper.from_array(weight, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "m.onnx")
    save_file({"x": x}, tmp_path / "x.safetensors")
    succeed("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--pp", 1, "--micro-batches", 2, "--optimizer", "sgd")
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors", "--steps", 1, "--lr", 0.5, "--dump", tmp_path / "dump")
    step = load_file(str(tmp_path / "dump" / "step-1.safetensors"))
    f, product = FUNCTIONS[function], x @ weight
    mean = reduce == "ReduceMean"
    np.testing.assert_allclose(step["loss"], f(product).sum(axis=(1, 2)) / (12 if mean else 1), rtol=1e-6)
    slope = {"Exp": np.exp, "Tanh": lambda p: 1 - np.tanh(p) ** 2, "Sigmoid": lambda p: f(p) * (1 - f(p)), "Erf": lambda p: 2 / np.sqrt(np.pi) * np.exp(-p * p),
             "Sin": np.cos, "Cos": lambda p: -np.sin(p), "Log": lambda p: 1 / p}[function](product)
    gradient = np.einsum("mbi,mbo->io", x, slope) / (2 * 12 if mean else 1)
    assert step["grad/w"].dtype == np.float64
    np.testing.assert_allclose(step["grad/w"], gradient, rtol=1e-13)
    succeed("dpc", "verify", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors")



def test_sums_in_double_precision_keep_it(tmp_path):
    """A large value that float32 would lose cancels in the end."""
    big = np.full((4, 6), 2.0**40)
    nodes = [helper.make_node("Mul", ["x", "w"], ["p"], name="p"), cast("p", "p64", TensorProto.DOUBLE), helper.make_node("Add", ["p64", "big"], ["up"], name="up"),
             helper.make_node("Sub", ["up", "big"], ["y64"], name="down"), cast("y64", "y", TensorProto.FLOAT)]
    model = small(tmp_path, nodes, [numpy_helper.from_array(np.full((4, 6), 0.5, np.float32), "w"), numpy_helper.from_array(big, "big")])
    x = np.random.default_rng(3).standard_normal((2, 4, 6)).astype(np.float32)
    save_file({"x": x}, tmp_path / "x.safetensors")
    succeed("dpc", "compile", model, "-o", tmp_path / "m.dpc", "--train", "w", "--micro-batches", 2, "--optimizer", "sgd")
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors", "--steps", 1, "--lr", 0.5, "--dump", tmp_path / "dump")
    losses = load_file(str(tmp_path / "dump" / "step-1.safetensors"))["loss"]
    np.testing.assert_allclose(losses, (x.astype(np.float64) * 0.5).mean(axis=(1, 2)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind, one", [(TensorProto.FLOAT16, 0x3c00), (TensorProto.BFLOAT16, 0x3f80)])
def test_weights_of_half_precision_are_trained_through_their_cast(tmp_path, kind, one):
    weight = helper.make_tensor("half", kind, [6, 3], np.full(18, one, np.uint16).tobytes(), raw=True)
    model = small(tmp_path, [cast("half", "w", TensorProto.FLOAT), helper.make_node("MatMul", ["x", "w"], ["y"], name="mm")], [weight])
    x = np.random.default_rng(3).standard_normal((2, 4, 6)).astype(np.float32)
    save_file({"x": x}, tmp_path / "x.safetensors")
    succeed("dpc", "compile", model, "--train", "half", "-o", tmp_path / "m.dpc", "--micro-batches", 2, "--optimizer", "sgd")
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors", "--steps", 1, "--lr", 0.5, "--dump", tmp_path / "dump")
    step = load_file(str(tmp_path / "dump" / "step-1.safetensors"))
    gradient = np.repeat(x.astype(np.float64).sum(axis=(0, 1))[:, None], 3, axis=1) / 24
    np.testing.assert_allclose(step["grad/half"], gradient, rtol=1e-5, atol=1e-6)  # not rounded to 16 bits on its way
    np.testing.assert_allclose(step["param/half"], 1 - 0.5 * gradient, rtol=1e-6)


def test_a_layer_norm_in_double_precision_keeps_its_statistics_in_it(tmp_path):
    rng = np.random.default_rng(5)
    scale, x = rng.uniform(0.5, 1.5, 6), rng.standard_normal((1, 4, 6))
    nodes = [helper.make_node("LayerNormalization", ["x", "norm.weight"], ["n"], name="norm", axis=-1, epsilon=1e-5),
             helper.make_node("Mul", ["n", "n"], ["y"], name="square"), helper.make_node("ReduceMean", ["y"], ["loss"], name="mean", keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [4, 6])],
                              [helper.make_tensor_value_info("loss", TensorProto.DOUBLE, [])], [numpy_helper.from_array(scale, "norm.weight")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "m.onnx")
    save_file({"x": x}, tmp_path / "x.safetensors")
    succeed("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--pp", 1, "--micro-batches", 1, "--optimizer", "sgd")
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors", "--steps", 1, "--lr", 0.5, "--dump", tmp_path / "dump")
    step = load_file(str(tmp_path / "dump" / "step-1.safetensors"))
    centred = x[0] - x[0].mean(axis=1, keepdims=True)
    normal = centred / np.sqrt((centred ** 2).mean(axis=1, keepdims=True) + float(np.float32(1e-5)))  # attributes are floats
    np.testing.assert_allclose(step["grad/norm.weight"], (2 * normal ** 2 * scale).sum(axis=0) / 24, rtol=1e-13)
