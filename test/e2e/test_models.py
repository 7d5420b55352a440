# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exported transformers, compiled and trained, against float64 autograd.

Every graph runs with every schedule on 1, 2 and 4 ranks. Losses of the first step
must be bit-equal over all of them: how a model is cut and scheduled must not show.
"""
import json
import os
import pathlib

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from commands import output

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
NAMES = ["gpt2", "llama", "bert", "moe"]
SCHEDULES = ["gpipe", "1f1b", "zb-h1", "dualpipe", "dualpipev"]
# Other placements, pairs of other stages: all schedules run in test_schedules.py.
MORE = ["interleaved", "combined-1f1b", "zb-v", "chimera"]
LR = {"sgd": 0.1, "adamw": 1e-3}


def train(folder, file, data, ranks, schedule, optimizer, micro_batches, steps, compile_options=(), run_options=()):
    """Some steps; what was dumped of each."""
    artifact, dump = folder / "model.dpc", folder / "dump"
    output("dpc", "compile", MODELS / file, "-o", artifact, "--force", "--pp", ranks, "--micro-batches", micro_batches, "--schedule", schedule,
           "--optimizer", optimizer, *compile_options)
    output("dpc", "run", artifact, "--data", data, "--epochs", 0, "--steps", steps, "--lr", LR[optimizer], "--dump", dump, *run_options)
    return [load_file(str(dump / f"step-{i + 1}.safetensors")) for i in range(steps)]


class Model:
    def __init__(self, name):
        self.info = json.loads((MODELS / f"{name}.json").read_text())
        self.reference = load_file(str(MODELS / f"{name}.ref.safetensors"))

    def train(self, folder, graph, ranks, schedule, optimizer, micro_batches=8, threads=None, target="cpu", steps=3):
        data = folder / "data.safetensors"
        save_file({k[3:]: v for k, v in self.reference.items() if k.startswith("in/")}, str(data))
        options = ["--optimizer-option", "weight_decay=0.01"] if optimizer == "adamw" else []
        options += ["--threads", threads] if threads else []
        return train(folder, graph["file"], data, ranks, schedule, optimizer, micro_batches, steps, ["--loss", self.info["loss"], "--target", target], options)

    def check_losses(self, graph, optimizer, steps):
        # Tables that the exporter folded are trained as stored, so all steps agree.
        wanted = self.info[optimizer]["total_loss"]
        for step, got in enumerate(steps):
            assert float(got["total_loss"].reshape(-1)[0]) == pytest.approx(wanted[step], rel=1e-5), f"step {step}"
        np.testing.assert_allclose(steps[0]["loss"].reshape(-1)[:8], self.info["micro_batch_loss"], rtol=1e-5)

    def check_gradients(self, graph, step):
        largest = max(p.get("grad_norm") or 0 for p in self.info["parameters"].values())
        compared = 0
        for name, entry in graph["parameters"].items():
            if entry == [] or f"grad/{name}" not in self.reference or name in self.info.get("frozen_parameters", {}):
                continue
            copies = [(entry, False)] if isinstance(entry, str) else [(e["initializer"], e["transposed"]) for e in entry]
            parts = [step[f"grad/{n}"].T if t else step[f"grad/{n}"] for n, t in copies if f"grad/{n}" in step]
            if not parts and f"grad/{name}" in step:
                parts = [step[f"grad/{name}"]]
            if not parts:
                assert name in self.info.get("unused_parameters", []), f"no gradient of {name}"
                continue
            got = sum(p.astype(np.float64) for p in parts).reshape(-1)
            want = self.reference[f"grad/{name}"].astype(np.float64).reshape(-1)
            own = self.info["parameters"].get(name, {}).get("grad_rel_float32") or 0
            bound = max(1e-5, 4 * own) * np.linalg.norm(want) + 1e-7 * largest
            assert np.linalg.norm(got - want) <= bound, name
            compared += 1
        assert compared > 10

    def check_weights(self, graph, optimizer, steps):
        """After three steps of SGD within 1e-5 of the reference's samples; of AdamW, each step within 1e-6 of float64
        AdamW fed with the gradients that were dumped (it makes a whole step of a vanishing gradient's noise)."""
        whole = all(entry != [] for entry in graph["parameters"].values())
        compared = 0
        for name, entry in graph["parameters"].items():
            copies = [(entry, False)] if isinstance(entry, str) else [(e["initializer"], e["transposed"]) for e in entry]
            stored = [(n, t) for n, t in [*copies, (name, False)] if f"param/{n}" in steps[0] and f"grad/{n}" in steps[0]]
            if not stored or name in self.info.get("frozen_parameters", {}):
                continue
            initializer, transposed = stored[0]
            weights = [step[f"param/{initializer}"] for step in steps]
            if optimizer == "sgd" and whole and f"sgd3/{name}" in self.reference:
                got = (weights[2].T if transposed else weights[2]).reshape(-1)
                want = self.reference[f"sgd3/{name}"].astype(np.float64)
                got = got[[i * (got.size - 1) // 15 for i in range(16)]] if got.size > 16 else got
                assert np.linalg.norm(got - want) <= 1e-5 * np.linalg.norm(want), name
                compared += 1
            if optimizer == "adamw":
                m = v = 0
                for t, (before, after) in enumerate(zip(weights, weights[1:]), 2):
                    # The moments of the first step follow from its gradient alone.
                    if t == 2:
                        g = steps[0][f"grad/{initializer}"].astype(np.float64)
                        m, v = 0.1 * g, 0.001 * g * g
                    g = steps[t - 1][f"grad/{initializer}"].astype(np.float64)
                    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
                    want = before.astype(np.float64) * (1 - 1e-3 * 0.01)
                    want -= 1e-3 * (m / (1 - 0.9 ** t)) / (np.sqrt(v / (1 - 0.999 ** t)) + 1e-8)
                    assert np.linalg.norm(after - want) <= 1e-6 * np.linalg.norm(want), f"{name}, step {t}"
                compared += 1
        assert compared > 10 or not whole


@pytest.mark.parametrize("name", NAMES)
def test_schedules_agree_with_autograd_and_bit_for_bit_with_each_other(name, tmp_path):
    model = Model(name)
    for number, graph in enumerate(model.info["graphs"]):
        first = None
        runs = [(1, "1f1b")] + [(p, s) for p in (2, 4) for s in (SCHEDULES if number == 0 else ["dualpipe"])]
        runs += [(4, s) for s in MORE if number == 0]
        for ranks, schedule in runs:
            steps = model.train(tmp_path, graph, ranks, schedule, "sgd")
            model.check_losses(graph, "sgd", steps)
            model.check_gradients(graph, steps[0])
            model.check_weights(graph, "sgd", steps)
            first = steps[0]["loss"] if first is None else first
            np.testing.assert_array_equal(steps[0]["loss"], first, err_msg=f"{graph['file']} {ranks} {schedule}")


@pytest.mark.parametrize("name", NAMES)
def test_adamw(name, tmp_path):
    model = Model(name)
    graph = model.info["graphs"][0]
    for ranks, schedule in [(1, "1f1b"), (4, "dualpipe")]:
        steps = model.train(tmp_path, graph, ranks, schedule, "adamw")
        model.check_losses(graph, "adamw", steps)
        model.check_weights(graph, "adamw", steps)


def test_kernels_for_this_machine(tmp_path):
    model = Model("gpt2")
    graph = model.info["graphs"][0]
    steps = model.train(tmp_path, graph, 2, "dualpipe", "sgd", target="cpu:native")
    model.check_losses(graph, "sgd", steps)
    model.check_gradients(graph, steps[0])


def test_threads_do_not_change_a_bit(tmp_path):
    model = Model("gpt2")
    one, two = (model.train(tmp_path, model.info["graphs"][0], 2, "dualpipe", "adamw", threads=t) for t in (1, 2))
    for a, b in zip(one, two):
        assert sorted(a) == sorted(b)
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_eight_ranks_take_the_data_twice(name, tmp_path):
    """16 stages for dualpipev: cuts inside layers."""
    model = Model(name)
    for graph in model.info["graphs"]:
        wanted = model.train(tmp_path, graph, 1, "1f1b", "sgd")[0]["loss"].reshape(-1)
        for schedule in SCHEDULES:
            step = model.train(tmp_path, graph, 8, schedule, "sgd", micro_batches=16)[0]
            np.testing.assert_array_equal(step["loss"].reshape(-1), np.concatenate([wanted, wanted]), err_msg=f"{graph['file']} {schedule}")
            model.check_gradients(graph, step)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ranks, micro_batches, schedule", [(1, 1, "1f1b"), (2, 3, "gpipe"), (3, 5, "1f1b"), (3, 7, "zb-h1"),
                                                            (2, 6, "dualpipe"), (3, 7, "dualpipev"), (4, 10, "dualpipe")])
def test_other_numbers_of_micro_batches_equal_their_sequential_replay(name, tmp_path, ranks, micro_batches, schedule):
    out = tmp_path / "model.dpc"
    output("dpc", "compile", MODELS / f"{name}.onnx", "-o", out, "--pp", ranks, "--micro-batches", micro_batches, "--schedule", schedule,
           "--optimizer", "adamw", "--loss", Model(name).info["loss"])
    assert "verified: 2 steps of" in output("dpc", "verify", out, "--steps", 2, "--data", "synthetic:5")
