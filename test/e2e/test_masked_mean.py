# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Means that a graph writes out, Σ l·m / Σ m: the step's is over all its micro-batches, or the summary says that
micro-batches are averaged."""
import numpy as np
import onnx
import pytest
from commands import call, refuse, said
from field import FIELD, MODEL, check, compile_, dumped, run
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

ROWS, WIDTH, CLASSES, COUNT = 6, 5, 7, 4
RNG = np.random.default_rng(11)
WEIGHT = RNG.standard_normal((WIDTH, CLASSES)).astype(np.float32)
X = RNG.standard_normal((COUNT, ROWS, WIDTH)).astype(np.float32)
LABELS = RNG.integers(0, CLASSES, (COUNT, ROWS))
# Every micro-batch counts another number of rows.
MASK = np.array([[1, 1, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0], [0, 0, 0, 1, 1, 0]])
EMPTY = MASK * np.array([[1], [0], [1], [1]])


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=f"{op}_{outputs.split()[0]}", **attributes)


def constant(name, value, kind=np.float32):
    return numpy_helper.from_array(np.asarray(value, kind), name)


CONSTANTS = [constant("one", 1), constant("three", 3), constant("zero", 0), constant("tiny", 1e-8), constant("small", 1e-3), constant("ignored", -100, np.int64),
             constant("rows", ROWS), constant("shape", [2, 3], np.int64), constant("sample", [1, ROWS], np.int64), constant("last", [1], np.int64), constant("both", [0, 1], np.int64),
             constant("first", [0], np.int64), constant("c0", 0, np.int64), constant("flat", [-1], np.int64)]
SUM = {"keepdims": 0}
LM = [node("Mul", "l m", "lm")]
DEN = [node("ReduceSum", "m", "den", **SUM)]
NUM = [*LM, node("ReduceSum", "lm", "num", **SUM)]
FROM_BOOL = [node("Cast", "mask", "m", to=TensorProto.FLOAT)]
FROM_INT = [node("Cast", "mask", "m", to=TensorProto.FLOAT)]
FROM_LABELS = [node("Equal", "labels ignored", "isignored"), node("Not", "isignored", "counted"), node("Cast", "counted", "m", to=TensorProto.FLOAT)]
DIV = [node("Div", "num den", "loss")]
F, B, I = TensorProto.FLOAT, TensorProto.BOOL, TensorProto.INT64
TO_FLOAT = {"to": TensorProto.FLOAT}

# The mask's type, the nodes from l (a loss per row) and the mask to the loss, a factor of the result.
WEIGHTED = {
    "sums": (F, [*NUM, *DEN, *DIV], 1),
    "a mask of truth values": (B, [*FROM_BOOL, *NUM, *DEN, *DIV], 1),
    "the sum of an integer mask, cast": (I, [*FROM_INT, *NUM, node("ReduceSum", "mask", "count", **SUM), node("Cast", "count", "den", **TO_FLOAT), *DIV], 1),
    "several axes": (F, [*LM, node("Reshape", "lm shape", "lm2"), node("Reshape", "m shape", "m2"), node("ReduceSum", "lm2 both", "num", **SUM),
                         node("ReduceSum", "m2 both", "den", **SUM), *DIV], 1),
    "one axis after the other, kept": (F, [*LM, node("Reshape", "lm shape", "lm2"), node("Reshape", "m shape", "m2"), node("ReduceSum", "lm2 last", "n1"),
                                           node("ReduceSum", "n1 first", "num"), node("ReduceSum", "m2 last", "d1"), node("ReduceSum", "d1 first", "den"),
                                           node("Div", "num den", "ratio"), node("Squeeze", "ratio both", "loss")], 1),
    "one axis after the other, the batch first": (F, [*LM, node("Reshape", "lm shape", "lm2"), node("Reshape", "m shape", "m2"), node("ReduceSum", "lm2 first", "n1"),
                                                      node("ReduceSum", "n1 last", "num"), node("ReduceSum", "m2 first", "d1"), node("ReduceSum", "d1 last", "den"),
                                                      node("Div", "num den", "ratio"), node("Squeeze", "ratio both", "loss")], 1),
    "means of both": (F, [*LM, node("ReduceMean", "lm", "num", **SUM), node("ReduceMean", "m", "den", **SUM), *DIV], 1),
    "times a factor": (F, [*NUM, *DEN, node("Div", "num den", "ratio"), node("Mul", "three ratio", "loss")], 3),
    "labels that are not ignored": (F, [*FROM_LABELS, *NUM, *DEN, *DIV], 1),
    "a product with the reciprocal": (F, [*NUM, *DEN, node("Reciprocal", "den", "r"), node("Mul", "r num", "loss")], 1),
    "a product with one by the sum": (F, [*NUM, *DEN, node("Div", "one den", "r"), node("Mul", "num r", "loss")], 1),
    "each term divided": (F, [*LM, *DEN, node("Div", "lm den", "t"), node("ReduceSum", "t", "loss", **SUM)], 1),
    "each weight divided": (F, [*DEN, node("Div", "m den", "share"), node("Mul", "l share", "t"), node("ReduceSum", "t", "loss", **SUM)], 1),
    "a little added": (F, [*NUM, *DEN, node("Add", "den tiny", "d"), node("Div", "num d", "loss")], 1),
    "at least a little": (F, [*NUM, *DEN, node("Max", "den tiny", "d"), node("Div", "num d", "loss")], 1),
    "a count, at least one": (B, [*FROM_BOOL, *NUM, *DEN, node("Max", "den one", "d"), node("Div", "num d", "loss")], 1),
    "a count, clipped": (B, [*FROM_BOOL, *NUM, *DEN, node("Clip", "den one", "d"), node("Div", "num d", "loss")], 1),
    "labels counted, clipped": (F, [*FROM_LABELS, *NUM, *DEN, node("Clip", "den one", "d"), node("Div", "num d", "loss")], 1),
    "chosen rows, at least one": (B, [*FROM_BOOL, node("Where", "mask l zero", "chosen"), node("ReduceSum", "chosen", "num", **SUM), *DEN,
                                      node("Max", "den one", "d"), node("Div", "num d", "loss")], 1),
    "masked terms negated and moved, at least one": (B, [*FROM_BOOL, *LM, node("Neg", "lm", "n"), node("Reshape", "n shape", "n2"), node("ReduceSum", "n2 both", "s", **SUM),
                                                         node("Neg", "s", "num"), *DEN, node("Max", "den one", "d"), node("Div", "num d", "loss")], 1),
    "masked terms divided, at least one": (B, [*FROM_BOOL, *LM, node("Div", "lm three", "t"), node("ReduceSum", "t", "num", **SUM), *DEN, node("Max", "den one", "d"),
                                               node("Div", "num d", "loss")], 1 / 3),
    "one where there is none": (F, [*NUM, *DEN, node("Equal", "den zero", "none"), node("Where", "none one den", "d"), node("Div", "num d", "loss")], 1),
    "zero where there is none": (F, [*NUM, *DEN, node("Div", "num den", "ratio"), node("Greater", "den zero", "some"), node("Where", "some ratio zero", "loss")], 1),
    "two means by one sum": (F, [*NUM, *DEN, node("Div", "num den", "a"), node("Mul", "l l", "l2"), node("Mul", "l2 m", "l2m"), node("ReduceSum", "l2m", "num2", **SUM),
                                 node("Mul", "num2 zero", "none"), node("Div", "none den", "b"), node("Add", "a b", "loss")], 1),
}

AVERAGED = {
    "a mask that may hold fractions, at least one": (F, [*NUM, *DEN, node("Max", "den one", "d"), node("Div", "num d", "loss")], "fractions"),
    "much added": (F, [*NUM, *DEN, node("Add", "den small", "d"), node("Div", "num d", "loss")], "adds 0.001"),
    "at least three": (B, [*FROM_BOOL, *NUM, *DEN, node("Max", "den three", "d"), node("Div", "num d", "loss")], "at least 3"),
    "a numerator that is not masked": (B, [*FROM_BOOL, node("ReduceSum", "l", "num", **SUM), *DEN, node("Max", "den one", "d"), node("Div", "num d", "loss")], "numerator"),
    "a root in the numerator": (F, [*NUM, *DEN, node("Sqrt", "num", "root"), node("Div", "root den", "loss")], "the numerator is no sum"),
    "a largest weight": (F, [*NUM, node("ReduceMax", "m", "den", **SUM), *DIV], "the divisor is no sum"),
    "a mean of each sample": (F, [*LM, node("Reshape", "lm sample", "lm2"), node("Reshape", "m sample", "m2"), node("ReduceSum", "lm2 last", "num"), node("ReduceSum", "m2 last", "den"),
                                  node("Div", "num den", "ratio"), node("Squeeze", "ratio both", "loss")], "a sum of each sample"),
    "a constant in the numerator": (F, [*NUM, *DEN, node("Add", "num one", "n"), node("Div", "n den", "loss")], "adds a constant"),
}


def save(kind, nodes, path):
    inputs = [helper.make_tensor_value_info("x", F, [ROWS, WIDTH]), helper.make_tensor_value_info("labels", I, [ROWS])]
    used = {name for n in nodes for name in n.input}
    if "mask" in used or "m" in used and not any("m" in n.output for n in nodes):
        name = "mask" if "mask" in used else "m"
        inputs.append(helper.make_tensor_value_info(name, kind, [ROWS]))
    ignored = {"ignore_index": -100} if "labels" in used else {}
    whole = [node("MatMul", "x w", "logits"), node("SoftmaxCrossEntropyLoss", "logits labels", "l", reduction="none", **ignored), *nodes]
    initializers = [constant("w", WEIGHT), *(c for c in CONSTANTS if c.name in used)]
    loss = helper.make_tensor_value_info("loss", F, [])
    onnx.save(helper.make_model(helper.make_graph(whole, "g", inputs, [loss], initializers), opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


def write_data(kind, nodes, mask, path):
    types = {F: np.float32, B: np.bool_, I: np.int64}
    labels = np.where(mask == 1, LABELS, -100) if any("labels" in n.input for n in nodes) else LABELS
    save_file({"x": X, "labels": labels, "mask": mask.astype(types[kind]), "m": mask.astype(np.float32)}, str(path))


def reference(mask, weights):
    """Loss and gradient where row i of micro-batch b counts mask[b, i] times weights[b]."""
    logits = X.astype(np.float64) @ WEIGHT
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    share = mask * np.asarray(weights, np.float64)[:, None]
    loss = -(share * np.log(np.take_along_axis(p, LABELS[..., None], -1)[..., 0])).sum()
    delta = (p - np.eye(CLASSES)[LABELS]) * share[..., None]
    return loss, np.einsum("bri,brc->ic", X.astype(np.float64), delta)


def agree(step, wanted, factor=1):
    np.testing.assert_allclose(step["total_loss"].reshape(-1)[0], factor * wanted[0], rtol=1e-5)
    np.testing.assert_allclose(step["grad/w"], factor * wanted[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", WEIGHTED)
@pytest.mark.parametrize("mask", [MASK, EMPTY], ids=["all", "one-empty"])
def test_a_mean_by_the_mask_is_over_the_whole_step(case, mask, tmp_path):
    kind, nodes, factor = WEIGHTED[case]
    save(kind, nodes, tmp_path / "m.onnx")
    write_data(kind, nodes, mask, tmp_path / "d.safetensors")
    out = compile_(tmp_path / "m.onnx", tmp_path / "m.dpc", "--micro-batches", COUNT)
    assert "micro-batches weighted by denominator" in out, out
    # A micro-batch that counts nothing is no NaN, in its loss or in the gradient.
    run(tmp_path / "m.dpc", tmp_path / "d.safetensors", tmp_path / "dump")
    step = dumped(tmp_path / "dump")[0]
    agree(step, reference(mask, [1 / mask.sum()] * COUNT), factor)
    assert np.isfinite(step["loss"]).all() and (step["loss"][mask.sum(1) == 0] == 0).all()


@pytest.mark.parametrize("case", AVERAGED)
def test_what_cannot_be_one_mean_is_said_to_be_averaged(case, tmp_path):
    kind, nodes, why = AVERAGED[case]
    save(kind, nodes, tmp_path / "m.onnx")
    write_data(kind, nodes, MASK, tmp_path / "d.safetensors")
    out = compile_(tmp_path / "m.onnx", tmp_path / "m.dpc", "--micro-batches", COUNT)
    for text in (out, said(call("dpc", "check", tmp_path / "m.onnx"))):
        assert "loss: loss, micro-batches are averaged" in text and why in text and "note: 'Div_" in text, text
    run(tmp_path / "m.dpc", tmp_path / "d.safetensors", tmp_path / "dump")
    step = dumped(tmp_path / "dump")[0]
    np.testing.assert_allclose(step["total_loss"].reshape(-1)[0], step["loss"].mean(), rtol=1e-5)


def test_the_user_can_say_that_a_mask_holds_no_fractions(tmp_path):
    kind, nodes, _ = AVERAGED["a mask that may hold fractions, at least one"]
    save(kind, nodes, tmp_path / "m.onnx")
    write_data(kind, nodes, EMPTY, tmp_path / "d.safetensors")
    out = compile_(tmp_path / "m.onnx", tmp_path / "m.dpc", "--micro-batches", COUNT, "--loss-reduction", "token-mean")
    assert "weighted by denominator" in out
    run(tmp_path / "m.dpc", tmp_path / "d.safetensors", tmp_path / "dump")
    agree(dumped(tmp_path / "dump")[0], reference(EMPTY, [1 / EMPTY.sum()] * COUNT))
    for case in ("at least three", "a largest weight"):
        kind, nodes, why = AVERAGED[case]
        save(kind, nodes, tmp_path / "n.onnx")
        refuse(MODEL, ["--loss-reduction token-mean", "Div_loss", why], "dpc", "compile", tmp_path / "n.onnx", "-o", tmp_path / "n.dpc", "--loss-reduction", "token-mean")


def test_the_mean_of_means_can_be_asked_for(tmp_path):
    field = FIELD / "masked_mean_written_out"
    out = compile_(field / "model.onnx", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 8, "--loss-reduction", "mean")
    assert "micro-batches are averaged" in out
    run(tmp_path / "m.dpc", field / "data.safetensors", tmp_path / "dump")
    check(field / "expected_mean_of_means.json", tmp_path / "dump")


@pytest.mark.parametrize("schedule", ["1f1b", "dualpipe"])
def test_a_masked_mean_written_out_is_of_the_whole_step(schedule, tmp_path):
    field = FIELD / "masked_mean_written_out"
    out = compile_(field / "model.onnx", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 8, "--schedule", schedule)
    assert "weighted by denominator" in out
    run(tmp_path / "m.dpc", field / "data.safetensors", tmp_path / "dump")
    check(field / "expected_global.json", tmp_path / "dump")
    assert call("dpc", "verify", tmp_path / "m.dpc", "--data", field / "data.safetensors").returncode == 0
