# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What --init draws for parameters that no norm operator reads: where a norm is written out, or is none of the known ones."""
import re
import subprocess

import pytest

from test_trained_tensors import Model, linear, normalize


def drawn(m, value, folder):
    """What each trained parameter is drawn as."""
    said = subprocess.run(["dpc-import-test", str(m.save(folder, value)), "--init-seed=1"], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    return dict(re.findall(r"nn\.parameter @(\w+) : .* trained = #nn\.init<(\w+)", said.stdout))


@pytest.mark.parametrize("form", ["div", "mul", "sum", "one_over", "rms", "rms_pow"])
def test_the_scale_of_a_norm_begins_as_ones_and_its_shift_as_zeros(tmp_path, form):
    m = Model()
    scaled = m.add("Mul", m.store("gamma", 6), normalize(m, linear(m, "x"), form))
    assert drawn(m, m.add("Add", scaled, m.store("beta", 6)), tmp_path) == {"kernel": "normal", "gamma": "ones", "beta": "zeros"}


def by_length(m, value, form):
    """Rows of length 1: divided by the root of a sum of squares, which is no norm whose scale would be known without a record."""
    square = m.add("ReduceSum", m.add("Mul", value, value), m.ints("last", -1))
    if form == "pow":
        return m.add("Mul", m.add("Pow", square, m.number("minus_half", -0.5)), value)
    root = m.add("Sqrt", square)
    if form == "div":
        return m.add("Div", value, m.add("Identity", root))
    if form == "reciprocal":
        return m.add("Mul", value, m.add("Reciprocal", root))
    return m.add("Mul", m.add("Div", m.number("one", 1), root), value)


@pytest.mark.parametrize("form", ["div", "reciprocal", "one_over", "pow"])
@pytest.mark.parametrize("shape", [(6,), (1, 1, 6), (1,)])
def test_a_gain_on_what_is_divided_by_a_root_begins_as_ones(tmp_path, form, shape):
    m = Model()
    m.signature("kernel", "gain")
    value = m.add("Mul", by_length(m, linear(m, "x"), form), m.store("gain", *shape))
    assert drawn(m, value, tmp_path) == {"kernel": "normal", "gain": "ones"}


@pytest.mark.parametrize("op, factor", [("Sqrt", "Mul"), ("Reciprocal", "Mul"), ("Exp", "Div")])
def test_a_gain_on_anything_else_is_drawn_as_a_weight(tmp_path, op, factor):
    # Times a root, times or by what is no root: nothing here is of length 1.
    m = Model()
    m.signature("kernel", "gain")
    value = linear(m, "x")
    value = m.add(factor, value, m.add(op, m.add("Mul", value, value)))
    assert drawn(m, m.add("Mul", value, m.store("gain", 6)), tmp_path) == {"kernel": "normal", "gain": "normal"}
