# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The checker finds every wait that is missing, and the compiler emits none that could be missing.

What a wait orders is found out by code of its own (test/tools/Conflicts.cpp): every command of every run, every pair of
accesses. With DPC_TEST_ALL set all schedules are looked at."""
import os
import pathlib
import re

import pytest

import experts
from commands import execute, output

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
SCHEDULES = ["dualpipe", "zb-v", "interleaved"]
if os.environ.get("DPC_TEST_ALL"):
    SCHEDULES += ["gpipe", "1f1b", "zb-h1", "zb-h2", "looped-bfs", "interleaved-zb", "combined-1f1b", "v-half", "v-min", "hanayo", "dualpipev", "chimera"]


def take_out_waits(folder, source, schedule):
    """Of each kind of wait: taken out, found because accesses were unordered, found otherwise, redundant; and what was said."""
    execute("dpc", "compile", source, "--pp", 4, "--micro-batches", 8, "--schedule", schedule, "--compile-to", "lower", "--dump-phases", folder)
    said = output("dpc-order-mutants", folder / "5-lower.mlir")  # its status says that none was missed
    counts = {m[1]: tuple(map(int, m.groups()[1:])) for m in re.finditer(
        r"^([a-z -]+): (\d+) taken out; (\d+) leave conflicts unordered and are found, (\d+) are found for another reason, (\d+) are redundant$", said, re.M)}
    assert sum(racing for _, racing, _, _ in counts.values()) > 50, said
    return counts, said


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("model", ["gpt2", "llama", "moe"])
def test_every_wait_is_needed_and_found(tmp_path, model, schedule):
    counts, said = take_out_waits(tmp_path, MODELS / f"{model}.onnx", schedule)
    for kind, (taken, racing, otherwise, redundant) in counts.items():
        assert redundant == 0, said
        # The last command waits for the ends of all streams, whatever they touch.
        assert otherwise <= (4 if kind == "wait of a command" else 0), said


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_wait_between_collectives_is_found(tmp_path, schedule):
    """Blocks of two streams: what one learns of the other within a block is not used, so that some waits are redundant."""
    (tmp_path / "experts.mlir").write_text(experts.model(2, False, experts.LAYERS, 16))
    take_out_waits(tmp_path, tmp_path / "experts.mlir", schedule)
