# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bad input from outside: one clear error, its exit status, and nothing left behind."""
import hashlib
import json
import os
import pathlib
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

from commands import call, ended
from seal import seal

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
USAGE, MODEL, NONFINITE, DATA, IO = 2, 3, 6, 9, 11


def compile_(model, folder, *options, status, words):
    """Compiles what must be refused; the folder must look as before."""
    before = sorted(folder.rglob("*"))
    done = call("dpc", "compile", model, "-o", folder / "out.dpc", "--optimizer", "sgd", *options)
    said = ended(done, status, *words)
    assert sorted(folder.rglob("*")) == before
    return said


def graph(nodes, outputs, inputs=None, initializers=(), opset=17):
    inputs = inputs or [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])]
    made = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def weight(name, *shape):
    rng = np.random.default_rng(len(name))
    return numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)


def scalar(name="loss"):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [])


def mean_of(node_outputs):
    return helper.make_node("ReduceMean", node_outputs, ["loss"], name="mean", keepdims=0)


@pytest.fixture
def save(tmp_path):
    def write(model, name="model.onnx"):
        path = tmp_path / name
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return path
    return write


def test_what_is_no_onnx_file(save, tmp_path):
    compile_(save(b"\x89PNG\r\n\x1a\n" * 20), tmp_path, status=MODEL, words=["model.onnx", "ONNX"])


def test_a_truncated_model(save, tmp_path):
    whole = (MODELS / "gpt2.onnx").read_bytes()
    compile_(save(whole[:len(whole) // 2]), tmp_path, status=MODEL, words=["model.onnx"])


def test_a_model_that_is_not_there(tmp_path):
    compile_(tmp_path / "none.onnx", tmp_path, status=MODEL, words=["none.onnx"])


def test_a_cycle_is_shown(save, tmp_path):
    nodes = [helper.make_node("Add", ["x", "b"], ["a"], name="first"), helper.make_node("Neg", ["a"], ["b"], name="second"), mean_of(["a"])]
    compile_(save(graph(nodes, [scalar()])), tmp_path, status=MODEL, words=["first", "second"])


def test_all_unknown_operators_are_listed(save, tmp_path):
    nodes = [helper.make_node("NoSuchOne", ["x"], ["a"], name="n1"), helper.make_node("NoSuchTwo", ["a"], ["b"], name="n2"),
             helper.make_node("NoSuchOne", ["b"], ["c"], name="n3"), mean_of(["c"])]
    said = compile_(save(graph(nodes, [scalar()])), tmp_path, status=MODEL, words=["NoSuchOne", "NoSuchTwo"])
    assert "2" in said


def test_an_unbound_dimension(save, tmp_path):
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm"), mean_of(["y"])]
    compile_(save(graph(nodes, [scalar()], inputs, [weight("w", 8, 8)])), tmp_path, status=MODEL, words=["batch", "--dim"])


def test_external_data_outside_the_folder(save, tmp_path):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[8, 8], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../etc/passwd")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm"), mean_of(["y"])]
    compile_(save(graph(nodes, [scalar()], None, [tensor])), tmp_path, status=MODEL, words=["../../etc/passwd"])


def test_no_loss(save, tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm")]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 8])
    compile_(save(graph(nodes, [out], None, [weight("w", 8, 8)])), tmp_path, status=MODEL, words=["dpc trains", "--loss"])


def test_a_loss_that_is_no_scalar(save, tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm")]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 8])
    compile_(save(graph(nodes, [out], None, [weight("w", 8, 8)])), tmp_path, "--loss", "y", status=MODEL, words=["y", "scalar"])


def test_accidental_ties(tmp_path):
    compile_(MODELS / "fresh_llama_merged.onnx", tmp_path, status=MODEL, words=["--tied", "all elements equal"])


GPT2 = [MODELS / "gpt2.onnx"]


def gpt2(tmp_path, *options, status, words):
    return compile_(MODELS / "gpt2.onnx", tmp_path, "--loss", "loss", *options, status=status, words=words)


def test_more_ranks_than_the_graph_has_stages(save, tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm"), mean_of(["y"])]
    compile_(save(graph(nodes, [scalar()], None, [weight("w", 8, 8)])), tmp_path, "--pp", 64, "--schedule", "1f1b", status=MODEL,
             words=["64"])


def test_an_odd_number_of_ranks_for_dualpipe(tmp_path):
    gpt2(tmp_path, "--pp", 3, "--schedule", "dualpipe", status=MODEL, words=["dualpipe", "even", "2", "4"])


def test_too_few_micro_batches_for_dualpipe(tmp_path):
    gpt2(tmp_path, "--pp", 4, "--micro-batches", 4, "--schedule", "dualpipe", status=MODEL, words=["dualpipe", "8"])


def test_an_unknown_schedule_names_those_there_are(tmp_path):
    gpt2(tmp_path, "--schedule", "dualpip", status=MODEL, words=["dualpip", "dualpipev", "1f1b"])


@pytest.mark.parametrize("options", [["--no-such-flag"], ["--pp", "many"], ["--pp", "0"], ["--pp", "-4"], ["--optimizer", "lion"]])
def test_flags(tmp_path, options):
    gpt2(tmp_path, *options, status=USAGE, words=[options[-1].lstrip("-")])


def test_an_output_that_exists(tmp_path):
    (tmp_path / "out.dpc").mkdir()
    gpt2(tmp_path, status=USAGE, words=["out.dpc", "--force"])


def test_an_output_path_that_cannot_be_written(tmp_path):
    done = call("dpc", "compile", MODELS / "gpt2.onnx", "--loss", "loss", "--optimizer", "sgd", "-o", "/proc/no/out.dpc")
    ended(done, IO, "/proc/no")


def test_a_full_disk(tmp_path):
    # A limit on the size of files stands in for a full disk: writes come short in the same way.
    before = sorted(tmp_path.rglob("*"))
    done = call("bash", "-c", f"ulimit -f 16; exec dpc compile {MODELS / 'gpt2.onnx'} --loss loss --optimizer sgd -o {tmp_path / 'out.dpc'}")
    said = ended(done, IO, "cannot write")
    assert sorted(tmp_path.rglob("*")) == before, said


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifact")
    done = call("dpc", "compile", *GPT2, "-o", folder / "gpt2.dpc", "--loss", "loss", "--optimizer", "sgd", "--pp", 2, "--micro-batches", 4,
                "--schedule", "1f1b")
    assert done.returncode == 0, done.stderr
    return folder / "gpt2.dpc"


@pytest.fixture(scope="module")
def inputs():
    return {k[3:]: v for k, v in load_file(str(MODELS / "gpt2.ref.safetensors")).items() if k.startswith("in/")}


def run(artifact, tmp_path, tensors, *options, steps=1, lr="0.1"):
    save_file(tensors, str(tmp_path / "data.safetensors"))
    return call("dpc", "run", artifact, "--data", tmp_path / "data.safetensors", "--steps", steps, "--lr", lr, *options)


def test_data_without_an_input(artifact, inputs, tmp_path):
    name = sorted(inputs)[0]
    ended(run(artifact, tmp_path, {k: v for k, v in inputs.items() if k != name}), DATA, name)


def test_data_of_a_wrong_shape(artifact, inputs, tmp_path):
    name = sorted(inputs)[0]
    wrong = dict(inputs, **{name: np.ascontiguousarray(inputs[name][..., :-1])})
    ended(run(artifact, tmp_path, wrong), DATA, name)


def test_data_of_a_wrong_type(artifact, inputs, tmp_path):
    name = sorted(inputs)[0]
    ended(run(artifact, tmp_path, dict(inputs, **{name: inputs[name].astype(np.float64)})), DATA, name, "f64", "i64")


def test_a_token_beyond_the_vocabulary(artifact, inputs, tmp_path):
    wrong = dict(inputs, input_ids=inputs["input_ids"].copy())
    limit = next(i["limit"] for i in json.loads((artifact / "manifest.json").read_text())["inputs"] if i["name"] == "input_ids")
    wrong["input_ids"][2, 0, 5] = limit
    ended(run(artifact, tmp_path, wrong), DATA, "'input_ids'", "element 5 of micro-batch 2", f"is {limit}", f"below {limit}")


def test_data_that_is_too_short(artifact, inputs, tmp_path):
    ended(run(artifact, tmp_path, inputs, steps=99), DATA, "99")


def test_data_that_is_not_there(artifact, tmp_path):
    ended(call("dpc", "run", artifact, "--data", tmp_path / "none.safetensors", "--steps", 1, "--lr", "0.1"), DATA, "none.safetensors")


def test_a_learning_rate_must_be_given(artifact, inputs, tmp_path):
    save_file(inputs, str(tmp_path / "data.safetensors"))
    ended(call("dpc", "run", artifact, "--data", tmp_path / "data.safetensors", "--steps", 1), USAGE, "--lr")


def test_a_loss_that_becomes_nan(artifact, inputs, tmp_path):
    ended(run(artifact, tmp_path, inputs, "--epochs", 0, steps=20, lr="1e30"), NONFINITE, "step")


@pytest.mark.parametrize("name", ["manifest.json", "train_step.rank1.prog", "kernels/cpu.so", "XXH128SUMS"])
def test_a_flipped_bit(artifact, inputs, tmp_path, name):
    copy = tmp_path / "copy.dpc"
    call("cp", "-r", artifact, copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    ended(run(copy, tmp_path, inputs), MODEL, name)
    ended(call("dpc", "inspect", copy), MODEL, name)


def test_a_newer_artifact_names_both_versions(artifact, inputs, tmp_path):
    copy = tmp_path / "copy.dpc"
    call("cp", "-r", artifact, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    mine, manifest["format_version"] = manifest["format_version"], [99, 0]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    seal(copy)
    ended(run(copy, tmp_path, inputs), MODEL, "has format version 99.0", f"reads {mine[0]}.x")


def test_an_artifact_of_an_older_format_is_to_be_compiled_again(artifact, inputs, tmp_path):
    """As builds wrote it whose checksums had another name."""
    copy = tmp_path / "copy.dpc"
    call("cp", "-r", artifact, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(dict(manifest, format_version=[1, 0])))
    (copy / "XXH128SUMS").rename(copy / "SHA256SUMS")
    ended(run(copy, tmp_path, inputs), MODEL, "has format version 1.0", "compile the model again")


def test_a_quantised_model_is_called_one(save, tmp_path):
    packed, scale, zero = (numpy_helper.from_array(a, n) for a, n in ((np.ones((8, 8), np.int8), "w"), (np.float32(0.1), "s"), (np.int8(0), "z")))
    nodes = [helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"], name="dq"), helper.make_node("MatMul", ["x", "wf"], ["y"], name="mm"), mean_of(["y"])]
    compile_(save(graph(nodes, [scalar()], None, [packed, scale, zero])), tmp_path, status=MODEL, words=["DequantizeLinear", "the model is quantised"])


def test_a_dimension_that_no_input_has(save, tmp_path):
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm"), mean_of(["y"])]
    path = save(graph(nodes, [scalar()], inputs, [weight("w", 8, 8)]))
    compile_(path, tmp_path, "--dim", "batch=2", "--dim", "bath=4", status=MODEL, words=["--dim names 'bath'", "did you mean batch?"])


def external(location, checksum=None):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[8, 8], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    if checksum:
        tensor.external_data.add(key="checksum", value=checksum)
    return graph([helper.make_node("MatMul", ["x", "w"], ["y"], name="mm"), mean_of(["y"])], [scalar()], None, [tensor])


def test_the_checksum_of_external_data(save, tmp_path):
    values = np.random.default_rng(1).standard_normal(64).astype(np.float32).tobytes()
    (tmp_path / "w.bin").write_bytes(values)
    digest = hashlib.sha1(values).hexdigest()
    for good in (digest, digest.upper()):
        assert call("dpc", "check", save(external("w.bin", good))).returncode == 0
    (tmp_path / "w.bin").write_bytes(values[:-1] + b"!")
    compile_(save(external("w.bin", digest)), tmp_path, status=MODEL, words=["'w'", "w.bin", digest, "damaged"])


def test_external_data_by_way_of_a_folder(save, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(np.random.default_rng(1).standard_normal(64).astype(np.float32).tobytes())
    assert call("dpc", "check", save(external("./sub/../sub/w.bin"))).returncode == 0
    compile_(save(external("sub/../../w.bin")), tmp_path, status=MODEL, words=["leaves the model's folder"])
    (tmp_path / "out").symlink_to("/etc")
    compile_(save(external("sub/../out/hostname")), tmp_path, status=MODEL, words=["outside the model's folder"])
