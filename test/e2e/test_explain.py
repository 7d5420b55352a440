# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""dpc explain: its figures are those of a compile, its parts add up, and its refusals are clear."""
import json
import os
import pathlib
import re

import pytest

from commands import call

SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
MODEL = SOURCE / "test" / "models" / "gpt2.onnx"
SCHEDULES = ["gpipe", "1f1b", "zb-h1", "dualpipe", "dualpipev"]
UNITS = {"s": 1, "ms": 1e-3, "us": 1e-6, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
QUANTITY = r"[-+0-9.e]+ (?:[num]?s|[kMG]?B)"


def explain(model, *options):
    done = call("dpc", "explain", model, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def number(text):
    value, unit = text.split()
    return float(value) * UNITS[unit]


def table(text, title):
    """The rows below a line that begins with `title`, as cells (split where two spaces are)."""
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(title)) + 1
    rows = []
    for line in lines[begin:]:
        if not line.startswith("  "):
            break
        rows.append(re.split(r" {2,}", line.strip()))
    return rows


def compile_(folder, *options, model=MODEL):
    done = call("dpc", "compile", model, "-o", folder / "m.dpc", "--force", "--optimizer", "adamw", *options)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((folder / "m.dpc" / "manifest.json").read_text())
    return folder / "m.dpc", done.stdout, manifest["forecast"]


def legal(pp, schedule):
    return not (schedule == "dualpipe" and pp % 2)


@pytest.mark.parametrize("pp", [1, 2, 4])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_its_figures_are_those_of_the_compile(tmp_path, pp, schedule):
    shape = ["--pp", pp, "--micro-batches", 8, "--schedule", schedule]
    if not legal(pp, schedule):
        done = call("dpc", "explain", MODEL, *shape)
        assert done.returncode == 3 and "even number of ranks" in done.stderr and "--pp 2" in done.stderr
        return
    said = explain(MODEL, "--optimizer", "adamw", *shape)
    artifact, _, forecast = compile_(tmp_path, *shape)
    # Time.
    step = re.search(rf"^forecast, a core for each rank: ({QUANTITY}) a step", said, re.M)
    assert number(step[1]) == pytest.approx(forecast["step_s"], rel=5e-3)
    # Memory: the arenas of each rank add up to what the program has.
    head, *rows = table(said, "memory:")
    assert len(rows) == pp
    for row, expected in zip(rows, forecast["arena_bytes"]):
        cells = dict(zip(head, row))
        assert number(cells["sum"]) == pytest.approx(expected, rel=5e-3)
        parts = [number(cell) for name, cell in cells.items() if name not in ("rank", "sum", "stashes") and cell != "-"]
        assert sum(parts) == pytest.approx(expected, rel=2e-2)
    # Stages: a chunk on each rank, two with dualpipev.
    stages = table(said, "stages")[1:]
    assert len(stages) == pp * (2 if schedule == "dualpipev" else 1)
    for row in stages:
        f, i, w, whole = (number(cell) for cell in row[5:9])
        assert f > 0 and w > 0 and whole == pytest.approx(f + i + w, rel=2e-2)
    # The critical path is the step, without gaps.
    path = re.search(rf"^critical path: ({QUANTITY}) of tasks, ({QUANTITY}) of messages, ({QUANTITY}) of reductions, "
                     rf"({QUANTITY}) of zeroing, norm and update, ({QUANTITY}) of waiting", said, re.M)
    assert path, said
    assert sum(number(part) for part in path.groups()) == pytest.approx(forecast["step_s"], rel=2e-2)
    at = 0
    for begin, takes, where, _ in (row[:4] for row in table(said, "critical path:")[1:]):
        assert number(begin) == pytest.approx(at, abs=1e-2 * forecast["step_s"])
        at = number(begin) + number(takes)
        assert where == "..." or where == "reduce" or where.startswith("rank ")
    assert at == pytest.approx(forecast["step_s"], rel=2e-2)
    # All schedules stand beside it, with figures or with a reason.
    compared = said[said.index("schedules at --pp"):]
    for name in SCHEDULES:
        assert re.search(rf"^ +(\* )?{name} ", compared, re.M), f"{name} is not in\n{compared}"
        if not legal(pp, name):
            assert f"{name}: not legal here: " in compared
    assert re.search(rf"^ +\* {schedule} ", compared, re.M)
    assert said.count("\nadvice: ") == 1
    # The artifact is explained alike.
    assert explain(artifact).splitlines()[1:] == said.splitlines()[1:]


def test_an_alternative_is_what_compiling_it_gives(tmp_path):
    said = explain(MODEL, "--pp", 4, "--micro-batches", 8, "--schedule", "dualpipe", "--optimizer", "adamw")
    rows = {row[0].lstrip("* "): row for row in table(said, "schedules at")[1:]}
    for schedule in ["gpipe", "1f1b", "zb-h1", "dualpipev"]:
        _, _, forecast = compile_(tmp_path, "--pp", 4, "--micro-batches", 8, "--schedule", schedule)
        assert number(rows[schedule][1]) == pytest.approx(forecast["step_s"], rel=5e-3)
        assert number(rows[schedule][3]) == pytest.approx(max(forecast["arena_bytes"]), rel=5e-3)


def test_compile_gives_the_same_advice(tmp_path):
    shape = ["--pp", 2, "--micro-batches", 8, "--schedule", "gpipe"]
    _, summary, _ = compile_(tmp_path, *shape)
    advice = re.search(r"^advice: (--schedule \S+ would be (?:faster|smaller): .*)$", summary, re.M)
    assert advice, summary  # eight stashes against two
    assert f"advice: {advice[1]}" in explain(MODEL, "--optimizer", "adamw", *shape)
    better = re.match(r"--schedule (\S+)", advice[1])[1]
    _, after, _ = compile_(tmp_path, *shape[:-1], better)
    assert "advice: " not in after, after


def test_flags_ask_of_an_artifact_what_would_be_otherwise(tmp_path):
    artifact, _, _ = compile_(tmp_path, "--pp", 2, "--micro-batches", 8, "--schedule", "1f1b")
    said = explain(artifact, "--pp", 4)
    assert "schedule 1f1b, 4 ranks, 8 micro-batches, adamw" in said
    assert said.splitlines()[1:] == explain(MODEL, "--pp", 4, "--micro-batches", 8, "--schedule", "1f1b", "--optimizer", "adamw").splitlines()[1:]


def test_a_second_copy_is_judged(tmp_path):
    said = explain(MODEL, "--pp", 4, "--micro-batches", 8, "--schedule", "dualpipe")
    advice = " ".join(said[said.index("advice: "):].split())
    # No stage of this model communicates, so that pairs hide nothing.
    assert {row[3] for row in table(said, "fused pairs:")[1:]} == {"1.00"}
    verdicts = re.findall(rf"(pays|does not pay) beside (one copy|half the stages)[^:]*: ({QUANTITY}) and {QUANTITY} a rank, "
                          rf"(\S+) ({QUANTITY}) and {QUANTITY} \(its F&B takes 1.00 of F\+B; ", advice)
    assert [verdict[1] for verdict in verdicts] == ["one copy", "half the stages"], advice
    halves = table(said, "half the stages in two replicas")[1:]
    same = [row for row in table(said, "schedules at")[1:] if row[5] == "1"]
    for (pays, _, mine, name, other), rows in zip(verdicts, [same, halves]):
        fastest = min(rows, key=lambda row: number(row[1]))
        assert name == fastest[0].lstrip("* ") and other == fastest[1]
        assert (pays == "pays") == (number(mine) < 0.99 * number(other))
    known = json.loads(call("dpc", "schedule", "list", "--format", "json").stdout)
    assert {row[0] for row in halves} == {entry["name"] for entry in known} - {"dualpipe", "chimera"}
    # A break-even is said as a share and as a time: the share of what a pair takes now.
    for share, breaks, now in re.findall(rf"break even where it takes ([0-9.]+), an F&B of ({QUANTITY}) in place of ({QUANTITY})", advice):
        assert number(breaks) == pytest.approx(float(share) * number(now), rel=2e-2)
    assert "does not pay" not in advice or "break even" in advice or "no overlap would make" in advice
    assert all(row[5] == "2" for row in halves)
    # Every stage is held twice, here and there, so that a sharded optimizer keeps half of the moments.
    mine = next(row for row in table(said, "schedules at")[1:] if row[0] == "* dualpipe")
    assert all(number(row[4]) < number(row[3]) for row in [mine, *halves])
    whole, sharded = re.search(rf"most bytes of a rank: ({QUANTITY}); ({QUANTITY}) with --shard-optimizer on", said).groups()
    assert [whole, sharded] == mine[3:5]


def test_a_slow_link_lengthens_step_and_path(tmp_path):
    machine = json.loads((SOURCE / "lib" / "Machine" / "default.json").read_text())
    shape = ["--pp", 2, "--micro-batches", 4, "--schedule", "1f1b", "--machine", tmp_path / "machine.json"]
    times = []
    for latency in (0.0, 0.01):
        (tmp_path / "machine.json").write_text(json.dumps(dict(machine, message_latency_s=latency)))
        said = explain(MODEL, *shape)
        times.append([number(text) for text in re.search(rf"critical path: {QUANTITY} of tasks, ({QUANTITY})", said).groups()][0])
    # At least the first activation and the last gradient have to be awaited.
    assert times[1] >= times[0] + 2 * 0.01


def test_a_schedule_from_a_file(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(call("dpc", "schedule", "show", "zb-h1", "--pp", "2", "--micro-batches", "4").stdout)
    said = explain(MODEL, "--pp", 2, "--micro-batches", 4, "--schedule", path)
    named = explain(MODEL, "--pp", 2, "--micro-batches", 4, "--schedule", "zb-h1")
    assert said[said.index("stages,"):said.index("schedules at")] == named[named.index("stages,"):named.index("schedules at")]
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1] + [lines[-1].rsplit(" ", 1)[0]]) + "\n")
    done = call("dpc", "explain", MODEL, "--pp", 2, "--micro-batches", 4, "--schedule", path)
    assert done.returncode == 3 and "never does" in done.stderr


@pytest.mark.parametrize("options,status,words", [
    ([], 2, "MODEL is required"),
    (["none.onnx"], 3, "none.onnx"),
    ([MODEL, "--schedule", "dualpip"], 3, "known are"),
    ([MODEL, "--pp", "0"], 2, "--pp"),
    ([MODEL, "--pp", "512", "--schedule", "1f1b"], 3, "the largest number that this model allows is"),
    ([MODEL, "--pp", "4", "--micro-batches", "4", "--schedule", "dualpipe"], 3, "--micro-batches 8 would be legal"),
    ([MODEL, "--machine", "none.json"], 3, "none.json"),
    ([MODEL, "--no-such-flag"], 2, "--no-such-flag"),
    ([MODEL, "--loss", "no_such_output"], 3, "no_such_output"),
])
def test_errors(options, status, words):
    done = call("dpc", "explain", *options)
    assert done.returncode == status, done.stderr
    assert words in done.stderr and not done.stdout


def test_a_machine_that_nests_deeply(tmp_path):
    (tmp_path / "m.json").write_text('{"name": ' + "[" * 300000 + "]" * 300000 + "}")
    done = call("dpc", "explain", MODEL, "--machine", tmp_path / "m.json")
    assert done.returncode == 3 and "nests deeper than 100 levels" in done.stderr, done.stderr


def test_a_damaged_artifact_and_flags_that_come_too_late(tmp_path):
    artifact, _, _ = compile_(tmp_path, "--pp", 1, "--micro-batches", 2)
    done = call("dpc", "explain", artifact, "--dim", "batch=2")
    assert done.returncode == 2 and "--dim" in done.stderr
    content = bytearray((artifact / "module.mlirbc").read_bytes())
    content[len(content) // 2] ^= 1
    (artifact / "module.mlirbc").write_bytes(content)
    done = call("dpc", "explain", artifact)
    assert done.returncode == 3 and "module.mlirbc" in done.stderr


@pytest.mark.parametrize("pp, micro_batches", [(2, 8), (4, 8), (4, 12)])
@pytest.mark.parametrize("schedule", [row["name"] for row in json.loads(call("dpc", "schedule", "list", "--format", "json").stdout)])
def test_live_stashes_are_the_simulators_peak_activations(pp, micro_batches, schedule):
    """The simulator counts in device shares of a micro-batch, memory in stages: a share is as many of them as a rank has of a copy."""
    shape = ["--pp", pp, "--micro-batches", micro_batches]
    shown = call("dpc", "schedule", "show", schedule, *shape, "--format", "json")
    if shown.returncode:
        assert "would be legal" in shown.stderr
        return
    share = json.loads(shown.stdout)["stages"] // pp
    head, *rows = table(explain(MODEL, "--optimizer", "adamw", "--schedule", schedule, *shape), "memory:")
    simulated = json.loads(call("dpc", "schedule", "simulate", schedule, *shape, "--format", "json").stdout)
    assert [int(dict(zip(head, row))["stashes"]) for row in rows] == [peak * share for peak in simulated["peak_activations"]]


def test_an_artifact_carries_its_schedule(tmp_path):
    """A file is not needed once it has been compiled; the numbers are still those of the file."""
    path = tmp_path / "mine.txt"
    path.write_text(call("dpc", "schedule", "show", "dualpipev", "--pp", "2", "--micro-batches", "4").stdout.replace("schedule dualpipev", "schedule mine"))
    artifact, _, _ = compile_(tmp_path, "--pp", 2, "--micro-batches", 4, "--schedule", path)
    before = explain(artifact)
    path.unlink()
    assert explain(artifact) == before and f"schedule {path}, 2 ranks" in before
    done = call("dpc", "explain", artifact, "--pp", "4")
    assert done.returncode == 3 and "is for 2 ranks, not the 4 of --pp" in done.stderr
    assert "schedule 1f1b, 4 ranks" in explain(artifact, "--pp", 4, "--schedule", "1f1b")


def test_auto_is_the_fastest_within_the_limit(tmp_path):
    shape = ["--pp", 4, "--micro-batches", 8]
    known = table(explain(MODEL, "--optimizer", "adamw", *shape, "--schedule", "1f1b"), "schedules at")[1:]
    artifact, summary, forecast = compile_(tmp_path, *shape, "--schedule", "auto")
    assert "schedule: auto chose " in summary and "next best" in summary and "bound of its placement" in summary
    assert forecast["step_s"] <= 1.005 * min(number(row[1]) for row in known if row[1] != "-")
    text = json.loads((artifact / "manifest.json").read_text())["schedule"]
    # The same again: nothing depends on the clock.
    compile_(tmp_path, *shape, "--schedule", "auto")
    assert json.loads((artifact / "manifest.json").read_text())["schedule"] == text
    chosen = re.search(r"auto chose (\S+)", summary)[1]
    assert f"schedule {chosen}, 4 ranks" in explain(artifact)
    assert f"auto chose {chosen} " in explain(MODEL, "--optimizer", "adamw", *shape, "--schedule", "auto")
    # A limit that only some keep to.
    limit = sorted(number(row[3]) for row in known if row[3] != "-")[2] * 1.01
    _, summary, forecast = compile_(tmp_path, *shape, "--schedule", "auto", "--memory-limit", int(limit))
    assert max(forecast["arena_bytes"]) <= limit and "within --memory-limit" in summary
    fits = [number(row[1]) for row in known if row[3] != "-" and number(row[3]) <= limit]
    assert forecast["step_s"] <= 1.005 * min(fits)
    done = call("dpc", "verify", artifact, "--steps", 1, "--data", "synthetic:5")
    assert done.returncode == 0 and "verified" in done.stdout
