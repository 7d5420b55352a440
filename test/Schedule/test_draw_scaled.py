# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The forecast stretched to the length of a step whose ranks shared cores, and when there is none."""
import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from test_draw import SVG, draw, page_data

RANKS = 4
CROWDED = {"format_version": "1.1", "ranks": RANKS, "threads": 8, "cores": 2}
TITLE = "step 3, forecast x 2.5 (4 ranks on 2 cores)"


def crowded_events():
    """A micro-batch forth and back through four ranks, each task of 1 ms in the forecast; measured, all times are 2.5 times
    as long, but for 1F0, which takes 1.5 ms in place of 2.5."""
    events = []
    for rank in range(RANKS):
        for kind, word, start in (("F", "forward", rank), ("I", "input_half", 7 - rank), ("W", "weight_half", 8 - rank)):
            length = 1.5 if (rank, kind) == (1, "F") else 2.5
            events.append({"ph": "X", "pid": rank, "tid": 0, "ts": 1000 * start, "dur": 1000, "name": f"{kind}{rank} m0", "cat": "forecast",
                           "args": {"step": 3}})
            events.append({"ph": "X", "pid": rank, "tid": 2, "ts": 500 + 2500 * start, "dur": 1000 * length, "name": f"s{rank}.{word} m0", "cat": "task",
                           "args": {"step": 3}})
    return events


def write(path, facts, events=None):
    path.write_text(json.dumps({"otherData": facts, "traceEvents": events or crowded_events()}))
    return path


@pytest.fixture
def crowded(tmp_path):
    return write(tmp_path / "crowded.json", CROWDED)


def rows_of(path):
    return list(csv.DictReader(io.StringIO(draw("--trace", path, "--format", "csv"))))


def test_the_table_has_the_forecast_scaled_and_its_errors(crowded):
    rows = rows_of(crowded)
    scaled = {row["action"]: (float(row["start"]), float(row["end"])) for row in rows if row["picture"] == TITLE}
    forecast = {row["action"]: (float(row["start"]), float(row["end"])) for row in rows if row["picture"] == "step 3, forecast"}
    assert len(forecast) == 3 * RANKS and scaled == {action: (2.5 * start, 2.5 * end) for action, (start, end) in forecast.items()}
    measured = [row for row in rows if row["picture"] == "step 3, measured"]
    assert len(measured) == 3 * RANKS
    for row in measured:
        assert (float(row["scaled_start"]), float(row["scaled_end"])) == scaled[row["action"]]
        assert float(row["scaled_start_error"]) == 0
        assert float(row["scaled_duration_error"]) == (-1 if row["action"] == "1F0" else 0)
        # Beside it the forecast as it was.
        assert float(row["duration_error"]) == (0.5 if row["action"] == "1F0" else 1.5)
        assert float(row["start_error"]) == pytest.approx(0.6 * float(row["start"]))


def test_text_has_a_lane_a_key_and_a_summary_of_it(crowded):
    text = draw("--trace", crowded, "--width", 200)
    lanes = [line.split("│")[0].strip() for line in text.splitlines() if line.count("│") == 2 and not line.startswith(" " * 9 + "│")]
    assert lanes == [name for rank in range(RANKS) for name in (f"rank {rank}", "forecast", "scaled")]
    assert "Under each rank its forecast, with a core for each rank; scaled: the same forecast x 2.5, as long as the step, to compare proportions." in text
    assert TITLE + ": 4 ranks, 1 micro-batch; makespan 22.50 ms" in text
    before, after = text.split("\n" + TITLE + ":\n")
    assert "step: 22.50 ms, forecast 9.00 ms (+150.0 %)" in before
    assert "rank 1: 3 tasks took 6.50 ms, forecast 3.00 ms (+116.7 %); a task's length was off by 1.17 ms, its start by 7.00 ms" in before
    assert "all ranks: 12 tasks took 29.00 ms, scaled 30.00 ms (-3.3 %); a task's length was off by 0.08 ms, its start by 0.00 ms" in after
    assert "rank 1: 3 tasks took 6.50 ms, scaled 7.50 ms (-13.3 %); a task's length was off by 0.33 ms, its start by 0.00 ms" in after
    assert "rank 0: 3 tasks took 7.50 ms, scaled 7.50 ms (+0.0 %); a task's length was off by 0.00 ms, its start by 0.00 ms" in after


@pytest.mark.parametrize("width", [40, 80, 200])
def test_text_with_three_lanes_keeps_to_its_width(crowded, width):
    assert max(map(len, draw("--trace", crowded, "--width", width).splitlines())) <= width


def test_the_vector_graphic_lays_it_under_the_forecast(crowded):
    root = ElementTree.fromstring(draw("--trace", crowded, "--format", "svg"))
    boxes = {}
    for cell in root.iter(SVG + "g"):
        if cell.get("class") == "cell":
            key = cell.get("data-lane", "measured"), cell.get("data-action")
            boxes[key] = {name: float(cell.find(SVG + "rect").get(name)) for name in ("x", "y", "width", "height")}
            title = cell.find(SVG + "title").text
            if key[0] == "measured":
                assert "; forecast " in title and "; scaled " in title
            else:
                assert title.startswith(f"{key[1]}, rank {key[1][0]}, {key[0]}: ")
    assert len(boxes) == 3 * 3 * RANKS
    for stage in range(RANKS):
        for kind in "FIW":
            measured, forecast, scaled = (boxes[lane, f"{stage}{kind}0"] for lane in ("measured", "forecast", "scaled"))
            assert measured["y"] < forecast["y"] < scaled["y"]
            assert scaled["x"] == pytest.approx(measured["x"], abs=0.02)
            assert forecast["width"] + 0.6 == pytest.approx((scaled["width"] + 0.6) / 2.5, abs=0.03)
            if (stage, kind) != (1, "F"):
                assert scaled["width"] == measured["width"]
    labels = [text.text for text in root.iter(SVG + "text")]
    assert labels.count("scaled") == labels.count("forecast") == RANKS
    assert any(label.startswith(TITLE) for label in labels) and any("scaled: the same forecast x 2.5" in label for label in labels)


def test_the_page_has_three_pictures(crowded):
    data = page_data(draw("--trace", crowded, "--format", "html"))
    assert [(p["title"], p["lane"], p["factor"]) for p in data["pictures"]] == [("step 3, measured", "", 1), ("step 3, forecast", "forecast", 1),
                                                                               (TITLE, "scaled", 2.5)]
    measured, forecast, scaled = data["pictures"]
    assert measured["makespan"] == scaled["makespan"] == 22.5 and measured["errors"] == []
    assert [round(e["durationError"], 6) for e in scaled["errors"]] == [0, round(1 / 3, 6), 0, 0]
    # What of the time is idle, and what is kept, does not depend on the scale.
    assert scaled["bubble"] == pytest.approx(forecast["bubble"])
    for plain, wide in zip(forecast["lanes"], scaled["lanes"]):
        assert wide["kept"][1::2] == plain["kept"][1::2] and wide["kept"][::2] == [2.5 * t for t in plain["kept"][::2]]
        assert wide["wait"][:2] == [2.5 * t for t in plain["wait"][:2]]


def test_measured_tasks_only_say_when_they_were_expected(crowded):
    measured, *forecasts = page_data(draw("--trace", crowded, "--format", "html"))["pictures"]
    for lane, plain in zip(measured["lanes"], forecasts[0]["lanes"], strict=True):
        assert lane["expected"] == [[start, end] for start, end in zip(plain["start"], plain["end"])]
    # A forecast has no column of nothing for each of its tasks, and no more has a schedule.
    drawn = page_data(draw("gpipe", "--pp", 2, "--micro-batches", 2, "--format", "html"))["pictures"]
    assert all("expected" not in lane for picture in forecasts + drawn for lane in picture["lanes"])


@pytest.mark.parametrize("facts, words", [
    ({"ranks": 4, "threads": 1, "cores": 64}, "4 ranks on 1 core)"),
    ({"ranks": 4, "threads": 3, "cores": 3}, "4 ranks on 3 cores)"),
    ({"ranks": 8, "threads": 64, "cores": 7}, "8 ranks on 7 cores)"),
])
def test_threads_and_cores_both_bound_what_computes(tmp_path, facts, words):
    assert words in draw("--trace", write(tmp_path / "t.json", facts))


NOT_CROWDED = [{**CROWDED, "cores": 4}, {**CROWDED, "cores": 400}, {**CROWDED, "ranks": 2}]
NO_NUMBERS = [[], "x", 7, None, {}, {"format_version": "1.0"}] + [
    {**CROWDED, key: value} for key in ("ranks", "threads", "cores")
    for value in (-4, "4", 1e300, 0, True, None, [4], {"a": 1}, 4.5, 2**24 + 1, 2**63, 2**64 - 1)]


@pytest.mark.parametrize("facts", NOT_CROWDED + NO_NUMBERS, ids=lambda facts: json.dumps(facts)[:60])
def test_without_need_or_numbers_a_trace_draws_as_without_them(tmp_path, facts):
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps({"traceEvents": crowded_events()}))
    path = write(tmp_path / "t.json", facts)
    for format in ("csv", "svg"):
        assert draw("--trace", path, "--format", format) == draw("--trace", bare, "--format", format)
    assert {row["picture"] for row in rows_of(path)} == {"step 3, measured", "step 3, forecast"}
    assert all(row["scaled_start"] == "" for row in rows_of(path))


def test_a_forecast_without_length_is_not_scaled(tmp_path):
    events = [dict(event, dur=0, ts=0) if event["cat"] == "forecast" else event for event in crowded_events()]
    path = write(tmp_path / "t.json", CROWDED, events)
    assert "scaled" not in draw("--trace", path) and "nan" not in draw("--trace", path) and "inf" not in draw("--trace", path)


def test_a_step_without_a_forecast_has_none_to_scale(tmp_path):
    path = write(tmp_path / "t.json", CROWDED, [event for event in crowded_events() if event["cat"] == "task"])
    assert {row["picture"] for row in rows_of(path)} == {"step 3, measured"}


def test_extreme_times_stay_numbers(tmp_path):
    events = [dict(event, dur=1e-9) if event["cat"] == "forecast" else dict(event, dur=1e15) for event in crowded_events()]
    path = write(tmp_path / "t.json", CROWDED, events)
    for format in ("text", "svg", "html", "csv"):
        assert not re.search(r"\b(nan|inf)\b", draw("--trace", path, "--format", format))
