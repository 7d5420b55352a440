#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what test/e2e/test_stems.py compares with: models whose first layers are convolutions, and PyTorch's numbers
for them. Run by hand, since it needs PyTorch, onnx, onnxscript and safetensors:

    PYTHONPATH=build/python PYTHON test/pytorch/stems.py

Of each model of models.py: test/exported/NAME.onnx with drawn weights, NAME.safetensors with eight micro-batches, and
NAME.json: three steps of SGD in float64 over their mean, losses and for each parameter the gradient of the first step
and the weights after the third, by norm and by `probes` products with random vectors; and how far PyTorch's own
float32 is from that gradient.
"""
import copy
import json
import pathlib
import zlib

import numpy as np
import torch
from torch.nn import functional as F

import dpc
import models
from roundtrip import variants

RATE, STEPS, PROBES, MICRO_BATCHES = 0.1, 3, 4, 8
TARGET = pathlib.Path(__file__).parent.parent / "exported"


def probes(name, size):
    """Random vectors that depend on the name alone; test_stems.py draws the same."""
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal((PROBES, size)) / np.sqrt(size)


def trained(module, rows, dtype):
    """The losses of the steps, the gradients of the first, and the module behind the last."""
    module = copy.deepcopy(module).to(dtype)
    optimizer = torch.optim.SGD(module.parameters(), lr=RATE)
    losses, micro, gradients = [], [], {}
    for step in range(STEPS):
        optimizer.zero_grad()
        parts = [F.cross_entropy(module(x.to(dtype)), labels) for x, labels in rows]
        total = sum(parts) / len(parts)
        total.backward()
        if step == 0:
            micro = [float(part.detach()) for part in parts]
            gradients = {name: p.grad.detach().double().numpy().copy() for name, p in module.named_parameters()}
        optimizer.step()
        losses.append(float(total.detach()))
    return losses, micro, gradients, {name: p.detach().double().numpy() for name, p in module.named_parameters()}


def described(name, value):
    flat = value.reshape(-1)
    return {"norm": float(np.linalg.norm(flat)), "probes": [float(x) for x in probes(name, flat.size) @ flat]}


def main():
    for name in ("vit_conv", "whisper"):
        module, args, loss = models.MODELS[name]()
        rows = variants(args, MICRO_BATCHES)
        print(dpc.export(module, args, TARGET / f"{name}.onnx", loss=loss, data=TARGET / f"{name}.safetensors", samples=rows))
        losses, micro, gradients, weights = trained(module, rows, torch.float64)
        _, _, narrow, _ = trained(module, rows, torch.float32)
        parameters = {}
        for key, gradient in gradients.items():
            own = np.linalg.norm(narrow[key] - gradient) / max(np.linalg.norm(gradient), 1e-300)
            parameters[key] = {"grad": described(key, gradient), "grad_rel_float32": float(own), "weight": described(key, weights[key])}
        (TARGET / f"{name}.json").write_text(json.dumps({"lr": RATE, "micro_batches": MICRO_BATCHES, "losses": losses, "micro_batch_loss": micro, "parameters": parameters}, indent=1) + "\n")


if __name__ == "__main__":
    main()
