"""Models from the field on which training once meant something else than the graph does, or did not compile."""
import pytest
from field import FIELD, MODEL, check, compile_, refuse, run

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
