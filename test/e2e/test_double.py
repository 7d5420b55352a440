# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The exported transformers stored in float64: gradients are the interpreter's to the last digits of a double."""
import re

import numpy as np
import onnx
import pytest
from commands import succeed
from onnx import TensorProto, numpy_helper
from safetensors.numpy import load_file
from test_models import MODELS


def widen(tensor):
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor, str(MODELS)).astype(np.float64), tensor.name))


def widen_graph(graph):
    for tensor in graph.initializer:
        widen(tensor)
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                widen(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
            if attribute.type == onnx.AttributeProto.GRAPH:
                widen_graph(attribute.g)


def save_widened(name, path):
    model = onnx.load(MODELS / f"{name}.onnx")
    widen_graph(model.graph)
    assert not model.functions
    onnx.save(model, path)


@pytest.mark.parametrize("name, ranks, schedule", [("gpt2", 4, "dualpipe"), ("bert", 4, "dualpipe"), ("llama", 2, "1f1b"), ("moe", 2, "1f1b")])
def test_gradients_are_doubles(name, ranks, schedule, tmp_path):
    save_widened(name, tmp_path / "m.onnx")
    succeed("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--pp", ranks, "--micro-batches", 8, "--schedule", schedule)
    kernels = re.findall(r"^  k_\w+\(.*\)", succeed("dpc", "inspect", tmp_path / "m.dpc"), re.MULTILINE)
    assert sum(" f64" in kernel for kernel in kernels) > len(kernels) / 2 > 10
    said = succeed("dpc", "verify", tmp_path / "m.dpc")
    # What is allowed is 1e-5 of the norm: a part of 1e-7 is 1e-12.
    part = float(re.search(r"as a part of what is allowed: loss \S+, gradient (\S+)", said)[1])
    assert 0 < part <= 1e-7, said


def test_drawn_weights_are_those_of_f32(tmp_path):
    save_widened("gpt2", tmp_path / "wide.onnx")
    drawn = []
    for model in (tmp_path / "wide.onnx", MODELS / "gpt2.onnx"):
        succeed("dpc", "compile", model, "-o", tmp_path / "m.dpc", "--force", "--init", "seed:5")
        succeed("dpc", "run", tmp_path / "m.dpc", "--data", "synthetic:1", "--steps", 1, "--lr", 0, "--dump", tmp_path / "dump", "--checkpoint", "none")
        drawn.append({key: value for key, value in load_file(str(tmp_path / "dump" / "step-1.safetensors")).items() if key.startswith("param/")})
    assert drawn[0].keys() == drawn[1].keys() and len(drawn[0]) > 10
    for key, value in drawn[0].items():
        assert value.dtype == np.float64
        np.testing.assert_array_equal(value, drawn[1][key].astype(np.float64), err_msg=key)
