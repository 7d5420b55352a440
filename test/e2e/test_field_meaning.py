# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models from the field on which training once meant something else than the graph does, or did not compile."""
import json
import shutil

import pytest
from commands import refuse, succeed
from field import DATA, FIELD, MODEL, USAGE, check, compile_, dumped, run
from seal import seal

EMPTY = FIELD / "empty_tensors"


@pytest.mark.parametrize("name, data", [("concat_empty_const", "data"), ("split_zero", "data"), ("slice_zero", "data"),
                                        ("empty_input", "past"), ("reshape0", "data")])
def test_tensors_without_elements_are_ordinary(name, data, tmp_path):
    out = compile_(EMPTY / f"{name}.onnx", tmp_path / "m.dpc", "--micro-batches", 4)
    assert ("'past' (0x6) is left out" in out) == (name == "empty_input"), out
    run(tmp_path / "m.dpc", EMPTY / f"{data}.safetensors", tmp_path / "dump")
    check(EMPTY / "expected.json", tmp_path / "dump")


@pytest.mark.parametrize("name, words", [("batch0", ["'x' (0x6), 'y' (0x6)", "at least one sample"]),
                                         ("allowzero", ["Reshape_out", "cannot reshape 4x6 to 0x-1", "allowzero"])])
def test_what_has_no_value_is_refused_before_anything_is_written(name, words, tmp_path):
    said = refuse(MODEL, words, "dpc", "compile", EMPTY / f"{name}.onnx", "-o", tmp_path / "m.dpc", "--optimizer", "sgd")
    assert said.count("error:") == 1
    assert not list(tmp_path.iterdir())


IGNORED = FIELD / "ignore_index_255"


@pytest.mark.parametrize("data", ["data", "u8"])
def test_an_ignored_label_may_be_outside_of_the_classes(data, tmp_path):
    compile_(IGNORED / "model.onnx", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 4)
    run(tmp_path / "m.dpc", IGNORED / f"{data}.safetensors", tmp_path / "dump", steps=2)
    check(IGNORED / "expected.json", tmp_path / "dump")
    entry = next(i for i in json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())["inputs"] if i["name"] == "labels")
    assert (entry["limit"], entry["minimum"], entry["ignored"]) == (7, 0, [255])
    # Synthetic labels are classes.
    succeed("dpc", "run", tmp_path / "m.dpc", "--data", "synthetic:1", "--steps", 1, "--lr", 0.1)


def test_a_label_that_nothing_ignores_is_refused(tmp_path):
    compile_(IGNORED / "noignore.onnx", tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 4)
    words = ["'labels'", "m100.safetensors", "element 1 of micro-batch 0 is -100", "from 0 up and below 7"]
    refuse(DATA, words, "dpc", "run", tmp_path / "m.dpc", "--data", IGNORED / "m100.safetensors", "--steps", 1, "--epochs", 0, "--lr", 0.1)


RANGE = FIELD / "labels_out_of_range"


@pytest.fixture(scope="module")
def ranged(tmp_path_factory):
    artifact = tmp_path_factory.mktemp("ranged") / "m.dpc"
    compile_(RANGE / "model.onnx", artifact, "--pp", 2, "--micro-batches", 8, "--schedule", "1f1b")
    return artifact


@pytest.mark.parametrize("data, words", [("label_V", ["'labels'", "is 11", "from 0 up and below 11, and -100, which is ignored"]),
                                         ("label_neg", ["'labels'", "is -1", "from 0 up and below 11"]),
                                         ("label_huge", ["'labels'", "is 1099511627776"]),
                                         ("id_V", ["'ids'", "is 11", "from -11 up and below 11"]),
                                         ("id_low", ["'ids'", "is -12", "from -11 up and below 11"]),
                                         ("id_huge", ["'ids'", "is 1099511627776"])])
@pytest.mark.parametrize("command", [["run", "--lr", 0.1], ["verify"]], ids=["run", "verify"])
def test_labels_and_indices_are_checked_at_both_ends(ranged, data, words, command):
    said = refuse(DATA, [*words, "element 7 of micro-batch 5"], "dpc", command[0], ranged, "--data", RANGE / f"{data}.safetensors", "--steps", 1, *command[1:])
    assert len(said.strip().splitlines()) == 1


def test_negative_indices_count_from_the_end(ranged, tmp_path):
    run(ranged, RANGE / "id_neg.safetensors", tmp_path / "dump")
    check(RANGE / "expected_id_neg.json", tmp_path / "dump")


def test_an_artifact_without_lower_bounds_checks_the_upper_one(ranged, tmp_path):
    """As older compilers wrote it."""
    old = tmp_path / "old.dpc"
    shutil.copytree(ranged, old)
    manifest = json.loads((old / "manifest.json").read_text())
    for entry in manifest["inputs"]:
        entry.pop("minimum", None)
        entry.pop("ignored", None)
    (old / "manifest.json").write_text(json.dumps(manifest))
    seal(old)
    succeed("dpc", "run", old, "--data", RANGE / "id_low.safetensors", "--steps", 1, "--lr", 0.1)
    refuse(DATA, ["is 11; the input takes values below 11"], "dpc", "run", old, "--data", RANGE / "id_V.safetensors", "--steps", 1, "--lr", 0.1)


PADDING = FIELD / "export_encoder_padding_idx"


@pytest.mark.parametrize("name", ["default", "noopt", "ts"])
def test_a_padding_row_that_the_exporter_dropped_can_be_asked_for(name, tmp_path):
    model, flag = PADDING / f"{name}.onnx", ["--padding-row", "emb.weight=0"]
    recorded = "warning: the exporter recorded padding_idx 0 of table 'emb.weight' for node 'node_embedding' (aten.embedding)"
    for command in (["check", model], ["compile", model, "-o", tmp_path / "warned.dpc"]):
        out = succeed("dpc", *command)
        assert out.count("warning:") == (name != "ts") and (recorded in out) == (name != "ts"), out
        assert ("--padding-row emb.weight=0" in out) == (name != "ts"), out
    assert "warning:" not in succeed("dpc", "check", model, *flag)
    assert "warning:" not in compile_(model, tmp_path / "m.dpc", "--pp", 2, "--micro-batches", 4, *flag)
    run(tmp_path / "m.dpc", PADDING / "data.safetensors", tmp_path / "dump", steps=2)
    check(PADDING / "expected.json", tmp_path / "dump")
    for step in dumped(tmp_path / "dump"):
        assert (step["grad/emb.weight"][0] == 0).all() and (step["grad/emb.weight"][1:] != 0).any()
    succeed("dpc", "verify", tmp_path / "m.dpc", "--data", PADDING / "data.safetensors")


@pytest.mark.parametrize("flag, status, words", [("nosuch=0", MODEL, ["'nosuch'", "no stored tensor", "'emb.weight'"]),
                                                 ("cls.weight=0", MODEL, ["'cls.weight'", "no table", "'emb.weight'"]),
                                                 ("emb.weight=99", MODEL, ["emb.weight=99", "rows 0 to"]),
                                                 ("emb.weight=-1", MODEL, ["emb.weight=-1", "rows 0 to"]),
                                                 ("emb.weight", USAGE, ["expected TABLE=N"]),
                                                 ("emb.weight=x", USAGE, ["expected TABLE=N"])])
@pytest.mark.parametrize("command", ["check", "compile"])
def test_padding_rows_that_do_not_exist_are_refused(flag, status, words, command, tmp_path):
    more = ["-o", tmp_path / "m.dpc"] if command == "compile" else []
    refuse(status, words, "dpc", command, PADDING / "ts.onnx", *more, "--padding-row", flag)
    assert not list(tmp_path.iterdir())
