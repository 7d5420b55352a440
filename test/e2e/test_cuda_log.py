# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the emulated driver has seen of a run on the device `cuda` (its log), and what a run says when a call fails."""
import json

import pytest

from commands import call, said
from emulated_gpu import EmulatedGpu, needs_emulator
from test_models import MODELS

pytestmark = needs_emulator


@pytest.fixture(scope="module")
def gpu(tmp_path_factory):
    return EmulatedGpu(tmp_path_factory.mktemp("gpu"))


def compiled(gpu, artifact, ranks):
    return gpu.compile(MODELS / "gpt2.onnx", artifact, "--pp", ranks, "--micro-batches", 2 * ranks, "--schedule", "1f1b", "--optimizer", "adamw")


def run(gpu, artifact, *emulator, steps=2):
    return call("dpc", "run", artifact, "--device", "cuda", "--data", "synthetic:1", "--epochs", 0, "--lr", 0.01, "--steps", steps, "--checkpoint", "none",
                env=gpu.environment(*emulator))


def test_steps_are_issued_from_one_thread_and_wait_for_nothing(gpu, tmp_path):
    steps = 5
    done = run(gpu, compiled(gpu, tmp_path / "m.dpc", 4), "seed=4", f"log={tmp_path / 'log'}", steps=steps)
    assert done.returncode == 0, said(done)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    # Only in steps does a queue wait for another. They begin behind the last call that waits before, and end before the next.
    waits = [i for i, line in enumerate(lines) if line.get("function") == "cuStreamWaitEvent"]
    begin = max(i for i, line in enumerate(lines[:waits[0]]) if line.get("waits")) + 1
    end = next(i for i, line in enumerate(lines) if i > waits[-1] and line.get("waits"))
    assert [line for line in lines[waits[0]:waits[-1]] if line.get("waits")] == []
    inside = lines[begin:end]
    calls = [line for line in inside if "function" in line]
    # Of a product, the part that is the driver's is noted apart, and has the command.
    work = [line["with"] for line in calls if "command" in line.get("with", {})]
    assert len(work) % steps == 0 and len(work) > 500
    assert len({line["thread"] for line in calls}) == 1
    assert {line["result"] for line in calls} <= {"CUDA_SUCCESS", "CUDA_ERROR_NOT_READY"}

    # A step is what repeats: each has the addresses of the one two steps before it, for inputs lie in two places in turn.
    each = len(work) // steps
    shape = [{name: value for name, value in line.items() if name not in ("command", "event")} for line in work]
    assert shape[:each] != shape[1:each + 1]
    for i in range(2 * each, len(shape)):
        assert shape[i] == shape[i - 2 * each], f"command {i % each} of step {i // each}"

    # The next step is issued while one runs.
    issued = {line["with"]["command"]: at for at, line in enumerate(inside) if "command" in line.get("with", {})}
    ran = {line["command"]: at for at, line in enumerate(lines[begin:]) if "ran" in line}
    first = [work[step * each]["command"] for step in range(steps)]
    assert all(issued[first[step + 1]] < max(ran[number] for number in range(first[step], first[step + 1])) for step in range(steps - 1))

    # Events are between queues alone.
    recorded = {}
    for line in calls:
        if line["function"] == "cuEventRecord":
            recorded[line["with"]["event"]] = line["with"]["stream"]
        if line["function"] == "cuStreamWaitEvent" and line["with"]["event"] in recorded:
            assert recorded[line["with"]["event"]] != line["with"]["stream"]


def test_failures_have_the_driver_s_name(gpu, tmp_path):
    artifact = compiled(gpu, tmp_path / "m.dpc", 2)
    for emulator, words in {"fail=cuLaunchKernel:20": ["CUDA_ERROR_UNKNOWN"],
                            "fault=launch:30:CUDA_ERROR_ILLEGAL_ADDRESS": ["CUDA_ERROR_ILLEGAL_ADDRESS"],
                            "fail=cublasLtMatmul:40:CUBLAS_STATUS_EXECUTION_FAILED": ["CUBLAS_STATUS_EXECUTION_FAILED"]}.items():
        done = run(gpu, artifact, emulator)
        assert done.returncode == 10, said(done)
        assert all(word in said(done) for word in words), said(done)
    done = run(gpu, artifact, "memory=1MiB")
    assert done.returncode == 8, said(done)
