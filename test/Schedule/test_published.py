# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `show` prints against the published definitions, written down once more in published.py."""
import itertools
import json
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import published

SIZES = list(itertools.product((1, 2, 3, 4, 8), (1, 3, 4, 8, 12, 20)))


def rounds(ranks, micro_batches):
    return micro_batches % max(1, micro_batches // ranks) == 0


def always(ranks, micro_batches):
    return True


def word(action):
    if isinstance(action[0], str):
        kind, stage, micro_batch = action
        return f"{stage}{kind}{micro_batch}"
    return f"({word(action[0])}&{word(action[1])})"


def show(*arguments):
    done = subprocess.run(["dpc", "schedule", "show", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [row.split() for row in re.findall(r"(?m)^rank \d+:\s*(.*)$", done.stdout)]


@pytest.mark.parametrize("name,rows,chunks,legal", [
    ("interleaved", published.interleaved, (1, 2, 3), rounds),
    ("interleaved-zb", published.interleaved_zb, (1, 2, 3), rounds),
    ("combined-1f1b", published.combined, (1, 2, 4), rounds),
    ("looped-bfs", published.looped_bfs, (1, 2), always),
    ("zb-h2", published.zb_h2, (None,), always),
    ("zb-v", published.zb_v, (None,), always),
    ("v-half", published.v_half, (None,), always),
    ("v-min", published.v_min, (None,), always),
    ("hanayo", published.hanayo, (2, 4), always),
    ("chimera", published.chimera, (None,), lambda ranks, micro_batches: ranks % 2 == 0 and micro_batches % ranks == 0),
    ("chimera,doubling=1", published.chimera_doubling, (None,), lambda ranks, micro_batches: ranks % 2 == 0 and micro_batches % (2 * ranks) == 0),
])
def test_actions_equal_the_published_definition(name, rows, chunks, legal):
    compared = 0
    for (ranks, micro_batches), v in itertools.product(SIZES, chunks):
        if legal(ranks, micro_batches):
            wanted = rows(ranks, micro_batches, v) if v else rows(ranks, micro_batches)
            got = show(name, "--pp", ranks, "--micro-batches", micro_batches, *(["--chunks", v] if v else []))
            assert got == [[word(action) for action in row] for row in wanted], (name, ranks, micro_batches, v)
            compared += 1
    assert compared >= 5


@pytest.mark.parametrize("name,ranks,micro_batches,pair,makespan,peak", [
    ("v-half", 8, 20, 3, 68.5, 5),
    ("v-min", 8, 20, 3, 73.5, 4),
    ("zb-v", 8, 20, 3, 63.5, 8),
    ("zb-h2", 8, 20, 3, 67, 15),
    ("combined-1f1b,v=2", 8, 16, 3, 58.5, 12),
    ("combined-1f1b,v=2", 8, 16, 2.5, 52.75, 12),
    ("combined-1f1b,v=2", 8, 16, 2, 47, 12),
    ("combined-1f1b,v=4", 8, 16, 3, 53.25, 10),
    ("combined-1f1b,v=4", 8, 16, 2.5, 48.375, 10),
    ("combined-1f1b,v=4", 8, 16, 2, 43.5, 10),
    ("chimera", 4, 4, 3, 16, 4),
    ("dualpipe", 8, 20, 3, 66, 9),
])
def test_figures_of_equal_costs(name, ranks, micro_batches, pair, makespan, peak):
    """F = I = W = 1 of a device's share."""
    command = ["dpc", "schedule", "simulate", name, "--pp", ranks, "--micro-batches", micro_batches, "--cost", f"F=1,I=1,W=1,FB={pair}", "--format", "json"]
    got = json.loads(subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=True).stdout)
    assert got["makespan"] == pytest.approx(makespan) and max(got["peak_activations"]) == pytest.approx(peak)
    if name == "zb-h2":
        assert max(got["span_idle"]) == pytest.approx(0)


def test_figures_of_chimera_where_a_forward_takes_as_long_as_a_backward():
    for size, makespan, peaks in ((4, 10, [3, 4, 4, 3]), (8, 22, [5, 6, 7, 8, 8, 7, 6, 5])):
        command = ["dpc", "schedule", "simulate", "chimera", "--pp", str(size), "--micro-batches", str(size), "--cost", "F=1,I=0.5,W=0.5", "--format", "json"]
        got = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
        assert got["makespan"] == pytest.approx(makespan) and got["peak_activations"] == pytest.approx(peaks)
