# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Expert ranks: models that communicate inside their layers train on 2 expert ranks x 2 pipeline ranks as they do on one."""
import json
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import experts

from commands import execute, output

MICRO_BATCHES = 8


class Training:
    """A model of some layers, for several expert ranks and for one rank, with the data of both."""

    def __init__(self, folder, layers, members=2, rows=16, weighting="denominator"):
        self.folder, self.members = folder, members
        for ranks, data in zip((members, 1), experts.data(MICRO_BATCHES, members, rows)):
            (folder / f"{ranks}.mlir").write_text(experts.model(members, ranks == 1, layers, rows, weighting=weighting))
            save_file(data, str(folder / f"{ranks}.safetensors"))

    def artifact(self, ranks, pp, schedule, optimizer="adamw", *options):
        out = self.folder / f"{ranks}-{pp}-{schedule}-{optimizer}.dpc"
        if not out.exists():
            execute("dpc", "compile", self.folder / f"{ranks}.mlir", "-o", out, "--pp", pp, "--micro-batches", MICRO_BATCHES, "--schedule", schedule,
                    "--optimizer", optimizer, *options)
        return out

    def run(self, ranks, artifact, steps=3, lr=1e-3, options=()):
        dump, metrics = self.folder / "dump", self.folder / "metrics.jsonl"
        execute("dpc", "run", artifact, "--data", self.folder / f"{ranks}.safetensors", "--epochs", 0, "--steps", steps, "--lr", lr, "--dump", dump,
                "--metrics", metrics, *options)
        norms = [line["grad_norm"] for line in map(json.loads, metrics.read_text().splitlines()) if "grad_norm" in line]
        return [dict(load_file(str(dump / f"step-{i + 1}.safetensors")), grad_norm=norms[i]) for i in range(steps)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Training(tmp_path_factory.mktemp("whole"), experts.LAYERS)


def compare(one, two, weights=None, members=2):
    """One rank's steps and those of its expert ranks: losses and the first step's gradients, within single precision."""
    for step, (a, b) in enumerate(zip(one, two)):
        assert float(b["total_loss"]) == pytest.approx(float(a["total_loss"]), rel=1e-5), f"step {step}"
        assert b["grad_norm"] == pytest.approx(a["grad_norm"], rel=1e-5), f"step {step}"
    assert two[0]["loss"].shape == (MICRO_BATCHES, members)
    names = [name for name in one[0] if name.startswith("grad/")]
    assert names and set(names) == {name for name in two[0] if name.startswith("grad/")}
    largest = max(np.linalg.norm(one[0][name]) for name in names)
    for name in names:
        a, b = one[0][name].astype(np.float64), two[0][name].astype(np.float64)
        assert a.shape == b.shape, name
        assert np.linalg.norm(a - b) <= 1e-5 * np.linalg.norm(a) + 1e-7 * largest, name
    if weights:
        for name in names:
            a, b = (steps[-1][name.replace("grad/", "param/")].astype(np.float64) for steps in (one, two))
            assert np.linalg.norm(a - b) <= weights * np.linalg.norm(a), name


@pytest.mark.parametrize("kind", experts.LAYERS)
def test_every_collective_alone(tmp_path, kind):
    training = Training(tmp_path, [kind, kind])
    one = training.run(1, training.artifact(1, 1, "1f1b", "sgd"), lr=0.1)
    two = training.run(2, training.artifact(2, 2, "dualpipe", "sgd"), lr=0.1)
    compare(one, two, weights=1e-5)


@pytest.mark.parametrize("members, layers", [(4, experts.LAYERS), (3, ["tokens", "features", "sum"])])
def test_more_expert_ranks(tmp_path, members, layers):
    training = Training(tmp_path, layers, members, rows=12 if members == 3 else 16)
    one = training.run(1, training.artifact(1, 1, "1f1b", "sgd"), lr=0.1)
    more = training.run(members, training.artifact(members, 1, "1f1b", "sgd"), lr=0.1)
    compare(one, more, weights=1e-5, members=members)
    execute("dpc", "verify", training.artifact(members, 1, "1f1b", "sgd"))


@pytest.mark.parametrize("weighting", ["mean", "sum"])
def test_other_weightings(tmp_path, weighting):
    training = Training(tmp_path, ["tokens", "sum"], weighting=weighting)
    lr = 0.1 if weighting == "mean" else 1e-4
    one = training.run(1, training.artifact(1, 1, "1f1b", "sgd"), lr=lr)
    two = training.run(2, training.artifact(2, 2, "dualpipe", "sgd"), lr=lr)
    compare(one, two, weights=1e-5)
    execute("dpc", "verify", training.artifact(2, 2, "dualpipe", "sgd"))


@pytest.mark.parametrize("pp, schedule, optimizer", [(1, "1f1b", "sgd"), (2, "gpipe", "sgd"), (2, "1f1b", "sgd"), (2, "zb-h1", "sgd"), (2, "dualpipe", "sgd"),
                                                     (2, "dualpipev", "sgd"), (2, "dualpipe", "adamw"), (2, "dualpipev", "adamw")])
def test_two_expert_ranks_train_as_one_rank(whole, pp, schedule, optimizer):
    lr = 0.1 if optimizer == "sgd" else 1e-3
    one = whole.run(1, whole.artifact(1, 1, "1f1b", optimizer), lr=lr)
    two = whole.run(2, whole.artifact(2, pp, schedule, optimizer), lr=lr)
    # Adam makes a full step of a vanishing gradient's noise; its weights are held against its own gradients by verify.
    compare(one, two, weights=1e-5 if optimizer == "sgd" else None)


def test_losses_of_the_first_step_have_the_same_bits_everywhere(whole):
    runs = [whole.run(2, whole.artifact(2, pp, schedule), steps=1, options=("--threads", threads))[0]["loss"]
            for pp, schedule, threads in [(1, "1f1b", 1), (1, "1f1b", 2), (2, "1f1b", 2), (2, "zb-h1", 1), (2, "dualpipe", 1), (2, "dualpipe", 2),
                                           (2, "combined-1f1b", 2), (2, "chimera", 1), (2, "auto", 2)]]
    for other in runs[1:]:
        assert np.array_equal(runs[0].view(np.uint32), other.view(np.uint32))
    # And a loss of one rank's micro-batch is the mean of those of its tokens.
    labels = load_file(str(whole.folder / "2.safetensors"))["labels"]
    counted = (labels != -100).sum(axis=2)
    alone = whole.run(1, whole.artifact(1, 1, "1f1b"), steps=1)[0]["loss"]
    np.testing.assert_allclose((runs[0] * counted).sum(axis=1) / counted.sum(axis=1), alone, rtol=1e-5)


def test_a_run_repeats_itself(whole):
    artifact = whole.artifact(2, 2, "dualpipe")
    first, second = (whole.run(2, artifact, options=("--threads", threads))[-1] for threads in (2, 1))
    for name in first:
        assert np.array_equal(first[name], second[name]), name


def test_clipping_counts_every_gradient_once(whole):
    options = ("--clip-norm", 0.05)
    one = whole.run(1, whole.artifact(1, 1, "1f1b", "sgd"), lr=0.5, options=options)
    two = whole.run(2, whole.artifact(2, 2, "dualpipe", "sgd"), lr=0.5, options=options)
    assert all(step["grad_norm"] > 0.05 for step in one)
    compare(one, two, weights=1e-5)


def test_weights_of_one_rank_serve_two(whole):
    whole.run(1, whole.artifact(1, 1, "1f1b"), steps=3)
    last = whole.folder / "dump" / "step-3.safetensors"
    start = last.rename(whole.folder / "start.safetensors")
    one = whole.run(1, whole.artifact(1, 1, "1f1b"), options=("--init-weights", start))
    two = whole.run(2, whole.artifact(2, 2, "dualpipe"), options=("--init-weights", start))
    compare(one, two)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_verify_passes(whole, optimizer):
    done = execute("dpc", "verify", whole.artifact(2, 2, "dualpipe", optimizer), "--data", whole.folder / "2.safetensors", "--steps", 2)
    assert "verified: 2 steps of 2.mlir on 4 ranks" in done.stdout


def forget_an_exchange(text):
    # A gradient that should travel back to its token stays where it is.
    begin = text.index("@input_half")
    changed, count = re.subn(r'nn\.all_to_all (%\S+) over "ep" split 0 concat 0 : (\S+) to \2', r"nn.add \1, \1 : \2", text[begin:], count=1)
    assert count == 1
    return text[:begin] + changed


def keep_gradients_apart(text):
    # The gradients of replicated weights are summed over mirrored ranks, but not over expert ranks.
    begin = text.index("prog.program")
    changed, count = re.subn(r"prog\.group @ranks0_1_all_ep (\[0, 1\]|array<i64: 0, 1>) over \[ep\]", r"prog.group @ranks0_1_all_ep \1", text[begin:])
    assert count == 2
    return text[:begin] + changed


@pytest.mark.parametrize("phase, plant", [("2-autodiff", forget_an_exchange), ("5-lower", keep_gradients_apart)])
def test_planted_fault_is_found(whole, tmp_path, phase, plant):
    options = ["--pp", 2, "--micro-batches", MICRO_BATCHES, "--schedule", "dualpipe"]
    execute("dpc", "compile", whole.folder / "2.mlir", "-o", tmp_path / "good.dpc", "--dump-phases", tmp_path, *options)
    (tmp_path / "broken.mlir").write_text(plant((tmp_path / f"{phase}.mlir").read_text()))
    execute("dpc", "compile", tmp_path / "broken.mlir", "-o", tmp_path / "broken.dpc", *options)
    done = execute("dpc", "verify", tmp_path / "broken.dpc", "--data", whole.folder / "2.safetensors", status=1)
    assert "difference: step 1: " in done.stdout, done.stdout


def test_what_is_written_knows_expert_ranks(whole):
    artifact, trace, report = whole.artifact(2, 2, "dualpipe"), whole.folder / "trace.json", whole.folder / "report.json"
    manifest = json.loads((artifact / "manifest.json").read_text())
    assert (manifest["mesh"]["pp"], manifest["mesh"]["ep"]) == (2, 2)
    shapes = {p["name"]: p["shape"] for p in manifest["parameters"]}
    assert shapes["layer0.up"] == [2, 32, 48] and shapes["layer0.gate"] == [32, 32]
    inspected = execute("dpc", "inspect", artifact, "--rank", 1).stdout
    assert "ep=2" in inspected and "experts1" in inspected and "all-to-all" in inspected
    whole.run(2, artifact, options=("--trace", trace, "--trace-steps", "2:3", "--report", report))
    assert len(json.loads(report.read_text())["peak_bytes"]) == 4
    events = json.loads(trace.read_text())
    events = events["traceEvents"] if isinstance(events, dict) else events
    tracks = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event.get("name") == "thread_name"}
    busy = {(event["pid"], tracks[event["pid"], event["tid"]]) for event in events if event.get("ph") == "X"}
    assert {(rank, stream) for rank in range(4) for stream in ("measured compute", "measured collective")} <= busy, busy
    # Drawn, each of two expert ranks keeps what its pipeline rank does.
    page = output("dpc", "schedule", "draw", "--trace", trace, "--format", "html")
    measured, forecast, *_ = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])["pictures"]
    simulated = json.loads(output("dpc", "schedule", "simulate", "dualpipe", "--pp", 2, "--micro-batches", MICRO_BATCHES, "--cost-from", artifact,
                                  "--format", "json"))
    for picture in (measured, forecast):
        assert [lane["peak"] for lane in picture["lanes"]] == [peak for peak in simulated["peak_activations"] for _ in range(2)]


def test_ir_written_by_hand_is_checked_as_what_is_imported(tmp_path):
    text = experts.model().replace('  func.func @forward', '  nn.parameter @spare : tensor<2xf32> trained = #nn.init<ones, 0, 0.0 : f64>\n  func.func @forward')
    (tmp_path / "spare.mlir").write_text(text)
    done = execute("dpc", "compile", tmp_path / "spare.mlir", "-o", tmp_path / "spare.dpc", "--pp", 1, status=3)
    assert "is read by nothing" in done.stderr


def test_the_summary_says_what_is_overlapped(whole, tmp_path):
    done = execute("dpc", "compile", whole.folder / "2.mlir", "-o", tmp_path / "model.dpc", "--pp", 2, "--micro-batches", MICRO_BATCHES, "--schedule", "dualpipe")
    assert "; 2 expert ranks at each place of the pipeline, 4 ranks in all" in done.stdout
    pairs = re.findall(r"overlapped: s\d\.forward\+s\d\.backward in (\S+) us \(cores \S+ us, links \S+ us; one after the other (\S+) us\)", done.stdout)
    assert len(pairs) == 2 and all(float(together) < float(apart) for together, apart in pairs), done.stdout


def test_data_must_be_for_all_expert_ranks(whole):
    done = execute("dpc", "run", whole.artifact(2, 2, "dualpipe"), "--data", whole.folder / "1.safetensors", "--steps", 1, "--lr", 0.1, status=9)
    assert "[N, 2, 16, 32] would be right" in done.stderr


def exchanged(artifact):
    """Bytes of the all-to-alls that a rank runs, by element type."""
    found = {}
    for kind, first, last in re.findall(r"all-to-all (\w+) \w+\[(\d+)\.\.(\d+)\)", output("dpc", "inspect", artifact, "--rank", 0)):
        found[kind] = found.get(kind, 0) + int(last) - int(first)
    return found


def test_experts_exchange_bf16_in_mixed_precision(tmp_path):
    training = Training(tmp_path, experts.LAYERS)
    wide = training.artifact(2, 2, "1f1b")
    narrow = training.artifact(2, 2, "dualpipe", "adamw", "--precision", "bf16")
    alone = training.artifact(1, 1, "1f1b", "adamw", "--precision", "bf16")
    one, two, single = training.run(1, alone), training.run(2, narrow), training.run(2, wide)
    for a, b, c in zip(one, two, single):
        assert float(b["total_loss"]) == pytest.approx(float(a["total_loss"]), rel=2e-2)
        assert float(b["total_loss"]) == pytest.approx(float(c["total_loss"]), rel=2e-2)
    assert set(exchanged(wide)) <= {"f32"} and set(exchanged(narrow)) <= {"bf16"}, (exchanged(wide), exchanged(narrow))
    output("dpc", "verify", narrow, "--data", tmp_path / "2.safetensors")
