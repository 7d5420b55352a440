# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `simulate --serialised` says a schedule costs where each rank's communications run one after another."""
import json
import re
import subprocess

import pytest


def schedule(*arguments, status=0):
    done = subprocess.run(["dpc", "schedule", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def simulate(*arguments):
    return json.loads(schedule("simulate", *arguments, "--serialised", "--format", "json").stdout)


NAMES = [entry["name"] for entry in json.loads(schedule("list", "--format", "json").stdout)]
SIZES = ["--pp", 4, "--micro-batches", 16]


def test_a_rank_in_the_middle_receives_and_sends_in_turn(tmp_path):
    """Three ranks, two micro-batches, only forwards take time. The second message to rank 1 is on its way until 5, so that the
    first of rank 1 leaves then and not at 4, and its second at 7 and not at 6."""
    sizes = ["gpipe", "--pp", 3, "--micro-batches", 2, "--cost", "F=1,I=0,W=0,comm=2"]
    got = simulate(*sizes)
    # Forward: 1 + 2, 1 + 2, then two of 1; back: the second message of a link leaves with the first.
    assert got["makespan"] == 3 + 3 + 2 + 2 + 2
    # Forward: rank 2 has its inputs at 7 and 9. Back: rank 1 takes part in all four messages.
    assert got["serialised"]["makespan"] == 9 + 1 + 4 * 2
    assert got["serialised"]["longer"] == 6
    assert got["serialised"]["idle"] == [18 - 2] * 3


@pytest.mark.parametrize("name", NAMES)
def test_messages_that_take_no_time_cost_nothing(name):
    got = simulate(name, *SIZES, "--cost", "F=1,I=1.25,W=0.75")
    assert got["serialised"] == {"makespan": got["makespan"], "idle": got["idle"], "span_idle": got["span_idle"], "longer": 0}


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_is_no_shorter_for_it(name):
    for costs in (["comm=0.1"], ["comm=0.7"], ["message=8", "--link", "latency=0.1,bandwidth=16"]):
        got = simulate(name, *SIZES, "--cost", *costs)
        plain = json.loads(schedule("simulate", name, *SIZES, "--cost", *costs, "--format", "json").stdout)
        serialised = got.pop("serialised")
        assert got == plain  # the figures beside it are the usual ones
        assert serialised["makespan"] >= got["makespan"] - 1e-9
        assert serialised["longer"] == pytest.approx(serialised["makespan"] - got["makespan"], abs=1e-9)
        for idle, usual in zip(serialised["idle"], got["idle"]):
            assert idle - usual == pytest.approx(serialised["longer"], abs=1e-9)


class Oracle:
    """The rules written once more, for schedules with one stage a rank: tasks and messages by name, each starting when all that
    it waits for has ended."""

    def __init__(self, rows, factors, costs, comm):
        self.rows, self.comm = rows, comm
        self.time = {task: factors[task[0]] * costs[task[1]] for row in rows for task in row}

    def waits(self, order=None):
        """What each task and message waits for."""
        waits = {}
        for row in self.rows:
            for before, task in zip([None, *row], row):
                waits[task] = [before] if before else []
        for stage, kind, micro_batch in list(waits):
            to = stage + 1 if kind == "F" else stage - 1
            if kind == "W" or not 0 <= to < len(self.rows):
                continue
            message = ("message", stage, to, micro_batch)
            waits[message] = [(stage, kind, micro_batch)]
            waits[(to, kind, micro_batch)].append(message)
        last = {}
        for message in order or []:
            for rank in message[1:3]:
                if rank in last:
                    waits[message].append(last[rank])
                last[rank] = message
        return waits

    def ends(self, order=None):
        waits, ends = self.waits(order), {}

        def end(what):
            if what not in ends:
                ends[what] = max([end(other) for other in waits[what]], default=0) + self.time.get(what, self.comm)
            return ends[what]
        for what in waits:
            end(what)
        return ends

    def makespans(self):
        ends = self.ends()
        waits = self.waits()
        order = sorted((what for what in ends if what[0] == "message"), key=lambda message: ends[waits[message][0]])
        moments = [ends[waits[message][0]] for message in order]
        assert len(set(moments)) == len(moments), "no two messages at once, whose order would be open"
        return max(ends.values()), max(self.ends(order).values())


@pytest.mark.parametrize("name", ["zb-h1", "zb-h2"])
@pytest.mark.parametrize("comm", [0.05, 0.31, 0.9])
def test_it_is_what_the_rules_say(name, comm):
    factors = [1, 1.137, 0.9171, 1.0413, 0.97117]
    costs = {"F": 1.0071, "I": 1.213, "W": 0.8191}
    sizes = [name, "--pp", len(factors), "--micro-batches", 12]
    rows = []
    for line in schedule("show", *sizes).stdout.splitlines():
        if line.startswith("rank "):
            rows.append([])
            for task in line.split(": ")[1].split():
                stage, kind, micro_batch = re.fullmatch(r"(\d+)([FIW])(\d+)", task).groups()
                rows[-1].append((int(stage), kind, int(micro_batch)))
    got = simulate(*sizes, "--cost", f"F={costs['F']},I={costs['I']},W={costs['W']},comm={comm},stages={':'.join(map(str, factors))}")
    plain, serialised = Oracle(rows, factors, costs, comm).makespans()
    assert got["makespan"] == pytest.approx(plain, rel=1e-12)
    assert got["serialised"]["makespan"] == pytest.approx(serialised, rel=1e-12)


def test_the_text_has_both_figures():
    lines = schedule("simulate", "gpipe", "--pp", 3, "--micro-batches", 2, "--cost", "F=1,I=0,W=0,comm=2", "--serialised").stdout.splitlines()
    assert lines[-5:] == ["each rank's communications one after another: makespan 18, longer by 6 (50.0 %)",
                          "rank      idle   of makespan   otherwise   of makespan",
                          "   0        16        88.9 %          10        83.3 %",
                          "   1        16        88.9 %          10        83.3 %",
                          "   2        16        88.9 %          10        83.3 %"]


def test_only_simulate_takes_it():
    assert "--serialised" in schedule("check", "1f1b", "--serialised", status=2).stderr


def stages(folder, name, forward):
    path = folder / name
    path.write_text(json.dumps({"stages": [{"forward_s": f, "input_s": f, "weight_s": 0, "output_bytes": 0, "gradient_bytes": 0, "activation_bytes": 0, "weight_bytes": 0}
                                           for f in forward], "link": {"latency_s": 1, "bytes_per_s": 1e9}}))
    return path


def test_an_order_that_was_planned_with_other_times_costs_more(tmp_path):
    even, uneven = stages(tmp_path, "even.json", [2, 2, 2, 2]), stages(tmp_path, "uneven.json", [2, 1, 3, 2])
    sizes = ["1f1b", "--pp", 4, "--micro-batches", 8, "--cost-from", uneven]
    own, planned = simulate(*sizes), simulate(*sizes, "--planned-from", even)
    assert planned["makespan"] == own["makespan"]
    assert planned["serialised"]["makespan"] > own["serialised"]["makespan"]
    assert simulate(*sizes, "--planned-from", uneven) == own


def test_the_times_of_a_plan_are_for_serialised_communications(tmp_path):
    even = stages(tmp_path, "even.json", [2, 2])
    sizes = ["simulate", "1f1b", "--pp", 2, "--micro-batches", 4, "--planned-from"]
    assert "--serialised" in schedule(*sizes, even, status=2).stderr
    assert "--planned-from: there is no 'absent.json'" in schedule(*sizes, "absent.json", "--serialised", status=3).stderr
