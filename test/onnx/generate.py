# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes ONNX's node tests as folders that `dpc onnx-test` reads, from what the onnx package computes.

usage: generate.py FOLDER [OPERATOR...]

FOLDER/test_NAME/model.onnx and test_data_set_0/{input,output}_K.pb, as the package's own `backend-test-tools
generate-data` writes its model tests. Without operators: all of them, which takes a minute.
"""
import pathlib
import sys
import warnings

from onnx import numpy_helper

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the reference's arithmetic
    from onnx.backend.test.case.node import collect_testcases


def encode(value, info):
    if hasattr(value, "SerializeToString"):
        return value
    kind = info.type.WhichOneof("value")
    convert = {"sequence_type": numpy_helper.from_list, "map_type": numpy_helper.from_dict, "optional_type": numpy_helper.from_optional}
    return convert.get(kind, numpy_helper.from_array)(value, info.name)


def write(case, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    graph = case.model.graph
    for number, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir(exist_ok=True)
        for kind, values, infos in (("input", inputs, graph.input), ("output", outputs, graph.output)):
            for k, (value, info) in enumerate(zip(values, infos)):
                (data / f"{kind}_{k}.pb").write_bytes(encode(value, info).SerializeToString())


def main(folder, *operators):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [case for operator in operators or [None] for case in collect_testcases(operator)]
    written = 0
    for case in cases:
        if case.model is not None and case.data_sets:
            write(case, pathlib.Path(folder) / case.name)
            written += 1
    print(f"{written} tests")


if __name__ == "__main__":
    main(*sys.argv[1:])
