#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a GPT-2-like training graph and its data: the model that the benchmarks of this folder time.

Nodes are those that PyTorch's exporter writes for such a model: Linear weights are stored [out, in] and transposed, the causal mask is
added, the loss is a mean over all tokens. Weights lie in a file beside the graph, drawn from a seed.

    python3 test/benchmark/gpt2.py DIR [--layers 8 --width 256 --heads 4 --sequence 128 --vocabulary 4096 --batch 2]
"""
import argparse
import dataclasses
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file


@dataclasses.dataclass(frozen=True)
class Size:
    """The default is 8.4 million parameters and 97.7 GFLOP in a step of 8 micro-batches."""
    layers: int = 8
    width: int = 256
    heads: int = 4
    sequence: int = 128
    vocabulary: int = 4096
    batch: int = 2
    micro_batches: int = 8

    @property
    def tokens(self):
        return self.batch * self.sequence

    @property
    def parameters(self):
        d = self.width
        return (2 * self.vocabulary + self.sequence) * d + self.layers * (12 * d * d + 13 * d) + 2 * d


class Graph:
    def __init__(self, size, seed=0):
        self.size, self.random = size, np.random.default_rng(seed)
        self.nodes, self.initializers, self.blob = [], [], bytearray()

    def parameter(self, name, *shape):
        """A weight is drawn, a norm's scale is one, a bias is zero."""
        if len(shape) > 1:
            value = self.random.normal(0, 0.02, shape)
        else:
            value = np.full(shape, 1.0 if name.endswith(".weight") else 0.0)
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, text in (("location", "model.onnx.data"), ("offset", len(self.blob)), ("length", 4 * value.size)):
            tensor.external_data.add(key=key, value=str(text))
        self.blob += value.astype("<f4").tobytes()
        self.initializers.append(tensor)
        return name

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, kind, *inputs, outputs=None, **attributes):
        number = len(self.nodes)
        outputs = outputs or [f"{kind.lower()}_{number}"]
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=f"node_{kind}_{number}", **attributes))
        return outputs[0] if len(outputs) == 1 else outputs

    def linear(self, name, x, inputs, outputs, bias=True):
        weight = self.op("Transpose", self.parameter(name + ".weight", outputs, inputs), perm=[1, 0])
        y = self.op("MatMul", x, weight)
        return self.op("Add", y, self.parameter(name + ".bias", outputs)) if bias else y

    def norm(self, name, x):
        d = self.size.width
        return self.op("LayerNormalization", x, self.parameter(name + ".weight", d), self.parameter(name + ".bias", d), axis=-1)

    def attention(self, name, x):
        s = self.size
        qkv = self.linear(name + ".qkv", x, s.width, 3 * s.width)
        parts = self.op("Split", qkv, "thirds", outputs=[f"{name}.{p}" for p in "qkv"], axis=-1)
        q, k, v = (self.op("Transpose", self.op("Reshape", part, "by_head"), perm=perm)
                   for part, perm in zip(parts, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])))
        scores = self.op("Add", self.op("Mul", self.op("MatMul", q, k), "scale"), "mask")
        y = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        y = self.op("Reshape", self.op("Transpose", y, perm=[0, 2, 1, 3]), "merged")
        return self.linear(name + ".proj", y, s.width, s.width)

    def build(self):
        s, d = self.size, self.size.width
        self.constant("thirds", np.array([d] * 3, np.int64))
        self.constant("by_head", np.array([s.batch, s.sequence, s.heads, d // s.heads], np.int64))
        self.constant("merged", np.array([s.batch, s.sequence, d], np.int64))
        self.constant("positions", np.arange(s.sequence, dtype=np.int64))
        self.constant("scale", np.float32((d // s.heads) ** -0.5))
        self.constant("mask", np.triu(np.full((s.sequence, s.sequence), -3.4e38, np.float32), 1)[None, None])
        self.constant("flat", np.array([s.tokens, s.vocabulary], np.int64))
        self.constant("flat_labels", np.array([s.tokens], np.int64))
        x = self.op("Add", self.op("Gather", self.parameter("wte.weight", s.vocabulary, d), "x"),
                    self.op("Gather", self.parameter("wpe.weight", s.sequence, d), "positions"))
        for i in range(s.layers):
            x = self.op("Add", x, self.attention(f"h.{i}.attn", self.norm(f"h.{i}.ln1", x)))
            u = self.op("Gelu", self.linear(f"h.{i}.fc1", self.norm(f"h.{i}.ln2", x), d, 4 * d), approximate="tanh")
            x = self.op("Add", x, self.linear(f"h.{i}.fc2", u, 4 * d, d))
        logits = self.linear("lm", self.norm("ln", x), d, s.vocabulary, bias=False)
        self.op("SoftmaxCrossEntropyLoss", self.op("Reshape", logits, "flat"), self.op("Reshape", "y", "flat_labels"), outputs=["loss"])
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [s.batch, s.sequence]) for name in "xy"]
        outputs = [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])]
        graph = helper.make_graph(self.nodes, "gpt2", inputs, outputs, self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def write(folder, size=Size(), steps=8):
    """model.onnx, model.onnx.data and data.safetensors in `folder`; the model's path."""
    graph = Graph(size)
    model = graph.build()
    onnx.save(model, str(folder / "model.onnx"))
    (folder / "model.onnx.data").write_bytes(graph.blob)
    draw = np.random.default_rng(1).integers(0, size.vocabulary, (2, steps * size.micro_batches, size.batch, size.sequence))
    save_file({"x": draw[0].astype(np.int64), "y": draw[1].astype(np.int64)}, str(folder / "data.safetensors"))
    return folder / "model.onnx"


def main():
    parser = argparse.ArgumentParser(description="Write a GPT-2-like training graph and data for it")
    parser.add_argument("folder", type=pathlib.Path)
    for field in dataclasses.fields(Size):
        if field.name != "micro_batches":
            parser.add_argument("--" + field.name, type=int, default=field.default)
    arguments = vars(parser.parse_args())
    folder = arguments.pop("folder")
    folder.mkdir(parents=True, exist_ok=True)
    size = Size(**arguments)
    print(f"{write(folder, size)}: {size.parameters / 1e6:.2f} million parameters")


if __name__ == "__main__":
    main()
