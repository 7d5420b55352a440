# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `simulate` and `check` say of a schedule beyond its makespan."""
import json
import subprocess

import pytest


def schedule(*arguments, status=0):
    done = subprocess.run(["dpc", "schedule", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def simulate(*arguments):
    return json.loads(schedule("simulate", *arguments, "--format", "json").stdout)


def test_the_published_figure_of_dualpipe():
    got = simulate("dualpipe", "--pp", 8, "--micro-batches", 20, "--cost", "F=1,I=1,W=1,FB=3")
    assert got["makespan"] == 66 and got["idle"] == [6] * 8 and got["lower_bound"] == 63


def test_both_ways_to_count_idle_time():
    """Of 1f1b, the last rank starts last and the first one ends last: all its idle time is within its span."""
    got = simulate("1f1b", "--pp", 4, "--micro-batches", 8, "--cost", "F=1,I=1,W=1")
    assert got["idle"] == [9] * 4
    assert got["span_idle"] == [9, 6, 3, 0]


def test_the_critical_path_lasts_the_makespan():
    got = simulate("zb-h1", "--pp", 4, "--micro-batches", 8, "--cost", "F=1,I=2,W=0.5")
    text = schedule("show", "zb-h1", "--pp", 4, "--micro-batches", 8).stdout
    rows = [line.split(": ")[1].split() for line in text.splitlines() if line.startswith("rank ")]
    times = {"F": 1, "I": 2, "W": 0.5}
    actions = [rows[rank][position] for rank, position in got["critical_path"]]
    assert sum(times[next(c for c in action if c.isalpha())] for action in actions) == got["makespan"]


def test_a_message_lasts_latency_and_bytes_over_bandwidth():
    sizes = ["1f1b", "--pp", 4, "--micro-batches", 1]
    plain = simulate(*sizes)["makespan"]
    assert simulate(*sizes, "--cost", "comm=0.5")["makespan"] == plain + 6 * 0.5
    assert simulate(*sizes, "--link", "latency=0.5")["makespan"] == plain + 6 * 0.5
    assert simulate(*sizes, "--cost", "message=8", "--link", "latency=0.5,bandwidth=4")["makespan"] == plain + 6 * 2.5


def test_messages_of_a_link_follow_each_other():
    """GPipe on two ranks, tasks that take no time: all messages but the first wait for those before."""
    got = simulate("gpipe", "--pp", 2, "--micro-batches", 4, "--cost", "F=0,I=0,W=0,message=3", "--link", "bandwidth=1")
    assert got["makespan"] == 4 * 3 + 4 * 3 and got["lower_bound"] == 4 * 3 + 3


def test_stages_have_factors_and_bytes():
    sizes = ["1f1b", "--pp", 4, "--micro-batches", 8]
    got = simulate(*sizes, "--cost", "stages=1:1:2:1,keep=100,keep-weight=60")
    assert got["makespan"] - got["idle"][2] == 2 * (got["makespan"] - got["idle"][1])
    assert got["peak_bytes"] == [400, 300, 200, 100]
    assert simulate("zb-h1", *sizes[1:], "--cost", "keep=100,keep-weight=60")["peak_bytes"] == [400, 360, 320, 280]
    # Stages of half a share keep half of it.
    assert simulate("dualpipev", *sizes[1:], "--cost", "keep=100")["peak_bytes"] == [450] * 4


def test_a_peak_is_never_below_its_floor():
    for name in ("1f1b", "zb-h1", "gpipe", "dualpipe", "dualpipev"):
        got = simulate(name, "--pp", 4, "--micro-batches", 12)
        for peak, floor in zip(got["peak_activations"], got["activation_floor"]):
            assert peak >= floor > 0


@pytest.mark.parametrize("flags,words", [
    (["--cost", "stages=1:2"], "names 2 factors; the schedule has 4 stages"),
    (["--cost", "stages=1:x:1:1"], "'x' is no factor"),
    (["--cost", "stages="], "names no factor"),
    (["--cost", "keep=1,keep-weight=2"], "no more than that"),
    (["--link", "bandwidth=0"], "sends nothing"),
    (["--link", "speed=1"], "latency and bandwidth"),
    (["--link", "latency=-1"], "is no number"),
    (["--cost", "F=inf"], "no time or size"),
])
def test_wrong_costs_are_named(flags, words):
    assert words in schedule("simulate", "1f1b", "--pp", 4, *flags, status=2).stderr


def test_a_cap_names_the_action_that_exceeds_it():
    sizes = ["--pp", 4, "--micro-batches", 8]
    assert schedule("check", "1f1b", *sizes, "--activation-cap", 2, status=1).stderr.splitlines() == [
        "error: rank 0, position 2: 0F2 makes it hold 3 activations; the cap is 2",
        "error: rank 1, position 2: 1F2 makes it hold 3 activations; the cap is 2"]
    schedule("check", "1f1b", *sizes, "--activation-cap", 4)
    schedule("check", "dualpipev", *sizes, "--activation-cap", 4.5)


def test_a_circle_of_waits_is_printed_and_nothing_else(tmp_path):
    """Two copies, each rank starting with what the other has not done; two more ranks wait for them."""
    file = tmp_path / "circle.txt"
    file.write_text("schedule circle\nranks 4\nstages 4\nmicro-batches 2\nreplica 0: micro-batches 0..0 on ranks 0 1 2 3\n"
                    "replica 1: micro-batches 1..1 on ranks 3 2 1 0\nrank 0: 0F0 0B0 3F1 3B1\nrank 1: 2F1 2B1 1F0 1B0\n"
                    "rank 2: 2F0 2B0 1F1 1B1\nrank 3: 0F1 0B1 3F0 3B0\n")
    assert schedule("check", file, status=1).stderr.splitlines() == [
        "error: ranks wait for each other, and 4 of 4 cannot go on:",
        "  rank 1, position 0: 2F1 waits for 1F1 at position 2 of rank 2",
        "  rank 2, position 0: 2F0 waits for 1F0 at position 2 of rank 1"]
    assert "waits for 1F1" in schedule("simulate", file, status=3).stderr


def test_the_bound_with_pairs_is_told_where_pairs_would_gain():
    sizes = ["1f1b", "--pp", 4, "--micro-batches", 8]
    assert "shorter than 27\n" in schedule("simulate", *sizes).stdout
    assert "shorter than 27, or with overlapped pairs than 23\n" in schedule("simulate", *sizes, "--cost", "FB=2.5").stdout
