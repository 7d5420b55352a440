# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training with --device cuda on the emulated GPU: what exported transformers should compute, whatever the schedule and the order in which
the GPU happens to run what it was told. With DPC_TEST_ALL all models under four schedules on 1, 2 and 4 ranks, and 50 orders."""
import filecmp
import json
import os

import pytest
from safetensors.numpy import load_file, save_file

from commands import output
from emulated_gpu import EmulatedGpu, needs_emulator
from test_models import LR, MODELS, Model

pytestmark = needs_emulator
ALL = bool(os.environ.get("DPC_TEST_ALL"))
LAYOUTS = [(1, "1f1b"), (2, "dualpipe"), (4, "zb-h1"), (2, "interleaved")]
MORE = [(ranks, schedule) for ranks in (1, 2, 4) for schedule in ("1f1b", "interleaved", "zb-h1", "dualpipe")]
CASES = [("gpt2", *LAYOUTS[1]), ("llama", *LAYOUTS[2]), ("bert", *LAYOUTS[0]), ("moe", *LAYOUTS[3])]
SEEDS = range(50 if ALL else 8)


@pytest.fixture(scope="module")
def gpu(tmp_path_factory):
    return EmulatedGpu(tmp_path_factory.mktemp("gpu"))


def train(gpu, artifact, folder, *options, emulator=(), data="synthetic:1", steps=2, optimizer="sgd", device="cuda"):
    """What a run dumped of each step, as files by name, and its losses."""
    where = ["--device", device] if device == "cuda" else []
    output("dpc-run", artifact, "--data", data, "--epochs", 0, "--steps", steps, "--lr", LR[optimizer], "--dump", folder / "dump", "--checkpoint",
           folder / "saved", "--report", folder / "report.json", *where, *options, env=gpu.environment(*emulator))
    return {path.relative_to(folder): path for path in folder.rglob("*.safetensors")}, json.loads((folder / "report.json").read_text())["losses"]


def expect_same_bits(wanted, got, what):
    assert wanted.keys() == got.keys()
    for name in wanted:
        assert filecmp.cmp(wanted[name], got[name], shallow=False), f"{name} differs {what}"


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("name, ranks, schedule", [(name, *layout) for name in ("gpt2", "llama", "bert", "moe") for layout in MORE] if ALL else CASES)
def test_models_train_as_float64_autograd_says(gpu, name, ranks, schedule, optimizer, tmp_path):
    model = Model(name)
    graph = model.info["graphs"][0]
    data = tmp_path / "data.safetensors"
    save_file({key[3:]: value for key, value in model.reference.items() if key.startswith("in/")}, str(data))
    artifact = gpu.compile(MODELS / graph["file"], tmp_path / "m.dpc", "--pp", ranks, "--micro-batches", 8, "--schedule", schedule, "--optimizer", optimizer,
                           "--loss", model.info["loss"])
    options = ["--optimizer-option", "weight_decay=0.01"] if optimizer == "adamw" else []
    train(gpu, artifact, tmp_path, *options, data=data, steps=3, optimizer=optimizer)
    steps = [load_file(str(tmp_path / "dump" / f"step-{i + 1}.safetensors")) for i in range(3)]
    model.check_losses(graph, optimizer, steps)
    model.check_gradients(graph, steps[0])
    model.check_weights(graph, optimizer, steps)


def test_first_losses_have_the_same_bits_however_a_model_is_cut(gpu, tmp_path):
    wanted = None
    for number, (ranks, schedule) in enumerate(MORE if ALL else LAYOUTS):
        folder = tmp_path / str(number)
        artifact = gpu.compile(MODELS / "gpt2.onnx", folder.with_suffix(".dpc"), "--pp", ranks, "--micro-batches", 8, "--schedule", schedule,
                               "--optimizer", "sgd")
        train(gpu, artifact, folder, steps=1)
        losses = load_file(str(folder / "dump" / "step-1.safetensors"))["loss"].tobytes()
        wanted = wanted or losses
        assert losses == wanted, f"{ranks} ranks, {schedule}"


@pytest.mark.parametrize("name, options", [("gpt2", ["--schedule", "dualpipe"]), ("moe", ["--schedule", "zb-h1"]),
                                           ("gpt2", ["--schedule", "dualpipe", "--dp", 2, "--shard-optimizer", "on"])])
def test_no_order_changes_a_bit(gpu, name, options, tmp_path):
    """Streams in the order of the calls, in drawn ones, at their worst, and as graphs: of two steps that are under way at one time."""
    artifact = gpu.compile(MODELS / f"{name}.onnx", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 4, "--optimizer", "adamw", *options)

    def trained(number, emulator, *flags):
        folder = tmp_path / str(number)
        output("dpc-run", artifact, "--data", "synthetic:1", "--steps", 3, "--lr", 1e-3, "--checkpoint", folder / "saved", "--device", "cuda", *flags,
               env=gpu.environment(*emulator))
        return {path.relative_to(folder): path for path in folder.rglob("*.safetensors")}

    wanted = trained("first", ["policy=first"])
    assert wanted
    ways = [([f"seed={seed}"], []) for seed in SEEDS]
    ways += [(["policy=reverse"], []), (["policy=eager"], []), (["policy=starve=1"], []), (["policy=starve=2"], []), (["policy=delay=40"], [])]
    ways += [([f"seed={seed}"], ["--cuda-graphs"]) for seed in SEEDS[:4]] + [(["policy=reverse"], ["--cuda-graphs"])]
    # What there is on a real GPU, whose order nobody draws.
    ways += [(["policy=eager"], ["--seed-order", "5"]), (["seed=2"], ["--seed-order", "6", "--cuda-graphs"]), ([], ["--seed-order", "0,policy=serial"]),
             ([], ["--seed-order", "0,policy=serial", "--cuda-graphs"])]
    for number, (emulator, flags) in enumerate(ways):
        expect_same_bits(wanted, trained(number, emulator, *flags), f"with {emulator} {flags}")


def test_a_traced_step_and_a_dump_change_nothing(gpu, tmp_path):
    artifact = gpu.compile(MODELS / "gpt2.onnx", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 4, "--optimizer", "sgd", "--schedule", "dualpipe")
    plain, losses = train(gpu, artifact, tmp_path / "plain", steps=3)
    for number, flags in enumerate(([], ["--cuda-graphs"])):
        folder = tmp_path / str(number)
        got, other = train(gpu, artifact, folder, "--trace", folder.with_suffix(".json"), "--trace-steps", "2:3", *flags, steps=3)
        assert other == losses
        expect_same_bits(plain, got, "when it is traced")
        events = json.loads(folder.with_suffix(".json").read_text())["traceEvents"]
        measured = [event for event in events if event.get("ph") == "X" and event.get("dur", 0) >= 0]
        assert len(measured) > 50


@pytest.mark.parametrize("first, second", [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_checkpoint_of_one_device_is_resumed_on_the_other(gpu, first, second, tmp_path):
    flags = ["--pp", 2, "--micro-batches", 4, "--optimizer", "momentum", "--schedule", "dualpipe"]
    artifacts = {"cuda": gpu.compile(MODELS / "gpt2.onnx", tmp_path / "gpu.dpc", *flags), "cpu": tmp_path / "cpu.dpc"}
    output("dpc", "compile", MODELS / "gpt2.onnx", "-o", artifacts["cpu"], *flags)

    def run(device, steps, checkpoint):
        where = ["--device", "cuda"] if device == "cuda" else []
        output("dpc-run", artifacts[device], "--data", "synthetic:1", "--epochs", 0, "--steps", steps, "--lr", 0.1, "--checkpoint", checkpoint, *where,
               env=gpu.environment())
        return load_file(str(next((checkpoint / f"step-{steps}").glob("*.safetensors"))))

    whole = run(first, 4, tmp_path / "whole")
    run(first, 2, tmp_path / "half")
    resumed = run(second, 4, tmp_path / "half")
    assert whole.keys() == resumed.keys() and any(key.endswith("momentum_buffer") for key in whole)
    for key, wanted in whole.items():
        difference = ((wanted - resumed[key]) ** 2).sum() ** 0.5
        assert difference <= 1e-5 * (wanted ** 2).sum() ** 0.5 + 1e-9, key
