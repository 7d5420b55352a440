# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc onnx-test`: ONNX's own node tests through compiled programs, and what the command says of tests that pass, fail,
fold away, are skipped or are none."""
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent


def generate(folder, *operators):
    subprocess.run([sys.executable, HERE / "generate.py", folder, *operators], check=True, capture_output=True)
    return folder


def run(*arguments, status=0):
    done = subprocess.run(["dpc", "onnx-test", *map(str, arguments)], capture_output=True, text=True, timeout=600)
    assert done.returncode == status, done.stdout[-3000:] + done.stderr
    return done.stdout.splitlines() if status in (0, 1) else done.stderr


def counts(lines):
    passed, failed, skipped = (int(part.split()[0]) for part in lines[-1].split(", "))
    assert lines[-1] == f"{passed} passed, {failed} failed, {skipped} skipped"
    return passed, failed, skipped


def save(folder, nodes, inputs, outputs, initializers=()):
    """A test of its own: inputs and outputs by name."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    infos = [[helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape) for name, value in values.items()]
             for values in (inputs, outputs)]
    graph = helper.make_graph(nodes, "graph", *infos, list(initializers))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx")
    for kind, values in (("input", inputs), ("output", outputs)):
        for k, (name, value) in enumerate(values.items()):
            (data / f"{kind}_{k}.pb").write_bytes(numpy_helper.from_array(value, name).SerializeToString())
    return folder


def test_all_nodes(tmp_path):
    lines = run(generate(tmp_path / "node"))
    passed, failed, skipped = counts(lines)
    assert failed == 0
    # What is supported stays supported; the rest is refused with a reason.
    assert passed >= 870, lines[-1]
    assert sum(line.startswith("skipped ") and ": " in line for line in lines) == skipped
    assert "computed when they were imported" in lines[-2]


def test_all_of_conv(tmp_path):
    folder = generate(tmp_path / "node", "Conv")
    names = [name for name in os.listdir(folder) if [n.op_type for n in onnx.load(folder / name / "model.onnx").graph.node] == ["Conv"]]
    assert len(names) >= 6
    assert run(*(folder / name for name in names)) == [f"{len(names)} passed, 0 failed, 0 skipped"]


def test_a_wrong_output_is_told(tmp_path):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    wrong = x * 2
    wrong[1, 1] += 0.1
    node = helper.make_node("Add", ["x", "x"], ["y"])
    save(tmp_path / "test_wrong", [node], {"x": x}, {"y": wrong})
    save(tmp_path / "test_shape", [node], {"x": x}, {"y": (x * 2).reshape(3, 2)})
    save(tmp_path / "test_right", [node], {"x": x}, {"y": x * 2})
    assert run(tmp_path, status=1) == [
        "failed  test_shape: output 'y' is f32[2, 3], f32[3, 2] was wanted",
        "failed  test_wrong: output 'y' differs in 1 of 6 elements (the first at [1, 1]: 8 instead of 8.1)",
        "1 passed, 2 failed, 0 skipped"]


def test_nan_is_nan_and_infinity_is_no_number(tmp_path):
    x = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    save(tmp_path / "test_same", [helper.make_node("Identity", ["x"], ["y"])], {"x": x}, {"y": x})
    save(tmp_path / "test_other", [helper.make_node("Neg", ["x"], ["y"])], {"x": x}, {"y": np.array([np.nan, np.inf, np.inf, -1], np.float32)})
    assert run(tmp_path, status=1)[0] == "failed  test_other: output 'y' differs in 1 of 4 elements (the first at [1]: -inf instead of inf)"


def test_inputs_that_determine_a_shape_are_bound(tmp_path):
    """Also those behind other nodes, and those of floats."""
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    nodes = [helper.make_node("Concat", ["a", "b"], ["shape"], axis=0), helper.make_node("Reshape", ["x", "shape"], ["z"]),
             helper.make_node("Pad", ["z", "pads", "fill"], ["y"])]
    inputs = {"x": x, "a": np.array([3]), "b": np.array([2]), "pads": np.array([0, 1, 0, 0]), "fill": np.array(5, np.float32)}
    save(tmp_path / "test_shape", nodes, inputs, {"y": np.pad(x.reshape(3, 2), ((0, 0), (1, 0)), constant_values=5)})
    assert run(tmp_path / "test_shape") == ["1 passed, 0 failed, 0 skipped"]


def test_all_data_sets_count(tmp_path):
    x = np.ones(3, np.float32)
    folder = save(tmp_path / "test_two", [helper.make_node("Neg", ["x"], ["y"])], {"x": x}, {"y": -x})
    shutil.copytree(folder / "test_data_set_0", folder / "test_data_set_1")
    assert run(tmp_path) == ["1 passed, 0 failed, 0 skipped"]
    (folder / "test_data_set_1" / "output_0.pb").write_bytes(numpy_helper.from_array(x, "y").SerializeToString())
    assert run(tmp_path, status=1)[-1] == "0 passed, 1 failed, 0 skipped"


def test_bound_by_the_user(tmp_path):
    x = np.arange(4, dtype=np.float32)
    save(tmp_path / "test_add", [helper.make_node("Add", ["x", "bias"], ["y"])], {"x": x, "bias": x}, {"y": x + 3})
    (tmp_path / "bias.pb").write_bytes(numpy_helper.from_array(np.full(4, 3, np.float32), "other_name").SerializeToString())
    assert run(tmp_path / "test_add", status=1)[-1] == "0 passed, 1 failed, 0 skipped"
    assert run(tmp_path / "test_add", "--bind", f"bias={tmp_path / 'bias.pb'}") == ["1 passed, 0 failed, 0 skipped"]
    # With all inputs known nothing is left for a kernel.
    (tmp_path / "x.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    lines = run(tmp_path / "test_add", "--bind", f"bias={tmp_path / 'bias.pb'}", "--bind", f"x={tmp_path / 'x.pb'}")
    assert lines == ["1 of those that passed were computed when they were imported: no kernel was needed", "1 passed, 0 failed, 0 skipped"]


def test_what_is_skipped_says_why(tmp_path):
    x = np.ones((2, 2), np.float32)
    save(tmp_path / "test_det", [helper.make_node("Det", ["x"], ["y"])], {"x": x}, {"y": np.array(0, np.float32)})
    folder = save(tmp_path / "test_strings", [helper.make_node("Identity", ["x"], ["y"])], {"x": x}, {"y": x})
    (folder / "test_data_set_0" / "input_0.pb").write_bytes(helper.make_tensor("x", TensorProto.STRING, [1], [b"a"]).SerializeToString())
    assert run(tmp_path) == [
        "skipped test_det: 1 of the 1 nodes have operators that dpc does not support:  Det: 1 node ('graph/node[0]:Det')",
        "skipped test_strings: input 'x' holds no numbers of whole bytes (element type 8 of ONNX)",
        "0 passed, 0 failed, 2 skipped"]


def test_damaged_files_fail(tmp_path):
    x = np.ones(2, np.float32)
    folder = save(tmp_path / "test_data", [helper.make_node("Neg", ["x"], ["y"])], {"x": x}, {"y": -x})
    (folder / "test_data_set_0" / "output_0.pb").write_bytes(b"\xff\xff\xff")
    (save(tmp_path / "test_model", [helper.make_node("Neg", ["x"], ["y"])], {"x": x}, {"y": -x}) / "model.onnx").write_bytes(b"PK\3\4")
    lines = run(tmp_path, status=1)
    assert lines[0].startswith("failed  test_data: ") and lines[0].endswith("output_0.pb is no tensor of ONNX")
    assert lines[1:] == ["failed  test_model: model.onnx is no ONNX model", "0 passed, 2 failed, 0 skipped"]


def test_an_output_without_a_file_fails(tmp_path):
    x = np.ones(2, np.float32)
    folder = save(tmp_path / "test_data", [helper.make_node("Neg", ["x"], ["y"])], {"x": x}, {"y": -x})
    (folder / "test_data_set_0" / "output_0.pb").unlink()
    lines = run(tmp_path, status=1)
    assert lines[0].startswith("failed  test_data: output 'y' has no ") and lines[1] == "0 passed, 1 failed, 0 skipped"


@pytest.mark.parametrize("arguments,status,words", [
    (["missing"], 9, "'missing' holds no test: no folder in it has a model.onnx"),
    ([".", "--bind", "x"], 2, "--bind x is not of the form INPUT=FILE"),
    ([".", "--bind", "x=missing.pb"], 2, "--bind x: 'missing.pb': there is no such file"),
])
def test_mistakes(arguments, status, words):
    assert words in run(*arguments, status=status)
