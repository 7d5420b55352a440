# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Outputs of the graph besides the loss: evaluation reports them by name, whichever stages make them, and training is
the same bytes with and without them."""
import json
import re

import numpy as np
import onnx
import pytest
from commands import execute, output, succeed
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

BATCH, WIDTH, CLASSES, LAYERS, MICRO_BATCHES = 8, 16, 10, 4, 8
SCALARS = {"accuracy": TensorProto.FLOAT, "correct": TensorProto.INT64, "norms": TensorProto.FLOAT, "w0": TensorProto.FLOAT,
           "most": TensorProto.DOUBLE, "den": TensorProto.FLOAT}


def weights():
    draw = np.random.default_rng(1)
    values = {f"layer.{i}.weight": draw.normal(size=(WIDTH, WIDTH)) / 4 for i in range(LAYERS)}
    values["head.weight"] = draw.normal(size=(WIDTH, CLASSES)) / 4
    return {name: value.astype(np.float32) for name, value in values.items()}


def build(path, outputs, more=(), stored=None):
    """Layers of a product and a tanh; outputs that need all layers (norms), the last alone, a parameter of the first."""
    nodes, value = [], "x"

    def add(op, inputs, name, **attributes):
        nodes.append(helper.make_node(op, inputs, [name], name=f"node_{name}", **attributes))
        return name

    for i in range(LAYERS):
        value = add("Tanh", [add("MatMul", [value, f"layer.{i}.weight"], f"m{i}")], f"h{i}")
        add("ReduceMean", [add("Mul", [value, value], f"square{i}")], f"norm{i}", keepdims=0)
    add("MatMul", [value, "head.weight"], "logits")
    add("SoftmaxCrossEntropyLoss", ["logits", "labels"], "loss")
    add("Equal", [add("ArgMax", ["logits"], "best", axis=1, keepdims=0), "labels"], "equal")
    add("ReduceMean", [add("Cast", ["equal"], "hits", to=TensorProto.FLOAT)], "accuracy", keepdims=0)
    add("ReduceSum", [add("Cast", ["equal"], "counted", to=TensorProto.INT64)], "correct", keepdims=0)
    add("Sum", [f"norm{i}" for i in range(LAYERS)], "norms")
    add("ReduceMean", [add("Mul", ["layer.0.weight", "layer.0.weight"], "w0_square")], "w0", keepdims=0)
    add("ReduceMax", [add("Cast", ["h1"], "h1_double", to=TensorProto.DOUBLE)], "most", keepdims=0)
    add("Identity", ["loss"], "den")  # a name that programs use themselves
    nodes.extend(more)
    infos = [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])]
    infos += [helper.make_tensor_value_info(name, SCALARS.get(name, TensorProto.FLOAT), []) for name in outputs]
    infos += [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [BATCH, CLASSES])]
    graph = helper.make_graph(nodes, "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [BATCH, WIDTH]),
                                               helper.make_tensor_value_info("labels", TensorProto.INT64, [BATCH])],
                              infos, [numpy_helper.from_array(value, name) for name, value in {**weights(), **(stored or {})}.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    draw = np.random.default_rng(2)
    path = tmp_path_factory.mktemp("data") / "data.safetensors"
    save_file({"x": draw.normal(size=(MICRO_BATCHES, BATCH, WIDTH)).astype(np.float32),
               "labels": draw.integers(0, CLASSES, (MICRO_BATCHES, BATCH))}, str(path))
    return path


def expected(data):
    """The means over micro-batches in doubles."""
    inputs, w = load_file(str(data)), weights()
    figures = {name: [] for name in ["loss", *SCALARS]}
    for x, labels in zip(inputs["x"].astype(np.float64), inputs["labels"]):
        norms, hidden = 0, []
        for i in range(LAYERS):
            x = np.tanh(x @ w[f"layer.{i}.weight"].astype(np.float64))
            norms += np.mean(x * x)
            hidden.append(x)
        logits = x @ w["head.weight"].astype(np.float64)
        shifted = logits - logits.max(1, keepdims=True)
        loss = np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(BATCH), labels])
        hits = logits.argmax(1) == labels
        for name, value in {"loss": loss, "den": loss, "accuracy": hits.mean(), "correct": hits.sum(), "norms": norms, "most": hidden[1].max(),
                            "w0": np.mean(w["layer.0.weight"].astype(np.float64) ** 2)}.items():
            figures[name].append(value)
    return {name: float(np.mean(values)) for name, values in figures.items()}


def compile_(model, artifact, *more):
    return succeed("dpc", "compile", model, "-o", artifact, "--force", "--micro-batches", MICRO_BATCHES, "--optimizer", "sgd", *more)


def evaluate(artifact, data):
    lines = output("dpc", "eval", artifact, "--data", data).splitlines()
    assert all(line.endswith(f" (mean over {MICRO_BATCHES} micro-batches)") for line in lines), lines
    return {line.split()[0]: float(line.split()[1]) for line in lines}


def test_every_stage_reports_its_outputs(data, tmp_path):
    model, wanted = build(tmp_path / "model.onnx", SCALARS), expected(data)
    found = []
    for ranks, schedule in [(1, "1f1b"), (2, "zb-v"), (4, "1f1b"), (4, "dualpipe"), (4, "interleaved,v=1")]:
        said = compile_(model, tmp_path / "model.dpc", "--pp", ranks, "--schedule", schedule)
        assert "evaluated with it: accuracy, correct, norms, w0, most, den" in said
        found.append(evaluate(tmp_path / "model.dpc", data))
        assert found[-1] == found[0]
    assert found[0].keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[0][name] == pytest.approx(value, abs=2e-6), name


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_training_is_the_same_without_them(precision, data, tmp_path):
    programs = []
    for outputs in ([], SCALARS):
        artifact = tmp_path / f"{len(outputs)}.dpc"
        compile_(build(tmp_path / "model.onnx", outputs), artifact, "--pp", 4, "--schedule", "dualpipe", "--precision", precision)
        # Stages that make outputs of their own share no body, by whose first stage commands are called.
        text = re.sub(r"  '.*'$", "", output("dpc", "inspect", artifact, "--entry", "train_step"), flags=re.MULTILINE)
        programs.append([text, json.loads((artifact / "manifest.json").read_text())["forecast"]["step_s"]])
    assert programs[0] == programs[1]


def test_a_loss_that_is_not_trained_is_an_output(data, tmp_path):
    compile_(build(tmp_path / "model.onnx", ["accuracy"]), tmp_path / "model.dpc", "--loss-op", "softmax_cross_entropy", "--logits", "logits", "--labels", "labels", "--class-axis", 1,
             "--loss-reduction", "sum")
    trained, accuracy, given = output("dpc", "eval", tmp_path / "model.dpc", "--data", data).splitlines()
    wanted = expected(data)["loss"]
    assert trained.startswith("loss ") and float(trained.split()[1]) == pytest.approx(MICRO_BATCHES * BATCH * wanted, rel=1e-6)
    assert accuracy.startswith("accuracy ") and given.startswith(f"output 'loss' {wanted:.5f}")


def test_a_run_reports_them(data, tmp_path):
    artifact, metrics, report = tmp_path / "model.dpc", tmp_path / "metrics.jsonl", tmp_path / "report.json"
    compile_(build(tmp_path / "model.onnx", SCALARS), artifact, "--pp", 2)
    done = execute("dpc", "run", artifact, "--data", data, "--epochs", 0, "--steps", 2, "--lr", 0, "--eval-data", data, "--eval-every", 1, "--metrics", metrics, "--report", report,
                   "--checkpoint", "none")
    figures = evaluate(artifact, data)
    loss = figures.pop("loss")
    told = [line for line in map(json.loads, metrics.read_text().splitlines()) if line.get("event") == "eval"]
    assert len(told) == 2 and told[0]["outputs"].keys() == figures.keys()
    for line in told + json.loads(report.read_text())["evaluations"]:
        assert line["loss"] == pytest.approx(loss, abs=1e-6)
        assert line["outputs"] == pytest.approx(figures, abs=1e-6)
    assert f"accuracy {figures['accuracy']:.4f}  correct" in done.stderr


def test_what_cannot_be_evaluated_is_said_and_trains(data, tmp_path):
    more = [helper.make_node("Det", ["w"], ["det"], name="node_det"),
            helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(np.eye(2, dtype=np.float32))),
            helper.make_node("Reshape", ["logits", "seven"], ["wrong"], name="node_wrong"),
            helper.make_node("Constant", [], ["seven"], value=numpy_helper.from_array(np.array([7]))),
            helper.make_node("ReduceMax", ["wrong"], ["most_wrong"], name="node_most_wrong", keepdims=0)]
    said = compile_(build(tmp_path / "model.onnx", ["accuracy", "det", "most_wrong"], more), tmp_path / "model.dpc")
    assert "note: output 'det' is not evaluated: node 'node_det' (Det) has an operator that dpc does not support" in said
    assert "note: output 'most_wrong' is not evaluated: node 'node_wrong' (Reshape): " in said
    assert "evaluated with it: accuracy\n" in said
    assert evaluate(tmp_path / "model.dpc", data).keys() == {"loss", "accuracy"}


def test_a_weight_that_only_evaluation_reads_stays_as_it_is_stored(data, tmp_path):
    """Also one too large to be a literal of the program."""
    for size in (CLASSES, 400_000):
        probe = np.linspace(0, 1, size, dtype=np.float32)
        more = [helper.make_node("Mul", ["probe.weight", "probe.weight"], ["probed"], name="node_probed"),
                helper.make_node("ReduceMean", ["probed"], ["probe"], name="node_probe", keepdims=0)]
        said = compile_(build(tmp_path / "model.onnx", ["probe"], more, {"probe.weight": probe}), tmp_path / "model.dpc", "--pp", 2)
        assert "note: parameter 'probe.weight' is not trained: only outputs besides the loss read it" in said
        output("dpc", "run", tmp_path / "model.dpc", "--data", data, "--lr", 0.1, "--checkpoint", tmp_path / f"kept-{size}")
        lines = output("dpc", "eval", tmp_path / "model.dpc", "--data", data, "--checkpoint", tmp_path / f"kept-{size}").splitlines()
        assert float(lines[1].split()[1]) == pytest.approx(float(np.mean(probe.astype(np.float64) ** 2)), abs=1e-6)


def test_an_input_that_only_evaluation_reads_is_no_training_data(data, tmp_path):
    model = build(tmp_path / "model.onnx", [])
    proto = onnx.load(model)
    proto.graph.input.append(helper.make_tensor_value_info("importance", TensorProto.FLOAT, [BATCH]))
    proto.graph.node.append(helper.make_node("ReduceMean", ["importance"], ["important"], keepdims=0))
    proto.graph.output.append(helper.make_tensor_value_info("important", TensorProto.FLOAT, []))
    onnx.save(proto, model)
    compile_(model, tmp_path / "model.dpc", "--pp", 2)
    output("dpc", "run", tmp_path / "model.dpc", "--data", data, "--lr", 0.1, "--checkpoint", "none")
    said = execute("dpc", "eval", tmp_path / "model.dpc", "--data", data, status=9).stderr
    assert "importance" in said, said
    values = load_file(str(data))
    values["importance"] = np.full((MICRO_BATCHES, BATCH), 3, np.float32)
    save_file(values, str(tmp_path / "more.safetensors"))
    assert evaluate(tmp_path / "model.dpc", tmp_path / "more.safetensors")["important"] == 3
