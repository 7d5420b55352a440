# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that communicate inside their layers, as nn IR, twice over: for several expert ranks, with collectives,
and for one rank that holds the tokens of all, where each collective is a rearrangement.

Each layer multiplies by a replicated weight, exchanges tokens or features, multiplies by weights that each
expert rank has for itself, exchanges back, and adds what it was given.
"""
import numpy as np

LAYERS = ["tokens", "heads", "features", "sum"]


class Writer:
    """Writes operations; values are (name, shape)."""

    def __init__(self, members, alone):
        # How many expert ranks the model is of, and whether this is the form for one rank.
        self.members, self.alone = members, alone
        self.parameters, self.lines, self.count = [], [], 0

    @staticmethod
    def type(shape, element="f32"):
        return "tensor<" + "".join(f"{d}x" for d in shape) + element + ">"

    def op(self, text, shape):
        name = f"%{self.count}"
        self.count += 1
        self.lines.append(f"    {name} = {text}")
        return name, list(shape)

    def parameter(self, name, shape, stddev):
        self.parameters.append((name, f'nn.parameter @"{name}" : {self.type(shape)} trained = #nn.init<normal, 7, {stddev} : f64>'))
        return self.op(f'nn.get @"{name}" : {self.type(shape)}', shape)

    def expert_parameter(self, name, shape, stddev):
        """What each expert rank has for itself: on one rank the first dimension tells them apart."""
        if self.alone:
            return self.parameter(name, [self.members, *shape], stddev)
        value = self.parameter(name, shape, stddev)
        self.parameters[-1] = (name, self.parameters[-1][1] + ' {nn.sharded = "ep"}')
        return value

    def move(self, kind, value, shape, text=""):
        if kind == "reshape" and value[1] == list(shape):
            return value
        return self.op(f"nn.{kind} {value[0]}{text} : {self.type(value[1])} to {self.type(shape)}", shape)

    def reshape(self, value, *shape):
        return self.move("reshape", value, shape)

    def transpose(self, value, *perm):
        return self.move("transpose", value, [value[1][p] for p in perm], f" {list(perm)}")

    def matmul(self, a, b):
        shape = [*a[1][:-1], b[1][-1]]
        return self.op(f"nn.matmul {a[0]}, {b[0]} : {self.type(a[1])}, {self.type(b[1])} to {self.type(shape)}", shape)

    def unary(self, kind, a):
        return self.op(f"nn.{kind} {a[0]} : {self.type(a[1])}", a[1])

    def add(self, a, b):
        return self.op(f"nn.add {a[0]}, {b[0]} : {self.type(a[1])}", a[1])

    def broadcast(self, value, shape, dims):
        return self.move("broadcast", value, shape, f" dims {dims}")

    def sum(self, value, axis):
        shape = [d for i, d in enumerate(value[1]) if i != axis]
        return self.move("reduce_sum", value, shape, f" [{axis}]")

    def exchange(self, value, split, concat):
        shape = list(value[1])
        shape[split] //= self.members
        shape[concat] *= self.members
        return self.move("all_to_all", value, shape, f' over "ep" split {split} concat {concat}')


def tokens(w, h, name, hidden):
    """Each expert gets an equal part of every rank's tokens."""
    rows, width, n = *h[1], w.members
    first = w.expert_parameter(name + ".up", [width, hidden], 0.1)
    second = w.expert_parameter(name + ".down", [hidden, width], 0.1)
    if not w.alone:
        h = w.exchange(h, 0, 0)
        return w.exchange(w.matmul(w.unary("relu", w.matmul(h, first)), second), 0, 0)
    h = w.reshape(w.transpose(w.reshape(h, n, n, rows // n // n, width), 1, 0, 2, 3), n, rows // n, width)
    h = w.matmul(w.unary("relu", w.matmul(h, first)), second)
    return w.reshape(w.transpose(w.reshape(h, n, n, rows // n // n, width), 1, 0, 2, 3), rows, width)


def heads(w, h, name, hidden):
    """Each rank gets some of the heads of all tokens: along dimension 1, so the parts are strided."""
    rows, width = h[1]
    count, each = 4, width // 4
    weight = w.expert_parameter(name + ".mix", [count // w.members, each, each], 0.3)
    h = w.reshape(h, rows, count, each)
    if not w.alone:
        h = w.exchange(h, 1, 0)
    else:
        weight = w.reshape(weight, count, each, each)
    h = w.transpose(w.unary("tanh", w.matmul(w.transpose(h, 1, 0, 2), weight)), 1, 0, 2)
    if not w.alone:
        h = w.exchange(h, 0, 1)
    return w.reshape(h, rows, width)


def features(w, h, name, hidden):
    """Every rank sees the features of all ranks' tokens and makes a part of the sum of each."""
    rows, width, n = *h[1], w.members
    weight = w.expert_parameter(name + ".cross", [n * width, n * width], 0.1)
    if not w.alone:
        h = w.move("all_gather", h, [rows, n * width], ' over "ep" axis 1')
        h = w.unary("relu", w.matmul(h, weight))
        return w.move("reduce_scatter", h, [rows, width], ' over "ep" axis 1')
    part = rows // n
    h = w.reshape(w.transpose(w.reshape(h, n, part, width), 1, 0, 2), part, n * width)
    h = w.unary("relu", w.matmul(w.broadcast(h, [n, part, n * width], [1, 2]), weight))
    h = w.transpose(w.reshape(w.sum(h, 0), part, n, width), 1, 0, 2)
    return w.reshape(h, rows, width)


def total(w, h, name, hidden):
    """The sum of what the ranks have at the same position."""
    rows, width, n = *h[1], w.members
    if not w.alone:
        return w.unary("tanh", w.op(f'nn.all_reduce {h[0]} over "ep" : {w.type(h[1])}', h[1]))
    h = w.sum(w.reshape(h, n, rows // n, width), 0)
    return w.reshape(w.unary("tanh", w.broadcast(h, [n, rows // n, width], [1, 2])), rows, width)


KINDS = {"tokens": tokens, "heads": heads, "features": features, "sum": total}


def model(members=2, alone=False, layers=LAYERS, rows=16, width=32, hidden=48, classes=24, weighting="denominator", gates=True):
    """The IR for each of `members` expert ranks with `rows` tokens, or `alone` for one rank with the tokens of all. `gates`:
    whether a replicated weight stands before each layer."""
    w = Writer(members, alone)
    every = rows * members if alone else rows
    h = x = ("%x", [every, width])
    for i, kind in enumerate(layers):
        name = f"layer{i}"
        u = w.matmul(h, w.parameter(name + ".gate", [width, width], 0.15)) if gates else h
        h = w.add(h, KINDS[kind](w, u, name, hidden))
    logits = w.matmul(h, w.parameter("head", [width, classes], 0.2))
    labels, scalar = w.type([every], "i64"), w.type([])
    w.lines.append(f"    %rows, %lse = nn.cross_entropy {logits[0]}, %labels ignore -100 : {w.type(logits[1])}, {labels}")
    if weighting == "denominator":
        ignored = w.op(f"nn.constant dense<-100> : {labels}", [every])
        counted = w.op(f"nn.compare ne, %labels, {ignored[0]} : {labels}", [every])
        one, zero = (w.op(f"nn.constant dense<{v}> : {w.type([every])}", [every]) for v in ("1.0", "0.0"))
        weights = w.op(f"nn.select {counted[0]}, {one[0]}, {zero[0]} : {w.type([every])}", [every])
        w.lines.append(f"    %loss, %den = nn.weighted_mean %rows, {weights[0]} : {w.type([every])}")
    else:
        # A sum over what a rank has; for a mean, as a part of all rows.
        part = w.op(f"nn.constant dense<{1.0 if weighting == 'sum' else 1.0 / every}> : {scalar}", [])
        summed = w.sum(("%rows", [every]), 0)
        w.lines.append(f"    %loss = nn.mul {summed[0]}, {part[0]} : {scalar}")
        w.lines.append(f"    %den = nn.constant dense<1.0> : {scalar}")
    return "\n".join([
        "module {" if alone else f"module attributes {{nn.mesh = {{ep = {members} : i64}}}} {{",
        *(f"  {text}" for _, text in w.parameters),
        f'  func.func @forward(%x: {w.type(x[1])} {{nn.name = "x"}}, %labels: {labels} {{nn.name = "labels"}})',
        f'      -> ({scalar}, {scalar}) attributes {{nn.weighting = "{weighting}"}} {{',
        *w.lines,
        f"    return %loss, %den : {scalar}, {scalar}",
        "  }",
        "}", ""])


def data(micro_batches, members=2, rows=16, width=32, classes=24, seed=1):
    """Inputs of the expert ranks, (micro-batch, rank, ...), and the same for one rank. Some labels are ignored, more on one rank
    than on others, so that the ranks' losses have different weights; all of one rank's in one micro-batch."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((micro_batches, members, rows, width)).astype(np.float32)
    labels = random.integers(0, classes, (micro_batches, members, rows))
    labels[:, 0, : rows // 4] = -100
    labels[1, 1, :] = -100
    apart = {"x": x, "labels": labels}
    together = {"x": x.reshape(micro_batches, members * rows, width), "labels": labels.reshape(micro_batches, members * rows)}
    return apart, together
