# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models from the field of which parameters stayed constant, or others were trained than was meant.

Each is trained with the flags that its user would give, as `dpc check` advises them, and compared with
float64 autograd; or it is refused, naming what is missing.
"""
import json
import re
import shlex

import numpy as np
import onnx
import pytest
from commands import call, refuse, said, succeed
from field import FIELD, MODEL, USAGE, check, compile_, dumped, run
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

BIASES, VIT = FIELD / "biases_of_other_exporters", FIELD / "export_vit_free_parameters"
LORA, UNEVEN = FIELD / "export_lora_frozen_base", FIELD / "multi_use_parameter_uneven_layers"
FROZEN = FIELD / "frozen_stage_and_gradless_tensors"


def listed(model, *flags):
    """What check lists as constants that could be parameters: name -> (shape, reason, flags)."""
    lines = re.findall(r"^constant: (\S+) (\[.*?\]) is not trained: (.*); if it is a parameter, (.*)$",
                       succeed("dpc", "check", model, *flags), re.MULTILINE)
    return {name: (shape, reason, shlex.split(advice)) for name, shape, reason, advice in lines}


def train(tmp_path, folder, model, *flags, expected="expected.json", steps=2, lr=0.1, optimizer="sgd", pp=2, micro_batches=4, schedule="dualpipe"):
    """What compile said of a model whose run holds the expected numbers."""
    out = succeed("dpc", "compile", folder / model, "-o", tmp_path / "m.dpc", "--pp", pp, "--micro-batches", micro_batches,
                  "--schedule", schedule, "--optimizer", optimizer, *flags)
    run(tmp_path / "m.dpc", folder / "data.safetensors", tmp_path / "dump", steps=steps, lr=lr)
    assert check(folder / expected, tmp_path / "dump") > 5
    return out


def test_biases_scales_and_shifts_under_any_name_are_trained(tmp_path):
    candidates = listed(BIASES / "model.onnx")
    assert set(candidates) == {"pos_embedding"} and candidates["pos_embedding"][0] == "[4, 6]"
    out = compile_(BIASES / "model.onnx", tmp_path / "without.dpc")
    assert "constant: pos_embedding [4, 6]" in out and "parameters: 96 trained" in out
    out = train(tmp_path, BIASES, "model.onnx", *candidates["pos_embedding"][2])
    assert "constant:" not in out and "parameters: 120 trained" in out


def test_the_order_of_flags_survives_a_file(tmp_path):
    model, order = BIASES / "model.onnx", ["--freeze", "linear*", "--train", "auto", "--freeze=pos*", "--train", "pos_*", "--freeze", "*gamma:0"]
    printed = succeed("dpc", "check", model, *order, "--print-config")
    assert 'train=["!linear*", "auto", "!pos*", "pos_*", "!*gamma:0"]' in printed
    (tmp_path / "c.toml").write_text(printed)
    assert succeed("dpc", "check", "--config", tmp_path / "c.toml", "--print-config") == printed
    said = succeed("dpc", "check", model, *order)
    assert said == succeed("dpc", "check", "--config", tmp_path / "c.toml") and "pos_embedding [4, 6] trained (--train)" in said
    # Two keys of a file: freeze after train; but what the command line says is last.
    (tmp_path / "two.toml").write_text('train=["auto", "pos_embedding"]\nfreeze=["pos*", "linear*"]\n')
    assert "pos_embedding [4, 6] trained" not in succeed("dpc", "check", model, "--config", tmp_path / "two.toml")
    said = succeed("dpc", "check", model, "--config", tmp_path / "two.toml", "--train", "auto", "--train", "pos_embedding")
    assert "pos_embedding [4, 6] trained" in said and "linear_0.w_0 [6, 6] frozen" in said
    refuse(USAGE, ["--freeze needs a value"], "dpc", "check", model, "--freeze")
    compile_(model, tmp_path / "m.dpc", *order)
    assert json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())["config"]["train"] == ["!linear*", "auto", "!pos*", "pos_*", "!*gamma:0"]


def test_a_glob_names_many_under_any_name(tmp_path):
    train(tmp_path, BIASES, "model.onnx", "--train", "Stateful*", "--train", "linear*", "--train", "pos_embedding")


def test_recorded_parameters_of_the_model_itself_are_trained(tmp_path):
    assert not listed(VIT / "noopt.onnx")
    train(tmp_path, VIT, "noopt.onnx")


def test_what_a_folding_replaced_is_refused_by_name(tmp_path):
    words = ["'cls_token', as 'expand' (2x1x16)", "'logit_scale', as 'exp' (scalar)", "python -m dpc.export"]
    refuse(MODEL, words, "dpc", "check", VIT / "default.onnx")
    for flags in ([], ["--train", "*"], ["--train", "auto", "--train", "exp", "--train", "expand"]):
        refuse(MODEL, words, "dpc", "compile", VIT / "default.onnx", "-o", tmp_path / "m.dpc", "--optimizer", "sgd", *flags)
    assert "cls_token" not in refuse(MODEL, words[1:2], "dpc", "check", VIT / "default.onnx", "--freeze", "cls_token")
    assert not list(tmp_path.iterdir())
    compile_(VIT / "default.onnx", tmp_path / "m.dpc", "--freeze", "cls_token", "--freeze", "logit_scale")


@pytest.mark.parametrize("model", ["ts.onnx", "ts_eval.onnx"])
def test_without_a_record_tokens_tables_and_factors_are_listed(model, tmp_path):
    candidates = listed(VIT / model)
    assert {name: shape for name, (shape, _, _) in candidates.items()} == {"cls_token": "[1, 1, 16]", "pos_embed": "[1, 5, 16]", "gamma": "[16]"}
    refuse(MODEL, ["--strict: 3 constants", "--train auto --train gamma"], "dpc", "check", VIT / model, "--strict")
    flags = sum((advice for _, _, advice in candidates.values()), ["--train", "logit_scale"])
    out = train(tmp_path, VIT, model, "--strict", *flags)
    assert "constant:" not in out


@pytest.mark.parametrize("flags", [["--train", "lora*", "--train", "head*"], ["--freeze", "base.*"],
                                   ["--freeze", "*", "--train", "lora*", "--train", "head*"],
                                   ["--train", "*", "--freeze", "b*"], ["--train", "head*", "--train", "*", "--freeze", "base*", "--train", "auto"]])
def test_only_what_is_chosen_is_trained(flags, tmp_path):
    assert "115 trained of" in train(tmp_path, LORA, "default.onnx", *flags)
    said = succeed("dpc", "check", LORA / "default.onnx", *flags)
    assert "base.weight (stored as val_0) [16, 16] frozen" in said and "lora_A.weight (stored as val_2) [16, 2] trained" in said


@pytest.mark.parametrize("schedule", ["1f1b", "dualpipe", "interleaved,v=2"])
def test_a_factor_that_all_stages_read(schedule, tmp_path):
    assert {name: reason.split(",")[0] for name, (_, reason, _) in listed(UNEVEN / "model.onnx").items()} == {
        "freqs_cis": "multiplies a product with a weight", "gain": "multiplies an activation"}
    train(tmp_path, UNEVEN, "model.onnx", "--freeze", "freqs_cis", "--train", "auto", "--train", "gain", steps=3, lr=0.05,
          optimizer="momentum", pp=4, micro_batches=8, schedule=schedule)


@pytest.mark.parametrize("schedule", ["1f1b", "zb-h1", "dualpipe"])
@pytest.mark.parametrize("half,flags", [("first", ["--freeze", "emb", "--freeze", "w1", "--train", "auto", "--train", "pos"]),
                                        ("last", ["--freeze", "w[23]", "--freeze", "pos"])])
def test_frozen_halves(half, flags, schedule, tmp_path):
    train(tmp_path, FROZEN, "model.onnx", *flags, "--cuts", "after:MatMul_h3", expected=f"expected_{half}.json", micro_batches=8, schedule=schedule)


@pytest.mark.parametrize("flags,words", [
    (["--freeze", "*"], "nothing is left to train: the loss depends on 4 parameters ('emb', 'w1', 'w2', …), and --freeze leaves none of them"),
    (["--train", "tenth", "--freeze", "tenth"], "and --train chooses none of them"),
    (["--freeze", "nosuch*"], "--freeze 'nosuch*' matches no stored tensor that the loss depends on"),
])
def test_errors_of_freezing_are_in_the_users_words(flags, words, tmp_path):
    for command in (["check"], ["compile", "-o", tmp_path / "m.dpc", "--pp", 2, "--optimizer", "sgd"]):
        text = refuse(MODEL, [words], "dpc", command[0], FROZEN / "model.onnx", *command[1:], *flags)
        assert "func.func" not in text and text.count("error:") == 1
    assert not list(tmp_path.iterdir())


def test_a_cut_in_a_frozen_part_names_where_one_can_be(tmp_path):
    frozen = ["--freeze", "emb", "--freeze", "w1"]
    command = ["dpc", "compile", FROZEN / "model.onnx", "-o", tmp_path / "m.dpc", "--pp", 2, "--optimizer", "sgd", "--schedule", "1f1b", *frozen]
    text = refuse(MODEL, ["cannot be cut after 'Tanh_h2': its result depends on no trained parameter"], *command, "--cuts", "after:Tanh_h2")
    place = re.search(r"the first cut can be after '(.*)'", text)[1]
    succeed(*command, "--cuts", f"after:{place}")
    assert "has no module or node 'Tanh_h9'" in said(call(*command, "--force", "--cuts", "after:Tanh_h9"))


def test_weights_in_constant_nodes_train_as_initializers_do(tmp_path):
    model = onnx.load(BIASES / "model.onnx")
    nodes = [helper.make_node("Constant", [], [t.name], name=f"of_{t.name}", value=t) for t in model.graph.initializer]
    del model.graph.initializer[:]
    for i, node in enumerate(nodes):
        model.graph.node.insert(i, node)
    onnx.save(model, tmp_path / "nodes.onnx")
    candidates = listed(tmp_path / "nodes.onnx")
    assert set(candidates) == {"pos_embedding"}
    succeed("dpc", "compile", tmp_path / "nodes.onnx", "-o", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 4, "--optimizer", "sgd",
            *candidates["pos_embedding"][2])
    run(tmp_path / "m.dpc", BIASES / "data.safetensors", tmp_path / "dump", steps=2)
    check(BIASES / "expected.json", tmp_path / "dump")
    succeed("dpc", "verify", tmp_path / "m.dpc", "--data", BIASES / "data.safetensors")


@pytest.mark.parametrize("kind", ["transposed", "reshaped"])
def test_a_parameter_that_the_exporter_stored_twice_trains_as_one(kind, tmp_path):
    """As the same graph in which a node makes the second form of the first."""
    rng = np.random.default_rng(5)
    size = 40  # more than what is compared without a record
    w = rng.standard_normal((size, size) if kind == "transposed" else (size,)).astype(np.float32) / 6
    op, second = ("MatMul", w.T.copy()) if kind == "transposed" else ("Mul", w.reshape(1, 1, size))
    shape = numpy_helper.from_array(np.array([1, 1, size], np.int64), "shape")

    def save(name, folded):
        nodes = [helper.make_node(op, ["x", "w"], ["a"]), helper.make_node("Tanh", ["a"], ["b"]), helper.make_node(op, ["b", "val_1"], ["c"]),
                 helper.make_node("Mul", ["c", "c"], ["d"]), helper.make_node("ReduceMean", ["d"], ["loss"], keepdims=0)]
        if not folded:
            nodes.insert(0, helper.make_node("Transpose", ["w"], ["val_1"]) if kind == "transposed" else
                         helper.make_node("Reshape", ["w", "shape"], ["val_1"]))
        nodes[-3].metadata_props.add(key="pkg.torch.onnx.fx_node", value="%c : [num_users=1] = call_function[target=torch.ops.aten.linear.default]"
                                                                        "(args = (%b, %p_w), kwargs = {})")
        graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, size])],
                                  [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
                                  [numpy_helper.from_array(w, "w")] + ([numpy_helper.from_array(second, "val_1")] if folded else [shape]))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        model.metadata_props.add(key="pkg.torch.export.ExportedProgram.graph_signature", value="\n# inputs\np_w: PARAMETER target='w'\nx: USER_INPUT\n")
        if folded:
            info = model.graph.value_info.add()
            info.CopyFrom(helper.make_tensor_value_info("val_1", TensorProto.FLOAT, second.shape))
            info.metadata_props.add(key="pkg.onnxscript.optimizer.folded_from", value="['w']")
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    save_file({"x": rng.standard_normal((4, 2, 3, size)).astype(np.float32)}, str(tmp_path / "data.safetensors"))
    steps = []
    for name in ("folded", "computed"):
        out = succeed("dpc", "compile", save(f"{name}.onnx", name == "folded"), "-o", tmp_path / f"{name}.dpc", "--pp", 2, "--schedule", "1f1b",
                      "--micro-batches", 4, "--optimizer", "sgd", "--cuts", "after:graph/node[1]:Tanh" if name == "folded" else "after:graph/node[2]:Tanh")
        assert ("tied: val_1 is w" in out) == (name == "folded")
        run(tmp_path / f"{name}.dpc", tmp_path / "data.safetensors", tmp_path / name, steps=3)
        steps.append(dumped(tmp_path / name))
    for one, two in zip(*steps):
        assert set(one) == {"loss", "total_loss", "grad/w", "param/w"}
        for key in one:
            np.testing.assert_allclose(one[key], two[key], rtol=1e-5, atol=1e-7, err_msg=key)
