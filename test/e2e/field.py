# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small models from the field (test/field): how they are compiled, run and compared with float64 autograd.

An expected file holds, per step, the total loss, each micro-batch's loss, and gradients and weights by the
framework's names. An exporter may have stored a parameter under another name, or transposed: it is then the
one dumped tensor that no other name claims and that has those values.
"""
import json
import os
import pathlib

import numpy as np
from safetensors.numpy import load_file

from commands import succeed

FIELD = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "field"
USAGE, MODEL, DATA = 2, 3, 9


def compile_(model, artifact, *options):
    return succeed("dpc", "compile", model, "-o", artifact, "--optimizer", "sgd", *options)


def run(artifact, data, dump, *options, steps=1, lr=0.1):
    return succeed("dpc", "run", artifact, "--data", data, "--epochs", 0, "--steps", steps, "--lr", lr, "--dump", dump, *options)


def dumped(dump):
    """The dumped steps in order."""
    files = sorted(pathlib.Path(dump).glob("step-*.safetensors"), key=lambda f: int(f.stem.split("-")[1]))
    return [load_file(str(f)) for f in files]


def distance(got, want):
    """The largest difference as a part of the largest value; None where the elements cannot be compared."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if got.size != want.size:
        return None
    got = got.reshape(want.shape)
    if (np.isnan(got) != np.isnan(want)).any():
        return np.inf
    got, want = np.nan_to_num(got), np.nan_to_num(want)
    return 0.0 if want.size == 0 else np.abs(got - want).max() / max(np.abs(want).max(), 1e-3)


class Claims:
    """Which dumped tensor is which expected one; the first step decides for all."""

    def __init__(self):
        self.names = {}

    def find(self, kind, name, want, step, taken):
        if f"{kind}/{name}" in step:
            return step[f"{kind}/{name}"]
        if name not in self.names:
            self.names[name] = self.search(kind, np.asarray(want, np.float64), step, taken)
        stored, transposed = self.names[name]
        assert stored is not None, f"{kind}/{name} is not in the dump, which has {sorted(step)}"
        taken.add(stored)
        value = step[f"{kind}/{stored}"]
        return value.T if transposed else value

    @staticmethod
    def search(kind, want, step, taken):
        best = (np.inf, None, False)
        for key, value in step.items():
            stored = key.removeprefix(kind + "/")
            if stored == key or stored in taken:
                continue
            for transposed in (False, True) if value.ndim == 2 == want.ndim else (False,):
                candidate = value.T if transposed else value
                if candidate.ndim == 2 == want.ndim and candidate.shape != want.shape:
                    continue
                far = distance(candidate, want)
                if far is not None and far < min(best[0], 1e-3):
                    best = (far, stored, transposed)
        return best[1:]


def check(expected, dump):
    """Asserts that the dump holds what the expected file says; returns how many values were compared."""
    expected = json.loads(pathlib.Path(expected).read_text())
    bound, steps, claims, compared = expected.get("rtol", 2e-5), dumped(dump), Claims(), 0
    steps = steps[expected.get("first_step", 0):]
    for i, (want, got) in enumerate(zip(expected["steps"], steps, strict=False)):
        pairs = [(key, got[key], want[key]) for key in ("total_loss", "loss") if key in want]
        for kind in ("grad", "param"):
            names = want.get(kind, {})
            taken = set(names)
            pairs += [(f"{kind}/{n}", claims.find(kind, n, v, got, taken), v) for n, v in names.items()]
        for what, value, wanted in pairs:
            far = distance(value, wanted)
            assert far is not None and far <= bound, f"step {i} {what}: {value}, expected {wanted}, {far} apart"
        compared += len(pairs)
    assert len(steps) >= len(expected["steps"]) and compared > 0
    return compared
