# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes test/e2e/lr_schedules.json: learning rates of PyTorch's own schedulers, step by step, for what --lr-schedule says.

Run with a Python that has PyTorch: python test/pytorch/lr_schedules.py
"""
import json
import pathlib
import warnings

import torch
from torch.optim import lr_scheduler as ls

STEPS, LR = 12, 0.5
warnings.filterwarnings("ignore")


def rates(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=LR)
    scheduler, out = make(optimizer), []
    for _ in range(STEPS):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return out


def warm(n, after):
    def make(optimizer):
        first = ls.LinearLR(optimizer, start_factor=1 / n, total_iters=n - 1) if n > 1 else ls.ConstantLR(optimizer, factor=1)
        return ls.SequentialLR(optimizer, [first, after(optimizer, STEPS - 1 - n)], milestones=[n])
    return make


cosine = lambda least: lambda o, n: ls.CosineAnnealingLR(o, T_max=n, eta_min=least * LR)
linear = lambda least: lambda o, n: ls.LinearLR(o, start_factor=1, end_factor=least, total_iters=n)
constant = lambda o, n: ls.ConstantLR(o, factor=1)
schedules = {
    "cosine": lambda o: cosine(0)(o, STEPS - 1),
    "cosine,min=0.1": lambda o: cosine(0.1)(o, STEPS - 1),
    "linear,min=0.25": lambda o: linear(0.25)(o, STEPS - 1),
    "warmup=4,cosine,min=0.1": warm(4, cosine(0.1)),
    "warmup=3,linear,min=0.2": warm(3, linear(0.2)),
    "warmup=5,constant": warm(5, constant),
    "warmup=5": warm(5, constant),
}
path = pathlib.Path(__file__).parent.parent / "e2e" / "lr_schedules.json"
path.write_text(json.dumps({"torch": torch.__version__, "steps": STEPS, "lr": LR, "rates": {k: rates(v) for k, v in schedules.items()}}, indent=1) + "\n")
