# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions from the file to the library, under schedules: groups, strides, dilations,
padding that differs by side, a bias; in one and two dimensions; in f32 by the library and
in f64 by kernels."""
import numpy as np
import onnx
import pytest
from commands import succeed
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

TYPES = {"f32": (np.float32, TensorProto.FLOAT), "f64": (np.float64, TensorProto.DOUBLE)}


def model(path, kind, spatial):
    """A stem with a bias, a grouped and dilated convolution, and one of single elements."""
    dtype, number = TYPES[kind]
    rng = np.random.default_rng(1)
    extents, window = ([11, 12], [4, 4]) if spatial == 2 else ([23], [4])

    def weight(*shape):
        return (rng.standard_normal(shape) * 0.2).astype(dtype)

    weights = {"stem.weight": weight(8, 3, *window), "stem.bias": weight(8), "mid.weight": weight(8, 4, *[3] * spatial), "head.weight": weight(6, 8, *[1] * spatial)}
    stem = {"strides": [2] * spatial, "pads": [1] * spatial + [2, 1][:spatial], "kernel_shape": window}
    middle = {"group": 2, "dilations": [2, 1][:spatial], "pads": [2, 1][:spatial] * 2}
    nodes = [helper.make_node("Conv", ["x", "stem.weight", "stem.bias"], ["a"], name="stem", **stem), helper.make_node("Tanh", ["a"], ["b"], name="t1"),
             helper.make_node("Conv", ["b", "mid.weight"], ["c"], name="mid", **middle), helper.make_node("Tanh", ["c"], ["d"], name="t2"),
             helper.make_node("Conv", ["d", "head.weight"], ["e"], name="head"), helper.make_node("Mul", ["e", "e"], ["f"], name="square"),
             helper.make_node("ReduceMean", ["f"], ["loss"], name="mean", keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", number, [2, 3, *extents])], [helper.make_tensor_value_info("loss", number, [])],
                              [numpy_helper.from_array(value, name) for name, value in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return rng.standard_normal((4, 2, 3, *extents)).astype(dtype)


def train(tmp_path, kind, spatial, ranks, schedule, threads=1):
    name = tmp_path / f"{kind}-{spatial}-{ranks}-{schedule}-{threads}"
    save_file({"x": model(f"{name}.onnx", kind, spatial)}, f"{name}.safetensors")
    succeed("dpc", "compile", f"{name}.onnx", "-o", f"{name}.dpc", "--pp", ranks, "--micro-batches", 4, "--optimizer", "sgd", "--schedule", schedule)
    succeed("dpc", "run", f"{name}.dpc", "--data", f"{name}.safetensors", "--steps", 2, "--epochs", 0, "--lr", 0.1, "--threads", threads, "--dump", f"{name}.dump")
    succeed("dpc", "verify", f"{name}.dpc", "--data", f"{name}.safetensors")
    return load_file(f"{name}.dump/step-1.safetensors")


def gradients(step):
    return {name: value for name, value in step.items() if name.startswith("grad/")}


@pytest.mark.parametrize("spatial", [1, 2])
def test_a_convolution_is_the_same_under_every_schedule(tmp_path, spatial):
    alone = train(tmp_path, "f32", spatial, 1, "1f1b")
    for ranks, schedule, threads in (2, "1f1b", 2), (2, "zb-h1", 1), (2, "dualpipe", 3):
        step = train(tmp_path, "f32", spatial, ranks, schedule, threads)
        np.testing.assert_array_equal(step["loss"], alone["loss"])
        for name, gradient in gradients(step).items():
            np.testing.assert_allclose(gradient, alone[name], rtol=1e-5, atol=1e-6 * np.abs(alone[name]).max())


@pytest.mark.parametrize("spatial", [1, 2])
def test_the_library_agrees_with_kernels_of_f64(tmp_path, spatial):
    library, kernels = (train(tmp_path, kind, spatial, 1, "1f1b") for kind in TYPES)
    for name, gradient in gradients(kernels).items():
        assert gradient.dtype == np.float64 and library[name].dtype == np.float32
        assert np.linalg.norm(library[name] - gradient) <= 1e-5 * np.linalg.norm(gradient), name


def test_inspect_shows_what_the_library_is_asked(tmp_path):
    train(tmp_path, "f32", 2, 1, "1f1b")
    text = succeed("dpc", "inspect", tmp_path / "f32-2-1-1f1b-1.dpc", "--rank", 0)
    assert "forward, 2x3x11x12 to 8 channels, kernel 4x4 strides 2x2 dilations 1x1 padding 1x1 and 2x1 groups 1" in text
    assert "weight gradient" in text and "input gradient" in text and "accumulates" in text


@pytest.mark.parametrize("spatial", [1, 2])
def test_in_bf16_gradients_are_those_of_f32_but_for_rounding(tmp_path, spatial):
    wide = train(tmp_path, "f32", spatial, 1, "1f1b")
    data = tmp_path / "x.safetensors"
    save_file({"x": model(tmp_path / "m.onnx", "f32", spatial)}, data)
    losses = set()
    for ranks, schedule in (1, "1f1b"), (2, "dualpipe"):
        succeed("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--force", "--pp", ranks, "--micro-batches", 4, "--optimizer", "sgd", "--schedule", schedule,
                "--precision", "bf16")
        succeed("dpc", "run", tmp_path / "m.dpc", "--data", data, "--steps", 1, "--epochs", 0, "--lr", 0.1, "--dump", tmp_path / "dump", "--checkpoint", "none")
        succeed("dpc", "verify", tmp_path / "m.dpc", "--data", data)
        narrow = load_file(str(tmp_path / "dump" / "step-1.safetensors"))
        losses.add(narrow["loss"].tobytes())
        for name, gradient in gradients(wide).items():
            assert np.linalg.norm(narrow[name] - gradient) <= 3e-2 * np.linalg.norm(gradient), name
    assert len(losses) == 1
    text = succeed("dpc", "inspect", tmp_path / "m.dpc")
    calls = [line for line in text.splitlines() if ": convolution(" in line]
    assert calls and all(line.count("bf16") >= 2 for line in calls)
