# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Token files without a shift: labels equal the inputs, which is said."""
import os
import pathlib

import numpy as np
from commands import succeed
from field import compile_

MODELS = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models"
NOTE = "note: 'labels' gets the same tokens as 'input_ids': a model that does not shift labels itself learns to copy its input"


def test_labels_that_equal_the_inputs_get_a_note(tmp_path):
    compile_(MODELS / "gpt2.onnx", tmp_path / "m.dpc", "--loss", "loss", "--micro-batches", 1)
    np.random.default_rng(0).integers(0, 100, 4000).astype(np.uint8).tofile(tmp_path / "t.bin")
    source = f"tokens:{tmp_path}/t.bin,dtype=u8"
    run = ["dpc", "run", tmp_path / "m.dpc", "--steps", 1, "--lr", 0.1, "--data"]
    assert succeed(*run, source).count(NOTE) == 1
    assert "learns to copy" not in succeed(*run, source + ",shift")
    assert "learns to copy" not in succeed(*run, "synthetic:1")
