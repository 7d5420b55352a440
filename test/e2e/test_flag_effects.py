# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Flags by what they do: each of these tests fails where its flag does nothing."""
import json
import os
import pathlib
import resource
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

from commands import expect, succeed

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
MLP = SOURCE / "docs" / "mlp.onnxtxt"


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    out = tmp_path_factory.mktemp("mlp") / "m.dpc"
    succeed("dpc", "compile", MLP, "--init", "seed:1", "--pp", 2, "--micro-batches", 4, "--optimizer", "sgd", "-o", out)
    return out


@pytest.mark.parametrize("schedule", json.loads((pathlib.Path(__file__).parent / "lr_schedules.json").read_text())["rates"])
def test_lr_schedule_is_pytorch_s_step_by_step(artifact, tmp_path, schedule):
    recorded = json.loads((pathlib.Path(__file__).parent / "lr_schedules.json").read_text())
    succeed("dpc", "run", artifact, "--data", "synthetic:1", "--lr", recorded["lr"], "--steps", recorded["steps"], "--lr-schedule", schedule,
            "--metrics", tmp_path / "m", "--checkpoint", "none")
    rates = [json.loads(line)["lr"] for line in (tmp_path / "m").read_text().splitlines() if "step_s" in line]
    np.testing.assert_allclose(rates, recorded["rates"][schedule], rtol=1e-12)


def test_lr_schedule_goes_on_after_a_resume_and_reaches_the_weights(artifact, tmp_path):
    def weights(name, *parts):
        for steps in parts:
            succeed("dpc", "run", artifact, "--data", "synthetic:1", "--lr", 0.5, "--steps", steps, "--lr-schedule", tmp_path / "rates.csv",
                    "--checkpoint", tmp_path / name)
        return (tmp_path / name / "step-6" / "state.safetensors").read_bytes()

    (tmp_path / "rates.csv").write_text("step,lr\n1,0.5\n3,0.1\n5,0\n")
    whole = weights("whole", 6)
    assert weights("parts", 2, 3, 6) == whole
    succeed("dpc", "run", artifact, "--data", "synthetic:1", "--lr", 0.5, "--steps", 4, "--lr-schedule", tmp_path / "rates.csv", "--dump", tmp_path / "dump",
            "--checkpoint", "none")
    before, after = (load_file(tmp_path / "dump" / f"step-{s}.safetensors") for s in (2, 3))
    for name in ("fc1.weight", "fc2.bias"):
        np.testing.assert_allclose(before[f"param/{name}"] - after[f"param/{name}"], np.float32(0.1) * after[f"grad/{name}"], rtol=1e-3, atol=1e-7)
    (tmp_path / "rates.csv").write_text("step,lr\n0,0.5\n")
    said = expect("dpc", "run", artifact, "--data", "synthetic:1", "--steps", 1, "--lr-schedule", tmp_path / "rates.csv", status=2)
    assert "ascending from 1" in said


@pytest.mark.parametrize("every, wanted", [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [1, 3, 6, 7]), (0, [])])
def test_log_every(artifact, every, wanted):
    said = succeed("dpc", "run", artifact, "--data", "synthetic:1", "--lr", 0.1, "--steps", 7, "--log-every", every, "--checkpoint", "none")
    assert [int(line.split()[1].split("/")[0]) for line in said.splitlines() if line.startswith("step ")] == wanted


def test_eval_every(artifact, tmp_path):
    succeed("dpc", "run", artifact, "--data", "synthetic:1", "--lr", 0.1, "--steps", 7, "--eval-data", "synthetic:2", "--eval-steps", 2, "--eval-every", 3,
            "--report", tmp_path / "r.json", "--checkpoint", "none")
    assert [e["step"] for e in json.loads((tmp_path / "r.json").read_text())["evaluations"]] == [3, 6, 7]


def test_seed_is_kept_and_another_is_refused(artifact, tmp_path):
    run = ["dpc", "run", artifact, "--data", "synthetic:1", "--lr", 0.1, "--checkpoint", tmp_path / "ck"]
    succeed(*run, "--steps", 1, "--seed", 7)
    assert json.loads((tmp_path / "ck" / "step-1" / "manifest.json").read_text())["seed"] == 7
    succeed(*run, "--steps", 2)
    assert json.loads((tmp_path / "ck" / "step-2" / "manifest.json").read_text())["seed"] == 7
    assert "--seed 8" in expect(*run, "--steps", 3, "--seed", 8, status=7)


def test_device_and_threads_of_eval(artifact):
    evaluate = ["dpc", "eval", artifact, "--data", "synthetic:1", "--steps", 1]
    assert "'abacus'" in expect(*evaluate, "--device", "abacus", status=10)
    short = dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)))
    assert "of 999 for cores (--threads)" in expect(*evaluate, "--threads", 1000, status=10, **short)
    assert succeed(*evaluate, "--threads", 1) == succeed(*evaluate, "--threads", 3)


class Logits:
    """y = x w, whose loss is put behind it by --loss-op."""

    def __init__(self, folder, shape, out):
        rng = np.random.default_rng(3)
        self.folder, self.x = folder, rng.standard_normal((2, *shape)).astype(np.float32)
        self.w = rng.standard_normal((shape[-1], out)).astype(np.float32)
        graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], name="mm")], "g",
                                  [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, [*shape[:-1], out])], [numpy_helper.from_array(self.w, "w")])
        (folder / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
        self.y = (self.x.astype(np.float64) @ self.w.astype(np.float64))

    def losses(self, target, *flags):
        succeed("dpc", "compile", self.folder / "m.onnx", "-o", self.folder / "m.dpc", "--force", "--micro-batches", 2, "--optimizer", "sgd",
                "--logits", "y", "--labels", "target", *flags)
        save_file({"x": self.x, "target": target}, self.folder / "d.safetensors")
        succeed("dpc", "run", self.folder / "m.dpc", "--data", self.folder / "d.safetensors", "--lr", 0.1, "--dump", self.folder / "d", "--checkpoint", "none")
        return load_file(self.folder / "d" / "step-1.safetensors")["loss"]


def log_softmax(y, axis):
    y = y - y.max(axis, keepdims=True)
    return y - np.log(np.exp(y).sum(axis, keepdims=True))


def cross_entropy(y, labels, ignored=None, smoothing=0.0, axis=-1):
    """The mean over what counts, as PyTorch's."""
    logp = np.moveaxis(log_softmax(y, axis), axis, -1)
    counts = labels != ignored
    picked = np.take_along_axis(logp, np.where(counts, labels, 0)[..., None], -1)[..., 0]
    each = -(1 - smoothing) * picked - smoothing * logp.mean(-1)
    return (each * counts).sum() / counts.sum()


@pytest.mark.parametrize("flags, ignored, smoothing", [([], -100, 0), (["--ignore-index", 2], 2, 0), (["--label-smoothing", 0.2], -100, 0.2)])
def test_loss_op_softmax_cross_entropy(tmp_path, flags, ignored, smoothing):
    model = Logits(tmp_path, [6, 4], 5)
    labels = np.array([[0, 1, 2, 3, 4, 2], [2, 2, 1, 0, 4, 3]])
    got = model.losses(labels, "--loss-op", "softmax_cross_entropy", *flags)
    np.testing.assert_allclose(got, [cross_entropy(y, t, ignored, smoothing) for y, t in zip(model.y, labels)], rtol=1e-5)


def test_class_axis(tmp_path):
    model = Logits(tmp_path, [3, 5, 4], 4) # classes in the second of [3, 5, 4]
    labels = np.random.default_rng(1).integers(0, 4, (2, 3, 4))
    got = model.losses(labels, "--loss-op", "softmax_cross_entropy", "--class-axis", 1)
    np.testing.assert_allclose(got, [cross_entropy(y, t, axis=1) for y, t in zip(model.y, labels)], rtol=1e-5)


def test_loss_op_causal_lm_shifts(tmp_path):
    model = Logits(tmp_path, [2, 6, 4], 5)
    labels = np.random.default_rng(1).integers(0, 5, (2, 2, 6))
    got = model.losses(labels, "--loss-op", "causal_lm")
    np.testing.assert_allclose(got, [cross_entropy(y[:, :-1], t[:, 1:]) for y, t in zip(model.y, labels)], rtol=1e-5)


def test_loss_op_mse_and_bce(tmp_path):
    model = Logits(tmp_path, [6, 4], 3)
    target = np.random.default_rng(2).random((2, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(model.losses(target, "--loss-op", "mse"), [((y - t) ** 2).mean() for y, t in zip(model.y, target)], rtol=1e-5)
    np.testing.assert_allclose(model.losses(target, "--loss-op", "bce"),
                               [(np.logaddexp(0, y) - t * y).mean() for y, t in zip(model.y, target)], rtol=1e-5)


def schedule(*command):
    return succeed("dpc", "schedule", *command)


def test_link_and_chunks_of_drawn_and_searched_schedules():
    sizes = ["--pp", 4, "--micro-batches", 8]
    drawn = [schedule("draw", "interleaved", *sizes, "--format", "csv", *more) for more in ([], ["--chunks", 4], ["--cost", "F=1,I=1,W=1,message=100",
             "--link", "latency=0.5,bandwidth=100"])]
    assert len(set(drawn)) == 3
    costs = [*sizes, "--iterations", 300, "--cost", "F=1,I=1,W=1,message=100"]
    free, slow = (float(schedule("search", *costs, *more).split("makespan ")[1].split(",")[0]) for more in ([], ["--link", "latency=0.5,bandwidth=100"]))
    assert slow > free


def test_time_limit_ends_a_search():
    begin = time.monotonic()
    said = schedule("search", "--pp", 16, "--micro-batches", 61, "--iterations", 1 << 30, "--time-limit", 1, "--cost", "F=1,I=1.3,W=0.7,comm=0.21",
                    "--activation-cap", 7)
    assert "makespan" in said and time.monotonic() - begin < 30


def test_shape_binds_an_input(tmp_path):
    weight = numpy_helper.from_array(np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm"), helper.make_node("ReduceMean", ["y"], ["loss"], keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], [weight])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    assert "rows" in expect("dpc", "check", tmp_path / "m.onnx", status=3)
    succeed("dpc", "compile", tmp_path / "m.onnx", "--shape", "x=7x4", "-o", tmp_path / "m.dpc")
    assert json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())["inputs"][0]["shape"] == [7, 4]
    assert "--shape x=7xfour" in expect("dpc", "compile", tmp_path / "m.onnx", "--shape", "x=7xfour", "-o", tmp_path / "n.dpc", status=2)


def test_param_group_matches_the_framework_s_names(tmp_path):
    """llama_default stores most weights transposed under made-up names; its user knows the module's."""
    succeed("dpc", "compile", SOURCE / "test" / "models" / "llama_default.onnx", "--micro-batches", 2, "--optimizer", "sgd", "-o", tmp_path / "m.dpc",
            "--loss", "loss")
    manifest = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())
    made_up = {p["name"] for p in manifest["parameters"] if p["name"].startswith("val_")}
    assert made_up

    def weights(*more):
        succeed("dpc", "run", tmp_path / "m.dpc", "--data", "synthetic:1", "--lr", 0.1, "--steps", 1, "--dump", tmp_path / "d", "--checkpoint", "none", *more)
        return {k[6:]: v for k, v in load_file(tmp_path / "d" / "step-1.safetensors").items() if k.startswith("param/")}

    moved, held = weights(), weights("--param-group", "model.layers.0.mlp.*:lr=0x")
    changed = {name for name in moved if not np.array_equal(moved[name], held[name])}
    assert len(changed) == 3 and changed <= made_up


def test_target_names_the_processor(tmp_path):
    def compiled(target, **more):
        return expect("dpc", "compile", MLP, "--init", "seed:1", "--optimizer", "sgd", "--target", target, "-o", tmp_path / "t.dpc", "--force", **more)

    features = {}
    for target in ("cpu", "cpu:x86-64-v3", "cpu:x86-64-v4"):
        compiled(target)
        features[target] = json.loads((tmp_path / "t.dpc" / "manifest.json").read_text())["targets"][0]["features"]
    assert features["cpu"] == features["cpu:x86-64-v3"] and "avx2" in features["cpu"]
    assert "avx512f" in features["cpu:x86-64-v4"] and "avx512f" not in features["cpu"]
    compiled("cpu:x86-64-v2", status=2, words=["--target", "cpu:x86-64-v3"])
    compiled("cuda:sm_10", status=2, words=["--target", "this build compiles for", "cuda:sm_90"])


def test_an_artifact_has_code_for_several_processors_of_one_kind(tmp_path):
    compile_ = ("dpc", "compile", MLP, "--init", "seed:1", "--optimizer", "sgd", "-o", tmp_path / "t.dpc", "--force")
    expect(*compile_, "--target", "cpu:x86-64-v3", "--target", "cpu:x86-64-v4")
    targets = json.loads((tmp_path / "t.dpc" / "manifest.json").read_text())["targets"]
    assert [target["name"] for target in targets] == ["cpu:x86-64-v3", "cpu:x86-64-v4"]
    for target in targets:
        assert all((tmp_path / "t.dpc" / target[file]).stat().st_size for file in ("file", "table"))
    # The one that needs most of what the machine has, and the run says which that was.
    words = pathlib.Path("/proc/cpuinfo").read_text().split()
    taken = targets[all(feature in words for feature in ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"))]["name"]
    run = ("dpc", "run", tmp_path / "t.dpc", "--data", "synthetic:1", "--steps", 1, "--lr", 0.1, "--checkpoint", "none", "--report", tmp_path / "report.json")
    expect(*run, words=[f"note: of the artifact's 2 targets {taken} runs here"])
    assert json.loads((tmp_path / "report.json").read_text())["target"] == taken
    expect(*compile_, "--target", "cpu:x86-64-v3")
    assert "targets" not in expect(*run)
    expect(*compile_, "--target", "cpu", "--target", "cuda:sm_90", status=2, words=["--target cpu and --target cuda:sm_90: an artifact is for one kind of device"])
    expect(*compile_, "--target", "cpu", "--target", "cpu", status=2, words=["--target cpu is given twice"])
