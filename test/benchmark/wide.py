# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a training graph whose kernels go over large square matrices, with products between them so that each stands alone: a layer
norm, a GELU and a softmax. Time is the only thing that it is for."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(folder, edge):
    """model.onnx in `folder`, of matrices of edge x edge; its path. Parameters are to be drawn (--init)."""
    shape = [edge, edge]
    nodes = [
        helper.make_node("LayerNormalization", ["x", "norm.weight", "norm.bias"], ["normed"], axis=-1, name="layer_norm"),
        helper.make_node("MatMul", ["normed", "first.weight"], ["first"], name="first"),
        helper.make_node("Gelu", ["first"], ["gelu"], approximate="tanh", name="gelu"),
        helper.make_node("MatMul", ["gelu", "second.weight"], ["second"], name="second"),
        helper.make_node("Softmax", ["second"], ["softmax"], axis=-1, name="softmax"),
        helper.make_node("MatMul", ["softmax", "third.weight"], ["third"], name="third"),
        helper.make_node("Mul", ["third", "third"], ["squares"], name="squares"),
        helper.make_node("ReduceMean", ["squares"], ["loss"], keepdims=0, name="loss"),
    ]
    parameters = {"norm.weight": shape[1:], "norm.bias": shape[1:], "first.weight": shape, "second.weight": shape, "third.weight": shape}
    initializers = [numpy_helper.from_array(np.zeros(size, np.float32), name) for name, size in parameters.items()]
    graph = helper.make_graph(nodes, "wide", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], initializers)
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), str(path))
    return path
