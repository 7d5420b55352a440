# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data parallelism: replicas of a pipeline train as one pipeline with as many micro-batches as all of them have."""
import json
import os
import pathlib
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import experts
from commands import execute, output, refuse
from test_models import LR, MODELS, Model

MLP = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "docs" / "mlp.onnxtxt"


class Trained:
    """What some steps of an artifact left: each step's dump, and its line of the metrics."""

    def __init__(self, folder, source, data, pp, dp, micro_batches, schedule="1f1b", optimizer="sgd", steps=10, lr=None, compile_options=(), run_options=()):
        self.artifact, dump, metrics = folder / f"{pp}-{dp}-{micro_batches}-{schedule}-{optimizer}.dpc", folder / "dump", folder / "metrics.jsonl"
        if not self.artifact.exists():
            self.summary = output("dpc", "compile", source, "-o", self.artifact, "--pp", pp, *(["--dp", dp] if dp > 1 else []), "--micro-batches", micro_batches,
                                  "--schedule", schedule, "--optimizer", optimizer, *compile_options)
        output("dpc", "run", self.artifact, "--data", data, "--epochs", 0, "--steps", steps, "--lr", lr or LR[optimizer], "--dump", dump, "--metrics", metrics,
               "--checkpoint", "none", *run_options)
        self.steps = [load_file(str(dump / f"step-{i + 1}.safetensors")) for i in range(steps)]
        self.metrics = [line for line in map(json.loads, metrics.read_text().splitlines()) if "step_s" in line]

    def weights(self):
        return {name[6:]: value.astype(np.float64) for name, value in self.steps[-1].items() if name.startswith("param/")}


def compare(one, more, losses=1e-5, weights=None):
    """The same samples in the same order: the first step's losses bit for bit, what follows within rounding."""
    np.testing.assert_array_equal(one.steps[0]["loss"].view(np.uint32), more.steps[0]["loss"].view(np.uint32))
    assert len(one.steps) == len(more.steps)
    for step, (a, b) in enumerate(zip(one.steps, more.steps)):
        assert float(b["total_loss"]) == pytest.approx(float(a["total_loss"]), rel=losses), f"step {step}"
    for a, b in zip(one.metrics, more.metrics):
        assert a["samples"] == b["samples"] and b["grad_norm"] == pytest.approx(a["grad_norm"], rel=1e-4)
    if weights:
        for name, value in one.weights().items():
            far = np.linalg.norm(value - more.weights()[name])
            assert far <= weights * np.linalg.norm(value) + 1e-12, f"{name}: {far / np.linalg.norm(value)}"


class Exported:
    """A model of test/models with its data."""

    def __init__(self, name, folder):
        model = Model(name)
        self.folder, self.file = folder, MODELS / model.info["graphs"][0]["file"]
        self.data, self.options = folder / "data.safetensors", ["--loss", model.info["loss"]]
        save_file({k[3:]: v for k, v in model.reference.items() if k.startswith("in/")}, str(self.data))

    def train(self, pp, dp, micro_batches, schedule="1f1b", optimizer="sgd", steps=10, **more):
        return Trained(self.folder, self.file, self.data, pp, dp, micro_batches, schedule, optimizer, steps, compile_options=self.options, **more)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return Exported("gpt2", tmp_path_factory.mktemp("gpt2"))


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_two_replicas_train_as_one_with_twice_the_micro_batches(name, tmp_path):
    model = Exported(name, tmp_path)
    compare(model.train(2, 1, 8), model.train(2, 2, 4), losses=1e-6, weights=1e-6)
    compare(model.train(2, 1, 8, optimizer="adamw"), model.train(2, 2, 4, optimizer="adamw"))


@pytest.mark.parametrize("pp, dp, micro_batches, schedule", [(1, 2, 4, "1f1b"), (2, 2, 4, "zb-v"), (2, 2, 4, "dualpipe"), (4, 2, 4, "interleaved"), (2, 4, 2, "1f1b")])
def test_schedules(gpt2, pp, dp, micro_batches, schedule):
    compare(gpt2.train(2, 1, 8, steps=3), gpt2.train(pp, dp, micro_batches, schedule, steps=3), losses=1e-6, weights=1e-6)


def test_three_replicas(gpt2):
    # Whose part of the norm is no binary fraction.
    options = ["--clip-norm", 0.5]
    one, three = (gpt2.train(2, dp, 6 // dp, "gpipe", steps=3, run_options=options) for dp in (1, 3))
    assert one.metrics[0]["grad_norm"] > 0.5
    compare(one, three, losses=1e-6, weights=1e-6)


def test_a_tied_parameter_is_summed_over_its_holders_and_the_replicas(tmp_path):
    source = tmp_path / "tied.mlir"
    source.write_text("""
      module {
        nn.parameter @table : tensor<16x16xf32> trained = #nn.init<normal, 3, 0.4 : f64>
        nn.parameter @middle : tensor<16x16xf32> trained = #nn.init<normal, 4, 0.4 : f64>
        func.func @forward(%x: tensor<4x16xf32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
          %w = nn.get @table : tensor<16x16xf32>
          %a = nn.matmul %x, %w : tensor<4x16xf32>, tensor<16x16xf32> to tensor<4x16xf32> loc("first")
          %b = nn.tanh %a : tensor<4x16xf32> loc("bent")
          %m = nn.get @middle : tensor<16x16xf32>
          %c = nn.matmul %b, %m : tensor<4x16xf32>, tensor<16x16xf32> to tensor<4x16xf32> loc("second")
          %d = nn.tanh %c : tensor<4x16xf32> loc("third")
          %e = nn.matmul %d, %w : tensor<4x16xf32>, tensor<16x16xf32> to tensor<4x16xf32> loc("last")
          %s = nn.mul %e, %e : tensor<4x16xf32>
          %loss = nn.reduce_sum %s [0, 1] : tensor<4x16xf32> to tensor<f32>
          %den = nn.constant dense<1.0> : tensor<f32>
          return %loss, %den : tensor<f32>, tensor<f32>
        }
      }""")
    data = tmp_path / "data.safetensors"
    save_file({"x": np.random.default_rng(5).standard_normal((16, 4, 16)).astype(np.float32)}, str(data))
    one, two = (Trained(tmp_path, source, data, 2, dp, 8 // dp, steps=4, lr=1e-3, compile_options=["--cuts", "after:bent"]) for dp in (1, 2))
    compare(one, two, losses=1e-6, weights=1e-6)
    page = output("dpc", "inspect", two.artifact, "--rank", 0)
    assert re.search(r"ranks0_1_all_dp: ranks 0 1, all of dp", page), page


# One replica counts far fewer rows than the other, and none in the last step.
def uneven(members):
    data, together = experts.data(24, members=members)
    labels = together["labels"]
    for m in range(24):
        if m // 4 % 2 == 1:
            labels[m, 3 if m < 16 else 0:] = -100
    return together


@pytest.mark.parametrize("weighting", ["denominator", "mean", "sum"])
def test_losses_are_weighted_over_all_replicas(tmp_path, weighting):
    source, data = tmp_path / "alone.mlir", tmp_path / "data.safetensors"
    source.write_text(experts.model(2, True, ["tokens", "sum"], weighting=weighting))
    save_file(uneven(2), str(data))
    lr = 1e-4 if weighting == "sum" else 0.1
    one, two = (Trained(tmp_path, source, data, 2, dp, 8 // dp, "dualpipe" if dp == 1 else "1f1b", steps=3, lr=lr) for dp in (1, 2))
    compare(one, two, losses=1e-6, weights=1e-6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experts")
    text = experts.model(2, False, experts.LAYERS)
    (folder / "2.mlir").write_text(text)
    bare = text.replace("module attributes {nn.mesh = {ep = 2 : i64}} {", "module {")
    assert bare != text
    (folder / "bare.mlir").write_text(bare)
    save_file(experts.data(16)[0], str(folder / "data.safetensors"))
    return folder


@pytest.mark.parametrize("schedule", ["1f1b", "dualpipe"])
def test_replicas_of_expert_ranks(whole, schedule):
    one = Trained(whole, whole / "2.mlir", whole / "data.safetensors", 2, 1, 8, "1f1b", steps=4, lr=0.1)
    two = Trained(whole, whole / "bare.mlir", whole / "data.safetensors", 2, 2, 4, schedule, steps=4, lr=0.1, compile_options=["--ep", 2])
    assert two.steps[0]["loss"].shape == (8, 2)
    compare(one, two, losses=1e-6, weights=1e-6)
    manifest = json.loads((two.artifact / "manifest.json").read_text())
    assert manifest["mesh"] == {"pp": 2, "mirror": 2 if schedule == "dualpipe" else 1, "dp": 2, "ep": 2, "tp": 1}
    assert manifest["config"]["dp"] == 2 and manifest["config"]["ep"] == 2
    assert [entry["split"] for entry in manifest["inputs"]] == [["ep"], ["ep"]]
    assert "4 micro-batches for each of 2 replicas; 2 expert ranks at each place of the pipeline, 8 ranks in all" in two.summary
    assert "verified: 2 steps of bare.mlir on 8 ranks" in output("dpc", "verify", two.artifact, "--steps", 2, "--data", whole / "data.safetensors")


def test_a_checkpoint_goes_on_with_another_number_of_replicas_and_back(gpt2, tmp_path):
    one, two = gpt2.train(2, 1, 8, optimizer="adamw", steps=6), gpt2.train(2, 2, 4, optimizer="adamw", steps=1)
    losses = []
    for until, artifact in [(2, two.artifact), (4, one.artifact), (6, two.artifact)]:
        metrics = tmp_path / "metrics.jsonl"
        output("dpc", "run", artifact, "--data", gpt2.data, "--epochs", 0, "--steps", until, "--lr", LR["adamw"], "--checkpoint", tmp_path / "ck",
               "--metrics", tmp_path / f"{until}.jsonl")
        metrics = [line for line in map(json.loads, (tmp_path / f"{until}.jsonl").read_text().splitlines()) if "step_s" in line]
        losses += [line["loss"] for line in metrics]
    assert losses == pytest.approx([float(step["total_loss"]) for step in one.steps], rel=1e-6)


def test_evaluation_is_over_the_micro_batches_of_all_replicas(gpt2):
    one, two = gpt2.train(2, 1, 8, steps=1), gpt2.train(2, 2, 4, steps=1)
    said = [output("dpc", "eval", trained.artifact, "--data", gpt2.data) for trained in (one, two)]
    values = [re.match(r"loss (\S+) \(mean over (\d+) micro-batches\)", text).groups() for text in said]
    assert values[0] == values[1] and int(values[0][1]) % 8 == 0, said


def test_a_device_of_queues_gives_the_same_bits(gpt2):
    host = gpt2.train(2, 2, 4, "dualpipe", steps=2)
    for seed in (1, 2):
        queues = gpt2.train(2, 2, 4, "dualpipe", steps=2, run_options=["--device", "virtual", "--seed-order", seed])
        for a, b in zip(host.steps, queues.steps):
            for name in a:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_verify_and_what_a_compile_says(gpt2):
    two = gpt2.train(2, 2, 4, steps=1)
    assert "verified: 2 steps of" in output("dpc", "verify", two.artifact, "--steps", 2, "--data", gpt2.data)
    manifest = json.loads((two.artifact / "manifest.json").read_text())
    assert manifest["mesh"]["dp"] == 2 and manifest["config"]["dp"] == 2 and manifest["entry_points"][0]["micro_batches"] == 4
    page = output("dpc", "explain", two.artifact)
    assert "2 ranks, 4 micro-batches for each of 2 replicas (4 ranks in all)" in page
    # Reductions over the replicas cost time on links, which one replica does not have.
    reductions = [float(re.search(r"of messages, (\S+) \S+ of reductions", output("dpc", "explain", two.artifact, "--dp", dp))[1]) for dp in (1, 2)]
    assert reductions[0] < reductions[1], reductions


def test_flags_and_files_must_agree(whole, tmp_path):
    out = ["-o", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 4]
    refuse(2, ["--dp"], "dpc", "compile", MLP, "--init", "seed:1", *out, "--dp", 0)
    refuse(2, ["--dp"], "dpc", "compile", MLP, "--init", "seed:1", *out, "--dp", 4097)
    refuse(2, ["--pp 2, dp 4096 and ep 1 make 8192 ranks; a run has at most 4096"], "dpc", "compile", MLP, "--init", "seed:1", *out, "--dp", 4096)
    refuse(2, ["--micro-batches 1048576 in each of 2 replicas are more than the 1048576 that a step may have"], "dpc", "compile", MLP, "--init", "seed:1",
           "-o", tmp_path / "m.dpc", "--schedule", "gpipe", "--micro-batches", 1048576, "--dp", 2)
    refuse(2, ["--ep"], "dpc", "compile", whole / "bare.mlir", *out, "--ep", 0)
    refuse(2, ["--ep 2: '", "' has no collectives over ep, and layers of experts are not recognised in a graph"], "dpc", "compile", MLP, "--init", "seed:1", *out,
           "--ep", 2)
    refuse(2, ["--ep 4: '", "' is for a mesh with ep = 2"], "dpc", "compile", whole / "2.mlir", *out, "--ep", 4)
    refuse(2, ["--dp 2: '", "' communicates over ep, whose size neither it nor --ep says"], "dpc", "compile", whole / "bare.mlir", *out, "--dp", 2)
    for ep in (1, 4):
        refuse(3, ["nn.all_"], "dpc", "compile", whole / "bare.mlir", *out, "--ep", ep, "--dp", 2)
    assert '\ndp="2"\n' in output("dpc", "compile", MLP, *out, "--dp", 2, "--print-config")
    (tmp_path / "c.toml").write_text("dp = 2\n")
    execute("dpc", "compile", MLP, "--init", "seed:1", *out, "--config", tmp_path / "c.toml", words=["for each of 2 replicas, 4 ranks in all"])
