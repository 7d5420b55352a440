# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an exporter recorded of a call and did not write out: a warning names both, and the flag, if one repairs it."""
import shlex

import numpy as np
import onnx
import pytest
from commands import refuse, succeed
from field import MODEL, compile_, dumped, run
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

ROWS, WIDTH, CLASSES = 6, 5, 7
RNG = np.random.default_rng(5)
WEIGHT = RNG.standard_normal((WIDTH, CLASSES)).astype(np.float32)
X = RNG.standard_normal((2, ROWS, WIDTH)).astype(np.float32)
LABELS = RNG.integers(0, CLASSES, (2, ROWS))
LABELS[0, 1] = LABELS[1, 3] = 4


def node(op, inputs, outputs, call="", **attributes):
    made = helper.make_node(op, inputs.split(), outputs.split(), name=f"node_{outputs.split()[0]}", **attributes)
    if call:
        made.metadata_props.add(key="pkg.torch.onnx.fx_node", value=f"%x : [num_users=1] = call_function[target=torch.ops.{call}")
    return made


def save(path, nodes):
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [ROWS, WIDTH]), helper.make_tensor_value_info("labels", TensorProto.INT64, [ROWS])]
    initializers = [numpy_helper.from_array(WEIGHT, "w"), numpy_helper.from_array(np.linspace(1, 2, CLASSES, dtype=np.float32), "cw"),
                    numpy_helper.from_array(np.float32(0.2), "ratio"), numpy_helper.from_array(np.bool_(False), "no")]
    graph = helper.make_graph([node("MatMul", "x w", "logits"), *nodes], "g", inputs, [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def warnings(model, *flags):
    return [line for line in succeed("dpc", "check", model, *flags).splitlines() if line.startswith("warning:")]


def loss(call, operands="logits labels", **attributes):
    return [node("SoftmaxCrossEntropyLoss", operands, "loss", call, **attributes)]


def test_label_smoothing_is_named_and_the_flags_compute_it(tmp_path):
    nodes = loss("aten.cross_entropy_loss.default](args = (%logits, %labels, None, 1, 4, 0.1), kwargs = {})", ignore_index=4)
    model = save(tmp_path / "m.onnx", nodes)
    warning, = warnings(model)
    assert "label_smoothing 0.1" in warning and "node 'node_loss' (aten.cross_entropy_loss)" in warning and "SoftmaxCrossEntropyLoss has none" in warning
    flags = shlex.split(warning.split("; ")[1].split(" computes")[0])
    out = compile_(model, tmp_path / "m.dpc", "--micro-batches", 2, *flags)
    assert "warning:" not in out
    save_file({"x": X, "labels": LABELS}, str(tmp_path / "d.safetensors"))
    run(tmp_path / "m.dpc", tmp_path / "d.safetensors", tmp_path / "dump")
    logits = X.astype(np.float64) @ WEIGHT
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    each = -0.9 * np.take_along_axis(logp, LABELS[..., None], -1)[..., 0] - 0.1 * logp.mean(-1)
    np.testing.assert_allclose(dumped(tmp_path / "dump")[0]["total_loss"].reshape(-1)[0], each[LABELS != 4].mean(), rtol=1e-5)


ENTRIES = {
    "another ignored label": (loss("aten.cross_entropy_loss.default](args = (%logits, %labels), kwargs = {ignore_index: 255})", ignore_index=-100),
                              ["ignore_index 255", "ignores -100", "--ignore-index 255"]),
    "an ignored label": (loss("aten.nll_loss_nd.default](args = (%logits, %labels, None, 1, 3), kwargs = {})"), ["ignore_index 3", "ignores no label", "--ignore-index 3"]),
    "class weights": (loss("aten.cross_entropy_loss.default](args = (%logits, %labels, %b_cw), kwargs = {})"), ["class weights (%b_cw)", "no flag"]),
    "smoothing beside class weights": (loss("aten.cross_entropy_loss.default](args = (%logits, %labels, %b_cw, 1, -100, 0.2), kwargs = {})", "logits labels cw", ignore_index=-100),
                                       ["label_smoothing 0.2", "no flag"]),
    "smoothing of a part of the loss": ([node("SoftmaxCrossEntropyLoss", "logits labels", "ce", "aten.cross_entropy_loss.default](args = (%a, %b, None, 1, -100, 0.2), kwargs = {})", ignore_index=-100),
                                         node("Mul", "ce ratio", "loss")], ["label_smoothing 0.2", "no flag"]),
    "a sum": (loss("aten.cross_entropy_loss.default](args = (%logits, %labels, None, 2), kwargs = {})"), ["reduction 'sum'", "takes 'mean'"]),
    "dropout": ([node("Identity", "logits", "dropped", "aten.dropout.default](args = (%logits, 0.1, True), kwargs = {})"), *loss("", "dropped labels")],
                ["dropout 0.1 (aten.dropout)", "'node_dropped'", "drops nothing out"]),
    "dropout of attention": ([node("Dropout", "logits ratio", "dropped", "aten.scaled_dot_product_attention.default](args = (%q, %k, %v, None, 0.2), kwargs = {is_causal: True})"),
                              *loss("", "dropped labels")], ["dropout 0.2 (aten.scaled_dot_product_attention)"]),
}


@pytest.mark.parametrize("case", ENTRIES)
def test_what_was_recorded_and_is_not_done_is_a_warning(case, tmp_path):
    nodes, words = ENTRIES[case]
    found = warnings(save(tmp_path / "m.onnx", nodes))
    assert len(found) == 1, found
    for word in words:
        assert word in found[0], found
    assert "warning:" in compile_(tmp_path / "m.onnx", tmp_path / "m.dpc")
    refuse(MODEL, [found[0].removeprefix("warning: ")], "dpc", "check", tmp_path / "m.onnx", "--strict")


DONE = {
    "all of it": loss("aten.cross_entropy_loss.default](args = (%logits, %labels, %b_cw, 1, 5), kwargs = {})", "logits labels cw", ignore_index=5),
    "the defaults": loss("aten.cross_entropy_loss.default](args = (%logits, %labels, None, 1, -100, 0.0), kwargs = {})", ignore_index=-100),
    "dropout of evaluation": [node("Identity", "logits", "dropped", "aten.dropout.default](args = (%logits, 0.1, False), kwargs = {})"), *loss("", "dropped labels")],
    "dropout of nothing": [node("Identity", "logits", "dropped", "aten.native_dropout.default](args = (%logits, 0.0, True), kwargs = {})"), *loss("", "dropped labels")],
    "a switched dropout": [node("Dropout", "logits ratio no", "dropped", "aten.native_dropout.default](args = (%logits, 0.2, True), kwargs = {})"), *loss("", "dropped labels")],
    "smoothing written out": [node("SoftmaxCrossEntropyLoss", "logits labels", "ce", CALL := "aten.cross_entropy_loss.default](args = (%logits, %labels, None, 1, -100, 0.2), kwargs = {})", ignore_index=-100),
                              node("Mul", "ce ratio", "loss", CALL)],
    "what cannot be read": loss("aten.cross_entropy_loss.default](args = (%logits, [%labels, (None"),
    "another call": loss("aten.add.Tensor](args = (%logits, %labels, None, 1, 3, 0.1), kwargs = {})"),
}


@pytest.mark.parametrize("case", DONE)
def test_what_is_done_or_was_not_asked_for_is_none(case, tmp_path):
    assert warnings(save(tmp_path / "m.onnx", DONE[case])) == []


def test_many_dropouts_are_one_line(tmp_path):
    names = ["logits", "a", "b", "c"]
    nodes = [node("Identity", i, o, f"aten.dropout.default](args = (%{i}, 0.1, True), kwargs = {{}})") for i, o in zip(names, names[1:])]
    found, = warnings(save(tmp_path / "m.onnx", [*nodes, *loss("", "c labels")]))
    assert "3 nodes ('node_a', …)" in found
