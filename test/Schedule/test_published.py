"""What `show` prints against the published definitions, written down once more in published.py."""
import itertools
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
