# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains gpt2.py's model with eager PyTorch on one thread: `eager.py FOLDER STEPS` prints the fastest step in seconds and the peak
resident memory above that before the model, in bytes. Weights and data are those of the folder."""
import pathlib
import resource
import sys
import time

import numpy as np
import onnx
import torch
import torch.nn.functional as functional
from safetensors.numpy import load_file

import gpt2


def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main():
    folder, steps = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    size = gpt2.Size()
    before = resident()
    model = onnx.load(str(folder / "model.onnx"))
    p = {t.name: torch.tensor(onnx.numpy_helper.to_array(t)).requires_grad_() for t in model.graph.initializer
         if t.name.endswith((".weight", ".bias"))}
    data = {k: torch.tensor(v) for k, v in load_file(str(folder / "data.safetensors")).items()}
    optimizer = torch.optim.AdamW(p.values(), lr=1e-3)
    d = size.width

    def norm(name, x):
        return functional.layer_norm(x, (d,), p[name + ".weight"], p[name + ".bias"])

    def linear(name, x):
        return functional.linear(x, p[name + ".weight"], p.get(name + ".bias"))

    def loss(x, y):
        h = p["wte.weight"][x] + p["wpe.weight"]
        for i in range(size.layers):
            qkv = linear(f"h.{i}.attn.qkv", norm(f"h.{i}.ln1", h)).view(size.batch, size.sequence, 3, size.heads, d // size.heads)
            q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
            a = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(h.shape)
            h = h + linear(f"h.{i}.attn.proj", a)
            h = h + linear(f"h.{i}.fc2", functional.gelu(linear(f"h.{i}.fc1", norm(f"h.{i}.ln2", h)), approximate="tanh"))
        return functional.cross_entropy(linear("lm", norm("ln", h)).view(size.tokens, -1), y.view(-1))

    times, row = [], 0
    for step in range(steps):
        begin, total = time.perf_counter(), 0.0
        optimizer.zero_grad()
        for _ in range(size.micro_batches):
            value = loss(data["x"][row % len(data["x"])], data["y"][row % len(data["y"])])
            (value / size.micro_batches).backward()
            total += value.item() / size.micro_batches
            row += 1
        optimizer.step()
        times.append(time.perf_counter() - begin)
        print(f"step {step}: loss {total:.7f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(min(times[1:]), peak - before)


if __name__ == "__main__":
    main()
