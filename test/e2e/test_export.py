# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc export`: weights in a copy of the model's file, all else as it was, or as the framework's state dict."""
import hashlib
import json
import os
import pathlib
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_model
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from commands import execute

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
USAGE, MODEL, CHECKPOINT = 2, 3, 7


def compiled(model, folder, *flags):
    execute("dpc", "compile", model, "-o", folder / "m.dpc", "--optimizer", "sgd", "--micro-batches", "1", *flags)
    return folder / "m.dpc"


def entry(initializer, shape, kind="parameter", trained=True, transposed=False, **more):
    return {"kind": kind, "shape": shape, "trained": trained, "initializer": initializer, "transposed": transposed, **more}


RECORD = {"layers.0.weight": entry("l0", [8, 8], transposed=True), "embed.weight": entry("table", [16, 8]), "scale": entry("frozen", [8], trained=False),
          "head.weight": entry("table", [16, 8], tie="embed.weight"), "mask": entry("mask", [4, 8], "buffer", False), "ids": entry("position_ids", [5], "buffer", False)}


def graph(values, record=RECORD):
    """A table that is looked up and multiplied with, a square layer stored transposed, a frozen scale, two buffers."""
    nodes = [helper.make_node("Gather", ["table", "x"], ["e"]), helper.make_node("MatMul", ["e", "l0"], ["a"]), helper.make_node("Tanh", ["a"], ["b"]),
             helper.make_node("Mul", ["b", "frozen"], ["c"]), helper.make_node("Add", ["c", "mask"], ["d"]), helper.make_node("Transpose", ["table"], ["t"], perm=[1, 0]),
             helper.make_node("MatMul", ["d", "t"], ["logits"]), helper.make_node("SoftmaxCrossEntropyLoss", ["logits", "y"], ["loss"])]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [4]) for name in ("x", "y")]
    made = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], [numpy_helper.from_array(v, k) for k, v in values.items()])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="a test", doc_string="kept")
    if record:
        helper.set_model_props(model, {"dpc.state_dict": json.dumps(record), "other": "kept"})
    return model


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    return {"l0": rng.standard_normal((8, 8)).astype(np.float32), "table": rng.standard_normal((16, 8)).astype(np.float32),
            "frozen": rng.standard_normal(8).astype(np.float32), "mask": rng.standard_normal((4, 8)).astype(np.float32), "position_ids": np.arange(5)}


def initializers(path):
    model = onnx.load(path, load_external_data=False)
    load_external_data_for_model(model, str(pathlib.Path(path).parent))
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def same(left, right):
    assert list(left) == list(right)
    for name in left:
        assert left[name].dtype == right[name].dtype and np.array_equal(left[name], right[name]), name


def state_of(values):
    """What the framework calls these values, in its layout."""
    return {"layers.0.weight": values["l0"].T, "embed.weight": values["table"], "scale": values["frozen"], "head.weight": values["table"], "mask": values["mask"],
            "ids": values["position_ids"]}


def trained(artifact, folder):
    """A step of training: its checkpoint, and what the dump has of its weights."""
    execute("dpc", "run", artifact, "--data", "synthetic:1", "--lr", "0.1", "--steps", "1", "--checkpoint", folder / "kept", "--dump", folder / "dump")
    dump = load_file(next((folder / "dump").iterdir()))
    shutil.rmtree(folder / "dump")
    return folder / "kept", {name[6:]: value for name, value in dump.items() if name.startswith("param/")}


def test_initial_weights_give_the_file_back(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "same.onnx", words=["the initial weights", "weights that training begins with"])
    assert (tmp_path / "same.onnx").read_bytes() == (tmp_path / "m.onnx").read_bytes()


def test_a_state_dict_has_the_frameworks_names_order_and_layout(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors", words=["6 tensors"])
    with safe_open(tmp_path / "w.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt", "format_version": "1.0", "layout": "framework"}
        assert list(file.offset_keys()) == list(RECORD)
    found = load_file(tmp_path / "w.safetensors")
    wanted = state_of(values)
    same({key: found[key] for key in wanted}, wanted)


def test_the_model_is_not_needed_for_a_state_dict(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    (tmp_path / "m.onnx").unlink()
    execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors")
    assert len(load_file(tmp_path / "w.safetensors")) == len(RECORD)
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", status=MODEL, words=["the model's own file is needed", "m.onnx"])
    assert not (tmp_path / "t.onnx").exists()


def test_a_state_dict_is_taken_back(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    other = {name: value if name in ("frozen", "mask", "position_ids") else value + 1 for name, value in values.items()}
    save_file({key: np.ascontiguousarray(value) for key, value in state_of(other).items()}, tmp_path / "w.safetensors")
    execute("dpc", "run", artifact, "--data", "synthetic:1", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "w.safetensors", "--dump", tmp_path / "dump")
    dump = load_file(next((tmp_path / "dump").iterdir()))
    assert np.array_equal(dump["param/l0"], other["l0"]) and np.array_equal(dump["param/table"], other["table"])
    # A constant that the graph computes with cannot become another one.
    changed = state_of({**other, "frozen": values["frozen"] + 1})
    save_file({key: np.ascontiguousarray(value) for key, value in changed.items()}, tmp_path / "x.safetensors")
    execute("dpc", "run", artifact, "--data", "synthetic:1", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "x.safetensors", status=9,
            words=["'scale' is a constant of the compiled model"])


def external(model, folder, name="m.onnx", **options):
    folder.mkdir(exist_ok=True)
    onnx.save_model(model, folder / name, save_as_external_data=True, size_threshold=0, **options)
    return folder / name


def test_external_data_stay_external(values, tmp_path):
    path = external(graph(values), tmp_path / "in", location="w.bin")
    artifact = compiled(path, tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", words=["t.onnx.data"])
    same(initializers(tmp_path / "t.onnx"), values)
    assert (tmp_path / "t.onnx.data").read_bytes() == (tmp_path / "in" / "w.bin").read_bytes()
    copied = onnx.load(tmp_path / "t.onnx", load_external_data=False)
    assert {e.value for t in copied.graph.initializer for e in t.external_data if e.key == "location"} == {"t.onnx.data"}
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", status=USAGE, words=["t.onnx' exists"])
    (tmp_path / "t.onnx").unlink()
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", status=USAGE, words=["t.onnx.data'", "exists; --force"])
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", "--force")
    same(initializers(tmp_path / "t.onnx"), values)


def test_several_external_files(values, tmp_path):
    path = external(graph(values), tmp_path / "in", all_tensors_to_one_file=False)
    artifact = compiled(path, tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx")
    same(initializers(tmp_path / "t.onnx"), values)
    assert sorted(p.name for p in (tmp_path / "t.onnx.data").iterdir()) == sorted(values)


@pytest.mark.parametrize("external_data", [False, True])
def test_a_full_disk_leaves_nothing(values, tmp_path, external_data):
    values["h.unused"] = np.zeros((64, 1024), np.float32)
    model = graph(values, record=None)
    path = tmp_path / "m.onnx"
    if external_data:
        path = external(model, tmp_path / "in", all_tensors_to_one_file=False)
    else:
        onnx.save(model, path)
    artifact = compiled(path, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    execute("bash", "-c", f"ulimit -f 64; dpc export {artifact} -o {tmp_path}/t.onnx", status=11, words=["t.onnx", "File too large"])
    assert sorted(tmp_path.rglob("*")) == before


def test_external_data_beside_the_original(values, tmp_path):
    path = external(graph(values), tmp_path, location="t.onnx.data")
    artifact = compiled(path, tmp_path)
    before = (tmp_path / "t.onnx.data").read_bytes()
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", "--force", status=USAGE, words=["t.onnx.data' is the model's own file"])
    execute("dpc", "export", artifact, "-o", path, "--force", status=USAGE, words=["is the model's own file"])
    assert (tmp_path / "t.onnx.data").read_bytes() == before
    execute("dpc", "export", artifact, "-o", tmp_path / "u.onnx")
    same(initializers(tmp_path / "u.onnx"), values)


def test_what_changed_since_the_compile_is_refused(values, tmp_path):
    path = external(graph(values), tmp_path / "in", location="w.bin")
    artifact = compiled(path, tmp_path)
    os.utime(tmp_path / "in" / "w.bin")
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", status=MODEL, words=["w.bin", "has changed since the model was compiled"])
    os.utime(path)
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", status=MODEL, words=["m.onnx' has changed since it was compiled"])
    assert not list(tmp_path.glob("t.onnx*"))


def test_a_location_outside_the_folder_is_refused(values, tmp_path):
    """Also of a tensor that the loss does not depend on."""
    model = graph(values, record=None)
    (tmp_path / "secret").write_bytes(bytes(32))
    model.graph.initializer.append(TensorProto(name="unused", data_type=TensorProto.FLOAT, dims=[8], data_location=TensorProto.EXTERNAL,
                                               external_data=[onnx.StringStringEntryProto(key="location", value="../secret")]))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "m.onnx").write_bytes(model.SerializeToString())
    artifact = compiled(tmp_path / "in" / "m.onnx", tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx", status=MODEL, words=["'unused'", "'../secret' leaves the model's folder"])
    assert not list(tmp_path.glob("t.onnx*"))


def test_errors_of_use(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "w.pt", status=USAGE, words=["ends in .onnx", ".safetensors"])
    execute("dpc", "export", artifact, status=USAGE, words=["--output"])
    execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors", "--checkpoint", tmp_path / "none", status=CHECKPOINT, words=["none"])
    execute("dpc", "export", tmp_path / "none.dpc", "-o", tmp_path / "w.safetensors", status=MODEL)
    execute("dpc", "export", artifact, "-o", tmp_path / "no" / "w.safetensors", status=11, words=["w.safetensors"])
    assert not list(tmp_path.glob("w.*"))


def test_default_exports_go_back_to_the_frameworks_layout(tmp_path):
    """43 of this file's 57 weights are stored transposed under made-up names, square ones too; the other file has them as the module does."""
    artifact = compiled(MODELS / "llama_default.onnx", tmp_path)
    done = execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors")
    assert "note: not written" not in done.stderr and "made-up" not in done.stderr
    found = load_file(tmp_path / "w.safetensors")
    graphs = json.loads((MODELS / "llama.json").read_text())["graphs"]
    names = next(graph for graph in graphs if graph["file"] == "llama.onnx")["parameters"]
    module = initializers(MODELS / "llama.onnx")
    same(dict(sorted(found.items())), {key: module[name] for key, name in sorted(names.items())})
    execute("dpc", "export", artifact, "-o", tmp_path / "same.onnx")
    assert (tmp_path / "same.onnx").read_bytes() == (MODELS / "llama_default.onnx").read_bytes()


def test_names_that_an_exporter_made_up_are_listed(values, tmp_path):
    model = graph({("onnx::MatMul_7" if name == "l0" else "h." + name): value for name, value in values.items()}, record=None)
    for node in model.graph.node:
        node.input[:] = ["onnx::MatMul_7" if name == "l0" else "h." + name if name in values else name for name in node.input]
    onnx.save(model, tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    done = execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors", words=["does not record the framework's state dict", "under the graph's own names"])
    assert "  onnx::MatMul_7\n" in done.stderr and "  h.table\n" not in done.stderr


def test_what_a_file_without_a_record_lacks_is_listed(tmp_path):
    """Of the 32 rows of its table of positions this file has the 16 that a sequence looks up; all else goes back, both names of the tie too."""
    artifact = compiled(MODELS / "gpt2_default.onnx", tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors", words=[
        "would miss it:\n  'transformer.wpe.weight': the model's file holds only the rows that the exporter looked up in it, 'embedding_1' [1, 16, 32], and says neither which these are"])
    found, module = load_file(tmp_path / "w.safetensors"), initializers(MODELS / "gpt2.onnx")
    graphs = json.loads((MODELS / "gpt2.json").read_text())["graphs"]
    names = next(graph for graph in graphs if graph["file"] == "gpt2.onnx")["parameters"]
    wanted = {key: module[name] for key, name in names.items()} | {name: module[name] for name in names.values()}
    assert {"transformer.wte.weight", "lm_head.weight"} <= set(wanted)
    table = wanted.pop("transformer.wpe.weight")
    same(dict(sorted(found.items())), dict(sorted(wanted.items())))
    stored = initializers(MODELS / "gpt2_default.onnx")["embedding_1"]
    assert table.shape == (32, 32) and np.array_equal(stored[0], table[:16])
    # Its values cannot be given to the model either, in a state dict that has them.
    save_file({**load_file(tmp_path / "w.safetensors"), "transformer.wpe.weight": np.zeros((32, 32), np.float32)}, tmp_path / "x.safetensors")
    execute("dpc", "run", artifact, "--data", "synthetic:1", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "x.safetensors", status=9,
            words=["'transformer.wpe.weight' cannot be taken", "python -m dpc.export"])


@pytest.mark.parametrize("name, why", [("embedding", "holds only the rows that the exporter looked up in it, 'embedding' [4, 8], and says neither which these are nor how many it has"),
                                       ("slice_1", "holds only a part of it, 'slice_1' [4, 8], and says neither where this lies nor how large it is"),
                                       ("permute", "holds it rearranged by the exporter, 'permute' [4, 8], and does not say how")])
def test_why_a_folded_tensor_is_not_written(values, tmp_path, name, why):
    kept = {"fc.weight": values["l0"], name: values["mask"]}
    nodes = [helper.make_node("MatMul", ["x", "fc.weight"], ["a"]), helper.make_node("Add", ["a", name], ["b"]), helper.make_node("Mul", ["b", "b"], ["c"]),
             helper.make_node("ReduceMean", ["c"], ["loss"], keepdims=0)]
    made = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])], [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
                             [numpy_helper.from_array(v, k) for k, v in kept.items()])
    made.metadata_props.add(key="pkg.torch.export.ExportedProgram.graph_signature",
                            value="# inputs\np_fc_weight: PARAMETER target='fc.weight'\np_pos_weight: PARAMETER target='pos.weight'\nx: USER_INPUT\n")
    made.initializer[1].metadata_props.add(key="pkg.onnxscript.optimizer.folded_from", value="['pos.weight']")
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors", words=[f"would miss it:\n  'pos.weight': the model's file {why}\n"])
    same(load_file(tmp_path / "w.safetensors"), {"fc.weight": values["l0"]})


def test_both_names_of_a_tie_are_found_in_the_recorded_modules(tmp_path):
    artifact = compiled(MODELS / "gpt2.onnx", tmp_path)
    done = execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors")
    assert "would miss" not in done.stderr
    found = load_file(tmp_path / "w.safetensors")
    graphs = json.loads((MODELS / "gpt2.json").read_text())["graphs"]
    names = next(graph for graph in graphs if graph["file"] == "gpt2.onnx")["parameters"]
    assert set(found) == set(names) | set(names.values())
    assert np.array_equal(found["transformer.wte.weight"], found["lm_head.weight"])


def test_a_model_in_text_becomes_a_binary_copy(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.textproto", format="textproto")
    artifact = compiled(tmp_path / "m.textproto", tmp_path, "--init", "seed:3")
    execute("dpc", "export", artifact, "-o", tmp_path / "t.onnx")
    copy = initializers(tmp_path / "t.onnx")
    assert list(copy) == list(values)
    for name in ("frozen", "mask", "position_ids"):
        assert np.array_equal(copy[name], values[name])
    assert not np.array_equal(copy["l0"], values["l0"]) and copy["l0"].std() < 0.1  # drawn


def without_values(path):
    """The model's file but for its initializers' values and where they lie."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for field in ("raw_data", "float_data", "external_data"):
            tensor.ClearField(field)
    return model.SerializeToString(deterministic=True)


def test_trained_weights_go_into_a_copy_and_a_state_dict(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    folder, weights = trained(artifact, tmp_path)
    assert sorted(weights) == ["l0", "table"] and not np.array_equal(weights["l0"], values["l0"])
    execute("dpc", "export", artifact, "--checkpoint", folder, "-o", tmp_path / "t.onnx", words=["after step 1"])
    same(initializers(tmp_path / "t.onnx"), {**values, **weights})
    assert without_values(tmp_path / "t.onnx") == without_values(tmp_path / "m.onnx")
    execute("dpc", "export", artifact, "--checkpoint", next(folder.glob("step-*")), "-o", tmp_path / "w.safetensors")
    found, wanted = load_file(tmp_path / "w.safetensors"), state_of({**values, **weights})
    same({key: found[key] for key in wanted}, wanted)
    # What was written is taken, and is the same again.
    execute("dpc", "run", artifact, "--data", "synthetic:1", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "w.safetensors", "--checkpoint", "none", "--dump", tmp_path / "dump")
    dump = load_file(next((tmp_path / "dump").iterdir()))
    for name, value in weights.items():
        assert np.array_equal(dump[f"param/{name}"], value)


def test_the_default_checkpoints_are_named(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    execute("dpc", "run", artifact, "--data", "synthetic:1", "--lr", "0.1", "--steps", "1")
    execute("dpc", "export", artifact, "-o", tmp_path / "w.safetensors", words=["the initial weights", f"--checkpoint {tmp_path / 'm.checkpoints'}"])


def test_a_checkpoint_of_another_model_is_refused(values, tmp_path):
    onnx.save(graph(values), tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    folder, _ = trained(artifact, tmp_path)
    (tmp_path / "other").mkdir()
    wider = {**values, "table": np.zeros((17, 8), np.float32) + np.arange(8, dtype=np.float32)}
    onnx.save(graph(wider, record=None), tmp_path / "other" / "m.onnx")
    other = compiled(tmp_path / "other" / "m.onnx", tmp_path / "other")
    execute("dpc", "export", other, "--checkpoint", folder, "-o", tmp_path / "w.safetensors", status=CHECKPOINT, words=["of another model", "'table' is f32[16, 8] there, f32[17, 8] in the model"])
    assert not (tmp_path / "w.safetensors").exists()


def test_trained_external_data(values, tmp_path):
    """What another tensor reads too is given a place of its own, and the original stays as it was."""
    model = graph(values, record=None)
    path = external(model, tmp_path / "in", location="w.bin")
    model = onnx.load(path, load_external_data=False)
    table = next(t for t in model.graph.initializer if t.name == "table")
    twin = TensorProto(name="unused", data_type=TensorProto.FLOAT, dims=[16, 8], data_location=TensorProto.EXTERNAL)
    twin.external_data.extend(table.external_data)
    model.graph.initializer.append(twin)
    # A checksum is of the whole file, which is another in the copy.
    before = (tmp_path / "in" / "w.bin").read_bytes()
    table.external_data.append(onnx.StringStringEntryProto(key="checksum", value=hashlib.sha1(before).hexdigest()))
    path.write_bytes(model.SerializeToString())
    artifact = compiled(path, tmp_path)
    folder, weights = trained(artifact, tmp_path)
    execute("dpc", "export", artifact, "--checkpoint", folder, "-o", tmp_path / "t.onnx")
    same(initializers(tmp_path / "t.onnx"), {**values, **weights, "unused": values["table"]})
    assert (tmp_path / "in" / "w.bin").read_bytes() == before
    copy = onnx.load(tmp_path / "t.onnx", load_external_data=False)
    assert not [entry for tensor in copy.graph.initializer for entry in tensor.external_data if entry.key == "checksum"]


def test_weights_in_constant_nodes(values, tmp_path):
    model = graph(values, record=None)
    for tensor in model.graph.initializer:
        node = helper.make_node("Constant", [], [tensor.name], value=tensor)
        node.attribute[0].t.name = "value"
        model.graph.node.insert(0, node)
    del model.graph.initializer[:]
    onnx.save(model, tmp_path / "m.onnx")
    artifact = compiled(tmp_path / "m.onnx", tmp_path)
    execute("dpc", "export", artifact, "-o", tmp_path / "same.onnx")
    assert (tmp_path / "same.onnx").read_bytes() == (tmp_path / "m.onnx").read_bytes()
    folder, weights = trained(artifact, tmp_path)
    execute("dpc", "export", artifact, "--checkpoint", folder, "-o", tmp_path / "t.onnx")
    found = {node.output[0]: numpy_helper.to_array(node.attribute[0].t) for node in onnx.load(tmp_path / "t.onnx").graph.node if node.op_type == "Constant"}
    assert weights
    same(dict(sorted(found.items())), dict(sorted({**values, **weights}.items())))


def test_copies_of_a_tied_weight_stay_its_copies(tmp_path):
    """This file has the tied embedding twice, the second time transposed."""
    artifact = compiled(MODELS / "gpt2_default.onnx", tmp_path, "--freeze", "embedding_1")
    copies = {p["name"]: p["copies"] for p in json.loads((artifact / "manifest.json").read_text())["parameters"] if "copies" in p}
    assert len(copies) == 1
    (name, [copy]), = copies.items()
    assert copy["transposed"]
    folder, weights = trained(artifact, tmp_path)
    execute("dpc", "export", artifact, "--checkpoint", folder, "-o", tmp_path / "t.onnx")
    written, original = initializers(tmp_path / "t.onnx"), initializers(MODELS / "gpt2_default.onnx")
    assert np.array_equal(written[name], weights[name]) and not np.array_equal(written[name], original[name])
    assert np.array_equal(written[copy["initializer"]], written[name].T)
