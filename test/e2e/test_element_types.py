# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inputs of every integer type and of booleans, from the file to the kernels."""
import numpy as np
import onnx
import pytest
from commands import succeed
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

TYPES = {"int8": (TensorProto.INT8, -128, 127), "uint8": (TensorProto.UINT8, 0, 255), "int32": (TensorProto.INT32, -7, 7),
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
