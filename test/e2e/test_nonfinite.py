# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A loss that is not finite leaves the weights alone, also where every gradient is finite: of a label whose class is masked
with -inf the loss is infinite, and softmax less the label is not."""
import json

import numpy as np
import onnx
import pytest
from commands import expect, output, refuse
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

MICRO_BATCHES, STEPS, BAD_STEP = 4, 4, 2


def model(path):
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name) for name, shape in (("first", (4, 8)), ("second", (8, 3)))]
    nodes = [helper.make_node("MatMul", ["x", "first"], ["a"]), helper.make_node("Tanh", ["a"], ["t"]), helper.make_node("MatMul", ["t", "second"], ["y"]),
             helper.make_node("Add", ["y", "mask"], ["z"]), helper.make_node("SoftmaxCrossEntropyLoss", ["z", "labels"], ["loss"], reduction="mean")]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4]), helper.make_tensor_value_info("mask", TensorProto.FLOAT, [2, 3]),
              helper.make_tensor_value_info("labels", TensorProto.INT64, [2])]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def data(path, bad):
    rng = np.random.default_rng(1)
    count = MICRO_BATCHES * STEPS
    values = {"x": rng.standard_normal((count, 2, 4)).astype(np.float32), "mask": np.zeros((count, 2, 3), np.float32), "labels": np.zeros((count, 2), np.int64)}
    values["labels"][:, 1] = 2
    if bad:
        values["mask"][MICRO_BATCHES * (BAD_STEP - 1) + 1, 0, 0] = -np.inf
    save_file(values, path)


def weights(folder, step):
    dump = load_file(str(folder / f"step-{step}.safetensors"))
    return {name: values for name, values in dump.items() if name.startswith("param/")}, dump


def equal(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("ranks, schedule", [(1, "1f1b"), (2, "1f1b"), (2, "dualpipe")])
def test_an_infinite_loss_with_finite_gradients_is_skipped(ranks, schedule, tmp_path):
    model(tmp_path / "m.onnx")
    data(tmp_path / "good.safetensors", False)
    data(tmp_path / "bad.safetensors", True)
    artifact = tmp_path / "m.dpc"
    output("dpc", "compile", tmp_path / "m.onnx", "-o", artifact, "--pp", ranks, "--micro-batches", MICRO_BATCHES, "--schedule", schedule, "--optimizer", "adamw")
    run = ("dpc", "run", artifact, "--lr", 0.1, "--steps", STEPS, "--checkpoint", "none", "--dump")
    output(*run, tmp_path / "good", "--data", tmp_path / "good.safetensors")
    metrics = tmp_path / "metrics.jsonl"
    output(*run, tmp_path / "bad", "--data", tmp_path / "bad.safetensors", "--on-nonfinite", "skip", "--metrics", metrics)
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    flags = {line["step"]: line["nonfinite"] for line in lines if "loss" in line and "event" not in line}
    assert flags == {step: step == BAD_STEP for step in range(1, STEPS + 1)}
    before, _ = weights(tmp_path / "bad", BAD_STEP - 1)
    assert equal(before, weights(tmp_path / "good", BAD_STEP - 1)[0])
    after, dump = weights(tmp_path / "bad", BAD_STEP)
    assert np.isinf(dump["loss"]).sum() == 1 and all(np.isfinite(values).all() for name, values in dump.items() if name.startswith("grad/"))
    assert equal(before, after)
    assert not equal(after, weights(tmp_path / "bad", BAD_STEP + 1)[0])
    # On a device that has the next step before this one's end, nothing is different: the updates behind a skipped step, whose
    # corrections of bias count it as none, nor where a run stops, and what it says.
    def saved(folder):
        return {path.name: path.read_bytes() for path in sorted((folder / f"step-{STEPS}").glob("*.safetensors"))}

    options = ("dpc", "run", artifact, "--lr", 0.1, "--steps", STEPS, "--data", tmp_path / "bad.safetensors")
    output(*options, "--checkpoint", tmp_path / "kept", "--on-nonfinite", "skip")
    for order in ("0,policy=first", "0,policy=reverse", "1"):
        there = ("--device", "virtual", "--seed-order", order)
        said = expect(*options, *there, "--checkpoint", tmp_path / order, "--on-nonfinite", "skip")
        assert f"step {BAD_STEP}: the loss is inf" in said and "input 'mask'" in said
        assert saved(tmp_path / "kept") == saved(tmp_path / order)
        refuse(6, [f"step {BAD_STEP}: the loss is inf", "input 'mask'", "the weights were left alone"], *options, *there, "--checkpoint", "none")
    # Stopping is the default, and says where.
    refuse(6, [f"step {BAD_STEP}: the loss is inf", "input 'mask'", "the weights were left alone"], *run, tmp_path / "stopped", "--data", tmp_path / "bad.safetensors")
