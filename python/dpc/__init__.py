# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pipeline-parallel training with dpc.

`dpc.schedule` makes, checks, simulates, compares and draws schedules, without a model.
`dpc.export` turns a PyTorch module into a file that `dpc compile` reads; `dpc.weights` turns
PyTorch's files of weights into safetensors. Only these two need PyTorch. `dpc.data` turns arrays
and tables into data.
"""
from typing import Any


def __getattr__(name: str) -> Any:
    # On first use: so that `python -m dpc.export` finds its module not yet imported, and that
    # `dpc.schedule` is had without these.
    if name in ("data", "export", "schedule", "weights"):
        import importlib
        return importlib.import_module(f"dpc.{name}")
    raise AttributeError(f"module 'dpc' has no attribute '{name}'")
