# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors without elements anywhere in a graph: what has elements is trained as if they were not there."""
import numpy as np
import onnx
import pytest
from commands import call, refuse, said
from field import MODEL, compile_, dumped, run
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

RNG = np.random.default_rng(7)
WEIGHT = (RNG.standard_normal((6, 6)) / 3).astype(np.float32)


def tensor(name, values, dtype=np.float32, shape=None):
    array = np.asarray(values, dtype)
    return numpy_helper.from_array(array if shape is None else array.reshape(shape), name)


def ints(name, *values):
    return tensor(name, values, np.int64)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=f"{op}_{outputs.split()[0]}", **attributes)


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, initializers=(), inputs=(), loss="y", opset=20):
    """A product of x and w, the given nodes from `a` to `b`, and a mean of squares of (b - y)."""
    given = [value("x", [4, 6]), value("y", [4, 6]), *inputs]
    all_nodes = [node("MatMul", "x w", "a"), *nodes, node("Sub", "b y", "d"), node("Mul", "d d", "squares"),
                 node("ReduceMean", "squares", "loss", keepdims=0)]
    graph = helper.make_graph(all_nodes, "g", given, [value("loss", [])], [tensor("w", WEIGHT), *initializers])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.safetensors"
    rng = np.random.default_rng(3)
    save_file({k: rng.standard_normal((4, 4, 6)).astype(np.float32) for k in "xy"}, str(path))
    return path


def train(made, data, folder, *options):
    path = folder / "m.onnx"
    onnx.save(made, path)
    compile_(path, folder / "m.dpc", "--micro-batches", 4, "--force", *options)
    run(folder / "m.dpc", data, folder / "dump")
    return dumped(folder / "dump")[0]


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory):
    return train(model([node("Identity", "a", "b")]), data, tmp_path_factory.mktemp("plain"))


EMPTY_ROWS = tensor("e", [], shape=(0, 6))
CASES = {
    "a join of only empty parts, joined": ([node("Concat", "e e", "ee", axis=0), node("Concat", "ee a e", "b", axis=0)], [EMPTY_ROWS]),
    "an empty part between two": ([node("Split", "a n", "p q r", axis=0), node("Concat", "p q r", "b", axis=0)], [ints("n", 3, 0, 1)]),
    "the last part is empty": ([node("Split", "a n", "p q", axis=1), node("Concat", "q p", "b", axis=1)], [ints("n", 6, 0)]),
    "a product over no columns": ([node("Slice", "a z z one", "e", ), node("MatMul", "e v", "m"), node("Add", "a m", "b")],
                                  [ints("z", 2), ints("one", 1), tensor("v", [], shape=(0, 6))]),
    "an affine layer of no inputs": ([node("Slice", "a z z one", "e"), node("Gemm", "e v bias", "m"), node("Add", "a m", "c"), node("Sub", "c ones", "b")],
                                     [ints("z", 0), ints("one", 1), tensor("v", [], shape=(0, 6)), tensor("bias", np.ones(6)), tensor("ones", np.ones(6))]),
    "the sum of no rows": ([node("Slice", "a z z zero", "e"), node("ReduceSum", "e zero", "n", keepdims=0), node("Add", "a n", "b")],
                           [ints("z", 1), ints("zero", 0)]),
    "norms of no rows": ([node("Slice", "a z z zero", "e"), node("ReduceL2", "e zero", "n", keepdims=0), node("ReduceSumSquare", "e zero", "k", keepdims=1),
                          node("Add", "a n", "c"), node("Add", "c k", "b")], [ints("z", 1), ints("zero", 0)]),
    "padding around nothing": ([node("Slice", "a z z zero", "e"), node("Pad", "e pads", "p"), node("Add", "a p", "b")],
                               [ints("z", 1), ints("zero", 0), ints("pads", 4, 0, 0, 0)]),
    "layers on no rows": ([node("Slice", "a z z zero", "e"), node("Softmax", "e", "f", axis=-1), node("LayerNormalization", "f g", "h"),
                           node("Relu", "h", "i"), node("Transpose", "i", "t"), node("Transpose", "t", "u"), node("Concat", "a u", "b", axis=0)],
                          [ints("z", 1), ints("zero", 0), tensor("g", np.ones(6))]),
    "rows looked up by no index": ([node("Gather", "a none", "e", axis=0), node("Concat", "e a", "b", axis=0)], [tensor("none", [], np.int64)]),
    "views of nothing": ([node("Slice", "a z z zero", "e"), node("Reshape", "e s", "f"), node("Unsqueeze", "f zero", "g"), node("Squeeze", "g zero", "h"),
                          node("Flatten", "h", "i"), node("Reshape", "i back", "j", allowzero=1), node("Concat", "a j", "b", axis=0)],
                         [ints("z", 1), ints("zero", 0), ints("s", 0, 2, 3), ints("back", 0, 6)]),
    "repeated no times": ([node("Tile", "a times", "e"), node("Expand", "e s", "f"), node("Concat", "f a", "b", axis=0)], [ints("times", 0, 1), ints("s", 0, 6)]),
    "constants without elements": ([node("ConstantOfShape", "s", "e"), node("Where", "c e e", "f"), node("Cast", "f", "g", to=TensorProto.FLOAT),
                                    node("Concat", "a g", "b", axis=0)], [ints("s", 0, 6), tensor("c", [], bool, (0, 6))]),
    "an empty range and its shape": ([node("Range", "i i j", "r"), node("Shape", "r", "s"), node("ReduceSum", "r zero", "n", keepdims=0), node("Cast", "n", "f", to=TensorProto.FLOAT),
                                      node("Cast", "s", "k", to=TensorProto.FLOAT), node("Add", "a f", "c"), node("Add", "c k", "b")],
                                     [tensor("i", 5, np.int64), tensor("j", 1, np.int64), ints("zero", 0)]),
    "sums of products over no index": ([node("Slice", "a z z one", "e"), node("Einsum", "e v", "m", equation="ij,jk->ik"), node("Add", "a m", "b")],
                                       [ints("z", 2), ints("one", 1), tensor("v", [], shape=(0, 6))]),
    "the k largest of none": ([node("Slice", "a z z zero", "e"), node("TopK", "e three", "f g", axis=-1), node("ReduceSum", "f", "n", keepdims=0), node("Add", "a n", "b")],
                              [ints("z", 1), ints("zero", 0), ints("three", 3)]),
    "sequences of nothing": ([node("SplitToSequence", "a n", "q", axis=0), node("ConcatFromSequence", "q", "b", axis=0)], [ints("n", 0, 4)]),
}


@pytest.mark.parametrize("case", CASES)
def test_graphs_with_tensors_without_elements_train_as_without(case, data, plain, tmp_path):
    step = train(model(*CASES[case]), data, tmp_path)
    for name in ("loss", "total_loss"):
        np.testing.assert_allclose(step[name], plain[name], rtol=1e-6)
    for name in ("grad/w", "param/w"):
        np.testing.assert_allclose(step[name], plain[name], rtol=1e-5, atol=1e-7)


def test_several_ranks_and_halves(data, plain, tmp_path):
    """An empty value across a cut would be a message of no bytes."""
    nodes = [node("Slice", "a z z zero", "e"), node("MatMul", "a v", "c"), node("Concat", "c e", "f", axis=0), node("MatMul", "f u", "b")]
    weights = [ints("z", 1), ints("zero", 0), tensor("v", np.eye(6)), tensor("u", np.eye(6))]
    step = train(model(nodes, weights), data, tmp_path, "--pp", 2, "--schedule", "dualpipe")
    np.testing.assert_allclose(step["total_loss"], plain["total_loss"], rtol=1e-6)
    np.testing.assert_allclose(step["grad/w"], plain["grad/w"], rtol=1e-5, atol=1e-7)
    assert call("dpc", "verify", tmp_path / "m.dpc", "--data", data).returncode == 0


def test_a_cache_of_no_past_tokens_needs_no_data(data, plain, tmp_path):
    made = model([node("Concat", "past a", "b", axis=0)], inputs=[value("past", ["past_length", 6])])
    step = train(made, data, tmp_path, "--dim", "past_length=0")
    np.testing.assert_array_equal(step["grad/w"], plain["grad/w"])
    out = said(call("dpc", "check", tmp_path / "m.onnx", "--dim", "past_length=0"))
    assert "input 'past' (0x6) is left out: it has no elements" in out


def test_a_parameter_without_elements_is_said(data, plain, tmp_path):
    made = model([node("Concat", "a layer.weight", "b", axis=0)], [tensor("layer.weight", [], shape=(0, 6))])
    step = train(made, data, tmp_path)
    np.testing.assert_array_equal(step["grad/w"], plain["grad/w"])
    assert "parameter 'layer.weight' is left out: it has no elements" in said(call("dpc", "check", tmp_path / "m.onnx"))


REFUSED = {
    "mean": ([node("Slice", "a z z zero", "e"), node("ReduceMean", "e", "n", keepdims=0), node("Add", "a n", "b")], ["ReduceMean_n", "0x6", "without elements"]),
    "largest": ([node("Slice", "a z z zero", "e"), node("ReduceMax", "e", "n", keepdims=0), node("Add", "a n", "b")], ["ReduceMax_n", "0x6"]),
    "lookup": ([node("Slice", "a z z zero", "e"), node("Gather", "e zero", "r", axis=0), node("Add", "a r", "b")], ["Gather_r", "0x6", "no elements"]),
    "classes": ([node("Slice", "a z z one", "e"), node("SoftmaxCrossEntropyLoss", "e labels", "l"), node("Add", "a l", "b")], ["SoftmaxCrossEntropyLoss_l", "no classes"]),
    "rows": ([node("Slice", "a z z zero", "e"), node("Slice", "labels z z zero", "k"), node("SoftmaxCrossEntropyLoss", "e k", "l"), node("Add", "a l", "b")],
             ["SoftmaxCrossEntropyLoss_l", "no rows"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nothing_defines_is_refused_naming_the_node(case, tmp_path):
    nodes, words = REFUSED[case]
    onnx.save(model(nodes, [ints("z", 1), ints("zero", 0), ints("one", 1)], [value("labels", [4], TensorProto.INT64)]), tmp_path / "m.onnx")
    for command in (["check", tmp_path / "m.onnx"], ["compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc"]):
        assert refuse(MODEL, words, "dpc", *command).count("error:") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
