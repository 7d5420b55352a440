# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a compile leaves: one that is killed, two at one time, and what its summary says of stages."""
import json
import os
import pathlib
import signal
import subprocess
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
GPT2 = SOURCE / "test" / "models" / "gpt2.onnx"


def compile_(out, *more, status=0, **keywords):
    done = subprocess.run(["dpc", "compile", *map(str, more), "-o", str(out)], capture_output=True, text=True, timeout=120, **keywords)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_killed_compile_leaves_nothing_at_the_next(tmp_path):
    out, temporary = tmp_path / "a" / "m.dpc", tmp_path / "tmp"
    out.parent.mkdir()
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    for delay in (0.1, 0.4, 0.8, 1.2, 1.6):
        process = subprocess.Popen(["dpc", "compile", GPT2, "--pp", "4", "-o", out, "--force"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    compile_(out, GPT2, "--pp", 4, "--force", env=environment)
    assert [p.name for p in out.parent.iterdir()] == ["m.dpc"] and not list(temporary.iterdir())
    # What was there stays until the new one is complete.
    before = (out / "manifest.json").read_bytes()
    for delay in (0.2, 0.9, 1.3):
        process = subprocess.Popen(["dpc", "compile", GPT2, "--pp", "4", "-o", out, "--force"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait()
        assert (out / "manifest.json").read_bytes() == before


def test_neighbours_of_similar_names_are_left_alone(tmp_path):
    for name in ("m.dpc.old", "m.dpc.tmp", "m.dpc.tmp-12"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").write_text("x")
    compile_(tmp_path / "m.dpc", SOURCE / "docs" / "mlp.onnxtxt", "--init", "seed:1")
    compile_(tmp_path / "m.dpc", SOURCE / "docs" / "mlp.onnxtxt", "--init", "seed:1", "--force")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.dpc", "m.dpc.old", "m.dpc.tmp", "m.dpc.tmp-12"]


def test_costs_of_stages_are_those_that_explain_shows(tmp_path):
    said = compile_(tmp_path / "m.dpc", GPT2, "--pp", 4, "--micro-batches", 8, "--schedule", "1f1b", "--report", tmp_path / "r.json")
    explained = subprocess.run(["dpc", "explain", tmp_path / "m.dpc"], capture_output=True, text=True, check=True).stdout
    stages = json.loads((tmp_path / "r.json").read_text())["stages"]
    assert len(stages) == 4
    table = [line.split() for line in explained.splitlines() if line.startswith("  s") and "@stage" in line]
    for line, stage in zip(table, stages): # name, body, parameters, flops, …: the loss's own work included
        shown = next(other.split() for other in said.splitlines() if other.startswith(f"  {stage['name']} "))
        assert line[0] == stage["name"] and [w for w in line if w.endswith("flop")] == [w for w in shown if w.endswith("flop")]
        times = [float(line[i - 1]) * {"us": 1e-6, "ms": 1e-3, "s": 1}[w] for i, w in enumerate(line) if w in ("us", "ms", "s")]
        assert len(times) == 4 # F, I, W and their sum
        assert abs(stage["seconds"] - times[3]) < 0.05 * times[3], f"{shown}\n{line}"


def test_stages_without_work_are_noted(tmp_path):
    """A long chain of cheap operations behind one product: four stages have nothing to share."""
    weight = numpy_helper.from_array(np.random.default_rng(1).standard_normal((512, 512)).astype(np.float32), "fc.weight")
    nodes = [helper.make_node("MatMul", ["x", "fc.weight"], ["h0"], name="fc")]
    nodes += [helper.make_node("Tanh", [f"h{i}"], [f"h{i + 1}"], name=f"t{i}") for i in range(6)]
    nodes.append(helper.make_node("ReduceMean", ["h6"], ["loss"], keepdims=0, name="mean"))
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 512])],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], [weight])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    said = compile_(tmp_path / "m.dpc", tmp_path / "m.onnx", "--pp", 3, "--schedule", "1f1b")
    assert "hardly any work" in said, said
    assert "hardly any work" not in compile_(tmp_path / "g.dpc", GPT2, "--pp", 4)


def test_one_rank_gets_no_advice(tmp_path):
    assert "advice:" not in compile_(tmp_path / "m.dpc", GPT2, "--pp", 1, "--schedule", "gpipe", "--micro-batches", 8)
