# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc check` runs the phases that compile runs: what one says, the other does."""
import os
import pathlib
import re

import numpy as np
import onnx
import pytest
from commands import call, refuse, said, succeed
from field import MODEL, compile_
from onnx import TensorProto, helper, numpy_helper

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_the_largest_number_of_ranks_compiles_and_no_larger_one(name):
    """Without machine code, which takes a while for a stage of every operation."""
    model = MODELS / f"{name}.onnx"
    most = int(re.search(r"--pp 1 to (\d+) ", succeed("dpc", "check", model))[1])
    assert most > 8
    succeed("dpc", "compile", model, "--compile-to", "kernels", "--pp", most, "--micro-batches", most, "--schedule", "1f1b")
    refuse(MODEL, [f"allows is {most}"], "dpc", "compile", model, "--compile-to", "kernels", "--pp", most + 1, "--micro-batches", most + 1, "--schedule", "1f1b")


def typed_model(path, kind, op):
    numpy_type = helper.tensor_dtype_to_np_dtype(kind) if kind != TensorProto.BFLOAT16 else np.float32
    weight = helper.make_tensor("w", kind, [4, 4], np.eye(4, dtype=np.float32).reshape(-1).tolist()) if kind == TensorProto.BFLOAT16 else \
        numpy_helper.from_array(np.eye(4, dtype=numpy_type), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"], name="product"), helper.make_node(op, ["a"], ["b"], name="step"),
             helper.make_node("ReduceMean", ["b"], ["loss"], name="mean", keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", kind, [2, 4])], [helper.make_tensor_value_info("loss", kind, [])], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.parametrize("op", ["Tanh", "Erf", "Relu", "Exp", "Softmax", "Sin", "Abs"])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16], ids=["f32", "f64", "f16", "bf16"])
def test_element_types_are_refused_by_both_or_by_none(kind, op, tmp_path):
    model = typed_model(tmp_path / "m.onnx", kind, op)
    check = call("dpc", "check", model)
    compiled = call("dpc", "compile", model, "-o", tmp_path / "m.dpc", "--optimizer", "sgd")
    assert check.returncode == compiled.returncode, f"check:\n{said(check)}\ncompile:\n{said(compiled)}"
    if compiled.returncode:
        errors = [line for line in compiled.stderr.splitlines() if line.startswith("error:")]
        assert errors and set(errors) <= set(check.stderr.splitlines()), f"check:\n{said(check)}\ncompile:\n{said(compiled)}"
        assert "can be trained" not in check.stdout


def test_f32_is_not_refused(tmp_path):
    model = typed_model(tmp_path / "m.onnx", TensorProto.FLOAT, "Tanh")
    assert "can be trained; --pp 1 to" in succeed("dpc", "check", model)
    compile_(model, tmp_path / "m.dpc")


def test_a_parameter_through_an_operation_is_not_computed_for_nothing(tmp_path):
    """exp(t) is made again where the weight half reads it, and only there."""
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name) for name, shape in (("kernel", (6, 6)), ("t", (6,)))]
    nodes = [helper.make_node("MatMul", ["x", "kernel"], ["a"], name="product"), helper.make_node("Exp", ["t"], ["e"], name="scale"),
             helper.make_node("Mul", ["a", "e"], ["b"], name="scaled"), helper.make_node("Mul", ["b", "b"], ["s"], name="squares"),
             helper.make_node("ReduceMean", ["s"], ["loss"], name="mean", keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 6])], [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], weights)
    model = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), model)
    train = ["--train", "auto", "--train", "t"]
    assert "can be trained" in succeed("dpc", "check", model, *train)
    compile_(model, tmp_path / "m.dpc", *train)
    succeed("dpc", "verify", tmp_path / "m.dpc")


def test_a_chain_of_any_length_is_compiled(tmp_path):
    """One kernel of thousands of operations would be deeper than the compiler's stack."""
    length = 6000
    nodes = [helper.make_node("MatMul", ["x", "w"], ["v0"], name="product"), *(helper.make_node("Add", [f"v{i}", "small"], [f"v{i + 1}"], name=f"a{i}") for i in range(length)),
             helper.make_node("ReduceMean", [f"v{length}"], ["loss"], name="mean", keepdims=0)]
    weights = [numpy_helper.from_array(np.eye(4, dtype=np.float32), "w"), numpy_helper.from_array(np.float32(2 ** -12), "small")]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])], [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "m.onnx")
    assert "can be trained" in succeed("dpc", "check", tmp_path / "m.onnx")
    compile_(tmp_path / "m.onnx", tmp_path / "m.dpc")
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", "synthetic:1", "--steps", 1, "--lr", 0.1)
