# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Mistakes planted in a copy of the CUDA plug-in: the emulated driver finds each, and says which rule it breaks."""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from commands import call, output, said
from emulated_gpu import EmulatedGpu, needs_emulator
from test_models import MODELS

pytestmark = needs_emulator
SOURCE, BUILD = pathlib.Path(os.environ["DPC_SOURCE_DIR"]), pathlib.Path(os.environ["DPC_BUILD_DIR"])
FOLDER = SOURCE / "runtime" / "devices" / "cuda"
COMMANDS = BUILD / "compile_commands.json"
builds = pytest.mark.skipif(not shutil.which("ninja") or not COMMANDS.exists() or not (BUILD / "build.ninja").exists(),
                            reason="copies of the plug-in are built with ninja")
VIOLATED = 86


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """The emulated GPU, and an artifact for it."""
    gpu = EmulatedGpu(tmp_path_factory.mktemp("gpt2"))
    return gpu, gpu.compile(MODELS / "gpt2.onnx", gpu.folder / "m.dpc", "--pp", 2, "--micro-batches", 4, "--schedule", "1f1b", "--optimizer", "adamw")


def plant(folder, name, old, new):
    """A plug-in in which a line of a file is another, in a folder of its own."""
    text = (FOLDER / name).read_text()
    assert text.count(old) == 1, f"'{old}' stands {text.count(old)} times in {name}"
    changed, made = folder / name, folder / "changed.o"
    changed.write_text(text.replace(old, new))
    entry, = (e for e in json.loads(COMMANDS.read_text()) if e["file"].endswith(f"devices/cuda/{name}"))
    words = [word for word in shlex.split(entry["command"]) if not word.endswith("ccache")]
    at = words.index("-o")
    words[at + 1], words[words.index(entry["file"])] = str(made), str(changed)
    subprocess.run(words, cwd=entry["directory"], check=True)
    # An object that comes before the library is taken in place of the one in it.
    link = output("ninja", "-C", BUILD, "-t", "commands", "-s", "lib/libdpcrt-cuda.so")
    link, = (line for line in link.splitlines() if re.search(r"-o \S*libdpcrt-cuda\.so", line))
    link = re.sub(r"-o \S*libdpcrt-cuda\.so", f"-o {folder}/libdpcrt-cuda.so {made}", link)
    subprocess.run(link, shell=True, cwd=BUILD, check=True)
    # Plug-ins are looked for beside the program.
    shutil.copy2(shutil.which("dpc"), folder / "dpc")


def run(gpt2, *options, program="dpc", emulator="seed=1"):
    gpu, artifact = gpt2
    return call(program, "run", artifact, "--device", "cuda", "--data", "synthetic:1", "--epochs", 0, "--lr", 0.01, "--steps", 2, "--checkpoint", "none",
                *options, env=gpu.environment(emulator))


PLANTED = {
    "every wait is left out": (
        "CudaQueue.cpp", "driver.cuStreamWaitEvent(stream, event.handle, CU_EVENT_WAIT_DEFAULT)", "CUDA_SUCCESS",
        r"emulator: .* on stream \d+ (wrote|read) \d+ bytes at byte \d+ of .* on stream \d+ (wrote|read), and nothing orders them"),
    "an event is recorded on the wrong queue": (
        "CudaQueue.cpp", "driver.cuEventRecord(event.handle, stream)", "driver.cuEventRecord(event.handle, device.memory.ownStream())",
        r"emulator: .* and nothing orders them"),
    "memory is freed in use": (
        "CudaQueue.cpp", "return result == CUBLAS_STATUS_SUCCESS\n             ? Status()",
        "device.memory.freeScratch(workspace);\n  return result == CUBLAS_STATUS_SUCCESS\n             ? Status()",
        r"emulator: cuMemFree_v2: frees the \d+ bytes of allocation \d+ at \w+, which a product of .* on stream \d+ names"),
    "queues share a workspace": (
        "CudaQueue.cpp", "device.queueBytes += scratchBytes + workspaceBytes;\n}",
        "device.queueBytes += scratchBytes + workspaceBytes;\n  static CUdeviceptr shared = workspace;\n  workspace = shared;\n}",
        r"emulator: a product of .* wrote \d+ bytes at byte 0 of .* that a product of .* wrote, and nothing orders them"),
    "the host reads device memory": (
        "Memory.cpp", "if (isOnHost(from)) {", "if (bytes) {",
        r"emulator: the host touched device memory at \w+, which lies in the \d+ bytes of allocation"),
}


@builds
@pytest.mark.parametrize("what", PLANTED)
def test_planted(what, gpt2, tmp_path):
    name, old, new, message = PLANTED[what]
    plant(tmp_path, name, old, new)
    done = run(gpt2, "--dump", tmp_path / "dump", program=tmp_path / "dpc", emulator="policy=first")
    assert done.returncode == VIOLATED, said(done)
    assert re.search(message, said(done)), said(done)


@builds
def test_a_call_that_waits_in_a_capture(gpt2, tmp_path):
    plant(tmp_path, "CudaQueue.cpp", "  Context::Use use(context);\n  event.mark(name);",
          "  Context::Use use(context);\n  (void)driver.cuStreamSynchronize(stream);\n  event.mark(name);")
    assert run(gpt2, program=tmp_path / "dpc").returncode == 0
    done = run(gpt2, "--cuda-graphs", program=tmp_path / "dpc")
    assert done.returncode == 10, said(done)
    for words in ("emulator: note: a call that may wait or allocates is made while stream", "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"):
        assert words in said(done), said(done)


def test_a_step_that_does_not_wait_for_the_one_before(gpt2):
    log = gpt2[0].folder / "log"
    assert run(gpt2, emulator=f"policy=first,log={log}").returncode == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    waits = [i for i, line in enumerate(lines) if line.get("function") == "cuStreamWaitEvent"]
    # Those of the second step that wait for what the first has recorded.
    second = waits[len(waits) // 2:]
    across = []
    for number, i in enumerate(waits):
        event = lines[i]["with"]["event"]
        record = max(at for at in range(i) if lines[at].get("function") == "cuEventRecord" and lines[at]["with"]["event"] == event)
        if i in second and record < second[0]:
            across.append(number + 1)
    assert across
    found = [run(gpt2, emulator=f"policy=first,fault=skip:cuStreamWaitEvent:{number}") for number in across[:4]]
    assert VIOLATED in [done.returncode for done in found], [said(done) for done in found]
    for done in found:
        assert done.returncode == 0 or (done.returncode == VIOLATED and "nothing orders them" in said(done)), said(done)
