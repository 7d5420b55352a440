# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a user types, right and wrong: values, misspellings, configurations, launchers, and names that are no text."""
import json
import os
import pathlib
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

from commands import execute, expect, output, succeed

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
MLP = SOURCE / "docs" / "mlp.onnxtxt"
COMMANDS = ["check", "compile", "run", "eval", "verify", "explain", "inspect", "export", "schedule"]
USAGE, DATA = 2, 9


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    out = tmp_path_factory.mktemp("mlp") / "m.dpc"
    succeed("dpc", "compile", MLP, "--init", "seed:1", "--pp", 2, "--micro-batches", 4, "--optimizer", "sgd", "-o", out)
    return out


def run(artifact, *more):
    return ["dpc", "run", artifact, "--data", "synthetic:1", "--checkpoint", "none", *more]


def test_every_command_knows_its_version():
    versions = {succeed("dpc", c, "--version").split()[-1] for c in COMMANDS} | {succeed("dpc", "--version").split()[-1]}
    assert len(versions) == 1 and versions.pop()[0].isdigit()


@pytest.mark.parametrize("flags, words", [
    (["--steps", "-1"], ["--steps", "'-1'", "at least 0"]),
    (["--epochs", "-1"], ["--epochs", "'-1'"]),
    (["--steps", "99999999999999999999"], ["fits 64 bits"]),
    (["--steps", "ten"], ["'ten' is not a whole number"]),
    (["--stpes", "20"], ["there is no flag --stpes", "did you mean --steps?"]),
    (["20", "--step"], ["there is no flag --step", "did you mean --steps?"]),
    (["20"], ["not understood: '20'"]),
    (["-lr", "1"], ["did you mean --lr?"]),
    (["--steps"], ["--steps needs a value"]),
    (["--lr", "2"], ["--lr is given more than once: 1 and 2"]),
    (["--lr-shedule", "cosine"], ["did you mean --lr-schedule?"]),
    (["--quantum-flux", "9"], ["there is no flag --quantum-flux"]),
])
def test_misspelt_flags_and_bad_values(artifact, flags, words):
    said = expect(*run(artifact, "--lr", 1, *flags), status=USAGE)
    for word in words:
        assert word in said, said
    assert "`dpc run --help`" in said and len(said.splitlines()) == 1


def test_misspelt_commands_and_schedules(artifact):
    assert "did you mean run?" in expect("dpc", "rnu", status=USAGE)
    assert "did you mean show?" in expect("dpc", "schedule", "shwo", status=USAGE)
    assert "did you mean dualpipe?" in expect("dpc", "schedule", "show", "dualpip", "--pp", 4, status=3)
    assert "did you mean --pp?" in expect("dpc", "schedule", "show", "dualpipe", "--ppp", 4, status=USAGE)
    assert "did you mean" not in expect("dpc", "schedule", "show", "qwertyuiop", status=3)


def test_print_config_round_trips(artifact, tmp_path):
    flags = ["--lr", 0.5, "--steps", 3, "--shuffle", 3, "--param-group", "fc1*:lr=2x", "--param-group", "fc2*:weight_decay=0,lr=0.3",
             "--optimizer-option", "weight_decay=0.1", "--log-every", 0, "--metrics", tmp_path / 'with "quotes".jsonl']
    printed = succeed(*run(artifact, *flags), "--print-config")
    (tmp_path / "c.toml").write_text(printed)
    assert succeed("dpc", "run", "--config", tmp_path / "c.toml", "--print-config") == printed
    succeed(*run(artifact, *flags))
    first = [json.loads(line).get("loss") for line in (tmp_path / 'with "quotes".jsonl').read_text().splitlines()]
    succeed("dpc", "run", "--config", tmp_path / "c.toml")
    assert [json.loads(line).get("loss") for line in (tmp_path / 'with "quotes".jsonl').read_text().splitlines()] == first
    # Flags win over the file; a key that is no flag is refused.
    assert "steps 1" in succeed("dpc", "run", "--config", tmp_path / "c.toml", "--steps", 1).replace("1 steps", "steps 1")
    (tmp_path / "bad.toml").write_text(printed + 'stpes="3"\n')
    assert "stpes" in expect("dpc", "run", "--config", tmp_path / "bad.toml", status=USAGE)
    compiled = succeed("dpc", "compile", MLP, "--init", "seed:1", "--pp", 2, "-o", tmp_path / "a.dpc", "--print-config")
    assert not (tmp_path / "a.dpc").exists()
    (tmp_path / "compile.toml").write_text(compiled)
    succeed("dpc", "compile", "--config", tmp_path / "compile.toml")
    assert json.loads((tmp_path / "a.dpc" / "manifest.json").read_text())["mesh"]["pp"] == 2


@pytest.mark.parametrize("variables, launcher", [({"WORLD_SIZE": "4", "RANK": "0"}, "torchrun"),
                                                 ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}, "Open MPI"),
                                                 ({"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_ID": "0"}, "srun"),
                                                 ({"PMI_SIZE": "2", "PMI_RANK": "1"}, "mpiexec")])
def test_a_launcher_s_world_that_is_not_joined_is_refused(artifact, variables, launcher):
    said = expect(*run(artifact, "--lr", 1, "--steps", 1, "--transport", "local"), status=USAGE, env={**os.environ, **variables})
    assert launcher in said and "would train the whole model by itself" in said
    said = expect("dpc", "eval", artifact, "--data", "synthetic:1", "--steps", 1, status=USAGE, env={**os.environ, **variables})
    assert launcher in said and "the whole model by itself" in said


@pytest.mark.parametrize("variables", [{"WORLD_SIZE": "1"}, {"SLURM_STEP_NUM_TASKS": "8"}, {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}])
def test_a_world_of_one_runs(artifact, variables):
    succeed(*run(artifact, "--lr", 1, "--steps", 1), env={**os.environ, **variables})


def test_eval_is_the_held_out_loss_of_a_run(artifact, tmp_path):
    rng = np.random.default_rng(1)
    save_file({"x": rng.standard_normal((9, 2, 8)).astype(np.float32), "labels": rng.integers(0, 4, (9, 2))}, tmp_path / "d.safetensors")
    held_out = ["--data", tmp_path / "d.safetensors"]
    trained = output("dpc", "run", artifact, "--data", "synthetic:1", "--lr", 0.1, "--steps", 5, "--checkpoint", tmp_path / "ck",
                     "--eval-data", tmp_path / "d.safetensors")
    wanted = trained.split("held-out loss ")[1].split()[0]
    evaluated = execute("dpc", "eval", artifact, *held_out, "--checkpoint", tmp_path / "ck")
    assert evaluated.stdout.startswith(f"loss {wanted} ") and "step-5" in evaluated.stderr and "the last 1 of 9 are left out" in evaluated.stderr
    initial = succeed("dpc", "eval", artifact, *held_out)
    assert "initial weights" in initial and f"loss {wanted} " not in initial
    assert "give one" in expect("dpc", "eval", artifact, *held_out, "--checkpoint", tmp_path / "ck", "--init-weights", "x", status=USAGE)


def test_rows_in_the_graph_s_own_dimension_are_micro_batches(artifact, tmp_path):
    rng = np.random.default_rng(2)
    x, labels = rng.standard_normal((4, 2, 8)).astype(np.float32), rng.integers(0, 4, (4, 2))

    def losses(name, **data):
        save_file(data, tmp_path / f"{name}.safetensors")
        succeed("dpc", "run", artifact, "--data", tmp_path / f"{name}.safetensors", "--lr", 0.1, "--checkpoint", "none", "--dump", tmp_path / name)
        return load_file(tmp_path / name / "step-1.safetensors")["loss"]

    wanted = losses("counted", x=x, labels=labels)
    np.testing.assert_array_equal(losses("rows", x=x.reshape(8, 8), labels=labels.reshape(8)), wanted)
    np.testing.assert_array_equal(losses("mixed", x=x.reshape(8, 8), labels=labels), wanted)
    same = losses("same", x=x, labels=labels[0])
    assert same[0] == wanted[0] and not np.array_equal(same, wanted)
    save_file({"x": x.reshape(8, 8)[:7], "labels": labels}, tmp_path / "odd.safetensors")
    assert "[7, 8]" in expect("dpc", "run", artifact, "--data", tmp_path / "odd.safetensors", "--lr", 1, status=DATA)


def test_names_from_files_cannot_write_to_the_terminal(tmp_path):
    evil = "w\x1b[2J\x1b[31m\u009b1m"
    weight = numpy_helper.from_array(np.ones((8, 8), np.float32) * np.arange(8, dtype=np.float32), evil)
    nodes = [helper.make_node("MatMul", ["x", evil], ["y"], name="mm\x07"), helper.make_node("NoSuchOperator\x1b[31m", ["y"], ["z"], name="no\x1b]0;title\x07"),
             helper.make_node("ReduceMean", ["z"], ["loss"], keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], [weight])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    nodes[1] = helper.make_node("Tanh", ["y"], ["z"], name="no\x1b]0;title\x07")
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], [weight])
    (tmp_path / "good.onnx").write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    succeed("dpc", "compile", tmp_path / "good.onnx", "-o", tmp_path / "good.dpc", "--train", "w*")
    for command in (["check", tmp_path / "m.onnx"], ["check", tmp_path / "good.onnx"], ["explain", tmp_path / "good.onnx"],
                    ["inspect", tmp_path / "good.dpc"], ["run", tmp_path / "good.dpc", "--data", tmp_path / "\x1b[31m.safetensors", "--lr", "1"]):
        done = subprocess.run(["dpc", *map(str, command)], capture_output=True, timeout=60)
        said = done.stdout + done.stderr
        assert said and not [b for b in said if (b < 0x20 and b not in b"\n\t") or b == 0x7f] and b"\xc2\x9b" not in said, said
    assert b"\\x1b[2J" in subprocess.run(["dpc", "check", tmp_path / "good.onnx"], capture_output=True).stdout
