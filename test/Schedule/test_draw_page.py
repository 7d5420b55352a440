# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The drawn page in a real browser: what it shows, what pointer and keys do."""
import json

import pytest

from browser import Browser
from test_draw import draw, sizes, trace_events
from test_draw_bytes import stages_of
from test_draw_scaled import CROWDED, TITLE, crowded_events


@pytest.fixture(scope="module")
def browser():
    with Browser() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    draw("dualpipe", "1f1b", *sizes(8, 20), "--format", "html", "-o", folder / "two.html")
    draw("dualpipe", *sizes(64, 256), "--format", "html", "-o", folder / "large.html")
    (folder / "trace.json").write_text(json.dumps({"traceEvents": trace_events()}))
    draw("--trace", folder / "trace.json", "--format", "html", "-o", folder / "trace.html")
    (folder / "crowded.json").write_text(json.dumps({"otherData": {**CROWDED, "stages": stages_of()}, "traceEvents": crowded_events()}))
    draw("--trace", folder / "crowded.json", "--format", "html", "-o", folder / "crowded.html")
    return folder


@pytest.fixture
def page(browser, pages):
    """Opens a page as it comes; at the end nothing may have been complained about."""
    def opened(name, scheme="light"):
        browser.scheme(scheme)
        browser.open(pages / name)
        return browser
    yield opened
    complaints, browser.complaints = browser.complaints, []
    assert complaints == []


def middle(browser, *cell):
    box = browser.evaluate(f"timeline.boxOf({', '.join(json.dumps(part) for part in cell)})")
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box


def pixel(browser, x, y):
    """The colour that is drawn at a point of the window."""
    return browser.evaluate(f"""(() => {{
      const canvas = document.getElementById("picture"), box = canvas.getBoundingClientRect(), copy = document.createElement("canvas");
      const context = copy.getContext("2d", {{ willReadFrequently: true }});
      context.drawImage(canvas, Math.round(box.left - {x}), Math.round(box.top - {y}));
      return [...context.getImageData(0, 0, 1, 1).data];
    }})()""")[:3]


def colour_of(browser, picture, kind, shade):
    text = browser.evaluate(f"timeline.data.pictures[{picture}].palette[{json.dumps(kind)}][{shade}][0]")
    return [int(text[i:i + 2], 16) for i in (1, 3, 5)]


def tip(browser):
    return browser.evaluate("(e => e.hidden ? '' : e.innerText)(document.getElementById('tip'))")


def view(browser):
    return browser.evaluate("[timeline.view.from, timeline.view.to]")


def test_cells_have_the_colours_of_their_tasks(page):
    browser = page("two.html")
    for picture, rank, action, kind, shade in ((1, 0, "0F0", "F", 0), (1, 7, "7B3", "B", 0), (0, 0, "0F0", "F", 0), (0, 7, "0F10", "F", 1),
                                               (0, 0, "7I10", "I", 1), (0, 0, "0W6", "W", 0)):
        _, _, box = middle(browser, picture, rank, action)
        # Off the middle, where the label is, and off the frame of the critical path.
        assert pixel(browser, box["x"] + 4, box["y"] + 4) == colour_of(browser, picture, kind, shade), action
    # A pair: its forward above, its backward below.
    _, _, box = middle(browser, 0, 1, "(1F7&6B13)")
    assert pixel(browser, box["x"] + 4, box["y"] + 4) == colour_of(browser, 0, "F", 0)
    assert pixel(browser, box["x"] + 4, box["y"] + box["height"] - 4) == colour_of(browser, 0, "B", 1)
    # A cell is as wide as it is long: of two pictures on one axis.
    _, _, long = middle(browser, 0, 1, "(1F7&6B13)")
    _, _, short = middle(browser, 1, 0, "0F0")
    assert long["width"] == pytest.approx(3 * short["width"])


def test_pointing_at_a_cell_tells_about_it(page):
    browser = page("two.html")
    x, y, _ = middle(browser, 1, 0, "0B0")
    browser.mouse(x, y)
    assert tip(browser).splitlines() == ["0B0 – rank 0, 1f1b", "full backward of stage 0, micro-batch 0", "start 22, end 24, takes 2", "waited 14 for 1B0 of rank 1",
                                         "keeps 8 before and 8 during it (activations)"]
    x, y, _ = middle(browser, 0, 2, "(2F5&5B11)")
    browser.mouse(x, y)
    assert "start 13, end 16, takes 3" in tip(browser) and "copy 1" in tip(browser) and "did not wait" in tip(browser)
    # Before it a wait, outside nothing.
    x, y, box = middle(browser, 1, 0, "0B0")
    browser.mouse(box["x"] - 60, y)
    assert tip(browser).startswith("waits for a message – rank 0, 1f1b\nof 1B0 of rank 1\n")
    browser.mouse(10, 10)
    assert tip(browser) == ""


def test_the_wheel_zooms_at_the_pointer_and_buttons_zoom_out(page):
    browser = page("two.html")
    assert view(browser) == [0, 81]
    x, y, before = middle(browser, 0, 3, "3F0")
    x = int(x)  # as pointers have it
    for _ in range(4):
        browser.wheel(x, y, -200)
    start, end = view(browser)
    assert 0 < start < end < 30
    _, _, box = middle(browser, 0, 3, "3F0")
    # What was under the pointer still is.
    assert (x - box["x"]) / box["width"] == pytest.approx((x - before["x"]) / before["width"], abs=0.01) and box["width"] > 4 * before["width"]
    assert pixel(browser, box["x"] + 6, box["y"] + 5) == colour_of(browser, 0, "F", 0)
    browser.evaluate("document.getElementById('out').click()")
    browser.settle()
    assert view(browser)[1] - view(browser)[0] > end - start
    browser.evaluate("document.getElementById('fit').click()")
    browser.settle()
    assert view(browser) == [0, 81]


def test_dragging_moves_time(page):
    browser = page("two.html")
    x, y, _ = middle(browser, 0, 3, "3F0")
    for _ in range(4):
        browser.wheel(x, y, -200)
    begin = view(browser)[0]
    x, y = 700, y
    under = browser.evaluate("[timeline.view.to - timeline.view.from, document.getElementById('picture').clientWidth - 108]")
    browser.mouse(x, y, "mousePressed", button="left", clickCount=1)
    browser.mouse(x - 100, y, "mouseMoved", button="left", buttons=1)
    browser.mouse(x - 100, y, "mouseReleased", button="left", clickCount=1)
    assert view(browser)[0] - begin == pytest.approx(100 / under[1] * under[0], rel=0.02)


def test_keys_go_from_task_to_task_and_say_what_they_are(page):
    browser = page("two.html")
    browser.evaluate("document.getElementById('stage').focus()")
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "End", "Home"):
        browser.key(key)
        said.append(browser.evaluate("document.getElementById('said').textContent").split(" –")[0])
    assert said == ["0F0", "0F1", "1F0", "1W9", "1F0"]
    browser.key("+")
    assert view(browser)[1] - view(browser)[0] < 81
    browser.key("0")
    assert view(browser) == [0, 81]
    browser.key("Escape")
    assert tip(browser) == ""


def test_both_schemes_and_the_choice_between_them(page):
    def look(browser):
        box = browser.evaluate("(({left, bottom}) => [left, bottom])(document.getElementById('picture').getBoundingClientRect())")
        text = browser.evaluate("getComputedStyle(document.body).color")
        return browser.evaluate("getComputedStyle(document.body).backgroundColor"), pixel(browser, box[0] + 3, box[1] - 3), text

    browser = page("two.html", "dark")
    dark = look(browser)
    browser.scheme("light")
    light = look(browser)
    assert light[0] == "rgb(255, 255, 255)" and light[1] == [255, 255, 255]
    assert max(dark[1]) < 60 and dark[0] == "rgb({}, {}, {})".format(*dark[1]) and dark[2] != light[2]
    browser.evaluate("(e => { e.value = 'dark'; e.dispatchEvent(new Event('change')); })(document.getElementById('theme'))")
    browser.settle()
    assert look(browser) == dark


def test_memory_curves_can_be_left_out(page):
    browser = page("two.html")
    before = middle(browser, 1, 7, "7F0")[1]
    browser.evaluate("document.getElementById('kept').click()")
    browser.settle()
    assert middle(browser, 1, 7, "7F0")[1] < before - 50


def test_a_measured_step_shows_its_errors(page):
    browser = page("trace.html")
    x, y, measured = middle(browser, 0, 1, "1I0")
    browser.mouse(x, y)
    lines = tip(browser).splitlines()
    assert "stood still 1.50 ms of it for a core" in lines
    assert "forecast: start 2.50 ms, end 4.50 ms, takes 2.00 ms" in lines and "error: start +2.50 ms, length +2.00 ms (+100.0 %)" in lines
    # The forecast lies below, half as long.
    _, _, forecast = middle(browser, 1, 1, "1I0")
    assert measured["y"] + measured["height"] < forecast["y"] < measured["y"] + 60 and forecast["width"] == pytest.approx(measured["width"] / 2)
    assert "rank 1\t3\t0\t8.00\t4.00\t+100.0 %\t1.33\t2.67" in browser.evaluate("document.getElementById('summary').innerText")
    browser.evaluate("document.getElementById('tasks').open = true")
    browser.settle()
    assert "1I0\tstep 3, measured\t1\t5\t9\t4" in browser.evaluate("document.getElementById('tasks').innerText")
    before = pixel(browser, measured["x"] + 5, measured["y"] + 5)
    browser.evaluate("(e => { e.value = 'forecast'; e.dispatchEvent(new Event('change')); })(document.getElementById('colour'))")
    browser.settle()
    assert pixel(browser, measured["x"] + 5, measured["y"] + 5) == [230, 130, 0] != before


def test_a_scaled_forecast_lies_under_the_forecast(page):
    browser = page("crowded.html")
    boxes = [middle(browser, picture, 2, "2F0")[2] for picture in range(3)]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"] < middle(browser, 0, 3, "3F0")[2]["y"]
    assert boxes[2]["x"] == pytest.approx(boxes[0]["x"]) and boxes[2]["width"] == pytest.approx(boxes[0]["width"]) == pytest.approx(2.5 * boxes[1]["width"])
    # What stands before the lanes, from top to bottom.
    said = browser.evaluate("""(() => {
      const texts = [], fillText = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) { if (x < 96) texts.push([text, y]); };
      timeline.render();
      CanvasRenderingContext2D.prototype.fillText = fillText;
      timeline.render();
      return texts.sort((a, b) => a[1] - b[1]).map(([text]) => text);
    })()""")
    lanes = [text for text in said if text in ("forecast", "scaled") or text.startswith("rank ")]
    assert lanes == [name for rank in range(4) for name in (f"rank {rank}", "forecast", "scaled")]
    assert [text for text in said if text.startswith("step 3, ")][2].startswith(TITLE + ": 4 ranks")
    assert "scaled: the same forecast x 2.5, as long as the step" in browser.evaluate("document.getElementById('legend').innerText")


def test_a_scaled_forecast_has_its_tip_and_its_summary(page):
    browser = page("crowded.html")
    x, y, _ = middle(browser, 0, 1, "1F0")
    browser.mouse(x, y)
    lines = tip(browser).splitlines()
    assert "forecast: start 1.00 ms, end 2.00 ms, takes 1.00 ms" in lines and "error: start +1.50 ms, length +0.50 ms (+50.0 %)" in lines
    assert "scaled: start 2.50 ms, end 5.00 ms, takes 2.50 ms" in lines and "error when scaled: start +0.00 ms, length \u22121.00 ms (\u221240.0 %)" in lines
    x, y, _ = middle(browser, 2, 1, "1F0")
    browser.mouse(x, y)
    assert tip(browser).splitlines()[0] == "1F0 \u2013 rank 1, " + TITLE
    summary = browser.evaluate("document.getElementById('summary').innerText")
    assert "rank 1\t3\t0\t6.50\t3.00\t+116.7 %\t1.17\t7.00" in summary and "rank 1\t3\t0\t6.50\t7.50\t\u221213.3 %\t0.33\t0.00" in summary
    assert TITLE + ": as long as the step" in summary
    browser.evaluate("document.getElementById('tasks').open = true")
    browser.settle()
    assert "1F0\tstep 3, measured\t1\t2.5\t4\t1.5\t\t1\t1\t1.5\t0.5\t2.5\t2.5\t0\t-1" in browser.evaluate("document.getElementById('tasks').innerText")


def test_keys_walk_through_all_lanes_of_a_rank(page):
    browser = page("crowded.html")
    browser.evaluate("document.getElementById('stage').focus()")
    said = []
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        browser.key(key)
        said.append(browser.evaluate("document.getElementById('said').textContent").split(";")[0])
    assert [words.split(" \u2013 ")[1] for words in said] == ["rank 0, step 3, measured", "rank 0, step 3, forecast", "rank 0, " + TITLE, "rank 1, step 3, measured",
                                                          "rank 0, " + TITLE]


def test_colours_of_errors_are_of_the_chosen_forecast(page):
    browser = page("crowded.html")
    _, _, box = middle(browser, 0, 0, "0F0")
    assert browser.evaluate("[...document.getElementById('colour').options].map((o) => o.text)") == ["by task", "by error", "by error when scaled"]
    colours = []
    for choice in ("forecast", "scaled"):
        browser.evaluate(f"(e => {{ e.value = '{choice}'; e.dispatchEvent(new Event('change')); }})(document.getElementById('colour'))")
        browser.settle()
        colours.append(pixel(browser, box["x"] + 5, box["y"] + 5))
    # More than twice as long as forecast; scaled, exactly as long.
    assert colours == [[230, 130, 0], [228, 228, 228]]


def test_bytes_stand_beside_shares(page):
    browser = page("crowded.html")
    x, y, _ = middle(browser, 0, 1, "1W0")
    browser.mouse(x, y)
    assert "keeps 1 (66.3 kB) before and 1 (107 kB) during it (activations)" in tip(browser).splitlines()
    x, y, _ = middle(browser, 0, 0, "0F0")
    browser.mouse(x, y)
    assert "keeps 0 (0 B) before and 1 (54 kB) during it (activations)" in tip(browser).splitlines()
    browser.mouse(x + 100, y)
    assert "keeps 1 (54 kB) activations" in tip(browser)
    assert "activations kept, to 1 share of a micro-batch, 107 kB" in browser.evaluate("document.getElementById('legend').innerText")
    assert "1 (107 kB)" in browser.evaluate("document.getElementById('summary').innerText")


def test_a_wait_for_a_core_is_hatched_and_one_for_a_message_is_plain(page):
    browser = page("trace.html")

    def colours(picture, rank, start, end, row):
        """Those along a line of pixels through a stretch of time of a lane."""
        _, _, box = middle(browser, picture, rank, row)
        whole = browser.evaluate("timeline.view.to - timeline.view.from")
        scale = browser.evaluate("document.getElementById('picture').clientWidth - 108") / whole
        zero = browser.evaluate("document.getElementById('picture').getBoundingClientRect().left") + 96
        y = box["y"] + box["height"] - 2
        return {tuple(pixel(browser, zero + scale * start + 3 + i, y)) for i in range(min(20, int(scale * (end - start)) - 6))}

    assert len(colours(0, 0, 3, 4, "0F0")) == 1
    assert len(colours(0, 1, 5.5, 7, "1I0")) > 3


def test_hostile_names_run_nothing(page):
    browser = page("trace.html")
    assert browser.evaluate("document.images.length") == 0
    x, y, box = middle(browser, 0, 0, browser.evaluate("timeline.data.pictures[0].lanes[0].names[0]"))
    browser.mouse(x, y)
    assert tip(browser).startswith("</script><img src=x onerror=alert(1)>?[31m")


def test_a_large_schedule_opens_and_draws(page):
    browser = page("large.html")
    cells = browser.evaluate("timeline.data.pictures[0].lanes.reduce((n, lane) => n + lane.cells.length, 0)")
    assert cells > 64 * 256
    # Everything in sight; the bound is wide, for a busy machine that draws in software.
    assert browser.evaluate("timeline.render()") < 5000
    x, y, _ = middle(browser, 0, 0, "0F0")
    for _ in range(30):
        browser.wheel(x, y, -200)
    assert view(browser)[1] < 1
    _, _, box = middle(browser, 0, 0, "0F0")
    assert box["width"] > 500 and pixel(browser, box["x"] + 20, box["y"] + 5) == colour_of(browser, 0, "F", 0)
    browser.evaluate("document.getElementById('stage').scrollTop = 1e6")
    browser.settle()
    _, y, box = middle(browser, 0, 63, "0F128")
    assert 0 < y < 900
