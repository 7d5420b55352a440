# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The checker finds every fault of order that does harm, the compiler emits no wait that could be missing, and
what the checker accepts computes the same in every order, or shows.

What does harm is found out by code of its own (test/tools/Conflicts.cpp, Hangs.cpp): every command of every run, every pair of
accesses, ranks that go on as far as they can. With DPC_TEST_ALL set every fault is planted, under all schedules."""
import os
import pathlib
import re
import shutil

import pytest
from safetensors.numpy import save_file

import experts
from commands import call, execute, output
from seal import seal

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
ALL = bool(os.environ.get("DPC_TEST_ALL"))
SCHEDULES = ["dualpipe", "zb-v", "interleaved"]
MORE = ["gpipe", "1f1b", "zb-h1", "zb-h2", "looped-bfs", "interleaved-zb", "combined-1f1b", "v-half", "v-min", "hanayo", "dualpipev", "chimera"]
OPTIONS = ["--pp", 4, "--micro-batches", 8, "--optimizer", "adamw"]


def lowered(folder, model, schedule):
    source = MODELS / f"{model}.onnx"
    if model == "experts":
        source = folder / "experts.mlir"
        source.write_text(experts.model(2, False, experts.LAYERS, 16))
    execute("dpc", "compile", source, *OPTIONS, "--schedule", schedule, "--compile-to", "lower", "--dump-phases", folder)
    return folder / "5-lower.mlir"


def plant(module, *options):
    """By kind of fault: planted, harmful, found of these, found otherwise, redundant, a question of values; and what was said."""
    said = output("dpc-order-mutants", module, *options)  # its status says that none was missed
    counts = {m[1]: tuple(map(int, m.groups()[1:])) for m in re.finditer(
        r"^([a-z -]+): (\d+) planted; (\d+) do harm, (\d+) of them found[^;]*; (\d+) found for another reason; (\d+) redundant; (\d+) a question of values$", said,
        re.M)}
    assert counts and not re.search("MISSED", said), said
    print(said)
    return counts, said


@pytest.mark.parametrize("schedule", SCHEDULES + MORE * ALL)
@pytest.mark.parametrize("model", ["gpt2", "llama", "moe", "experts"])
def test_every_wait_is_needed_and_found(tmp_path, model, schedule):
    """A block's collective that works in the workspace waits for the other stream to come to the block where it is not known to be told of
    the commands before; in some blocks with collectives it is told in a way that lowering does not see."""
    counts, said = plant(lowered(tmp_path, model, schedule), "--kinds", "^wait .*removed$")
    assert sum(harm for _, harm, _, _, _, _ in counts.values()) > 50, said
    for kind, (_, _, _, otherwise, redundant, values) in counts.items():
        assert values == 0 and redundant <= (3 if model == "experts" and kind == "wait in a block removed" else 0), said
        # The last command waits for the ends of all streams, whatever they touch.
        assert otherwise <= (4 if kind.endswith("of a command removed") else 0), said


@pytest.mark.parametrize("schedule", SCHEDULES + MORE * ALL)
@pytest.mark.parametrize("model", ["gpt2", "llama", "moe", "experts"])
def test_every_fault_of_order_that_does_harm_is_found(tmp_path, model, schedule):
    counts, said = plant(lowered(tmp_path, model, schedule), "--every", 1 if ALL else 30)
    for kind, (planted, harm, found, _, redundant, _) in counts.items():
        assert planted > 0 and found == harm, said
        # What holds back more than it has to orders all that was ordered.
        if kind in ("wait of an operand earlier", "record of a result later", "record of a transfer later"):
            assert redundant == planted, said
    assert sum(harm for _, harm, _, _, _, _ in counts.values()) > 20, said


@pytest.mark.parametrize("model, schedule, every", [("gpt2", "dualpipe", 30), ("experts", "zb-v", 100)] if not ALL else
                         [(model, schedule, 1) for model in ("gpt2", "llama", "moe", "experts") for schedule in SCHEDULES])
def test_what_is_accepted_computes_the_same_or_shows(tmp_path, model, schedule, every):
    module = lowered(tmp_path, model, schedule)
    (tmp_path / "survivors").mkdir()
    _, said = plant(module, "--every", every, "--survivors", tmp_path / "survivors")
    artifact = tmp_path / "model.dpc"
    execute("dpc", "compile", module, *OPTIONS, "--schedule", schedule, "-o", artifact)
    data = ["--data", "synthetic:1"]
    if model == "experts":
        save_file(experts.data(8)[0], str(tmp_path / "data.safetensors"))
        data = ["--data", tmp_path / "data.safetensors", "--epochs", 0]

    def steps(artifact, *options):
        """The bits of two steps; None if they are no numbers."""
        dump = tmp_path / "dump"
        done = call("dpc", "run", artifact, *data, "--steps", 2, "--lr", 1e-3, "--dump", dump, *options)
        assert done.returncode in (0, 6), done.stderr
        bits = [(dump / f"step-{step}.safetensors").read_bytes() for step in (1, 2)] if done.returncode == 0 else None
        shutil.rmtree(dump)
        return bits

    def differ(number):
        changed = tmp_path / "changed.dpc"
        shutil.copytree(artifact, changed)
        for program in (tmp_path / "survivors").glob(f"{number}.rank*.prog"):
            name = "train_step." + program.name.split(".", 1)[1]
            shutil.copy(program, changed / name)
            seal(changed, name)
        orders = ["0,policy=reverse", "1,messages=eager", "2,messages=serialised"]
        found = any(steps(changed, "--device", "virtual", "--seed-order", order) != right for order in orders)
        shutil.rmtree(changed)
        return found

    right = steps(artifact)
    counts = {"redundant": [0, 0], "a question of values": [0, 0]}
    for number, what, fault in re.findall(r"^(\d+): (redundant|a question of values): (.*)$", said, re.M):
        # Of all that is redundant a part is enough.
        if ALL and what == "redundant" and int(number) % 10:
            continue
        counts[what][0] += 1
        if differ(number):
            counts[what][1] += 1
            print("shows:", what, fault)
        else:
            print("does not show:", what, fault)
            # A number may be the same for every micro-batch, as the gradient of a loss that is added is.
            assert what == "redundant" or not fault.startswith("message removed") or fault.endswith("(4 bytes)"), fault
    print(counts)
    assert counts["redundant"][0] > 10 and counts["redundant"][1] == 0
    assert counts["a question of values"][1] > 0
