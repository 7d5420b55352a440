# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--check-mirrors: a bit that flips on one holder of a parameter ends the run in that step or the next, and before a checkpoint has it."""
import json
import os
import pathlib
import re
import shutil

import pytest
from safetensors.numpy import save_file

import experts
from commands import call, ended, output, refuse, said
from launchers import LAUNCHERS, environment, needs, telling, told
from test_data_parallel import Exported, Trained
from test_sharded_optimizer import same_bits

BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])
GPT2 = ["--optimizer", "adamw", "--schedule", "dualpipe", "--pp", 2, "--micro-batches", 4]


class Flipping:
    """dpc-run beside a device that flips a bit."""

    def __init__(self, folder):
        self.command = folder / "dpc-run"
        shutil.copy2(BUILD / "bin" / "dpc-run", self.command)
        for plugin in (BUILD / "lib").glob("libdpcrt-*.so"):
            (folder / plugin.name).symlink_to(BUILD / "test" / "flipping" / plugin.name if plugin.name == "libdpcrt-cpu.so" else plugin)

    def run(self, artifact, data, flip, *options, around=(), **more):
        return call(*around, self.command, artifact, "--data", data, "--epochs", 0, "--lr", 1e-3, *options,
                    env={**environment(), **({"DPC_FLIP": flip} if flip else {})}, **more)


class Artifact:
    def __init__(self, model, folder, *options):
        self.path, self.data = folder / "model.dpc", model.data
        output("dpc", "compile", model.file, "-o", self.path, *model.options, *options)
        parameters = [p for p in json.loads((self.path / "manifest.json").read_text())["parameters"] if p["trained"]]
        self.size = max(map(self.elements, parameters))
        # Those that may be hit.
        self.names = {p["name"] for p in parameters if self.elements(p) == self.size}

    @staticmethod
    def elements(parameter):
        count = 1
        for size in parameter["shape"]:
            count *= size
        return count

    def flip(self, operand, step, holders, bit):
        """`holders`: of each parameter, in the process where it happens."""
        return f"elements={self.size},operand={operand},after={(step - 1) * len(self.names) * holders},bit={bit}"

    def named(self, words, holders):
        """The message names a parameter, and two of its holders."""
        found = re.search(r"parameter '([^']*)'.* differs between rank (\d+) \(XXH3 [0-9a-f]+…\) and rank (\d+) ", words)
        assert found and found[1] in self.names, words
        assert {int(found[2]), int(found[3])} <= set(holders) and found[2] != found[3], words


@pytest.fixture(scope="module")
def flipping(tmp_path_factory):
    return Flipping(tmp_path_factory.mktemp("flipping"))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return Exported("gpt2", tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="module")
def mirrored(gpt2, tmp_path_factory):
    return Artifact(gpt2, tmp_path_factory.mktemp("mirrored"), *GPT2)


# A gradient's and a moment's lowest bits may be lost when they are made into a weight.
@pytest.mark.parametrize("what, operand, bit", [("weight", 0, 3), ("weight", 0, 31), ("gradient", 1, 22), ("moment 1", 2, 12), ("moment 2", 3, 12), ("moment 2", 3, 30)])
def test_a_flipped_bit_is_found_in_the_next_step(flipping, mirrored, what, operand, bit):
    done = flipping.run(mirrored.path, mirrored.data, mirrored.flip(operand, 2, 2, bit), "--steps", 6, "--check-mirrors", "--checkpoint", "none")
    mirrored.named(ended(done, 1, "step 3: ", "one of them has computed or stored it wrong"), [0, 1])


def test_a_rank_that_reads_its_memory_wrong(flipping, mirrored):
    flip = mirrored.flip(0, 2, 2, 17) + ",hash"
    done = flipping.run(mirrored.path, mirrored.data, flip, "--steps", 6, "--check-mirrors", "--checkpoint", "none")
    ended(done, 1, "step 2: ranks that hold the same parameters had different weights when they were hashed, and have the same now")
    # In a run that compares nothing it is never read.
    ended(flipping.run(mirrored.path, mirrored.data, flip, "--steps", 6, "--checkpoint", "none"), 0)


def test_without_the_flag_it_is_found_at_the_end(flipping, mirrored):
    done = flipping.run(mirrored.path, mirrored.data, mirrored.flip(0, 2, 2, 31), "--steps", 4, "--checkpoint", "none")
    words = ended(done, 1)
    assert "step 3: " not in words and "4 steps" in words, words


def test_no_checkpoint_has_it(flipping, mirrored, tmp_path):
    options = ["--steps", 6, "--check-mirrors", "--checkpoint", tmp_path / "kept", "--keep", 9]
    done = flipping.run(mirrored.path, mirrored.data, mirrored.flip(2, 3, 2, 12), *options, "--checkpoint-every", 1)
    mirrored.named(ended(done, 1), [0, 1])
    assert sorted(p.name for p in (tmp_path / "kept").glob("step-*")) == ["step-1", "step-2"]
    # What was kept before is whole: the run goes on from there.
    done = flipping.run(mirrored.path, mirrored.data, None, *options)
    assert "steps 3 to 6" in ended(done, 0)


def test_a_run_that_only_saves_at_its_end_saves_nothing(flipping, mirrored, tmp_path):
    done = flipping.run(mirrored.path, mirrored.data, mirrored.flip(0, 2, 2, 5), "--steps", 6, "--check-mirrors", "--checkpoint", tmp_path / "kept")
    ended(done, 1, "step 3: ")
    assert not list((tmp_path / "kept").glob("step-*"))


def test_of_four_holders(flipping, gpt2, tmp_path):
    artifact = Artifact(gpt2, tmp_path, "--optimizer", "sgd", "--schedule", "dualpipe", "--pp", 2, "--dp", 2, "--micro-batches", 4)
    done = flipping.run(artifact.path, gpt2.data, artifact.flip(1, 2, 4, 30), "--steps", 6, "--check-mirrors", "--checkpoint", "none")
    artifact.named(ended(done, 1, "step 3: "), [0, 1, 2, 3])


def test_masters(flipping, gpt2, tmp_path):
    # Their lowest bit is none of the weight's that is computed with.
    artifact = Artifact(gpt2, tmp_path, *GPT2, "--precision", "bf16")
    done = flipping.run(artifact.path, gpt2.data, artifact.flip(0, 2, 2, 12), "--steps", 6, "--check-mirrors", "--checkpoint", "none")
    artifact.named(ended(done, 1, "step 3: "), [0, 1])


@pytest.mark.parametrize("mpi", LAUNCHERS)
def test_between_processes(flipping, mirrored, tmp_path, mpi):
    script = tmp_path / "second.sh"
    script.write_text(f'#!/bin/sh\n[ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = 1 ] && export DPC_FLIP={mirrored.flip(0, 2, 1, 9)}\nexec "$@"\n')
    script.chmod(0o755)
    done = flipping.run(mirrored.path, mirrored.data, None, "--steps", 6, "--check-mirrors", "--checkpoint", tmp_path / "kept", "--checkpoint-every", 1,
                        around=[*LAUNCHERS[needs(mpi)], 2, *telling(tmp_path, script)])
    # Both find it. The launcher ends who has not ended yet, and has a status of its own.
    assert done.returncode != 0 and 1 in [status for status, _ in told(tmp_path).values()], said(done)
    mirrored.named(said(done), [0, 1])
    assert sorted(p.name for p in (tmp_path / "kept").glob("step-*")) == ["step-1"]


CASES = [("dualpipe", 2, 1, []), ("dualpipe", 4, 1, ["--precision", "bf16"]), ("1f1b", 2, 2, ["--shard-optimizer", "on"]), ("zb-v", 2, 3, []), ("dualpipe", 2, 2, ["--shard-optimizer", "on"])]


@pytest.mark.parametrize("schedule, pp, dp, options", CASES)
def test_a_run_without_a_fault_is_as_without_the_flag(gpt2, tmp_path, schedule, pp, dp, options):
    runs = []
    for name, more in (("plain", []), ("checked", ["--check-mirrors"])):
        (tmp_path / name).mkdir()
        runs.append(Trained(tmp_path / name, gpt2.file, gpt2.data, pp, dp, 4 if pp == 2 else 8, schedule, "adamw", 4, lr=1e-3,
                            compile_options=[*gpt2.options, *options], run_options=more))
    same_bits(*runs)


def test_expert_ranks_are_not_mirrors_of_each_other(tmp_path):
    source, data = tmp_path / "experts.mlir", tmp_path / "data.safetensors"
    source.write_text(experts.model(2, False, experts.LAYERS))
    save_file(experts.data(16)[0], str(data))
    for dp in (1, 2):
        (tmp_path / str(dp)).mkdir()
        Trained(tmp_path / str(dp), source, data, 2, dp, 4, "1f1b", "adamw", 3, lr=1e-2, run_options=["--check-mirrors"])


@pytest.mark.parametrize("order", ["1", "2,policy=reverse", "3,messages=eager"])
def test_on_a_device_that_takes_orders(mirrored, tmp_path, order):
    dumps = [tmp_path / "cpu", tmp_path / "virtual"]
    for dump, options in zip(dumps, ([], ["--device", "virtual", "--seed-order", order, "--check-mirrors"])):
        output("dpc", "run", mirrored.path, "--data", mirrored.data, "--epochs", 0, "--steps", 3, "--lr", 1e-3, "--checkpoint", "none", "--dump", dump, *options)
    for step in range(1, 4):
        files = [(d / f"step-{step}.safetensors").read_bytes() for d in dumps]
        assert files[0] == files[1]


def test_where_there_is_nothing_to_compare(gpt2, tmp_path):
    output("dpc", "compile", gpt2.file, "-o", tmp_path / "alone.dpc", *gpt2.options, "--schedule", "1f1b", "--pp", 1, "--micro-batches", 4)
    refuse(2, ["--check-mirrors: the artifact has nothing to compare", "--dp 2"],
           "dpc", "run", tmp_path / "alone.dpc", "--data", gpt2.data, "--lr", 1e-3, "--check-mirrors")


def test_nothing_is_computed_by_a_virtual_clock(mirrored):
    refuse(2, ["--check-mirrors", "--virtual-clock"],
           "dpc", "run", mirrored.path, "--data", "synthetic:1", "--steps", 2, "--lr", 1e-3, "--device", "virtual", "--virtual-clock", "--check-mirrors")
