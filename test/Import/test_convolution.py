# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The forms of ONNX's Conv, and what is refused of them. Shapes are also what ONNX's
own inference says.
"""
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


def imported(folder, x, w, bias=None, opset=20, weight_type=np.float32, **attributes):
    """One Conv, whose result is added up; what importing it says, and its result's shape."""
    stored = [numpy_helper.from_array(np.random.default_rng(1).standard_normal(w).astype(weight_type), "w")]
    if bias:
        stored.append(numpy_helper.from_array(np.linspace(0, 1, bias, dtype=np.float32), "b"))
    node = helper.make_node("Conv", ["x", "w", *(["b"] if bias else [])], ["y"], name="node", **attributes)
    total = helper.make_node("ReduceSum", ["y"], ["loss"], keepdims=0)
    graph = helper.make_graph([node, total], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
                              [helper.make_tensor_value_info("loss", TensorProto.FLOAT, [])], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save(model, path)
    return subprocess.run(["dpc-import-test", str(path)], capture_output=True, text=True, timeout=60), model


FORMS = [
    # The weight's shape says the kernel's; everything else is 1 or 0.
    ((1, 2, 5), (3, 2, 3), {}, "strides [1] dilations [1] low [0] high [0] groups 1"),
    ((1, 2, 5, 6), (3, 2, 3, 2), {"kernel_shape": [3, 2], "pads": [0, 1, 2, 0], "dilations": [1, 2]},
     "strides [1, 1] dilations [1, 2] low [0, 1] high [2, 0] groups 1"),
    ((1, 4, 5, 6), (4, 1, 3, 3), {"group": 4, "strides": [2, 1], "auto_pad": "NOTSET", "pads": [1, 1, 1, 1]},
     "strides [2, 1] dilations [1, 1] low [1, 1] high [1, 1] groups 4"),
    ((1, 2, 5, 6), (3, 2, 3, 2), {"auto_pad": "VALID", "strides": [2, 2]}, "strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] groups 1"),
    # 5 by 2 is 3 places, which read 7 elements; 6 by 2 is 3, which read 6.
    ((1, 2, 5, 6), (3, 2, 3, 2), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, "strides [2, 2] dilations [1, 1] low [1, 0] high [1, 0] groups 1"),
    # An odd element goes behind, or before.
    ((1, 2, 6), (3, 2, 3), {"auto_pad": "SAME_UPPER", "strides": [2]}, "strides [2] dilations [1] low [0] high [1] groups 1"),
    ((1, 2, 6), (3, 2, 3), {"auto_pad": "SAME_LOWER", "strides": [2]}, "strides [2] dilations [1] low [1] high [0] groups 1"),
    ((1, 2, 6, 6), (3, 2, 2, 3), {"auto_pad": "SAME_LOWER", "dilations": [3, 1]}, "strides [1, 1] dilations [3, 1] low [2, 1] high [1, 1] groups 1"),
    # Windows wider apart than they are long need no padding.
    ((1, 2, 7), (3, 2, 1), {"auto_pad": "SAME_UPPER", "strides": [3]}, "strides [3] dilations [1] low [0] high [0] groups 1"),
]


@pytest.mark.parametrize("x, w, attributes, window", FORMS)
@pytest.mark.parametrize("opset", [11, 22])
def test_a_form_is_one_convolution(tmp_path, x, w, attributes, window, opset):
    done, model = imported(tmp_path, x, w, opset=opset, **attributes)
    assert done.returncode == 0, done.stderr
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.value_info[0]
    shape = "x".join(str(d.dim_value) for d in inferred.type.tensor_type.shape.dim)
    [line] = [line for line in done.stdout.splitlines() if "nn.conv" in line]
    assert window in line
    assert line.endswith(f" to tensor<{shape}xf32>")
    assert "nn.pad" not in done.stdout


def test_padding_beyond_the_window_is_made_before(tmp_path):
    done, _ = imported(tmp_path, (1, 2, 5, 6), (3, 2, 2, 3), pads=[1, 4, 3, 2], dilations=[1, 1])
    assert done.returncode == 0, done.stderr
    assert "nn.pad %arg0 low [0, 0, 0, 2] high [0, 0, 2, 0] interior [0, 0, 0, 0] with 0.000000e+00 : f32 : tensor<1x2x5x6xf32> to tensor<1x2x7x8xf32>" in done.stdout
    assert "strides [1, 1] dilations [1, 1] low [1, 2] high [1, 2] groups 1 : tensor<1x2x7x8xf32>, tensor<3x2x2x3xf32> to tensor<1x3x8x10xf32>" in done.stdout


def test_a_dilated_window_can_be_padded_by_more_than_its_elements(tmp_path):
    done, _ = imported(tmp_path, (1, 2, 5), (3, 2, 2), pads=[4, 4], dilations=[4])
    assert done.returncode == 0, done.stderr
    assert "low [4] high [4]" in done.stdout and "nn.pad" not in done.stdout


@pytest.mark.parametrize("x, w, attributes, words", [
    ((1, 2, 3, 4, 5), (3, 2, 1, 1, 1), {}, "convolves over 3 spatial dimensions; dpc computes convolutions over 1 and 2"),
    ((1, 2), (3, 2), {}, "cannot convolve 1x2 with 3x2"),
    ((1, 2, 5), (3, 2, 1, 1), {}, "cannot convolve 1x2x5 with 3x2x1x1"),
    ((1, 2, 5), (3, 2, 3), {"kernel_shape": [2]}, "its kernel_shape 2 is not that of its weight, 3"),
    ((1, 2, 5), (3, 2, 3), {"strides": [0]}, "its strides [0] must be 1 numbers from 1 to 2147483647"),
    ((1, 2, 5), (3, 2, 3), {"dilations": [1, 1]}, "its dilations [1, 1] must be 1 numbers from 1"),
    ((1, 2, 5), (3, 2, 3), {"pads": [-1, 0]}, "its pads [-1, 0] must be 2 numbers from 0"),
    ((1, 2, 5), (3, 2, 3), {"pads": [1]}, "its pads [1] must be 2 numbers from 0"),
    ((1, 2, 5), (3, 2, 3), {"dilations": [2 ** 31 - 1]}, "cannot convolve with a kernel of 3"),
    ((1, 2, 5), (3, 2, 0), {}, "cannot convolve with a kernel of 0"),
    ((1, 2, 5), (3, 2, 3), {"dilations": [3]}, "slides a window of 7 elements over 5 with 0 of padding"),
    ((1, 2, 5), (3, 2, 3), {"auto_pad": "SAME"}, "its auto_pad 'SAME' must be NOTSET, SAME_UPPER, SAME_LOWER or VALID"),
    ((1, 2, 5), (3, 2, 3), {"auto_pad": "VALID", "pads": [1, 1]}, "has both pads and auto_pad VALID"),
    ((1, 3, 5), (4, 3, 3), {"group": 2}, "divides 3 input and 4 output channels into 2 groups"),
    ((1, 2, 5), (3, 2, 3), {"group": 0}, "divides 2 input and 3 output channels into 0 groups"),
    ((1, 4, 5), (4, 4, 3), {"group": 2}, "has 4 input channels in 2 groups, but a weight for 4 channels of each"),
    ((1, 2, 5), (3, 2, 3), {"bias": 2}, "its bias 2 does not fit 3 output channels"),
    ((1, 2, 5), (3, 2, 3), {"weight_type": np.float64}, "element types 'f32' and 'f64' differ"),
    ((2 ** 20, 2, 1), (2 ** 21, 2, 1), {}, "its result 1048576x2097152x1 has more than 2^40 elements"),
])
def test_what_is_no_convolution_is_refused_by_node(tmp_path, x, w, attributes, words):
    done, _ = imported(tmp_path, x, w, **attributes)
    assert done.returncode == 3
    assert f"node 'node' (Conv): {words}" in done.stderr
