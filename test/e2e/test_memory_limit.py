# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--memory-limit: a rank that does not fit is refused with its arenas and with what would fit."""
import json
import os
import pathlib
import re
import subprocess

import pytest

MODEL = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "models" / "gpt2.onnx"
SHAPE = ["--pp", "2", "--micro-batches", "8", "--optimizer", "adamw"]


def compile_(output, *options):
    command = ["dpc", "compile", MODEL, "-o", output, *SHAPE, *options]
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300)


def bytes_of(artifact):
    return json.loads((artifact / "manifest.json").read_text())["forecast"]["arena_bytes"]


@pytest.fixture(scope="module")
def needed(tmp_path_factory):
    """What each rank needs, by schedule, as compiled without a limit."""
    folder = tmp_path_factory.mktemp("sizes")
    result = {}
    for schedule in ["gpipe", "1f1b"]:
        done = compile_(folder / schedule, "--schedule", schedule)
        assert done.returncode == 0, done.stderr
        result[schedule] = bytes_of(folder / schedule)
    assert max(result["1f1b"]) < 0.9 * max(result["gpipe"])
    return result


def test_what_fits_exactly_is_compiled_as_without_a_limit(needed, tmp_path):
    done = compile_(tmp_path / "m.dpc", "--schedule", "gpipe", "--memory-limit", max(needed["gpipe"]))
    assert done.returncode == 0, done.stderr
    assert "recomputes" not in done.stdout
    assert bytes_of(tmp_path / "m.dpc") == needed["gpipe"]


def test_a_rank_that_needs_a_little_less_recomputes_and_says_so(needed, tmp_path):
    limit = max(needed["gpipe"]) - 1
    done = compile_(tmp_path / "m.dpc", "--schedule", "gpipe", "--shard-optimizer", "off", "--memory-limit", limit)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^note: recomputes in the backward .* rank \d needs .* more than the .* of --memory-limit", done.stdout, re.M), done.stdout
    assert max(bytes_of(tmp_path / "m.dpc")) <= limit
    config = json.loads((tmp_path / "m.dpc" / "manifest.json").read_text())["config"]
    assert config["recompute"] == "full" and config["memory-limit"] == limit
    # The same results, which the float64 interpreter knows.
    verified = subprocess.run(["dpc", "verify", str(tmp_path / "m.dpc")], capture_output=True, text=True, timeout=300)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    explained = subprocess.run(["dpc", "explain", str(tmp_path / "m.dpc")], capture_output=True, text=True, timeout=300)
    assert explained.returncode == 0 and "recomputation: full" in explained.stdout and "note:" not in explained.stdout, explained.stdout


def test_a_rank_that_does_not_fit(needed, tmp_path):
    # Little more than weights, gradients and moments: no stash of eight fits beside them.
    small = compile_(tmp_path / "m.dpc", "--schedule", "gpipe", "--memory-limit", "1kB")
    words = re.search(r"error: out of memory: rank (\d) needs (\S+ \S+), more than the 1 kB of --memory-limit: weights (\S+ \S+), (.*)", small.stderr)
    assert small.returncode == 8 and words, small.stderr
    assert "stash " in words[4] and "moments " in words[4] and "recomputed" in words[4]
    assert small.stderr.count("error:") == 1
    assert re.search(r"^note: no schedule on 2 (to \d+ )?ranks fits", small.stderr, re.M)
    assert not list(tmp_path.iterdir())


def test_what_would_fit_is_named_and_does(needed, tmp_path):
    # Between what 1f1b and gpipe need where both recompute all they can.
    sizes = {}
    for schedule in ["gpipe", "1f1b"]:
        done = compile_(tmp_path / "x.dpc", "--schedule", schedule, "--memory-limit", "1kB")
        size, unit = re.search(r"needs ([0-9.]+) (kB|MB)", done.stderr).groups()
        sizes[schedule] = float(size) * {"kB": 1e-3, "MB": 1}[unit]
    assert sizes["1f1b"] < sizes["gpipe"]
    limit = f"{(sizes['1f1b'] + sizes['gpipe']) / 2:.6f}MB"
    done = compile_(tmp_path / "m.dpc", "--schedule", "gpipe", "--memory-limit", limit)
    assert done.returncode == 8, done.stdout + done.stderr
    hints = re.findall(r"^note: --schedule (\S+) would fit: ", done.stderr, re.M)
    assert "1f1b" in hints and "gpipe" not in hints, done.stderr
    for schedule in hints:
        made = compile_(tmp_path / f"{schedule}.dpc", "--schedule", schedule, "--memory-limit", limit)
        assert made.returncode == 0, made.stderr


def test_it_is_checked_wherever_a_compile_stops_or_goes_on(needed, tmp_path):
    lowered = compile_(tmp_path / "m.dpc", "--schedule", "1f1b", "--dump-phases", tmp_path / "phases", "--compile-to", "lower")
    assert lowered.returncode == 0, lowered.stderr
    stopped = compile_(tmp_path / "m.dpc", "--schedule", "1f1b", "--compile-to", "lower", "--memory-limit", "1kB")
    assert stopped.returncode == 8, stopped.stderr
    command = ["dpc", "compile", tmp_path / "phases" / "5-lower.mlir", "-o", tmp_path / "m.dpc", *SHAPE, "--schedule", "1f1b", "--memory-limit", "1kB"]
    went_on = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300)
    assert went_on.returncode == 8 and "rank" in went_on.stderr, went_on.stderr


@pytest.mark.parametrize("text", ["lots", "0", "-1", "1XB", "GiB", "1e400"])
def test_sizes_that_are_none(tmp_path, text):
    done = compile_(tmp_path / "m.dpc", f"--memory-limit={text}")
    assert done.returncode == 2 and f"--memory-limit {text}" in done.stderr, done.stderr
