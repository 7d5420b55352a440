# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--init-weights takes what dumps, state dicts and sharded files hold, by their own word of their layout, or says everything that does not fit."""
import json
import shutil
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

from commands import call, ended
from seal import seal

USAGE, DATA = 2, 9


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two square layers; the manifest says that a framework calls the first `fc.weight`, stored as its transpose, and ties the second to two names."""
    folder = tmp_path_factory.mktemp("built")
    rng = np.random.default_rng(3)
    values = {"val_1": rng.standard_normal((8, 8)), "h.out": rng.standard_normal((8, 8)), "fc.bias": rng.standard_normal(8)}
    values = {name: value.astype(np.float32) for name, value in values.items()}
    nodes = [helper.make_node("MatMul", ["x", "val_1"], ["a"]), helper.make_node("Add", ["a", "fc.bias"], ["b"]), helper.make_node("Tanh", ["b"], ["c"]),
             helper.make_node("MatMul", ["c", "h.out"], ["d"]), helper.make_node("Mul", ["d", "d"], ["e"]), helper.make_node("ReduceMean", ["e"], ["loss"], keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], [numpy_helper.from_array(v, k) for k, v in values.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "m.onnx")
    done = call("dpc", "compile", folder / "m.onnx", "-o", folder / "m.dpc", "--optimizer", "sgd", "--micro-batches", "1")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((folder / "m.dpc" / "manifest.json").read_text())
    for entry in manifest["parameters"]:
        entry.update({"val_1": {"framework": ["fc.weight"], "transposed": True}, "h.out": {"framework": ["out.weight", "in.weight"]},
                      "fc.bias": {"framework": ["fc.bias"]}}[entry["name"]])
    manifest["state_dict"] = [{"key": "fc.weight", "parameter": "val_1"}, {"key": "fc.bias", "parameter": "fc.bias"}, {"key": "out.weight", "parameter": "h.out"},
                              {"key": "in.weight", "parameter": "h.out"}, {"key": "mask", "buffer": True, "used": False}]
    write(folder / "m.dpc", manifest)
    return folder, values


def write(artifact, manifest):
    """Puts a manifest into an artifact, with its checksum."""
    (artifact / "manifest.json").write_text(json.dumps(manifest))
    seal(artifact)


def start(folder, weights, tmp_path):
    """One step that changes nothing, from these weights."""
    done = call("dpc", "run", folder / "m.dpc", "--data", "synthetic:1", "--lr", "0", "--steps", "1", "--dump", tmp_path / "dump", "--init-weights", weights)
    assert done.returncode == 0, done.stderr
    dump = load_file(next((tmp_path / "dump").iterdir()))
    shutil.rmtree(tmp_path / "dump")
    return {name[6:]: value for name, value in dump.items() if name.startswith("param/")}, done.stderr


def equal(left, right):
    assert sorted(left) == sorted(right)
    for name in left:
        assert np.array_equal(left[name], right[name]), name


@pytest.fixture
def state(built):
    """A state dict of other values, in the framework's names and layout, and the same as the model stores it."""
    rng = np.random.default_rng(4)
    own = {name: rng.standard_normal(value.shape).astype(np.float32) for name, value in built[1].items()}
    theirs = {"fc.weight": np.ascontiguousarray(own["val_1"].T), "fc.bias": own["fc.bias"], "out.weight": own["h.out"], "in.weight": own["h.out"].copy()}
    return theirs, own


def test_a_file_without_a_record_is_a_state_dict(built, state, tmp_path):
    save_file(state[0], tmp_path / "w.safetensors")
    got, said = start(built[0], tmp_path / "w.safetensors", tmp_path)
    equal(got, state[1])
    assert "3 tensors" in said and "framework's layout" in said


def test_the_recorded_layout_is_obeyed(built, state, tmp_path):
    save_file(state[0], tmp_path / "f.safetensors", metadata={"format_version": "1.0", "layout": "framework"})
    equal(start(built[0], tmp_path / "f.safetensors", tmp_path)[0], state[1])
    save_file(state[1], tmp_path / "i.safetensors", metadata={"format_version": "1.0", "layout": "initializer"})
    equal(start(built[0], tmp_path / "i.safetensors", tmp_path)[0], state[1])
    save_file(state[1], tmp_path / "x.safetensors", metadata={"layout": "both"})
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "x.safetensors")
    ended(done, DATA, "layout 'both'", "initializer and framework")
    save_file(state[1], tmp_path / "v.safetensors", metadata={"format_version": "2.0"})
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "v.safetensors")
    ended(done, DATA, "format version 2.0")


def test_a_dump_says_its_layout_and_is_taken_back(built, state, tmp_path):
    save_file(state[0], tmp_path / "w.safetensors")
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic:1", "--lr", "0.1", "--steps", "1", "--dump", tmp_path / "d", "--init-weights", tmp_path / "w.safetensors")
    assert done.returncode == 0, done.stderr
    dump = next((tmp_path / "d").iterdir())
    header = dump.read_bytes()
    assert json.loads(header[8:8 + int.from_bytes(header[:8], "little")])["__metadata__"]["layout"] == "initializer"
    trained = {name[6:]: value for name, value in load_file(dump).items() if name.startswith("param/")}
    assert not np.array_equal(trained["val_1"], state[1]["val_1"])
    equal(start(built[0], dump, tmp_path)[0], trained)


def test_one_name_of_a_tie_is_enough_and_two_must_agree(built, state, tmp_path):
    theirs = dict(state[0])
    del theirs["out.weight"]
    save_file(theirs, tmp_path / "one.safetensors")
    equal(start(built[0], tmp_path / "one.safetensors", tmp_path)[0], state[1])
    theirs["out.weight"] = state[0]["out.weight"] + 1
    save_file(theirs, tmp_path / "two.safetensors")
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "two.safetensors")
    ended(done, DATA, "'in.weight' and 'out.weight' are one tensor")


def test_shorter_floats_are_widened_exactly(built, state, tmp_path):
    half = {name: value.astype(np.float16) for name, value in state[0].items()}
    half["fc.bias"][:4] = [6e-8, -0.0, 6.1e-5, 65504]
    save_file(half, tmp_path / "half.safetensors")
    got, _ = start(built[0], tmp_path / "half.safetensors", tmp_path)
    assert np.array_equal(got["fc.bias"].view(np.uint32), half["fc.bias"].astype(np.float32).view(np.uint32))
    assert np.array_equal(got["val_1"], half["fc.weight"].astype(np.float32).T)
    save_file({name: value.astype(np.float64) for name, value in state[0].items()}, tmp_path / "double.safetensors")
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "double.safetensors")
    ended(done, DATA, "'fc.bias' should be f32[8], is f64[8]")


def test_everything_that_does_not_fit_is_said_at_once(built, state, tmp_path):
    theirs = {"fc.weight": state[0]["fc.weight"][:, :4].copy(), "in.weight": state[0]["in.weight"], "fc.biass": state[0]["fc.bias"], "mask": np.zeros(3, np.float32)}
    save_file(theirs, tmp_path / "w.safetensors")
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / "w.safetensors")
    said = ended(done, DATA, "'fc.weight' should be f32[8, 8], is f32[8, 4]", "'fc.bias' should be f32[8], is missing", "'fc.biass' is not expected")
    assert "mask" not in said  # a buffer that the graph does not read


def test_shards_with_their_index(built, state, tmp_path):
    first = {name: state[0][name] for name in ("fc.weight", "fc.bias")}
    second = {name: state[0][name] for name in ("out.weight", "in.weight")}
    save_file(first, tmp_path / "model-00001-of-00002.safetensors")
    save_file(second, tmp_path / "model-00002-of-00002.safetensors")
    names = {name: f"model-0000{1 + (name in second)}-of-00002.safetensors" for name in state[0]}
    index = tmp_path / "model.safetensors.index.json"

    def write_index(changed):
        index.write_text(json.dumps({"metadata": {}, "weight_map": {**names, **changed}}))

    def run():
        return call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1", "--init-weights", index)

    write_index({})
    equal(start(built[0], index, tmp_path)[0], state[1])
    write_index({"fc.bias": "../m.safetensors"})
    ended(run(), DATA, "'fc.bias' is said to be in '../m.safetensors'", "below the index's folder")
    write_index({"fc.bias": "/etc/passwd"})
    ended(run(), DATA, "'/etc/passwd'")
    write_index({"fc.bias": "model-00003.safetensors", "fc.weight": "model-00004.safetensors"})
    ended(run(), DATA, "model-00003.safetensors", "model-00004.safetensors")
    write_index({"fc.bias": names["in.weight"]})
    ended(run(), DATA, f"'fc.bias' is not in '{names['in.weight']}'")
    write_index({"fc.bias": 3})
    ended(run(), DATA, "'fc.bias' is not a name")
    index.write_text("{}")
    ended(run(), DATA, "weight_map")


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.bin", "w.safetensors"])
def test_a_pickle_is_refused_and_the_converter_named(built, tmp_path, name):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1", "--init-weights", tmp_path / name)
    ended(done, DATA, f"python -m dpc.weights {tmp_path / name} OUT.safetensors")


def test_a_checkpoints_tensors_are_taken(built, tmp_path):
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic:1", "--lr", "0.1", "--steps", "1", "--checkpoint", tmp_path / "kept", "--dump", tmp_path / "d")
    assert done.returncode == 0, done.stderr
    dump = load_file(next((tmp_path / "d").iterdir()))
    got, said = start(built[0], next(tmp_path.glob("kept/step-1/*.safetensors")), tmp_path)
    equal(got, {name[6:]: value for name, value in dump.items() if name.startswith("param/")})
    assert "initializer's layout" in said


def test_a_model_is_no_file_of_weights(built):
    done = call("dpc", "run", built[0] / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1", "--init-weights", built[0] / "m.onnx")
    ended(done, DATA, "m.onnx' is a model", "dpc compile")


def test_a_manifest_that_contradicts_itself_is_refused(built, tmp_path):
    shutil.copytree(built[0] / "m.dpc", tmp_path / "m.dpc")
    good = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())
    for change, words in [(lambda m: m["parameters"][[p["name"] for p in m["parameters"]].index("fc.bias")].update(transposed=True), "is transposed, but no matrix"),
                          (lambda m: m["state_dict"].append({"key": "fc.bias"}), "a second key 'fc.bias'"),
                          (lambda m: m["state_dict"][0].update(parameter="none"), "'none', which is no parameter"),
                          (lambda m: m["state_dict"][4].update(dtype="f32", shape=[1], source={"weights": "mask"}), "'mask' is read from it")]:
        manifest = json.loads(json.dumps(good))
        change(manifest)
        write(tmp_path / "m.dpc", manifest)
        ended(call("dpc", "run", tmp_path / "m.dpc", "--data", "synthetic", "--lr", "0", "--steps", "1"), 3, "manifest.json", words)
