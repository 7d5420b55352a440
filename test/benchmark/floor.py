# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The least time that a training step of gpt2.py's model can take on one thread of this machine.

Every matmul and attention call of one micro-batch, forward and backward, replayed alone at its shapes and strides, fastest of many, times
the number of micro-batches; then 28 bytes per parameter for AdamW at the bandwidth of a copy. Nothing else is counted: no elementwise
work, no overhead, no bubble. PyTorch's calls where it is installed (attention is one fused call there), else oneDNN's, attention as its
two matmuls: `library` says which.
"""
import dataclasses
import pathlib
import subprocess
import sys
import time


@dataclasses.dataclass(frozen=True)
class Call:
    """out[m, n] = lhs[m, k] rhs[k, n], `batch` times; an operand may lie transposed. `count` such calls a micro-batch."""
    m: int
    n: int
    k: int
    lhs_transposed: bool
    rhs_transposed: bool
    count: int
    batch: int = 1

    @property
    def flops(self):
        return 2 * self.m * self.n * self.k * self.batch * self.count


def linear_calls(tokens, inputs, outputs, count):
    """y = x W^T, dx = dy W, dW = dy^T x; W is stored [outputs, inputs]."""
    return [Call(tokens, outputs, inputs, False, True, count), Call(tokens, inputs, outputs, False, False, count),
            Call(outputs, inputs, tokens, True, False, count)]


def linears(size):
    d = size.width
    calls = []
    for inputs, outputs in ((d, 3 * d), (d, d), (d, 4 * d), (4 * d, d)):
        calls += linear_calls(size.tokens, inputs, outputs, size.layers)
    return calls + linear_calls(size.tokens, d, size.vocabulary, 1)


def attention_calls(size):
    """q k^T, p v, and of the backward dp = dy v^T, dv = p^T dy, dq = ds k, dk = ds^T q."""
    s, d, batch = size.sequence, size.width // size.heads, size.batch * size.heads
    both = [Call(s, s, d, False, True, size.layers, batch)] * 2
    wide = [Call(s, d, s, transposed, False, size.layers, batch) for transposed in (False, True, False, True)]
    return both + wide


def fastest(run, budget=0.15):
    run()
    best, end, rounds = float("inf"), time.perf_counter() + budget, 0
    while rounds < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
        rounds += 1
    return best


def torch_floor(size):
    import torch
    import torch.nn.functional as functional

    torch.set_num_threads(1)
    seconds = 0.0
    with torch.no_grad():
        for call in linears(size):
            def matrix(rows, columns, transposed):
                return torch.randn(columns, rows).t() if transposed else torch.randn(rows, columns)
            lhs, rhs = matrix(call.m, call.k, call.lhs_transposed), matrix(call.k, call.n, call.rhs_transposed)
            bias = torch.randn(call.n)
            forward = call.rhs_transposed and not call.lhs_transposed
            seconds += call.count * fastest((lambda: torch.addmm(bias, lhs, rhs)) if forward else (lambda: torch.mm(lhs, rhs)))
    shape = (size.batch, size.heads, size.sequence, size.width // size.heads)
    q, k, v = (torch.randn(shape, requires_grad=True) for _ in range(3))
    attend = lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    with torch.no_grad():
        seconds += size.layers * fastest(attend)
    grad = torch.randn(shape)
    y = attend()
    seconds += size.layers * fastest(lambda: torch.autograd.grad(y, (q, k, v), grad, retain_graph=True))
    source, target = torch.randn(16 << 20), torch.empty(16 << 20)
    bandwidth = 2 * 4 * source.numel() / fastest(lambda: target.copy_(source), 0.5)
    return seconds, bandwidth, f"PyTorch {torch.__version__}"


def onednn_floor(size, tool):
    calls = linears(size) + attention_calls(size)
    lines = "".join(f"{c.m} {c.n} {c.k} {int(c.lhs_transposed)} {int(c.rhs_transposed)} {c.batch}\n" for c in calls)
    answer = subprocess.run([str(tool)], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    seconds = sum(call.count * float(line) for call, line in zip(calls, answer))
    return seconds, float(answer[len(calls)]), "oneDNN " + answer[len(calls) + 1]


def floor(size, tool):
    """Seconds of a step, and which library was taken. `tool` is the built matmul-floor."""
    try:
        seconds, bandwidth, library = torch_floor(size)
    except ImportError:
        seconds, bandwidth, library = onednn_floor(size, tool)
    return size.micro_batches * seconds + 28 * size.parameters / bandwidth, library


def eager(size, folder, steps=4):
    """Fastest step of eager PyTorch on one thread, in seconds, and its memory above that of the idle process; None without PyTorch."""
    script = pathlib.Path(__file__).with_name("eager.py")
    done = subprocess.run([sys.executable, str(script), str(folder), str(steps)], capture_output=True, text=True)
    if done.returncode:
        return None
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), int(memory)
