#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A byte-level GPT-2 on Python's own sources, trained by dpc on four ranks and by eager PyTorch, from the same weights, with the same samples.

Run by hand, since it needs PyTorch, onnx, onnxscript, onnxruntime and safetensors:

    PYTHONPATH=build/python PATH=build/bin:$PATH PYTHON test/pytorch/byte_gpt2.py FOLDER [--steps 1000] [--every 100]

Prints both held-out curves and their largest relative distance, loads what was exported into a new module
(strict=True) and into onnxruntime, whose losses must be dpc's to 1e-5, and samples some text.
"""
import argparse
import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import time

import numpy as np
import torch
from safetensors.torch import load_file

import dpc

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
spec = importlib.util.spec_from_file_location("demo_export", ROOT / "demo" / "export.py")
demo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(demo)

M, RATE, WARMUP, LEAST, CLIP, HELD_OUT = 8, 1e-3, 50, 0.1, 1.0, 64


def command(*arguments):
    print("$", *arguments, flush=True)
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def windows(path, count, seed):
    tokens = np.fromfile(path, np.uint8).astype(np.int64)
    starts = np.random.default_rng(seed).integers(0, len(tokens) - demo.SEQUENCE - 1, count)
    return [np.stack([tokens[s + shift:s + shift + demo.SEQUENCE] for s in starts])[:, None] for shift in (0, 1)]


def rate(step, steps):
    """As --lr-schedule warmup,cosine,min has it; steps from 1."""
    if step <= WARMUP:
        return RATE * step / WARMUP
    part = min(1, (step - 1 - WARMUP) / (steps - 1 - WARMUP))
    return RATE * (LEAST + (1 - LEAST) * 0.5 * (1 + math.cos(math.pi * part)))


def held_out_loss(model, ids, labels):
    with torch.no_grad():
        return float(np.mean([float(model(torch.from_numpy(i[:, 0]), torch.from_numpy(l[:, 0]))) for i, l in
                              zip(np.split(ids, len(ids) // M), np.split(labels, len(labels) // M))]))


class Batched(demo.ByteGpt):
    """The demo's model for any number of sequences at a time: eager PyTorch takes a step's micro-batches at once."""

    def forward(self, input_ids, labels):
        x = self.wte(input_ids) + self.wpe.weight
        for block in self.h:
            a = block.attention
            q, k, v = (t.view(len(x), demo.SEQUENCE, demo.HEADS, -1).transpose(1, 2) for t in a.qkv(block.ln1(x)).split(demo.WIDTH, dim=2))
            mixed = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(demo.WIDTH // demo.HEADS) + a.mask, dim=-1) @ v
            x = x + a.proj(mixed.transpose(1, 2).reshape(x.shape))
            x = x + block.down(torch.nn.functional.gelu(block.up(block.ln2(x)), approximate="tanh"))
        self.logits = self.head(self.ln_f(x))
        return torch.nn.functional.cross_entropy(self.logits.view(-1, demo.VOCABULARY), labels.reshape(-1))


def sample(model, prompt, count, seed):
    generator, tokens = torch.Generator().manual_seed(seed), list(prompt.encode())
    with torch.no_grad():
        for _ in range(count):
            context = tokens[-demo.SEQUENCE:]
            padded = torch.tensor([context + [10] * (demo.SEQUENCE - len(context))])
            model(padded, padded)
            odds = torch.softmax(model.logits[0, len(context) - 1] / 0.8, -1)
            tokens.append(int(torch.multinomial(odds, 1, generator=generator)))
    return bytes(tokens).decode(errors="replace")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--every", type=int, default=100)
    options = parser.parse_args()
    folder, steps = options.folder, options.steps
    folder.mkdir(parents=True, exist_ok=True)
    command(sys.executable, ROOT / "demo" / "corpus.py", folder)
    ids, labels = windows(folder / "train.bin", steps * M, 1)
    held_ids, held_labels = windows(folder / "held-out.bin", HELD_OUT, 2)
    from dpc import data
    data.arrays({"input_ids": ids, "labels": labels}, folder / "train.safetensors")
    data.arrays({"input_ids": held_ids, "labels": held_labels}, folder / "held-out.safetensors")

    torch.manual_seed(0)
    model = demo.ByteGpt()
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, 0, 0.02)
    args = dict(input_ids=torch.from_numpy(ids[0]), labels=torch.from_numpy(labels[0]))
    if not (folder / "gpt2.onnx").exists():
        dpc.export(model, args, str(folder / "gpt2.onnx"))

    artifact, checkpoints = folder / "gpt2.dpc", folder / "checkpoints"
    print(command("dpc", "compile", folder / "gpt2.onnx", "--pp", 4, "--micro-batches", M, "--optimizer", "adamw", "-o", artifact, "--force"))
    begin = time.monotonic()
    print(command("dpc", "run", artifact, "--data", folder / "train.safetensors", "--steps", steps, "--lr", RATE, "--clip-norm", CLIP,
                  "--lr-schedule", f"warmup={WARMUP},cosine,min={LEAST}", "--eval-data", folder / "held-out.safetensors", "--eval-every", options.every,
                  "--checkpoint", checkpoints, "--checkpoint-every", options.every, "--resume", "never", "--report", folder / "report.json"))
    print(f"dpc: {time.monotonic() - begin:.0f} s")
    ours = {e["step"]: e["loss"] for e in json.loads((folder / "report.json").read_text())["evaluations"]}

    eager = Batched()
    eager.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(eager.parameters(), lr=RATE, weight_decay=0.01)
    begin, theirs = time.monotonic(), {}
    for step in range(1, steps + 1):
        optimizer.param_groups[0]["lr"] = rate(step, steps)
        optimizer.zero_grad()
        rows = slice((step - 1) * M, step * M)
        eager(torch.from_numpy(ids[rows, 0]), torch.from_numpy(labels[rows, 0])).backward()
        torch.nn.utils.clip_grad_norm_(eager.parameters(), CLIP)
        optimizer.step()
        if step % options.every == 0 or step == steps:
            theirs[step] = held_out_loss(eager, held_ids, held_labels)
    print(f"eager: {time.monotonic() - begin:.0f} s")
    for step in sorted(theirs):
        print(f"step {step:5}  held-out  dpc {ours[step]:.5f}  eager {theirs[step]:.5f}  {ours[step] / theirs[step] - 1:+.3%}")
    print(f"largest distance {max(abs(ours[s] / theirs[s] - 1) for s in theirs):.3%}")

    command("dpc", "export", artifact, "--checkpoint", checkpoints, "-o", folder / "weights.safetensors", "--force")
    command("dpc", "export", artifact, "--checkpoint", checkpoints, "-o", folder / "trained.onnx", "--force")
    trained = Batched()
    trained.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    loaded = held_out_loss(trained, held_ids, held_labels)
    import onnxruntime
    session = onnxruntime.InferenceSession(str(folder / "trained.onnx"), providers=["CPUExecutionProvider"])
    run = np.mean([session.run(None, {"input_ids": i, "labels": l})[0] for i, l in zip(held_ids, held_labels)])
    last = ours[steps]
    print(f"held-out loss: dpc {last:.6f}, the strictly loaded module {loaded:.6f} ({loaded / last - 1:+.1e}), onnxruntime {run:.6f} ({run / last - 1:+.1e})")
    assert abs(loaded / last - 1) < 1e-5 and abs(run / last - 1) < 1e-5
    print(sample(trained, "def main(args):\n", 400, 3))


if __name__ == "__main__":
    main()
