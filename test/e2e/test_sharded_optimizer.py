# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A sharded optimizer: each holder of a parameter updates a part of it, with the bits of one that updates all."""
import json
import os
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import experts
from commands import execute, expect, output, refuse
from launchers import LAUNCHERS, environment, needs
from test_data_parallel import Exported, Trained

ALL = os.environ.get("DPC_TEST_ALL")


def same_bits(whole, parts):
    assert len(whole.steps) == len(parts.steps)
    for step, (a, b) in enumerate(zip(whole.steps, parts.steps)):
        assert a.keys() == b.keys()
        for name in a:
            assert a[name].tobytes() == b[name].tobytes(), f"step {step + 1}: {name}"
    for a, b in zip(whole.metrics, parts.metrics):
        assert (a["loss"], a["grad_norm"]) == (b["loss"], b["grad_norm"])


def moments(artifact, rank):
    """The bytes of a rank's moments, about, as they are printed."""
    found = re.search(r"^  moments: moments, ([0-9.]+) ([KM])iB$", output("dpc", "inspect", artifact, "--rank", rank), re.M)
    return float(found[1]) * {"K": 1 << 10, "M": 1 << 20}[found[2]]


class Pair:
    """The same run twice, with the optimizer whole and in parts."""

    def __init__(self, model, pp, dp, micro_batches, schedule, optimizer="adamw", steps=10, compile_options=(), lr=1e-3, **more):
        self.runs = {}
        for shard in ("off", "on"):
            folder = model.folder / f"{shard}-{pp}-{dp}-{micro_batches}-{schedule}-{optimizer}-{'-'.join(map(str, compile_options))}"
            folder.mkdir(exist_ok=True)
            self.runs[shard] = Trained(folder, model.file, model.data, pp, dp, micro_batches, schedule, optimizer, steps, lr=lr,
                                       compile_options=[*model.options, *compile_options, "--shard-optimizer", shard], **more)
        self.whole, self.parts = self.runs["off"], self.runs["on"]
        same_bits(self.whole, self.parts)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return Exported("gpt2", tmp_path_factory.mktemp("gpt2"))


def test_mirrors_and_replicas(gpt2):
    # Four holders of each parameter; clipped, so that the norm counts.
    Pair(gpt2, 2, 2, 4, "dualpipe", run_options=["--clip-norm", 0.5])


CASES = [(2, 1, 4, "dualpipe", "adamw"), (2, 2, 4, "1f1b", "momentum"), (2, 3, 2, "gpipe", "adam"), (1, 2, 4, "1f1b", "sgd"), (4, 1, 8, "dualpipev", "adamw")]


@pytest.mark.parametrize("pp, dp, micro_batches, schedule, optimizer", CASES if ALL else CASES[:3])
def test_holders(gpt2, pp, dp, micro_batches, schedule, optimizer):
    Pair(gpt2, pp, dp, micro_batches, schedule, optimizer, steps=3)


def test_masters_are_in_parts_too(gpt2):
    pair = Pair(gpt2, 2, 2, 4, "dualpipe", steps=3, compile_options=["--precision", "bf16"])
    del pair


@pytest.mark.parametrize("name", ["llama", "bert", "moe"] if ALL else ["moe"])
def test_other_models(name, tmp_path):
    Pair(Exported(name, tmp_path), 2, 2, 4, "dualpipe", steps=3)


@pytest.mark.parametrize("schedule", ["1f1b", "dualpipe"] if ALL else ["dualpipe"])
def test_expert_ranks(schedule, tmp_path):
    (tmp_path / "experts.mlir").write_text(experts.model(2, False, experts.LAYERS))
    save_file(experts.data(16)[0], str(tmp_path / "data.safetensors"))
    runs = []
    for shard in ("off", "on"):
        folder = tmp_path / shard
        folder.mkdir()
        runs.append(Trained(folder, tmp_path / "experts.mlir", tmp_path / "data.safetensors", 2, 2, 4, schedule, "adamw", 4, lr=0.01, compile_options=["--shard-optimizer", shard]))
    same_bits(*runs)


def test_each_rank_keeps_a_part(gpt2):
    # The model is small: a part has up to a block more than its share, of both moments, and parameters begin at multiples of 64 bytes.
    for dp, holders in ((1, 2), (2, 4)):
        pair = Pair(gpt2, 2, dp, 4, "dualpipe", steps=1)
        for rank in range(2):
            whole, part = moments(pair.whole.artifact, rank), moments(pair.parts.artifact, rank)
            assert part <= whole / holders + 3 * 2 * 4 * 4096 + 2 * 64 * 30
        # As forecast: else it would be said.
        assert "note: the artifact" not in expect("dpc", "explain", pair.parts.artifact)


def test_checkpoints_do_not_say_who_kept_what(gpt2, tmp_path):
    pair = Pair(gpt2, 2, 2, 4, "dualpipe", steps=2)
    folder = tmp_path / "checkpoints"
    common = ["--data", gpt2.data, "--epochs", 0, "--lr", 1e-3]
    execute("dpc", "run", pair.parts.artifact, *common, "--steps", 2, "--checkpoint", folder)
    dumps = {}
    for shard, run in pair.runs.items():
        dumps[shard] = tmp_path / shard
        execute("dpc", "run", run.artifact, *common, "--steps", 4, "--resume", folder / "step-2", "--checkpoint", "none", "--dump", dumps[shard])
    execute("dpc", "run", pair.whole.artifact, *common, "--steps", 4, "--checkpoint", "none", "--dump", tmp_path / "straight")
    for shard in dumps:
        for step in (3, 4):
            assert (dumps[shard] / f"step-{step}.safetensors").read_bytes() == (tmp_path / "straight" / f"step-{step}.safetensors").read_bytes()


@pytest.mark.parametrize("mpi", list(LAUNCHERS))
def test_processes(gpt2, tmp_path, mpi):
    launcher = LAUNCHERS[needs(mpi)]
    pair = Pair(gpt2, 2, 2, 4, "dualpipe", steps=2)
    common = ["--data", gpt2.data, "--epochs", 0, "--lr", 1e-3]
    execute(*launcher, 4, "dpc-run", pair.parts.artifact, *common, "--threads", 1, "--steps", 2, "--dump", tmp_path / "dump", "--checkpoint", tmp_path / "kept",
            env=environment())
    for step in (1, 2):
        found = load_file(str(tmp_path / "dump" / f"step-{step}.safetensors"))
        for name, value in pair.whole.steps[step - 1].items():
            assert value.tobytes() == found[name].tobytes(), f"step {step}: {name}"
    # Each process has written its parts; one process goes on from them, with the optimizer whole.
    assert len(list((tmp_path / "kept" / "step-2").glob("state-*.safetensors"))) == 4
    for name, resume in (("on", ["--resume", tmp_path / "kept"]), ("straight", [])):
        execute("dpc", "run", pair.whole.artifact, *common, "--steps", 3, *resume, "--checkpoint", "none", "--dump", tmp_path / name)
    assert (tmp_path / "on" / "step-3.safetensors").read_bytes() == (tmp_path / "straight" / "step-3.safetensors").read_bytes()


def test_a_device_that_takes_orders(gpt2):
    pair = Pair(gpt2, 2, 2, 4, "dualpipe", steps=2)
    for seed in (1, 2) if not ALL else range(1, 20):
        folder = gpt2.folder / f"virtual-{seed}"
        output("dpc", "run", pair.parts.artifact, "--device", "virtual", "--seed-order", seed, "--data", gpt2.data, "--epochs", 0, "--steps", 2, "--lr", 1e-3, "--dump", folder,
               "--checkpoint", "none")
        for step in (1, 2):
            found = load_file(str(folder / f"step-{step}.safetensors"))
            for name, value in pair.whole.steps[step - 1].items():
                assert value.tobytes() == found[name].tobytes(), f"seed {seed}, step {step}: {name}"


def test_auto_shards_where_the_limit_asks_for_it(gpt2, tmp_path):
    def compile(*options):
        return expect("dpc", "compile", gpt2.file, "-o", tmp_path / "m.dpc", "--force", "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "adamw",
                      *gpt2.options, *options)

    def bytes_of():
        report = tmp_path / "report.json"
        compile("--report", report)
        return max(json.loads(report.read_text())["forecast"]["arena_bytes"])

    need = bytes_of()
    assert "in parts" not in compile("--memory-limit", need)
    text = compile("--memory-limit", need - 1)
    assert re.search(r"note: keeps moments in parts, one at each holder of a parameter, to stay within --memory-limit; without that, rank \d needs", text), text
    assert "recomputes" not in text
    # Nothing is held twice, so nothing is won.
    alone = expect("dpc", "compile", gpt2.file, "-o", tmp_path / "alone.dpc", "--pp", 2, "--micro-batches", 4, "--schedule", "1f1b", "--memory-limit", "100kB", *gpt2.options, status=8)
    assert "in parts" not in alone


def test_verify(gpt2):
    pair = Pair(gpt2, 2, 2, 4, "dualpipe", steps=1)
    execute("dpc", "verify", pair.parts.artifact, "--data", gpt2.data, "--steps", 2)


def test_a_wrong_word_is_refused(gpt2):
    refuse(2, ["--shard-optimizer"], "dpc", "compile", gpt2.file, "-o", gpt2.folder / "x.dpc", "--shard-optimizer", "maybe")
