# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes demo/gpt2-bytes.onnx, the graph that scripts/demo trains.

Run once, by hand; the demo itself needs no PyTorch. Needs torch, onnx and
onnxscript. The file holds the graph and its constants only: parameters are
external tensors whose file is left out on purpose, so that the file stays small
and `dpc compile --init` has to draw them.
Usage: export.py OUTPUT.onnx
"""
import math
import sys

import onnx
import torch
import torch.nn.functional as F
from torch import nn

LAYERS, WIDTH, HEADS, SEQUENCE, VOCABULARY = 6, 256, 4, 128, 256


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)
        causal = torch.full((SEQUENCE, SEQUENCE), -1e9).triu(1)
        self.register_buffer("mask", causal.view(1, 1, SEQUENCE, SEQUENCE), persistent=False)

    def forward(self, x):
        q, k, v = (t.view(1, SEQUENCE, HEADS, WIDTH // HEADS).transpose(1, 2)
                   for t in self.qkv(x).split(WIDTH, dim=2))
        scores = q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + self.mask
        mixed = F.softmax(scores, dim=-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(1, SEQUENCE, WIDTH))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


class ByteGpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(VOCABULARY, WIDTH)
        self.wpe = nn.Embedding(SEQUENCE, WIDTH)
        self.h = nn.ModuleList(Block() for _ in range(LAYERS))
        self.ln_f = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, input_ids, labels):
        x = self.wte(input_ids) + self.wpe.weight
        for block in self.h:
            x = block(x)
        logits = self.head(self.ln_f(x))
        return F.cross_entropy(logits.view(-1, VOCABULARY), labels.view(-1))


def main(path):
    torch.manual_seed(0)
    model = ByteGpt().train()
    # Two tensors, not one twice: the exporter would take them for one input.
    ids = torch.zeros(1, SEQUENCE, dtype=torch.int64)
    # Unoptimized: the exporter's optimizer would store some weights transposed, under names of its own.
    program = torch.onnx.export(model, (ids, ids.clone()), input_names=["input_ids", "labels"], output_names=["loss"],
                                opset_version=20, dynamo=True, optimize=False)
    proto = program.model_proto
    offset = 0
    names = {name for name, _ in model.named_parameters()}
    for tensor in proto.graph.initializer:
        if tensor.name not in names:
            continue
        size = 4 * math.prod(tensor.dims)
        for field in ("raw_data", "float_data"):
            tensor.ClearField(field)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in (("location", "absent.bin"), ("offset", offset), ("length", size)):
            tensor.external_data.add(key=key, value=str(value))
        offset += size
    # Six layers share one mask: keep it once.
    first, same = {}, {}
    for tensor in proto.graph.initializer:
        if tensor.name not in names:
            key = (tuple(tensor.dims), tensor.data_type, tensor.raw_data)
            same[tensor.name] = first.setdefault(key, tensor.name)
    for node in proto.graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
        node.ClearField("doc_string")
        del node.metadata_props[:]
    kept = [t for t in proto.graph.initializer if same.get(t.name, t.name) == t.name]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    del proto.graph.value_info[:]
    onnx.save(proto, path)
    print(f"{len(proto.graph.node)} nodes, {offset // 4} parameters, {len(proto.SerializeToString())} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
