# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an exporter recorded of the framework's state dict decides what is trained and what is tied, and is kept in the artifact."""
import json
import os
import pathlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from commands import call

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"


def entry(initializer, shape, kind="parameter", trained=True, transposed=False, **more):
    return {"kind": kind, "shape": shape, "trained": trained, "initializer": initializer, "transposed": transposed, **more}


@pytest.fixture
def model():
    """Two layers that start equal, a frozen scale, a norm's ones shared by two, a buffer that is read and one that is not."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((8, 8)).astype(np.float32)
    values = {"l0": w, "l1": w.copy(), "frozen": rng.standard_normal(8).astype(np.float32), "ones": np.ones(8, np.float32), "mask": np.full((4, 8), 2, np.float32),
              "position_ids": np.arange(5, dtype=np.int64)}
    nodes = [helper.make_node("MatMul", ["x", "l0"], ["a"]), helper.make_node("Mul", ["a", "ones"], ["b"]), helper.make_node("Tanh", ["b"], ["c"]),
             helper.make_node("MatMul", ["c", "l1"], ["d"]), helper.make_node("Mul", ["d", "ones"], ["e"]), helper.make_node("Mul", ["e", "frozen"], ["f"]),
             helper.make_node("Mul", ["f", "mask"], ["g"]), helper.make_node("Mul", ["g", "g"], ["h"]), helper.make_node("ReduceMean", ["h"], ["loss"], keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], [numpy_helper.from_array(v, k) for k, v in values.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


RECORD = {"layers.0.weight": entry("l0", [8, 8], transposed=True), "layers.1.weight": entry("l1", [8, 8], transposed=True), "scale": entry("frozen", [8], trained=False),
          "norm.0": entry("ones", [8]), "norm.1": entry("ones", [8], tie="norm.0"), "mask": entry("mask", [4, 8], "buffer", False),
          "ids": entry("position_ids", [5], "buffer", False)}


def compiled(model, record, folder, *flags):
    helper.set_model_props(model, {"dpc.state_dict": json.dumps(record)})
    onnx.save(model, folder / "m.onnx")
    return call("dpc", "compile", folder / "m.onnx", "-o", folder / "m.dpc", "--optimizer", "sgd", "--micro-batches", "1", *flags)


def test_the_record_decides_and_is_kept(model, tmp_path):
    done = compiled(model, RECORD, tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())
    parameters = {p["name"]: p for p in manifest["parameters"]}
    # Equal layers are two parameters; what needs no gradient is a constant.
    assert sorted(parameters) == ["l0", "l1", "ones"] and all(p["trained"] for p in parameters.values())
    assert parameters["l1"]["framework"] == ["layers.1.weight"] and parameters["l1"]["transposed"]
    assert parameters["ones"]["framework"] == ["norm.0", "norm.1"] and "transposed" not in parameters["ones"]
    state = manifest["state_dict"]
    assert [e["key"] for e in state] == list(RECORD)
    assert {e["key"]: e["parameter"] for e in state if "parameter" in e} == {"layers.0.weight": "l0", "layers.1.weight": "l1", "norm.0": "ones", "norm.1": "ones"}
    rest = {e["key"]: e for e in state if "parameter" not in e}
    assert rest["scale"]["used"] and rest["mask"]["used"] and not rest["ids"]["used"]
    assert "buffer" not in rest["scale"] and rest["mask"]["buffer"] and rest["ids"]["dtype"] == "i64"
    kept = load_file(tmp_path / "m.dpc" / manifest["state"])
    assert np.array_equal(kept["ids"], np.arange(5)) and np.array_equal(kept["mask"], np.full((4, 8), 2))
    path = (tmp_path / "m.onnx").resolve()
    assert manifest["model"]["file"] == {"path": str(path), "size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns}
    verified = call("dpc", "verify", tmp_path / "m.dpc")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_flags_come_before_the_record(model, tmp_path):
    done = compiled(model, RECORD, tmp_path, "--freeze", "layers.1.*")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())
    assert [p["name"] for p in manifest["parameters"] if p["trained"]] == ["l0", "ones"]
    assert {e["key"]: e.get("used") for e in manifest["state_dict"] if "parameter" not in e}["layers.1.weight"] is True


def test_without_a_record_equal_layers_are_one(model, tmp_path):
    onnx.save(model, tmp_path / "m.onnx")
    done = call("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--optimizer", "sgd")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())
    matrices = [p for p in manifest["parameters"] if len(p["shape"]) == 2]
    assert len(matrices) == 1 and matrices[0]["copies"] == [{"initializer": "l1", "transposed": False}]
    assert "state_dict" not in manifest


@pytest.mark.parametrize("change, words", [
    (lambda r: r["mask"].update(initializer="nowhere"), "places 'mask' in the initializer 'nowhere', which the graph does not have"),
    (lambda r: r["mask"].update(shape=[8, 4]), "gives 'mask' another shape than its initializer 'mask' has"),
    (lambda r: r["scale"].update(transposed=True), "calls 'scale' transposed, which is no matrix"),
    (lambda r: r.update(scale=3), "has no object at 'scale'"),
])
def test_a_record_that_contradicts_the_graph_is_refused(model, tmp_path, change, words):
    record = json.loads(json.dumps(RECORD))
    change(record)
    done = compiled(model, record, tmp_path)
    assert done.returncode == 3 and words in done.stderr, done.stderr
    assert not (tmp_path / "m.dpc").exists()


def test_a_record_that_is_no_json(model, tmp_path):
    helper.set_model_props(model, {"dpc.state_dict": "{"})
    onnx.save(model, tmp_path / "m.onnx")
    done = call("dpc", "check", tmp_path / "m.onnx")
    assert done.returncode == 3 and "'dpc.state_dict' is no JSON object" in done.stderr


def test_layouts_by_the_recorded_calls(tmp_path):
    """PyTorch's default export stores linear weights transposed under names of its own."""
    done = call("dpc", "compile", MODELS / "llama_default.onnx", "-o", tmp_path / "m.dpc", "--optimizer", "sgd")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())
    graphs = json.loads((MODELS / "llama.json").read_text())["graphs"]
    reference = next(graph for graph in graphs if graph["file"] == "llama_default.onnx")["parameters"]
    found = {name: p for p in manifest["parameters"] for name in p.get("framework", [])}
    for key, place in reference.items():
        place = place[0] if isinstance(place, list) else place
        name = place["initializer"] if isinstance(place, dict) else place
        parameter = found[key]
        assert parameter.get("initializer", parameter["name"]) == name
        assert parameter.get("transposed", False) == (isinstance(place, dict) and place.get("transposed", False)), key
    assert sum(p.get("transposed", False) for p in manifest["parameters"]) == 43
