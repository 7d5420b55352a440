# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Mixed precision: products and what lies between them in bf16, trained in f32; and graphs that store 16 bits."""
import json
import re

import numpy as np
import onnx
import pytest
from commands import execute, expect, output, refuse, succeed
from onnx import TensorProto, helper
from safetensors.numpy import load_file, save_file
from test_evaluation import UNITS
from test_models import MODELS, Model, train

MIXED = ("--precision", "bf16")
LAYERS = {"gpt2": "transformer.h", "llama": "model.layers", "moe": "blocks"}
NAMES = list(LAYERS)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name in NAMES:
        save_file({k[3:]: v for k, v in Model(name).reference.items() if k.startswith("in/")}, str(folder / f"{name}.safetensors"))
    return folder


def first_loss(folder, name, data, ranks, schedule, threads=2, precision=MIXED):
    step, = train(folder, f"{name}.onnx", data / f"{name}.safetensors", ranks, schedule, "adamw", 8, 1, precision, ("--threads", threads, "--checkpoint", "none"))
    return step["loss"].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_first_losses_are_equal_over_ranks_schedules_and_threads(name, data, tmp_path):
    found = {first_loss(tmp_path, name, data, ranks, schedule, threads)
             for ranks, schedule, threads in [(1, "1f1b", 1), (2, "zb-h1", 2), (4, "1f1b", 3), (4, "dualpipe", 1), (4, "dualpipe", 4), (2, "dualpipev", 2)]}
    assert len(found) == 1
    assert found != {first_loss(tmp_path, name, data, 1, "1f1b", precision=())}


@pytest.mark.parametrize("name", NAMES)
def test_twenty_steps_follow_those_of_f32(name, data, tmp_path):
    losses = {}
    for precision in ((), MIXED):
        steps = train(tmp_path, f"{name}.onnx", data / f"{name}.safetensors", 4, "dualpipe", "adamw", 8, 20, precision, ("--checkpoint", "none"))
        losses[precision] = np.array([float(step["total_loss"].reshape(-1)[0]) for step in steps])
        for key, value in steps[-1].items():
            assert value.dtype == (np.float64 if key == "total_loss" else np.float32), key  # masters, gradients and moments
    assert losses[()][-1] < losses[()][0]
    np.testing.assert_allclose(losses[MIXED], losses[()], rtol=2e-2)


def arenas(artifact):
    """Bytes by name of arena, of all ranks."""
    found = {}
    for name, size, unit in re.findall(r"^  (\w+): .*, ([\d.]+) (\w+)$", output("dpc", "inspect", artifact, "--summary"), re.MULTILINE):
        found[name] = found.get(name, 0) + float(size) * UNITS[unit]
    return found


def message_bytes(artifact, ranks):
    """Of what ranks send each other in a step, but for scalars."""
    text = "".join(output("dpc", "inspect", artifact, "--rank", rank) for rank in range(ranks))
    sizes = [int(end) - int(begin) for begin, end in re.findall(r"send \w+ \w+\[(\d+)\.\.(\d+)\) to", text)]
    assert len(sizes) >= 3 * 8 * 2  # three cuts, eight micro-batches, there and back
    return sum(size for size in sizes if size > 4)


@pytest.mark.parametrize("name", NAMES)
def test_messages_and_kept_values_are_half_as_large(name, tmp_path):
    compiled = {}
    for kind, precision in {"f32": (), "bf16": MIXED}.items():
        compiled[kind] = tmp_path / f"{kind}.dpc"
        cuts = ",".join(f"after:{LAYERS[name]}.{layer}" for layer in range(3))  # the balance of costs depends on types
        succeed("dpc", "compile", MODELS / f"{name}.onnx", "-o", compiled[kind], "--pp", 4, "--micro-batches", 8, "--schedule", "1f1b", "--cuts", cuts, *precision)
    assert message_bytes(compiled["bf16"], 4) == message_bytes(compiled["f32"], 4) / 2
    wide, narrow = arenas(compiled["f32"]), arenas(compiled["bf16"])
    assert narrow["stash"] <= 0.6 * wide["stash"]
    assert narrow["gradients"] == pytest.approx(wide["gradients"], rel=1e-2) and narrow["masters"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_product_reads_bf16(name, tmp_path):
    succeed("dpc", "compile", MODELS / f"{name}.onnx", "-o", tmp_path / "m.dpc", "--pp", 2, *MIXED)
    calls = re.findall(r"^  \d+: matmul\(read \d+ (\w+), read \d+ (\w+), (?:read-)?write \d+ (\w+), write \d+ u8\)", output("dpc", "inspect", tmp_path / "m.dpc"), re.MULTILINE)
    assert len(calls) > 10
    # Weight gradients are added up in f32, and not rounded on the way.
    assert set(calls) == {("bf16", "bf16", "bf16"), ("bf16", "bf16", "f32")}


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_verified_against_the_interpreter(name, tmp_path):
    succeed("dpc", "compile", MODELS / f"{name}.onnx", "-o", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 4, *MIXED)
    expect("dpc", "verify", tmp_path / "m.dpc", words=["verified: 1 step"])


def test_what_is_kept_is_the_master(data, tmp_path):
    """A resumed run goes on bit for bit, and what is exported has the model's own types."""
    artifact = tmp_path / "m.dpc"
    succeed("dpc", "compile", MODELS / "gpt2.onnx", "-o", artifact, "--pp", 2, "--micro-batches", 8, *MIXED)
    run = ("dpc", "run", artifact, "--data", data / "gpt2.safetensors", "--epochs", 0, "--lr", 1e-3)
    succeed(*run, "--steps", 4, "--dump", tmp_path / "whole", "--checkpoint", "none")
    succeed(*run, "--steps", 2, "--checkpoint", tmp_path / "kept", "--dump", tmp_path / "first")
    succeed(*run, "--steps", 4, "--checkpoint", tmp_path / "kept", "--resume", "auto", "--dump", tmp_path / "second")
    one, two = (load_file(str(tmp_path / name / "step-4.safetensors")) for name in ("whole", "second"))
    assert one.keys() == two.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], two[key], err_msg=key)
    succeed("dpc", "export", artifact, "--checkpoint", tmp_path / "kept", "-o", tmp_path / "trained.onnx")
    exported = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(tmp_path / "trained.onnx").graph.initializer}
    compared = 0
    for key, value in one.items():
        if key.startswith("param/") and key[6:] in exported:
            assert exported[key[6:]].dtype == np.float32
            np.testing.assert_array_equal(exported[key[6:]], value)
            compared += bool((value.view(np.uint32) & 0xffff).any())  # more than 16 bits
    assert compared > 10


def stored_in(kind, folder):
    """x [4, 6] and two products with weights of 16 bits; the mean of their squares."""
    rng = np.random.default_rng(7)
    weights = {"first.weight": rng.standard_normal((6, 8)), "second.weight": rng.standard_normal((8, 3))}
    to_bits = (lambda a: (a.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)) if kind == TensorProto.BFLOAT16 else (lambda a: a.astype(np.float16).view(np.uint16))
    initializers = [helper.make_tensor(name, kind, value.shape, to_bits(value).tobytes(), raw=True) for name, value in weights.items()]
    cast = lambda given, made, to: helper.make_node("Cast", [given], [made], name=f"to_{made}", to=to)  # noqa: E731
    nodes = [cast("x", "h", kind), helper.make_node("MatMul", ["h", "first.weight"], ["a"], name="first"), helper.make_node("Tanh", ["a"], ["t"], name="tanh"),
             helper.make_node("MatMul", ["t", "second.weight"], ["b"], name="second"), cast("b", "y", TensorProto.FLOAT),
             helper.make_node("Mul", ["y", "y"], ["s"], name="square"), helper.make_node("ReduceMean", ["s"], ["loss"], name="mean", keepdims=0)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 6])], [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])],
                              initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "m.onnx")
    save_file({"x": rng.standard_normal((2, 4, 6)).astype(np.float32)}, folder / "x.safetensors")


@pytest.mark.parametrize("name, kind", [("bf16", TensorProto.BFLOAT16), ("f16", TensorProto.FLOAT16)])
def test_weights_stored_in_16_bits_are_trained_in_f32(name, kind, tmp_path):
    stored_in(kind, tmp_path)
    artifact, run = tmp_path / "m.dpc", ("--data", tmp_path / "x.safetensors", "--epochs", 0, "--lr", 1e-4, "--checkpoint", tmp_path / "kept")
    expect("dpc", "compile", tmp_path / "m.onnx", "-o", artifact, "--pp", 2, "--micro-batches", 2, "--optimizer", "sgd",
           words=[f"2 parameters are stored as {name} and trained as f32 (masters), of which {name} copies are computed with"])
    before = {t.name: t.raw_data for t in onnx.load(tmp_path / "m.onnx").graph.initializer}
    # Nothing trained: what is exported is what was read.
    succeed("dpc", "export", artifact, "-o", tmp_path / "same.onnx")
    assert {t.name: t.raw_data for t in onnx.load(tmp_path / "same.onnx").graph.initializer} == before
    # Updates far below what 16 bits can tell apart add up.
    succeed("dpc", "run", artifact, *run, "--steps", 30, "--dump", tmp_path / "dump")
    first, last = (load_file(str(tmp_path / "dump" / f"step-{n}.safetensors")) for n in (1, 30))
    for key in ("param/first.weight", "param/second.weight"):
        assert first[key].dtype == np.float32
        moved = np.abs(last[key] - first[key])
        assert (moved > 0).all() and moved.max() < 0.1
    assert last["total_loss"] < first["total_loss"]
    expect("dpc", "verify", artifact, "--data", tmp_path / "x.safetensors", words=["verified: 1 step"])
    succeed("dpc", "export", artifact, "--checkpoint", tmp_path / "kept", "-o", tmp_path / "trained.onnx")
    for tensor in onnx.load(tmp_path / "trained.onnx").graph.initializer:
        assert tensor.data_type == kind and len(tensor.raw_data) == len(before[tensor.name])
        bits = np.frombuffer(tensor.raw_data, np.uint16)
        got = (bits.astype(np.uint32) << 16).view(np.float32) if kind == TensorProto.BFLOAT16 else bits.view(np.float16).astype(np.float32)
        np.testing.assert_allclose(got, last[f"param/{tensor.name}"].reshape(-1), rtol=2**-8)


def test_where_nothing_is_f32_it_says_so(tmp_path):
    stored_in(TensorProto.FLOAT16, tmp_path)
    expect("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", *MIXED, words=["precision bf16 changes nothing"])


def test_an_unknown_precision_is_refused(tmp_path):
    refuse(2, ["--precision", "fp8"], "dpc", "compile", MODELS / "gpt2.onnx", "-o", tmp_path / "m.dpc", "--precision", "fp8")


def test_an_artifact_says_its_precision_and_cannot_be_asked_for_another(tmp_path):
    artifact = tmp_path / "m.dpc"
    succeed("dpc", "compile", MODELS / "gpt2.onnx", "-o", artifact, "--pp", 2, *MIXED)
    assert json.loads((artifact / "manifest.json").read_text())["config"]["precision"] == "bf16"
    expect("dpc", "explain", artifact, words=["precision: bf16"])
    refuse(2, ["--precision", "read with its flags already"], "dpc", "explain", artifact, "--precision", "f32")


def test_a_dump_keeps_its_precision_and_takes_no_other(tmp_path):
    for kind, precision in {"wide": (), "narrow": MIXED}.items():
        succeed("dpc", "compile", MODELS / "gpt2.onnx", "--compile-to", "import", "--dump-phases", tmp_path / kind, *precision)
    refuse(2, ["--precision bf16", "has been through the import phase in f32"], "dpc", "compile", tmp_path / "wide" / "0-import.mlir", "-o", tmp_path / "m.dpc", *MIXED)
    for more in ((), MIXED):
        succeed("dpc", "compile", tmp_path / "narrow" / "0-import.mlir", "-o", tmp_path / "m.dpc", "--force", *more)
        assert json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())["config"]["precision"] == "bf16"


def test_a_weight_is_drawn_in_its_masters_type(tmp_path):
    """Drawn values do not depend on what is computed with."""
    drawn = []
    for precision in ((), MIXED):
        succeed("dpc", "compile", MODELS / "gpt2.onnx", "-o", tmp_path / "m.dpc", "--force", "--init", "seed:3", *precision)
        execute("dpc", "run", tmp_path / "m.dpc", "--data", "synthetic:1", "--steps", 1, "--lr", 0, "--dump", tmp_path / "dump", "--checkpoint", "none")
        drawn.append({k: v for k, v in load_file(str(tmp_path / "dump" / "step-1.safetensors")).items() if k.startswith("param/")})
    assert drawn[0].keys() == drawn[1].keys()
    for key in drawn[0]:
        np.testing.assert_array_equal(drawn[0][key], drawn[1][key], err_msg=key)
