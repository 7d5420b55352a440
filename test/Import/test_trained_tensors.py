# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which stored tensors are trained, by what the file records and by their roles.

Every case is one small graph; `dpc check` says of each tensor whether it is trained
and lists what could be a parameter, with the flag that makes it one.
"""
import re
import subprocess
import zlib

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper


def tensor(name, *shape, value=None):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32) if value is None else np.asarray(value), name)


class Model:
    """Nodes one after another; each returns the name of its result."""

    def __init__(self, *shape):
        self.nodes, self.stored, self.values, self.metadata, self.path = [], [], [], {}, None
        self.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape or (2, 4, 6))]

    def add(self, op, *operands, call=None, **attributes):
        name = f"{op}_{len(self.nodes)}"
        node = helper.make_node(op, list(operands), [name], name=name, **attributes)
        if call:
            entry = node.metadata_props.add()
            entry.key, entry.value = "pkg.torch.onnx.fx_node", call
        self.nodes.append(node)
        return name

    def store(self, name, *shape, value=None, folded_from=None):
        self.stored.append(tensor(name, *shape, value=value))
        if folded_from:
            made = helper.make_tensor_value_info(name, TensorProto.FLOAT, self.stored[-1].dims)
            entry = made.metadata_props.add()
            entry.key, entry.value = "pkg.onnxscript.optimizer.folded_from", str(list(folded_from))
            self.values.append(made)
        return name

    def ints(self, name, *values):
        self.stored.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def number(self, name, value):
        self.stored.append(numpy_helper.from_array(np.float32(value), name))
        return name

    def signature(self, *parameters, buffers=()):
        lines = [f"p_{p.replace('.', '_')}: PARAMETER target='{p}'" for p in parameters]
        lines += [f"b_{b}: BUFFER target='{b}' persistent=True" for b in buffers]
        self.metadata["pkg.torch.export.ExportedProgram.graph_signature"] = "\n".join(["", "# inputs", *lines, "x: USER_INPUT"])

    def save(self, folder, value=None):
        if self.path:
            return self.path
        square = self.add("Mul", value, value)
        self.nodes.append(helper.make_node("ReduceMean", [square], ["loss"], name="loss", keepdims=0))
        out = helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])
        graph = helper.make_graph(self.nodes, "g", self.inputs, [out], self.stored, value_info=self.values)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        for key, text in self.metadata.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, text
        self.path = folder / "model.onnx"
        self.path.write_bytes(model.SerializeToString())
        return self.path


class Checked:
    def __init__(self, path, *flags, status=0):
        done = subprocess.run(["dpc", "check", str(path), *flags], capture_output=True, text=True, timeout=60)
        self.said = done.stdout + done.stderr
        assert done.returncode == status, f"exit {done.returncode}\n{self.said}"
        self.trained, self.frozen, self.listed = {}, {}, {}
        for line in done.stdout.splitlines():
            if match := re.fullmatch(r"  (.+?) \[.*?\] (trained|frozen) \((.*)\)", line):
                getattr(self, match[2])[match[1]] = match[3]
            if match := re.fullmatch(r"constant: (.+) (\[.*?\]) is not trained: (.*); if it is a parameter, (.*)", line):
                self.listed[match[1]] = match.groups()[1:]


@pytest.fixture
def check(tmp_path):
    """Checks a model whose loss is the mean square of a value; None: of the value it has."""
    def run(model, value, *flags, status=0):
        return Checked(model.save(tmp_path, value), *flags, status=status)
    run.folder = tmp_path
    return run


# Roles -----------------------------------------------------------------------------


def linear(m, value, width=6):
    return m.add("MatMul", value, m.store("kernel", 6, width))


@pytest.mark.parametrize("shape", [(6,), (1, 6), (1, 1, 6)])
@pytest.mark.parametrize("op", ["Add", "Sum"])
def test_a_vector_added_to_a_product_is_its_bias(check, shape, op):
    m = Model()
    product = linear(m, "x")
    checked = check(m, m.add(op, m.store("const_fold_opt__2874", *shape), product))
    assert set(checked.trained) == {"kernel", "const_fold_opt__2874"} and not checked.listed


def test_a_bias_behind_a_reshape_with_a_computed_shape(check):
    # As Keras' dense layer on three dimensions: to two and back, by pieces of the shape.
    m = Model(2, 4, 6)
    flat = m.add("Reshape", "x", m.ints("flat", -1, 6))
    product = linear(m, flat)
    sizes = m.add("Slice", m.add("Shape", "x"), m.ints("zero", 0), m.ints("two", 2))
    target = m.add("Concat", sizes, m.ints("six", 6), axis=0)
    checked = check(m, m.add("Add", m.add("Reshape", product, target), m.store("dense/bias:0", 6)))
    assert set(checked.trained) == {"kernel", "dense/bias:0"}


def test_a_bias_of_heads_behind_reshape_and_transpose(check):
    m = Model(2, 4, 6)
    heads = m.add("Reshape", linear(m, "x"), m.ints("heads", 2, 4, 3, 2))
    turned = m.add("Transpose", heads, perm=[0, 2, 1, 3])
    checked = check(m, m.add("Add", turned, m.store("bias", 3, 1, 2)))
    assert set(checked.trained) == {"kernel", "bias"}


def test_a_bias_in_another_place_of_the_heads_is_none(check):
    # [4, 1] lies over the positions, not over the features.
    m = Model(2, 4, 6)
    heads = m.add("Reshape", linear(m, "x"), m.ints("heads", 2, 4, 3, 2))
    checked = check(m, m.add("Add", m.add("Transpose", heads, perm=[0, 2, 1, 3]), m.store("table", 4, 1)))
    assert set(checked.trained) == {"kernel"} and set(checked.listed) == {"table"}


def test_a_bias_of_an_einsum_with_heads(check):
    m = Model(2, 4, 6)
    product = m.add("Einsum", "x", m.store("query/kernel:0", 6, 3, 2), equation="abc,cde->abde")
    checked = check(m, m.add("Add", product, m.store("query/bias:0", 3, 2)))
    assert set(checked.trained) == {"query/kernel:0", "query/bias:0"}


def test_a_bias_of_experts_is_one_of_each(check):
    m = Model(3, 4, 6)
    product = m.add("MatMul", "x", m.store("up", 3, 6, 5))
    assert set(check(m, m.add("Add", product, m.store("up_bias", 3, 1, 5))).trained) == {"up", "up_bias"}


def test_a_weight_on_the_left_has_its_bias_in_the_rows(check):
    m = Model(6, 4)
    product = m.add("MatMul", m.store("w", 5, 6), "x")
    assert set(check(m, m.add("Add", product, m.store("b", 5, 1))).trained) == {"w", "b"}


def test_a_gemm_has_a_bias_or_a_table(check):
    m = Model(4, 6)
    first = m.add("Gemm", "x", m.store("w", 6, 6), m.store("b", 6), transB=1)
    second = m.add("Gemm", first, m.store("v", 6, 6), m.store("table", 4, 6))
    checked = check(m, second)
    assert set(checked.trained) == {"w", "b", "v"}
    assert checked.listed["table"][0] == "[4, 6]"


def test_a_reshaped_vector_is_a_bias_still(check):
    m = Model(2, 4, 6)
    vector = m.add("Unsqueeze", m.store("b", 6), m.ints("axes", 0, 1))
    assert set(check(m, m.add("Add", linear(m, "x"), vector)).trained) == {"kernel", "b"}


def normalize(m, value, form):
    """x less its mean (but for rms), by its deviation."""
    if form.startswith("rms"):
        squares = m.add("ReduceMean", m.add("Pow", value, m.number("two", 2)), axes=[-1])
        inner = m.add("Add", squares, m.number("eps", 1e-6))
        if form == "rms_pow":
            return m.add("Mul", value, m.add("Pow", inner, m.number("minus_half", -0.5)))
        return m.add("Mul", value, m.add("Reciprocal", m.add("Sqrt", inner)))
    centered = m.add("Sub", value, m.add("ReduceMean", value, axes=[-1]))
    squares = m.add("Mul", centered, centered) if form == "mul" else m.add("Pow", centered, m.number("two", 2))
    if form == "sum":
        mean = m.add("Div", m.add("ReduceSum", squares, m.ints("last", -1)), m.number("count", 5))
        # A deviation with an epsilon outside, as in the annotated transformer.
        return m.add("Div", centered, m.add("Add", m.add("Sqrt", mean), m.number("eps", 1e-6)))
    inner = m.add("Add", m.add("ReduceMean", squares, axes=[-1]), m.number("eps", 1e-6))
    if form == "one_over":
        return m.add("Mul", m.add("Div", m.number("one", 1), m.add("Sqrt", inner)), centered)
    return m.add("Div", centered, m.add("Sqrt", inner))


@pytest.mark.parametrize("form", ["div", "mul", "sum", "one_over", "rms", "rms_pow"])
def test_scale_and_shift_of_a_norm_that_is_written_out(check, form):
    m = Model()
    scaled = m.add("Mul", m.store("gamma", 6), normalize(m, linear(m, "x"), form))
    checked = check(m, m.add("Add", scaled, m.store("beta", 6)))
    assert set(checked.trained) == {"kernel", "gamma", "beta"} and not checked.listed
    assert "the scale of a norm" in checked.trained["gamma"]


def test_scale_and_shift_of_a_norm_as_tensorflow_writes_it(check):
    # x * (gamma / deviation) + (beta - mean * (gamma / deviation))
    m = Model()
    x = linear(m, "x")
    mean = m.add("ReduceMean", x, axes=[-1])
    centered = m.add("Sub", x, mean)
    variance = m.add("ReduceMean", m.add("Mul", centered, centered), axes=[-1])
    inverse = m.add("Reciprocal", m.add("Sqrt", m.add("Add", variance, m.number("eps", 1e-3))))
    factor = m.add("Mul", inverse, m.store("ln/gamma:0", 6))
    shift = m.add("Sub", m.store("ln/beta:0", 6), m.add("Mul", mean, factor))
    checked = check(m, m.add("Add", m.add("Mul", x, factor), shift))
    assert set(checked.trained) == {"kernel", "ln/gamma:0", "ln/beta:0"} and not checked.listed


def test_a_scale_that_is_stored_less_one(check):
    m = Model()
    scale = m.add("Add", m.store("weight", 6), m.number("one", 1))
    checked = check(m, m.add("Mul", normalize(m, linear(m, "x"), "rms"), scale))
    assert set(checked.trained) == {"kernel", "weight"}


def test_norm_and_bias_as_jax_writes_them(check):
    # Vectors are broadcast by nodes, and the variance is a difference of means.
    m = Model()

    def spread(name):
        return m.add("Expand", m.add("Reshape", m.store(name, 6), m.ints(f"{name}_shape", 1, 1, 6)), m.ints(f"{name}_to", 2, 4, 6))
    x = m.add("Add", linear(m, "x"), spread("bias"))
    mean = m.add("ReduceMean", x, axes=[-1])
    squares = m.add("ReduceMean", m.add("Mul", x, x), axes=[-1])
    variance = m.add("Max", m.number("zero", 0), m.add("Sub", squares, m.add("Mul", mean, mean)))
    inverse = m.add("Div", m.number("one", 1), m.add("Sqrt", m.add("Add", variance, m.number("eps", 1e-6))))
    scaled = m.add("Mul", m.add("Sub", x, mean), m.add("Mul", inverse, spread("scale")))
    checked = check(m, m.add("Add", scaled, spread("shift")))
    assert set(checked.trained) == {"kernel", "bias", "scale", "shift"} and not checked.listed


def constant(m, name, *shape):
    m.nodes.append(helper.make_node("Constant", [], [name], name=f"node of {name}", value=tensor(name, *shape)))
    return name


def test_an_exporter_without_initializers_keeps_its_weights_in_nodes(check):
    m = Model()
    product = m.add("MatMul", "x", constant(m, "weights", 6, 6))
    value = m.add("Mul", m.add("Add", product, constant(m, "bias", 6)), constant(m, "gain", 6))
    checked = check(m, value)
    assert set(checked.trained) == {"weights", "bias"} and set(checked.listed) == {"gain"}
    assert check(m, None, "--train", "auto", "--train", "gain").trained["gain"] == "--train"


def test_a_constant_node_beside_weights_is_listed(check):
    m = Model()
    checked = check(m, m.add("MatMul", linear(m, "x"), constant(m, "transform", 6, 6)))
    assert set(checked.trained) == {"kernel"} and checked.listed["transform"][1].startswith("read by MatMul")


# What cannot be told apart -----------------------------------------------------------


def scores(m):
    y = linear(m, "x")
    return m.add("MatMul", y, m.add("Transpose", y, perm=[0, 2, 1]))


@pytest.mark.parametrize("make,words", [
    (lambda m: m.add("Add", m.add("Gather", m.store("emb", 9, 6), m.ints("ids", 1, 2, 3, 0)), m.store("t", 4, 6)), "added to an embedding"),
    (lambda m: m.add("Add", linear(m, "x"), m.store("t", 4, 6)), "added to a product with a weight, but no vector of its width"),
    (lambda m: m.add("Add", scores(m), m.store("t", 4, 4)), "added to a product of activations"),
    (lambda m: m.add("Add", m.add("Mul", scores(m), m.number("s", 0.5)), m.store("t", 4)), "added to a product of activations"),
    (lambda m: m.add("Mul", m.add("Tanh", linear(m, "x")), m.store("t", 6)), "multiplies an activation"),
    (lambda m: m.add("Mul", linear(m, "x"), m.add("Exp", m.store("t", 6))), "through Exp multiplies a product with a weight"),
    (lambda m: m.add("Sub", m.add("Tanh", linear(m, "x")), m.store("t", 6)), "subtracted from an activation"),
    (lambda m: m.add("Concat", m.add("Expand", m.store("t", 1, 1, 6), m.ints("to", 2, 1, 6)), linear(m, "x"), axis=1), "through Expand joined to activations"),
    (lambda m: m.add("Max", linear(m, "x"), m.store("t", 6)), "read by Max"),
])
def test_what_could_be_a_parameter_is_listed_with_its_flag(check, make, words):
    m = Model()
    checked = check(m, make(m))
    assert set(checked.listed) == {"t"}, checked.said
    shape, reason, flag = checked.listed["t"]
    assert reason.startswith(words) and flag == "--train auto --train t"
    assert "t" not in checked.trained
    told = check(m, None, *flag.split())
    assert told.trained["t"] == "--train" and not told.listed
    told = check(m, None, "--freeze", "t")
    assert "t" not in told.trained and not told.listed


def test_names_are_quoted_for_the_shell_and_match_themselves(check):
    m = Model()
    name = "it's a table[0] $HOME"
    value = m.add("Add", linear(m, "x"), m.store(name, 4, 6))
    flag = check(m, value).listed[name][2]
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {flag}"], capture_output=True, text=True).stdout.splitlines()
    assert words == ["--train", "auto", "--train", name]
    assert check(m, None, *words).trained[name] == "--train"


def test_strict_refuses_what_is_listed(check, tmp_path):
    m = Model()
    path = m.save(tmp_path, m.add("Add", linear(m, "x"), m.store("t", 4, 6)))
    line = next(l for l in Checked(path).said.splitlines() if l.startswith("constant:"))
    for command in (["check", path], ["compile", path, "-o", tmp_path / "m.dpc", "--optimizer", "sgd"], ["explain", path, "--pp", "1"]):
        done = subprocess.run(["dpc", *map(str, command), "--strict"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 3 and line in done.stderr and "--strict: 1 constant could be a parameter" in done.stderr
        assert not (tmp_path / "m.dpc").exists()
    for flags in (["--freeze", "t"], ["--train", "auto", "--train", "t"], ["--train", "kernel"]):
        Checked(path, "--strict", *flags)


def test_compile_says_the_same_as_check(tmp_path):
    m = Model()
    path = m.save(tmp_path, m.add("Add", linear(m, "x"), m.store("t", 4, 6)))
    done = subprocess.run(["dpc", "compile", str(path), "-o", str(tmp_path / "m.dpc"), "--optimizer", "sgd"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = [l for l in done.stdout.splitlines() if l.startswith("constant:")]
    assert lines == [l for l in Checked(path).said.splitlines() if l.startswith("constant:")] and len(lines) == 1


@pytest.mark.parametrize("name,value", [
    ("causal", np.triu(np.full((4, 4), -np.inf, np.float32), 1)),
    ("large", np.triu(np.full((4, 4), np.finfo(np.float32).min, np.float32), 1)),
    ("bert", np.array([[0, 0, -10000, -10000]], np.float32)),
    ("decoder.mask", np.triu(np.full((4, 4), -np.inf, np.float32), 1)),
])
def test_masks_are_not_listed(check, name, value):
    m = Model()
    scores = m.add("MatMul", "x", m.add("Transpose", linear(m, "x"), perm=[0, 2, 1]))
    checked = check(m, m.add("Softmax", m.add("Add", scores, m.store(name, value=value))))
    assert not checked.listed and set(checked.trained) == {"kernel"}


def test_a_mask_of_factors_is_not_listed_but_ones_are(check):
    m = Model()
    factor = m.add("Mul", linear(m, "x"), m.store("mask", value=np.tril(np.ones((4, 6), np.float32))))
    checked = check(m, m.add("Mul", factor, m.store("gain", value=np.ones(6, np.float32))))
    assert set(checked.listed) == {"gain"}


def test_what_no_gradient_reaches_is_not_listed(check):
    m = Model()
    bound = m.add("Greater", m.store("limits", 6), m.number("half", 0.5))
    checked = check(m, m.add("Where", bound, linear(m, "x"), "x"))
    assert not checked.listed and set(checked.trained) == {"kernel"}


def test_a_large_constant_off_the_gradients_way_is_not_listed(check):
    # Above a size constants stay in the file, and are not folded.
    m = Model(2, 600)
    bound = m.add("Greater", m.store("limits", 600, 600), m.number("half", 0.5))
    product = m.add("MatMul", "x", m.store("kernel", 600, 600))
    value = m.add("Mul", product, m.add("ReduceMean", m.add("Cast", bound, to=TensorProto.FLOAT), axes=[0], keepdims=0))
    checked = check(m, m.add("MatMul", value, m.add("Tanh", m.store("square", 600, 600))))
    assert set(checked.trained) == {"kernel"}
    assert checked.listed["square"][1].startswith("through Tanh read by MatMul") and "limits" not in checked.listed


def test_everything_is_not_every_epsilon(check):
    m = Model()
    value = m.add("Mul", normalize(m, linear(m, "x"), "div"), m.number("logit_scale", 2))
    value = m.add("Mul", value, m.store("gain", 6))
    value = m.add("Add", value, m.store("mask", value=np.array([0, 0, 0, -1e9, -1e9, -1e9], np.float32)))
    checked = check(m, value, "--train", "*")
    assert set(checked.trained) == {"kernel", "gain"}
    assert "--train '*' passes over 4 constants" in checked.said
    checked = check(m, None, "--train", "*", "--train", "logit_scale")
    assert set(checked.trained) == {"kernel", "gain", "logit_scale"}


def test_nothing_trained_is_said_in_the_users_words(check, tmp_path):
    m = Model()
    path = m.save(tmp_path, linear(m, "x"))
    said = Checked(path, "--freeze", "*", status=3).said
    assert "nothing is left to train: the loss depends on 1 parameter ('kernel'), and --freeze leaves none of them" in said
    m = Model()
    said = Checked(m.save(tmp_path, m.add("Mul", "x", m.store("gain", 6))), status=3).said
    assert "known to be a parameter; --train auto --train NAME trains one, of 'gain'" in said
    for text in (said,):
        assert "func.func" not in text


# Records -----------------------------------------------------------------------------


def linear_call(argument):
    return f"%linear : [num_users=1] = call_function[target=torch.ops.aten.linear.default](args = (%x, %p_{argument}), kwargs = {{}})"


def test_what_derives_from_no_recorded_parameter_is_unlisted(check):
    m = Model()
    m.signature("fc.weight", "pos", buffers=["table"])
    product = m.add("MatMul", "x", m.store("val_0", 6, 6, folded_from=["fc.weight"]), call=linear_call("fc_weight"))
    value = m.add("Add", product, m.store("pos", 4, 6))
    value = m.add("Mul", value, m.store("table", 6))
    value = m.add("Mul", value, m.store("lifted_tensor_0", 6))
    value = m.add("Add", value, m.store("add_2", 4, 6, folded_from=["val_7", "arange"]))
    checked = check(m, value)
    assert set(checked.trained) == {"fc.weight (stored as val_0)", "pos"} and not checked.listed


def test_calls_tell_parameters_where_there_is_no_signature(check):
    m = Model()
    call = "%add : [num_users=1] = call_function[target=torch.ops.aten.add.Tensor](args = (%linear, %p_pos), kwargs = {})"
    mask = "%add_1 : [num_users=1] = call_function[target=torch.ops.aten.add.Tensor](args = (%add, %p_rows), kwargs = {})"
    value = m.add("Add", m.add("MatMul", "x", m.store("w", 6, 6), call=linear_call("w")), m.store("pos", 4, 6), call=call)
    other = m.add("Add", m.store("lifted", 4, 6), m.store("rows", 4, 1), call=mask)
    checked = check(m, m.add("Mul", value, m.add("Mul", other, m.store("t", 6))))
    assert set(checked.trained) == {"w", "pos", "rows"} and set(checked.listed) == {"t"}


def test_a_prefix_before_all_names_hides_no_parameter(check):
    # As onnx.compose writes it: names of tensors change, the record does not.
    m = Model()
    m.signature("fc.weight", "fc.bias", "pos")
    call = ("%linear : [num_users=1] = call_function[target=torch.ops.aten.linear.default]"
            "(args = (%x, %p_fc_weight, %p_fc_bias), kwargs = {})")
    product = m.add("MatMul", "x", m.store("net/val_0", 6, 6, folded_from=["fc.weight"]), call=call)
    value = m.add("Add", product, m.store("net/fc.bias", 6), call=call)
    add = "%add : [num_users=1] = call_function[target=torch.ops.aten.add.Tensor](args = (%linear, %p_pos), kwargs = {})"
    checked = check(m, m.add("Add", value, m.store("net/pos", 4, 6), call=add))
    assert set(checked.trained) == {"fc.weight (stored as net/val_0)", "fc.bias (stored as net/fc.bias)", "pos (stored as net/pos)"}


def test_rows_of_a_tied_table_do_not_come_apart_from_it(check):
    # The table is stored under the other name of the pair, which only a call tells.
    m = Model(2, 4, 6)
    m.signature("wte.weight", "head.weight")
    m.store("head.weight", 9, 6)
    rows = m.add("Gather", "head.weight", m.ints("ids", 3, 1, 2, 0),
                 call="%embedding : [num_users=1] = call_function[target=torch.ops.aten.embedding.default](args = (%p_wte_weight, %x), kwargs = {})")
    first = m.store("embedding_1", 1, 6, folded_from=["wte.weight", "val_1"])
    said = check(m, m.add("Add", m.add("Mul", "x", rows), first), status=3).said
    assert "stored 'head.weight' twice" in said and "--freeze embedding_1" in said
    assert set(check(m, None, "--freeze", "embedding_1").trained) == {"head.weight"}
    # The other name is one of the same parameter.
    assert set(check(m, None, "--train", "wte*", "--freeze", "embedding_1").trained) == {"head.weight"}


def twice(m):
    """A table and its transpose, as exporters without a record store a tied embedding."""
    table = np.random.default_rng(6).standard_normal((9, 6)).astype(np.float32)
    rows = m.add("Gather", m.store("emb.weight", value=table), m.ints("ids", 3, 1, 2, 0))
    return m.add("MatMul", m.add("MatMul", m.add("Mul", "x", rows), m.store("w", 6, 6)), m.store("onnx::MatMul_7", value=table.T.copy()))


def test_a_flag_for_one_copy_is_for_both(check):
    m = Model()
    assert set(check(m, twice(m)).trained) == {"emb.weight", "w"}
    for name in ("emb.weight", "onnx*"):
        checked = check(m, None, "--freeze", name)
        assert set(checked.trained) == {"w"} and set(checked.frozen) == {"emb.weight", "onnx::MatMul_7"}
        checked = check(m, None, "--train", name)
        assert set(checked.trained) == {"emb.weight"} and "tied: onnx::MatMul_7 is emb.weight, transposed" in checked.said
    # A flag for each is the user's word.
    checked = check(m, None, "--freeze", "emb.weight", "--train", "auto", "--train", "onnx::MatMul_7")
    assert set(checked.trained) == {"w", "onnx::MatMul_7"}


def test_recorded_parameters_that_start_equal_are_not_one(check):
    # Layers that were made as copies of one.
    values = np.random.default_rng(7).standard_normal((6, 6)).astype(np.float32)
    for record in (True, False):
        m = Model()
        if record:
            m.signature("layers.0.weight", "layers.1.weight")
        value = m.add("MatMul", m.add("Tanh", m.add("MatMul", "x", m.store("layers.0.weight", value=values))), m.store("layers.1.weight", value=values))
        checked = check(m, value)
        assert len(checked.trained) == (2 if record else 1)


def test_a_file_that_lost_recorded_parameters_is_judged_by_roles(check):
    # The signature names a parameter of which no trace is left, and no folding is recorded.
    m = Model()
    m.signature("pos", "gone")
    value = m.add("Add", linear(m, "x"), m.store("bias", 6))
    checked = check(m, m.add("Mul", m.add("Add", value, m.store("pos", 4, 6)), m.store("t", 6)))
    assert set(checked.trained) == {"kernel", "bias", "pos"} and set(checked.listed) == {"t"}


def positions(m, name="embedding_1", value=None, shape=(1, 4, 6), sources=("arange", "val_1", "val_2", "pos.weight")):
    m.signature("fc.weight", "pos.weight")
    product = m.add("MatMul", "x", m.store("fc.weight", 6, 6))
    return m.add("Add", product, m.store(name, *shape, value=value, folded_from=sources))


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (1, 1, 4, 6)])
def test_a_lookup_without_a_row_twice_is_trained_as_stored(check, shape):
    m = Model(1, 2, 4, 6)
    checked = check(m, positions(m, shape=shape))
    assert set(checked.trained) == {"fc.weight", "pos.weight (stored as embedding_1)"}


def test_a_lookup_with_a_row_twice_is_refused_by_name(check):
    m = Model()
    rows = np.random.default_rng(0).standard_normal((1, 4, 6)).astype(np.float32)
    rows[0, 3] = rows[0, 1]
    value = positions(m, value=rows)
    said = check(m, value, status=3).said
    assert "'pos.weight', as 'embedding_1' (1x4x6): --freeze pos.weight keeps it constant" in said
    for name in ("pos.weight", "embedding_1", "pos*"):
        checked = check(m, None, "--freeze", name)
        assert set(checked.trained) == {"fc.weight"} and not checked.listed
    # Every row of a batch is a row twice.
    m = Model()
    check(m, positions(m, value=np.stack([rows[0]] * 2)), status=3)


@pytest.mark.parametrize("name", ["slice_1", "select", "narrow_2"])
def test_a_part_of_a_table_is_trained_as_stored_whatever_its_values(check, name):
    m = Model()
    value = positions(m, name=name, value=np.zeros((1, 4, 6), np.float32), sources=("pos.weight", "val_0", "val_1"))
    assert set(check(m, value).trained) == {"fc.weight", f"pos.weight (stored as {name})"}


def test_an_indexed_table_may_repeat_along_no_dimension(check):
    values = np.random.default_rng(3).standard_normal((4, 6)).astype(np.float32)
    m = Model()
    assert "pos.weight (stored as index)" in check(m, positions(m, name="index", value=values)).trained
    for repeated in (values[[0, 1, 2, 0]], values[:, [0, 1, 2, 3, 4, 0]]):
        m = Model()
        check(m, positions(m, name="index", value=repeated), status=3)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_a_table_of_distances_is_no_table_of_places(check, heads):
    # What lies along no dimension is twice there as a whole; each row is, along the diagonals.
    table = np.random.default_rng(4).standard_normal((7, heads)).astype(np.float32)
    distance = np.arange(4)[:, None] - np.arange(4)[None, :] + 3
    for name, values in [("index", table[distance]), ("permute", table[distance].transpose(2, 0, 1)), ("embedding", table[distance])]:
        m = Model(2, heads, 4, 4) if name == "permute" else Model(2, 4, 4, heads)
        m.signature("w.weight", "rel")
        bias = m.store(name, value=np.ascontiguousarray(values), folded_from=["rel", "arange", "sub", "unsqueeze", "index", "val_3"])
        said = check(m, m.add("Mul", m.add("Add", "x", bias), m.store("w.weight", 1)), status=3).said
        assert f"'rel', as '{name}'" in said


def test_a_transposed_lookup_is_trained_as_stored(check):
    m = Model(2, 6, 4)
    m.signature("pos.weight", "w")
    table = m.store("transpose", 1, 6, 4, folded_from=["pos.weight", "embedding_1", "arange", "val_1"])
    checked = check(m, m.add("MatMul", m.add("Add", "x", table), m.store("w", 4, 4)))
    assert set(checked.trained) == {"w", "pos.weight (stored as transpose)"}


@pytest.mark.parametrize("name,sources,shape", [
    ("exp", ["scale"], (6,)),                       # computed
    ("unsqueeze", ["exp", "scale", "val_1"], (1, 6)),  # computed, then rearranged
    ("mul_3", ["scale", "val_2"], (6,)),
    ("add", ["scale", "other"], (6,)),              # of two parameters
    ("slice_1", ["scale", "exp", "val_1"], (6,)),   # of what was computed
    ("val_5", ["scale", "val_2"], (6,)),            # a factor, perhaps
])
def test_what_is_computed_from_a_parameter_is_refused(check, name, sources, shape):
    m = Model()
    m.signature("fc.weight", "scale", "other")
    product = m.add("MatMul", "x", m.store("fc.weight", 6, 6))
    value = m.add("Mul", product, m.store(name, *shape, folded_from=sources))
    said = check(m, value, status=3).said
    assert f"as '{name}'" in said and "'scale'" in said
    assert set(check(m, None, "--freeze", name).trained) == {"fc.weight"}
    # What is chosen says what is not; but a parameter that is chosen must be there.
    assert set(check(m, None, "--train", "fc*").trained) == {"fc.weight"}
    check(m, None, "--train", "fc*", "--train", "scale", status=3)
    check(m, None, "--train", "*", status=3)
    check(m, None, "--freeze", "*", "--train", "fc*")


@pytest.mark.parametrize("name,sources", [("permute", ["scale"]), ("view_1", ["scale", "view_1/shape"]), ("unsqueeze", ["scale", "val_0"]),
                                          ("clone", ["scale", "permute"])])
def test_what_is_only_rearranged_is_trained_as_stored(check, name, sources):
    m = Model()
    m.signature("fc.weight", "scale")
    product = m.add("MatMul", "x", m.store("fc.weight", 6, 6))
    checked = check(m, m.add("Mul", product, m.store(name, 1, 6, folded_from=sources)))
    assert set(checked.trained) == {"fc.weight", f"scale (stored as {name})"}


def test_a_class_token_is_refused_where_it_was_expanded(check):
    def model(batch):
        m = Model(batch, 4, 6)
        m.signature("fc.weight", "cls")
        token = np.random.default_rng(1).standard_normal((1, 1, 6)).astype(np.float32)
        m.store("expand", value=np.repeat(token, batch, 0), folded_from=["cls", "val_3", "val_6"])
        product = m.add("MatMul", "x", m.store("fc.weight", 6, 6))
        return m, m.add("Concat", "expand", product, axis=1)
    said = check(*model(2), status=3).said
    assert "'cls', as 'expand' (2x1x6)" in said and "dpc.export" in said
    assert set(check(*model(1)).trained) == {"fc.weight", "cls (stored as expand)"}


def test_a_scaled_query_is_no_parameter(check):
    # Attention multiplies its query by a root of the scale before it multiplies the keys.
    m = Model(2, 4, 6)
    m.signature("fc.weight", "query")
    keys = m.add("Transpose", m.add("MatMul", "x", m.store("fc.weight", 6, 6)), perm=[0, 2, 1])
    call = ("%sdpa : [num_users=1] = call_function[target=torch.ops.aten.scaled_dot_product_attention.default]"
            "(args = (%p_query, %linear, %x), kwargs = {})")
    m.store("val_9", 1, 4, 6, folded_from=["query", "val_7"])
    assert "'query', as 'val_9'" in check(m, m.add("MatMul", "val_9", keys, call=call), status=3).said


def test_a_parameter_stored_twice_is_one(check):
    # Larger than what is compared without a record, and a weight at both places.
    values = np.random.default_rng(2).standard_normal((40, 40)).astype(np.float32)

    def model(second):
        m = Model(2, 4, 40)
        m.signature("w")
        first = m.add("MatMul", "x", m.store("w", value=values))
        return m, m.add("MatMul", first, m.store("val_1", value=second, folded_from=["w"]), call=linear_call("w"))
    checked = check(*model(values.T.copy()))
    assert set(checked.trained) == {"w"} and "tied: val_1 is w, transposed" in checked.said
    # Frozen by the framework's name, both are.
    m, value = model(values.T.copy())
    checked = check(m, m.add("MatMul", value, m.store("v.v", 40, 40)), "--train", "auto", "--train", "v.v", "--freeze", "w")
    assert set(checked.trained) == {"v.v"}
    said = check(*model(values[::-1].copy()), status=3).said
    assert "stored 'w' twice" in said and "--freeze val_1" in said


def test_a_buffer_under_its_usual_name_is_no_weight(check):
    # As rotary frequencies are multiplied with positions.
    m = Model(1, 4, 1)
    angles = m.add("MatMul", "x", m.store("rotary/inv_freq", 1, 3))
    checked = check(m, m.add("MatMul", angles, m.store("w", 3, 3)))
    assert set(checked.trained) == {"w"} and not checked.listed


@pytest.mark.parametrize("op", ["Mul", "Add", "Div", "Sub", "Reciprocal", "Sqrt", "ReduceSum", "Pow", "Gather", "Transpose", "Gemm", "Max", "Clip", "Concat"])
@pytest.mark.parametrize("count", [0, 1])
def test_nodes_with_too_few_operands_are_refused_and_end_nothing(check, op, count):
    # Before the operands are checked, roles have looked at them.
    m = Model()
    product = m.add("Add", linear(m, "x"), m.store("b", 6))
    odd = m.add(op, *[product][:count])
    value = m.add("Mul", m.add("Mul", m.add("Mul", product, odd), m.store("t", 6)), m.add("Sqrt", odd))
    done = subprocess.run(["dpc", "check", str(m.save(check.folder, m.add("Div", value, odd)))], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 3) and (done.returncode == 0 or "error:" in done.stderr), done.stderr


def test_chains_of_any_length_are_followed_to_an_end(check):
    m = Model()
    value = linear(m, "x")
    for _ in range(30000):
        value = m.add("Add", value, "one") if len(m.nodes) > 1 else m.add("Add", value, m.number("one", 1))
    vector = m.store("v", 6)
    for _ in range(30000):
        vector = m.add("Identity", vector)
    value = m.add("Add", m.add("Div", "x", m.add("Sqrt", value)), vector)
    assert set(check(m, m.add("Mul", value, m.store("t", 6))).listed) == {"t", "v"}
