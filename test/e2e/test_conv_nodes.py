# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's own node tests of Conv, as the onnx package generates them, through compiled programs: the weight becomes an
initializer that is trained, the expected output the target of a mean squared error, which is then as good as 0."""
import warnings

import numpy as np
import onnx
import pytest
from commands import succeed
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of other operators' tests
    from onnx.backend.test.case.node import collect_testcases
    CASES = {case.name: case for case in collect_testcases("Conv") if [node.op_type for node in case.model.graph.node] == ["Conv"]}


@pytest.mark.parametrize("precision", ["f32", "bf16"])
@pytest.mark.parametrize("name", CASES)
def test_node(name, precision, tmp_path):
    case = CASES[name]
    (inputs, outputs), = case.data_sets
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    names = [value.name for value in model.graph.input]
    for value, given in reversed(list(zip(list(model.graph.input), inputs))):
        if value.name != names[0]:
            model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(given), value.name))
            model.graph.input.remove(value)
    onnx.save(model, tmp_path / "m.onnx")
    # An error of one element shows in the mean of all squares; the second micro-batch is wrong by 1 everywhere.
    target = np.stack([outputs[0], outputs[0] - 1])
    save_file({names[0]: np.stack([inputs[0]] * 2), "labels": target.astype(np.float32)}, tmp_path / "x.safetensors")
    succeed("dpc", "compile", tmp_path / "m.onnx", "-o", tmp_path / "m.dpc", "--loss-op", "mse", "--logits", model.graph.output[0].name, "--labels", "labels",
            "--train", names[1], "--micro-batches", 2, "--optimizer", "sgd", "--precision", precision)
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", tmp_path / "x.safetensors", "--steps", 1, "--lr", 0.1, "--dump", tmp_path / "dump", "--checkpoint", "none")
    right, wrong = load_file(str(tmp_path / "dump" / "step-1.safetensors"))["loss"].reshape(-1)
    largest = float(np.abs(outputs[0]).max())
    assert right <= ((1e-6 if precision == "f32" else 2**-8) * largest) ** 2
    assert wrong == pytest.approx(1, abs=1e-5 if precision == "f32" else 2**-7 * largest + 2**-16 * largest**2)


def test_there_are_some():
    assert len(CASES) >= 6
