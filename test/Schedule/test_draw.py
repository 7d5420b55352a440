# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Drawn schedules and traces: the picture's numbers against a simulation of its own, its forms, hostile input."""
import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
import xml.etree.ElementTree as ElementTree

import pytest

SVG = "{http://www.w3.org/2000/svg}"


def draw(*arguments, status=0, env=None):
    done = subprocess.run(["dpc", "schedule", "draw", *map(str, arguments)], capture_output=True, timeout=120,
                          env={**os.environ, **(env or {})})
    assert done.returncode == status, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode("utf-8") if status == 0 else done.stderr.decode()


def sizes(ranks, micro_batches):
    return ["--pp", ranks, "--micro-batches", micro_batches]


def tasks_of(word):
    return [(kind, int(stage), int(micro)) for stage, kind, micro in re.findall(r"(\d+)([FBIW])(\d+)", word)]


def simulated(name, ranks, micro_batches, cost):
    """Start and end of every action, by going round the ranks until nothing is left."""
    shown = subprocess.run(["dpc", "schedule", "show", name, "--pp", str(ranks), "--micro-batches", str(micro_batches), "--format", "json"],
                           capture_output=True, text=True, check=True)
    table = json.loads(shown.stdout)
    share, stages = table["ranks"] / table["stages"], table["stages"]

    def rank_of(stage, micro):
        return next(r["rank_of_stage"][stage] for r in table["replicas"] if r["first_micro_batch"] <= micro < r["end_micro_batch"])

    ready, clock, at, times = {}, [0.0] * ranks, [0] * ranks, {}
    while sum(at) < sum(map(len, table["actions"])):
        before = list(at)
        for rank, actions in enumerate(table["actions"]):
            while at[rank] < len(actions):
                word, needs = actions[at[rank]], []
                for kind, stage, micro in tasks_of(word):
                    if kind == "F":
                        needs += [("F", stage - 1, micro)] if stage else []
                    elif kind == "W":
                        needs.append(("G", stage, micro))
                    else:
                        needs += [("F", stage, micro)] + ([("G", stage + 1, micro)] if stage + 1 < stages else [])
                if any(need not in ready for need in needs):
                    break
                arrive = [ready[need] + (cost["comm"] if rank_of(need[1], need[2]) != rank else 0) for need in needs]
                start = max([clock[rank], *arrive])
                kinds = [kind for kind, _, _ in tasks_of(word)]
                one = {"F": cost["F"], "I": cost["I"], "W": cost["W"], "B": cost["I"] + cost["W"]}
                end = start + share * (cost["FB"] if len(kinds) == 2 else one[kinds[0]])
                for kind, stage, micro in tasks_of(word):
                    if kind != "W":
                        ready["F" if kind == "F" else "G", stage, micro] = end
                clock[rank], times[rank, word] = end, (start, end)
                at[rank] += 1
        assert at != before
    return times


COST = {"F": 1, "I": 1.2, "W": 0.8, "FB": 2.5, "comm": 0.25}
CASES = [("1f1b", 4, 8), ("dualpipe", 4, 10), ("zb-v", 4, 8), ("interleaved", 4, 8), ("dualpipev", 3, 7)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case[0])
def case(request):
    name, ranks, micro_batches = request.param
    arguments = [name, *sizes(ranks, micro_batches), "--cost", ",".join(f"{k}={v}" for k, v in COST.items())]
    return arguments, simulated(name, ranks, micro_batches, COST)


def page_data(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def words_of(lane):
    """The actions of a lane of a page's data."""
    pair, words = 0, []
    for kind, stage, micro in zip(lane["kinds"], lane["stage"], lane["micro"]):
        if kind == "&":
            words.append(f"({stage}F{micro}&{lane['pairStage'][pair]}B{lane['pairMicro'][pair]})")
            pair += 1
        else:
            words.append(f"{stage}{kind}{micro}")
    return words


def test_the_table_has_the_simulated_times(case):
    arguments, times = case
    rows = list(csv.DictReader(io.StringIO(draw(*arguments, "--format", "csv"))))
    assert {(int(row["rank"]), row["action"]) for row in rows} == set(times) and len(rows) == len(times)
    for row in rows:
        start, end = times[int(row["rank"]), row["action"]]
        assert float(row["start"]) == pytest.approx(start) and float(row["end"]) == pytest.approx(end)
    # What a cell waited is the gap before it, and named where there is one.
    for rank in {row["rank"] for row in rows}:
        clock = 0
        for row in (row for row in rows if row["rank"] == rank):
            assert float(row["waited"]) == pytest.approx(float(row["start"]) - clock, abs=1e-7)
            if float(row["waited"]) > 1e-6:
                word, other = re.fullmatch(r"(\w+) of rank (\d+)", row["waited_for"]).groups()
                made = [end for (r, action), (_, end) in times.items() if r == int(other) and word in re.split(r"[(&)]", action)]
                assert made == [pytest.approx(float(row["start"]) - COST["comm"])]
            clock = float(row["end"])


def test_the_page_has_the_simulated_times(case):
    arguments, times = case
    picture = page_data(draw(*arguments, "--format", "html"))["pictures"][0]
    found = {(lane["rank"], word): (start, end) for lane in picture["lanes"]
             for word, start, end in zip(words_of(lane), lane["start"], lane["end"])}
    assert set(found) == set(times)
    for key, (start, end) in found.items():
        assert (start, end) == pytest.approx(times[key])
    makespan = max(end for _, end in times.values())
    assert picture["makespan"] == pytest.approx(makespan)
    for lane in picture["lanes"]:
        busy = sum(end - start for (rank, _), (start, end) in times.items() if rank == lane["rank"])
        assert lane["idle"] == pytest.approx(makespan - busy)


def test_what_is_kept_is_what_the_simulator_says(case):
    arguments, times = case
    simulated = json.loads(subprocess.run(["dpc", "schedule", "simulate", *map(str, arguments), "--format", "json"], capture_output=True, check=True).stdout)
    for lane in page_data(draw(*arguments, "--format", "html"))["pictures"][0]["lanes"]:
        assert lane["peak"] == max(lane["kept"][1::2]) == pytest.approx(simulated["peak_activations"][lane["rank"]])
        assert lane["kept"][-1] == 0


def test_the_vector_graphic_has_every_cell_in_its_place(case):
    arguments, times = case
    root = ElementTree.fromstring(draw(*arguments, "--format", "svg"))
    cells = [g for g in root.iter(SVG + "g") if g.get("class") == "cell"]
    assert len(cells) == len(times)
    boxes = {}
    for cell in cells:
        key = int(cell.get("data-rank")), cell.get("data-action")
        rects = [r for r in cell.iter(SVG + "rect") if r.get("class") != "critical"]
        assert len(rects) == len(tasks_of(key[1]))
        boxes[key] = {name: float(rects[0].get(name)) for name in ("x", "y", "width")}
        assert cell.find(SVG + "title").text.startswith(f"{key[1]}, rank {key[0]}: ")
    makespan = max(end for _, end in times.values())
    zero = min(box["x"] for box in boxes.values())
    last = next(key for key, (_, end) in times.items() if end == makespan)
    scale = (boxes[last]["x"] - zero) / times[last][0]
    for key, box in boxes.items():
        start, end = times[key]
        assert box["x"] == pytest.approx(zero + scale * start, abs=0.02)
        assert box["width"] == pytest.approx(scale * (end - start), abs=0.7)
    # A lane each, in order of ranks; no cell of one leaves it.
    heights = [sorted({box["y"] for (rank, _), box in boxes.items() if rank == r}) for r in range(1 + max(rank for rank, _ in boxes))]
    assert all(len(h) == 1 for h in heights) and heights == sorted(heights)


GOLDEN = """\
F forward, B full backward, · waits for a message
Under a letter is its micro-batch.

1f1b: 2 ranks, 2 micro-batches; makespan 9, idle 33.3\u00a0%,
bound 7
     0                   5                        idle  peak
   0│F───F───········B───────····B───────    │       3     2
    │0───1───········0───────····1───────    │
   1│····F───B───────F───B───────            │       3     1
    │····0───0───────1───1───────            │
     0                   5                        idle  peak
"""


def test_text_of_a_small_schedule():
    assert draw("1f1b", *sizes(2, 2), "--width", 60) == GOLDEN


def test_text_of_pairs():
    text = draw("dualpipe", *sizes(2, 4), "--width", 60, "--cost", "F=1,I=1,W=1,FB=2")
    assert "│F──F──F──B─────F3────B─────I──W──" in text
    assert "│0──2──1──2─────B0────3─────1──1──" in text


def columns(text):
    return max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines())


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("name, ranks, micro_batches", [("dualpipe", 8, 20), ("zb-h1", 8, 20), ("interleaved", 8, 20), ("dualpipe", 64, 256)])
def test_text_keeps_to_its_width(name, ranks, micro_batches, width):
    text = draw(name, *sizes(ranks, micro_batches), "--width", width, "--color", "always")
    assert columns(text) <= width
    assert len(re.findall(r"(?m)^ *\d+│", text)) == ranks
    assert text == draw(name, *sizes(ranks, micro_batches), "--color", "always", env={"COLUMNS": str(width)})


@pytest.mark.parametrize("width", [120, 160, 200])
def test_eight_ranks_and_twenty_micro_batches_show_every_task(width):
    """Each task has a column that begins with its letter, and under it its micro-batch."""
    text = draw("dualpipe", *sizes(8, 20), "--width", width)
    lines = text.splitlines()
    shown = json.loads(subprocess.run(["dpc", "schedule", "show", "dualpipe", "--pp", "8", "--micro-batches", "20", "--format", "json"],
                                      capture_output=True, check=True).stdout)["actions"]
    first = next(i for i, line in enumerate(lines) if line.startswith("   0│"))
    code = "0123456789abcdefghijklmnopqrstuvwxyz"
    for rank, actions in enumerate(shown):
        upper, lower = (lines[first + 2 * rank + i].split("│")[1] for i in (0, 1))
        assert re.sub(r"[─· \w]", lambda m: m[0] if m[0] in "FBIW" else "", upper) == "".join(tasks_of(a)[0][0] for a in actions)
        places = [i for i, c in enumerate(upper) if c in "FBIW"]
        for place, action in zip(places, actions):
            *_, (_, _, micro) = tasks_of(action)
            under = lower[place + ("&" in action):][:1]
            assert under in (code[micro], str(micro)[0])


def test_short_tasks_share_columns_and_it_says_so():
    text = draw("1f1b", *sizes(16, 200), "--width", 80)
    assert "One column is " in text and "--from" in text
    near = draw("1f1b", *sizes(16, 200), "--width", 80, "--from", 10, "--to", 30)
    assert "Under a letter" in near


def test_colour_only_where_it_is_wanted():
    arguments = ["1f1b", *sizes(2, 2)]
    assert "\x1b" not in draw(*arguments) and "\x1b" not in draw(*arguments, "--color", "never")
    assert "\x1b[48;5;" in draw(*arguments, "--color", "always", env={"COLORTERM": ""})
    assert "\x1b[48;2;" in draw(*arguments, "--color", "always", env={"COLORTERM": "truecolor"})


def on_terminal(*arguments, **env):
    """On a terminal of 90 columns."""
    main, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "COLORTERM")}
    with subprocess.Popen(["dpc", "schedule", "draw", *map(str, arguments)], stdout=child, env={**environment, "TERM": "xterm", **env}) as process:
        os.close(child)
        data = b""
        while True:
            try:
                part = os.read(main, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            data += part
    os.close(main)
    assert process.returncode == 0
    return data.decode().replace("\r\n", "\n")


def test_on_a_terminal_it_has_colours_and_fits():
    text = on_terminal("dualpipe", *sizes(4, 8))
    assert "\x1b[" in text and 80 < columns(text) <= 90
    assert "\x1b[" not in on_terminal("dualpipe", *sizes(4, 8), NO_COLOR="1")


def test_several_schedules_have_one_time_axis():
    page = page_data(draw("1f1b", "zb-h1", "interleaved,v=2", *sizes(4, 8), "--format", "html"))
    assert [p["title"] for p in page["pictures"]] == ["1f1b", "zb-h1", "interleaved,v=2"]
    assert page["to"] == max(p["makespan"] for p in page["pictures"]) == 33
    root = ElementTree.fromstring(draw("1f1b", "zb-h1", *sizes(4, 8), "--format", "svg"))
    first = [g.find(SVG + "rect").attrib for g in root.iter(SVG + "g") if g.get("data-action") == "3F0"]
    assert len(first) == 2 and first[0]["x"] == first[1]["x"]


HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[31m]]>&\"'\u202e"


def trace_events(step=3):
    """Two ranks; the forecast is half as long as what was measured."""
    events = []
    for rank, tasks in enumerate(([("F0 m0", "s0.forward m0", 0, 2), ("I0 m0", "s0.input_half m0", 9, 2), ("W0 m0", "s0.weight_half m0", 11, 1)],
                                  [("F1 m0", "s1.forward m0", 2, 3), ("I1 m0", "s1.input_half m0", 5, 4), ("W1 m0", "s1.weight_half m0", 9, 1)])):
        events.append({"ph": "M", "name": "process_name", "pid": rank, "tid": 0, "args": {"name": HOSTILE}})
        for forecast, measured, start, length in tasks:
            events.append({"ph": "X", "pid": rank, "tid": 0, "ts": 500 * start, "dur": 500 * length, "name": forecast, "cat": "forecast", "args": {"step": step}})
            events.append({"ph": "X", "pid": rank, "tid": 2, "ts": 7000 + 1000 * start, "dur": 1000 * length, "name": measured, "cat": "task", "args": {"step": step}})
        events.append({"ph": "X", "pid": rank, "tid": 2, "ts": 19000, "dur": 1000, "name": HOSTILE, "cat": "running", "args": {"step": step}})
    for rank, start, length, cause in ((0, 9000, 7000, "a message"), (1, 7000, 2000, "a message"), (1, 12500, 1500, "a core")):
        events.append({"ph": "X", "pid": rank, "tid": 2, "ts": start, "dur": length, "name": f"waiting for {cause}", "cat": "waiting", "args": {"before": HOSTILE, "step": step}})
    return events


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"traceEvents": trace_events() + [{"ph": "X"}, 7, None, {"ph": "X", "pid": -1, "tid": "x", "ts": "y", "args": []}]}))
    return path


def test_a_trace_beside_its_forecast(trace):
    rows = list(csv.DictReader(io.StringIO(draw("--trace", trace, "--format", "csv"))))
    measured = {row["action"]: row for row in rows if row["picture"] == "step 3, measured"}
    assert len([row for row in rows if row["picture"] == "step 3, forecast"]) == 6
    assert {name: (float(row["start"]), float(row["duration"])) for name, row in measured.items() if re.fullmatch(r"\d\w\d", name)} == {
        "0F0": (0, 2), "1F0": (2, 3), "1I0": (5, 4), "0I0": (9, 2), "0W0": (11, 1), "1W0": (9, 1)}
    for name in ("0F0", "1F0", "1I0", "0I0", "0W0", "1W0"):
        row = measured[name]
        assert float(row["start_error"]) == float(row["start"]) / 2 and float(row["duration_error"]) == float(row["duration"]) / 2
    assert measured["0I0"]["waited_for"] == "1I0 of rank 1" and float(measured["0I0"]["waited"]) == 7
    assert measured["1I0"]["waited_for"] == "a core" and float(measured["1I0"]["waited"]) == 1.5
    text = draw("--trace", trace, "--width", 200)
    assert "step: 13.00 ms, forecast 6.00 ms (+116.7 %)" in text
    assert "rank 1: 3 tasks took 8.00 ms, forecast 4.00 ms (+100.0 %); a task's length was off by 1.33 ms, its start by 2.67 ms" in text
    assert "╱" in text and "·" in text and "\x1b" not in text


@pytest.mark.parametrize("named", [True, False])
def test_a_task_on_several_streams_is_drawn_once(tmp_path, named):
    """One that communicates has a span on each of its streams; those of the stream that computes are drawn."""
    events = trace_events()
    other = 1 if named else 3
    events += [dict(event, tid=other, ts=event["ts"] + 100, dur=event["dur"] / 2) for event in events if event.get("cat") == "task"]
    if named:
        events += [{"ph": "M", "name": "thread_name", "pid": rank, "tid": tid, "args": {"name": name}} for rank in range(2)
                   for tid, name in ((2, "measured compute"), (1, "measured collective"))]
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"traceEvents": events}))
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps({"traceEvents": trace_events()}))
    assert draw("--trace", path, "--format", "csv") == draw("--trace", bare, "--format", "csv")


def test_hostile_names_stay_text(trace):
    page = draw("--trace", trace, "--format", "html")
    assert page.count("</script>") == 2 and "<img" not in page and "http:" not in page and "https:" not in page and "\x1b" not in page
    names = [name for lane in page_data(page)["pictures"][0]["lanes"] for name in lane["names"]]
    assert names and all(name == "</script><img src=x onerror=alert(1)>?[31m]]>&\"'?" for name in names)
    root = ElementTree.fromstring(draw("--trace", trace, "--format", "svg"))
    assert any("<img" in (title.text or "") for title in root.iter(SVG + "title")) and not list(root.iter(SVG + "img"))


def test_waits_for_a_core_and_for_a_message_look_different(trace):
    root = ElementTree.fromstring(draw("--trace", trace, "--format", "svg"))
    fills = {cause: {g.find(SVG + "rect").get("fill") for g in root.iter(SVG + "g") if g.get("class") == "wait " + cause} for cause in ("core", "message")}
    assert fills["core"] == {"url(#core)"} and len(fills["message"]) == 1 and fills["message"].isdisjoint(fills["core"])


@pytest.mark.parametrize("arguments, status, words", [
    ([], 2, "draw what?"),
    (["1f1b", "--trace", "x.json"], 2, "leave the schedules away"),
    (["1f1b", "--step", "3"], 2, "there is no --trace"),
    (["no-such", "--pp", "2"], 3, "no-such"),
    (["dualpipe", "--pp", "3", "--micro-batches", "6"], 3, "even"),
    (["--trace", "nothing.json"], 3, "cannot read the trace 'nothing.json'"),
    (["1f1b", "--from", "5", "--to", "5"], 2, "the end must be later"),
    (["1f1b", "--from", "1e9"], 2, "all ends at"),
    (["1f1b", "--width", "10"], 2, "--width"),
    (["1f1b", "--format", "png"], 2, "png"),
    (["1f1b", "-o", "no/such/folder/x.txt"], 11, "cannot write"),
])
def test_what_cannot_be_drawn_is_said(arguments, status, words):
    assert words in draw(*arguments, status=status)


@pytest.mark.parametrize("text, words", [("", "not JSON"), ("[]", "traceEvents"), ('{"traceEvents": {}}', "traceEvents"), ('{"traceEvents": []}', "no tasks of any step")])
def test_what_is_no_trace_is_said(tmp_path, text, words):
    path = tmp_path / "t.json"
    path.write_text(text)
    assert words in draw("--trace", path, status=3)


def test_a_step_that_was_not_traced_is_named(trace):
    assert "has no tasks of step 99; it has step 3" in draw("--trace", trace, "--step", 99, status=3)


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "x.svg"
    path.write_text("mine")
    assert "--force" in draw("1f1b", "--format", "svg", "-o", path, status=2) and path.read_text() == "mine"
    draw("1f1b", "--format", "svg", "-o", path, "--force")
    ElementTree.fromstring(path.read_text())
