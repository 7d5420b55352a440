# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the well-formed files that the fuzz targets start from, into corpus/NAME beside
this file: `make_corpus.py BIN`, where BIN holds a built dpc and dpc-run. Run it again when
a format changes. Files called crash-* are others: inputs that once broke something.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.helper import make_node, make_tensor_value_info
from safetensors.numpy import save

HERE = pathlib.Path(__file__).parent
CORPUS = HERE / "corpus"
SOURCE = HERE.parents[1]


def put(kind, name, data):
    (CORPUS / kind).mkdir(parents=True, exist_ok=True)
    (CORPUS / kind / name).write_bytes(data)


def in_parts(checkpoint):
    """The manifest as two processes write it: each half of every tensor. Its checksum is renewed where it is read."""
    manifest = json.loads(checkpoint)
    manifest["format_version"] = [2, 0]
    tensors = {}
    for parameter in manifest["parameters"]:
        for name in (parameter["name"], *(f"{parameter['name']}.{moment}" for moment in parameter["moments"])):
            tensors[name] = int(numpy.prod(parameter["shape"], dtype=int))
    half = {name: count // 2 for name, count in tensors.items()}
    parts = ([(name, 0, half[name]) for name in tensors], [(name, half[name], tensors[name] - half[name]) for name in tensors])
    manifest["files"] = [{**manifest["files"][0], "name": f"state-{process}.safetensors",
                          "parts": [{"tensor": name, "begin": begin, "count": count} for name, begin, count in own if count]}
                         for process, own in enumerate(parts)]
    return (json.dumps(manifest, indent=1) + "\n").encode()


def artifacts(binaries):
    """Programs and manifests of the documentation's model, compiled in a folder of their
    own: a manifest says where the model was, so no path of this machine may stay in it."""
    with tempfile.TemporaryDirectory() as scratch:
        def call(*command):
            subprocess.run([str(c) for c in command], cwd=scratch, check=True, capture_output=True)

        def text(file):
            return file.read_bytes().replace(os.path.realpath(scratch).encode(), b"/models")

        shutil.copy(SOURCE / "docs" / "mlp.onnxtxt", scratch)
        os.utime(pathlib.Path(scratch) / "mlp.onnxtxt", (1, 1))
        for name, *flags in (("alone", "--pp", 1, "--micro-batches", 1, "--optimizer", "sgd"),
                             ("1f1b", "--pp", 2, "--micro-batches", 2, "--schedule", "1f1b", "--optimizer", "adamw"),
                             ("dualpipe", "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "momentum"),
                             ("bf16", "--pp", 2, "--micro-batches", 2, "--schedule", "1f1b", "--optimizer", "adamw", "--precision", "bf16"),
                             ("sharded", "--pp", 2, "--dp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--optimizer", "adamw", "--shard-optimizer", "on")):
            call(binaries / "dpc", "compile", "mlp.onnxtxt", "--init", "seed:1", *flags, "-o", f"{name}.dpc")
            folder = pathlib.Path(scratch) / f"{name}.dpc"
            put("program", name, b"".join(file.read_bytes() for file in sorted(folder.glob("train_step.rank*.prog"))))
            put("manifest", f"{name}.json", text(folder / "manifest.json"))
            put("kernels", name, (folder / "kernels" / "cpu.table").read_bytes())
        put("manifest", "checksums", text(folder / "XXH128SUMS"))
        call(binaries / "dpc-run", "1f1b.dpc", "--data", "synthetic:1", "--steps", 1, "--lr", 0.01, "--checkpoint", "ck")
        checkpoint = text(next((pathlib.Path(scratch) / "ck").glob("step-*/manifest.json")))
        put("manifest", "checkpoint.json", checkpoint)
        put("manifest", "checkpoint-parts.json", in_parts(checkpoint))


def schedules():
    for name in ("1f1b-p2-m4", "dualpipe-p2-m4", "interleaved-p2-m4", "zb-v-p2-m4"):
        shutil.copy(SOURCE / "test" / "schedules" / f"{name}.txt", CORPUS / "schedule" / f"{name}.txt")
    put("schedule", "overlap.csv", b"0F0,0F1,(0F2;0B0)OVERLAP_F_B,0B1,0B2\r\n1F0,1B0,1F1,1I1,1W1,1F2,1B2\r\n")
    put("schedule", "messages.csv", b"0UNSHARD,0F0,0SEND_F0,,0RECV_B0,0B0,0REDUCE_GRAD\n,0RECV_F0,\"1F0\",1B0,1SEND_B0,1RESHARD\n")


def tensors():
    draw = numpy.random.default_rng(1)
    put("safetensors", "types", save({
        **{str(numpy.dtype(t)): numpy.arange(6).astype(t).reshape(2, 3) for t in ("f4", "f8", "f2", "i8", "u1", "i4", "i8", "u2", "u8", "bool")},
        "bf16": numpy.arange(4).astype(ml_dtypes.bfloat16)}))
    put("safetensors", "metadata", save({"h.0.weight": draw.normal(size=(2, 4)).astype("f4")}, {"format": "pt", "dpc.layout": "framework", "ü": "\\\"\n"}))
    put("safetensors", "empty", save({"rows": numpy.zeros((0, 4), "f4"), "scalar": numpy.zeros((), "i4"), "": numpy.zeros((3, 0), "u1")}))
    put("safetensors", "nothing", save({}))


def model(nodes, inputs, initializers=(), outputs=(("loss", TensorProto.FLOAT, []),), opset=20, **more):
    values = [make_tensor_value_info(*value) for value in inputs]
    graph = helper.make_graph(nodes, "g", values, [make_tensor_value_info(*o) for o in outputs], initializers)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="t", **more)


def weights(name, *shape, seed=1):
    return numpy_helper.from_array(numpy.random.default_rng(seed).normal(size=shape).astype("f4"), name)


def integers(name, *values):
    return numpy_helper.from_array(numpy.array(values, "i8"), name)


def summed(value, **more):
    return make_node("ReduceSum", [value], ["loss"], keepdims=0, **more)


F, I = TensorProto.FLOAT, TensorProto.INT64


def transformer():
    nodes = [make_node("Gather", ["wte", "tokens"], ["x"]), make_node("LayerNormalization", ["x", "ln.w", "ln.b"], ["n"], axis=-1, epsilon=1e-5),
             make_node("MatMul", ["n", "qkv"], ["a"]), make_node("Split", ["a", "parts"], ["q", "k", "v"], axis=-1),
             make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]), make_node("MatMul", ["q", "kt"], ["s"]),
             make_node("Where", ["mask", "s", "low"], ["ms"]), make_node("Softmax", ["ms"], ["p"], axis=-1),
             make_node("MatMul", ["p", "v"], ["o"]), make_node("Add", ["o", "x"], ["r"]), make_node("Gelu", ["r"], ["g"], approximate="tanh"),
             make_node("MatMul", ["g", "head"], ["logits"]), make_node("Reshape", ["logits", "flat"], ["l2"]),
             make_node("Reshape", ["labels", "flat1"], ["y"]),
             make_node("SoftmaxCrossEntropyLoss", ["l2", "y"], ["loss"], reduction="mean", ignore_index=-100)]
    stored = [weights("wte", 5, 4), weights("ln.w", 4), weights("ln.b", 4), weights("qkv", 4, 12), weights("head", 4, 5), integers("parts", 4, 4, 4),
              integers("flat", -1, 5), integers("flat1", -1), numpy_helper.from_array(numpy.tri(3).astype(bool), "mask"),
              numpy_helper.from_array(numpy.float32(-1e9), "low")]
    return model(nodes, [("tokens", I, [2, 3]), ("labels", I, [2, 3])], stored)


def functions():
    inner = helper.make_function("local", "scaled", ["a"], ["b"], [make_node("Constant", [], ["c"], value_float=2.0), make_node("Mul", ["a", "c"], ["b"])],
                                 [helper.make_opsetid("", 20)])
    shift = make_node("Constant", [], ["c"])
    shift.attribute.append(onnx.AttributeProto(name="value_float", ref_attr_name="by", type=onnx.AttributeProto.FLOAT))
    outer = helper.make_function("local", "shifted", ["a"], ["b"], [shift, make_node("scaled", ["a"], ["s"], domain="local"), make_node("Add", ["s", "c"], ["b"])],
                                 [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)], attributes=["by"])
    return model([make_node("Mul", ["x", "w"], ["m"]), make_node("shifted", ["m"], ["y"], domain="local", by=2.5), summed("y")], [("x", F, [2])], [weights("w", 2)],
                 functions=[inner, outer])


def branches(op):
    def body(name, inputs, nodes, outputs):
        return helper.make_graph(nodes, name, [make_tensor_value_info(*i) for i in inputs], [make_tensor_value_info(*o) for o in outputs])

    condition = numpy_helper.from_array(numpy.array(True), "yes")
    if op == "If":
        node = make_node("If", ["yes"], ["y"], then_branch=body("t", [], [make_node("Relu", ["x"], ["y1"])], [("y1", F, [2])]),
                         else_branch=body("e", [], [make_node("Constant", [], ["y2"], value=weights("c", 2))], [("y2", F, [2])]))
    elif op == "Loop":
        node = make_node("Loop", ["count", "yes", "x"], ["y"], body=body("b", [("i", I, []), ("go", TensorProto.BOOL, []), ("s", F, [2])],
                         [make_node("Add", ["s", "w"], ["s1"]), make_node("Identity", ["go"], ["go1"])], [("go1", TensorProto.BOOL, []), ("s1", F, [2])]))
    else:
        node = make_node("Scan", ["x", "x"], ["y", "all"], num_scan_inputs=1, body=body("b", [("s", F, [2]), ("e", F, [])],
                         [make_node("Add", ["s", "e"], ["s1"]), make_node("Mul", ["e", "e"], ["e1"])], [("s1", F, [2]), ("e1", F, [])]))
    return model([node, summed("y")], [("x", F, [2])], [weights("w", 2), integers("count", 3), condition])


def external(checksum):
    proto = model([make_node("MatMul", ["x", "w"], ["y"]), summed("y")], [("x", F, [2, 4])])
    tensor = proto.graph.initializer.add(name="w", data_type=F, dims=[4, 3], data_location=TensorProto.EXTERNAL)
    entries = {"location": "w.data", "offset": "16", "length": "48"}
    if checksum: # of what the target puts there
        entries["checksum"] = hashlib.sha1(b"?" * 64).hexdigest()
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return proto


def quantised():
    zero = [numpy_helper.from_array(numpy.int8(1), "z8"), numpy_helper.from_array(numpy.uint8(128), "zu8"), numpy_helper.from_array(numpy.float32(0.1), "s")]
    stored = [numpy_helper.from_array(numpy.arange(8, dtype="i1").reshape(4, 2), "q8"), helper.make_tensor("q4", TensorProto.INT4, [4, 2], [1, -2, 3, -4, 5, -6, 7, -8]),
              helper.make_tensor("f8", TensorProto.FLOAT8E4M3FN, [2], [1.0, 0.5])]
    nodes = [make_node("QuantizeLinear", ["x", "s", "zu8"], ["xq"]), make_node("DequantizeLinear", ["xq", "s", "zu8"], ["xd"]),
             make_node("DequantizeLinear", ["q8", "s", "z8"], ["w8"]), make_node("DequantizeLinear", ["q4", "s"], ["w4"]), make_node("Cast", ["f8"], ["b"], to=F),
             make_node("MatMul", ["xd", "w8"], ["y8"]), make_node("MatMul", ["x", "w4"], ["y4"]), make_node("Add", ["y8", "y4"], ["y"]), make_node("Add", ["y", "b"], ["yb"]),
             summed("yb")]
    return model(nodes, [("x", F, [2, 4])], zero + stored, opset=21)


def strings():
    return model([make_node("Equal", ["names", "wanted"], ["e"]), make_node("Cast", ["e"], ["f"], to=F), make_node("Mul", ["f", "w"], ["y"]), summed("y")],
                 [("names", TensorProto.STRING, [2])], [helper.make_tensor("wanted", TensorProto.STRING, [2], [b"a", b"\xff"]), weights("w", 2)])


def sparse():
    values, at = weights("w", 2), integers("at", 0, 3)
    node = make_node("Constant", [], ["c"], sparse_value=helper.make_sparse_tensor(weights("v", 1), integers("i", 2), [4]))
    proto = model([node, make_node("Mul", ["x", "c"], ["m"]), make_node("Mul", ["m", "w"], ["y"]), summed("y")], [("x", F, [4])])
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, at, [4]))
    return proto


def recorded():
    nodes = [make_node("Gemm", ["x", "val_1", "fc.bias"], ["h"], name="node_fc", transB=0), make_node("Relu", ["h"], ["y"], name="node_relu"), summed("y")]
    nodes[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'fc', 'linear']")
    nodes[1].metadata_props.add(key="namespace", value=": Net/act: ReLU/relu: aten.relu")
    proto = model(nodes, [("x", F, ["batch", 4])], [weights("val_1", 4, 2), weights("fc.bias", 2)], opset=18)
    proto.graph.input[0].type.tensor_type.shape.dim[0].ClearField("dim_param")
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3
    proto.metadata_props.add(key="dpc.state_dict", value='{"fc.weight": {"kind": "parameter", "trained": true, "shape": [2, 4], "initializer": "val_1", "transposed": true}, '
                             '"fc.bias": {"kind": "buffer", "shape": [2], "initializer": "fc.bias"}}')
    return proto


def signed():
    """What torch records: the program's inputs, and what values were folded from."""
    proto = model([make_node("MatMul", ["x", "val_0"], ["h"]), make_node("Add", ["h", "p_fc_bias"], ["y"]), summed("y")], [("x", F, [3, 4])],
                  [weights("val_0", 4, 2), weights("p_fc_bias", 2)], opset=18)
    proto.graph.metadata_props.add(key="pkg.torch.export.ExportedProgram.graph_signature",
                                   value="p_fc_weight: PARAMETER target='fc.weight'\np_fc_bias: PARAMETER target='fc.bias'\nb_mask: BUFFER target='mask' persistent=True")
    proto.metadata_props.add(key="dpc.parameter_names", value='{"p_fc_bias": "fc.bias"}')
    bias = proto.graph.initializer[1].metadata_props
    bias.add(key="pkg.torch.export.graph_signature.InputSpec.kind", value="PARAMETER")
    bias.add(key="pkg.torch.onnx.original_node_name", value="p_fc_bias")
    proto.graph.initializer[0].metadata_props.add(key="pkg.onnxscript.optimizer.folded_from", value="['p_fc_weight', 'val_1']")
    return proto


def sequences():
    nodes = [make_node("SplitToSequence", ["x", "sizes"], ["s"], axis=1), make_node("SequenceAt", ["s", "first"], ["a"]), make_node("ConcatFromSequence", ["s"], ["c"], axis=1),
             make_node("Einsum", ["c", "w"], ["e"], equation="ij,jk->ik"), make_node("Slice", ["e", "from", "to", "to", "to"], ["b"]), make_node("Concat", ["a", "b"], ["d"], axis=1),
             make_node("Pad", ["d", "pads"], ["p"], mode="constant"), make_node("TopK", ["p", "to"], ["t", "ti"]), make_node("ScatterElements", ["p", "places", "t"], ["z"], axis=1),
             make_node("CumSum", ["z", "zero"], ["u"]), summed("u")]
    return model(nodes, [("x", F, [2, 4])], [integers("sizes", 1, 3), numpy_helper.from_array(numpy.int64(0), "first"), integers("from", 0), integers("to", 1), integers("pads", 0, 1, 0, 0),
                                             numpy_helper.from_array(numpy.int64(0), "zero"),
                                             numpy_helper.from_array(numpy.array([[0], [2]]), "places"), weights("w", 4, 3)])


def convolutions():
    nodes = [make_node("Conv", ["x", "stem", "bias"], ["a"], auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[2, 2]), make_node("Relu", ["a"], ["r"]),
             make_node("Conv", ["r", "w"], ["b"], group=2, dilations=[1, 2], pads=[1, 0, 0, 3]), make_node("Reshape", ["b", "flat"], ["s"]),
             make_node("Conv", ["s", "v"], ["c"], strides=[3]), summed("c")]
    return model(nodes, [("x", F, [1, 3, 7, 6])], [weights("stem", 4, 3, 3, 3), weights("bias", 4), weights("w", 6, 2, 2, 2), weights("v", 2, 3, 4), integers("flat", 2, 3, -1)])


def models():
    for name, proto in (("transformer", transformer()), ("functions", functions()), ("if", branches("If")), ("loop", branches("Loop")), ("scan", branches("Scan")),
                        ("external", external(False)), ("external-checksum", external(True)), ("quantised", quantised()), ("strings", strings()), ("sparse", sparse()),
                        ("recorded", recorded()), ("signed", signed()), ("sequences", sequences()),
                        ("convolutions", convolutions())):
        put("onnx", f"{name}.onnx", proto.SerializeToString(deterministic=True))


if __name__ == "__main__":
    for kind in ("program", "manifest", "schedule", "safetensors", "onnx"):
        (CORPUS / kind).mkdir(parents=True, exist_ok=True)
        for old in (CORPUS / kind).iterdir():
            if not old.name.startswith("crash-"):
                old.unlink()
    schedules()
    tensors()
    models()
    artifacts(pathlib.Path(sys.argv[1]).resolve())
