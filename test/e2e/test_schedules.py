# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every schedule there is, and placements that no schedule of the field has, compiled and trained.

Losses of the first step are those of one rank, bit for bit, and gradients those of float64 autograd.
"""
import json

import numpy as np
import pytest

from commands import output
from test_models import Model

SCHEDULES = [entry["name"] for entry in json.loads(output("dpc", "schedule", "list", "--format", "json"))]


@pytest.fixture(scope="module")
def gpt2():
    return Model("gpt2")


@pytest.fixture(scope="module")
def alone(gpt2, tmp_path_factory):
    """The first step's losses of one rank, by the number of micro-batches."""
    folder, known = tmp_path_factory.mktemp("alone"), {}

    def losses(micro_batches):
        if micro_batches not in known:
            known[micro_batches] = gpt2.train(folder, gpt2.info["graphs"][0], 1, "1f1b", "sgd", micro_batches=micro_batches)[0]["loss"]
        return known[micro_batches]
    return losses


def check(gpt2, alone, folder, ranks, schedule, micro_batches=8):
    graph = gpt2.info["graphs"][0]
    steps = gpt2.train(folder, graph, ranks, schedule, "sgd", micro_batches=micro_batches)
    np.testing.assert_array_equal(steps[0]["loss"], alone(micro_batches))
    if micro_batches == 8:  # the reference's own number
        gpt2.check_losses(graph, "sgd", steps)
        gpt2.check_gradients(graph, steps[0])


@pytest.mark.parametrize("schedule", SCHEDULES + ["interleaved,v=3", "interleaved,v=4", "looped-bfs,v=1"])
def test_every_schedule_on_four_ranks(gpt2, alone, schedule, tmp_path):
    check(gpt2, alone, tmp_path, 4, schedule)


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b", "zb-h1"])
@pytest.mark.parametrize("micro_batches", [1, 2, 3, 5])
def test_any_number_of_micro_batches(gpt2, alone, schedule, micro_batches, tmp_path):
    check(gpt2, alone, tmp_path, 4, schedule, micro_batches)


def list_schedule(path, stages, replicas, with_pairs):
    """Writes a schedule for any placement: each rank takes the backward that is ready first, else a forward, else a weight half.

    replicas: of each its number of micro-batches and the ranks of its stages.
    """
    rank_of, micro_batches = {}, 0
    header = ""
    for number, (count, ranks) in enumerate(replicas):
        header += f"replica {number}: micro-batches {micro_batches}..{micro_batches + count - 1} on ranks {' '.join(map(str, ranks))}\n"
        rank_of.update({(s, m): ranks[s] for s in range(stages) for m in range(micro_batches, micro_batches + count)})
        micro_batches += count
    actions = [[] for _ in range(1 + max(max(ranks) for _, ranks in replicas))]
    done = set()
    while len(done) < 3 * len(rank_of):
        there, before = set(done), len(done)
        for rank, mine in enumerate(actions):
            tasks = [task for task, r in rank_of.items() if r == rank]
            forwards = [(s, m) for s, m in tasks if ("F", s, m) not in there and (s == 0 or ("F", s - 1, m) in there)]
            inputs = [(s, m) for s, m in tasks if ("F", s, m) in there and ("I", s, m) not in there and (s == stages - 1 or ("I", s + 1, m) in there)]
            weights = [(s, m) for s, m in tasks if ("I", s, m) in there and ("W", s, m) not in there]
            forward = min(forwards, key=lambda task: (task[1], -task[0]), default=None)
            backward = min(inputs, key=lambda task: (task[1], task[0]), default=None)
            if with_pairs and forward and backward:
                mine.append("({}F{}&{}B{})".format(*forward, *backward))
                done |= {("F", *forward), ("I", *backward), ("W", *backward)}
            elif backward or forward or weights:
                kind, (s, m) = ("I", backward) if backward else ("F", forward) if forward else ("W", min(weights))
                mine.append(f"{s}{kind}{m}")
                done.add((kind, s, m))
        assert len(done) > before
    lines = "".join(f"rank {rank}: {' '.join(mine)}\n" for rank, mine in enumerate(actions))
    path.write_text(f"schedule {path.stem}\nranks {len(actions)}\nstages {stages}\nmicro-batches {micro_batches}\n{header}{lines}")
    return len(actions), micro_batches


PLACEMENTS = {
    "mirrored-on-three": (3, [(4, [0, 1, 2]), (4, [2, 1, 0])]),  # the middle rank holds one stage for both copies
    "mirrored-on-three-odd": (3, [(3, [0, 1, 2]), (2, [2, 1, 0])]),
    "mirrored-odd": (4, [(4, [0, 1, 2, 3]), (3, [3, 2, 1, 0])]),
    "loop": (8, [(8, [0, 1, 2, 3] * 2)]),
    "two-waves": (16, [(8, [0, 1, 2, 3, 3, 2, 1, 0] * 2)]),
    "uneven": (6, [(7, [0, 2, 1, 3, 1, 0])]),  # ranks with one stage and with two, messages past neighbours
    "neighbours-share": (4, [(8, [0, 0, 1, 1])]),
    "two-copies-of-a-loop": (8, [(4, [0, 1, 2, 3] * 2), (4, [3, 2, 1, 0] * 2)]),
    "four-copies": (4, [(2, [0, 1, 2, 3]), (2, [3, 2, 1, 0]), (2, [1, 2, 3, 0]), (2, [2, 3, 0, 1])]),
}


@pytest.mark.parametrize("name", PLACEMENTS)
@pytest.mark.parametrize("with_pairs", [False, True], ids=["halves", "pairs"])
def test_any_placement_from_a_file(gpt2, alone, name, with_pairs, tmp_path):
    path = tmp_path / f"{name}.txt"
    ranks, micro_batches = list_schedule(path, *PLACEMENTS[name], with_pairs)
    assert ("&" in path.read_text()) == with_pairs
    check(gpt2, alone, tmp_path, ranks, path, micro_batches)


HAND_WRITTEN = """\
schedule by-hand
ranks 2
stages 4
micro-batches 2
replica 0: micro-batches 0..1 on ranks 0 1 0 1
rank 0: 0F0 0F1 2F0 2F1 2I0 2I1 0I0 2W0 0B1 0W0 2W1
rank 1: 1F0 1F1 3F0 3B0 3F1 3I1 1B0 1I1 3W1 1W1
"""


def test_a_file_by_hand(gpt2, alone, tmp_path):
    path = tmp_path / "by-hand.txt"
    path.write_text(HAND_WRITTEN)
    check(gpt2, alone, tmp_path, 2, path, 2)
