# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python module `dpc.schedule`."""
import ast
import copy
import doctest
import html
import json
import os
import pathlib
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])
SOURCE = pathlib.Path(os.environ["DPC_SOURCE_DIR"])
sys.path.insert(0, str(BUILD / "python"))
from dpc import schedule  # noqa: E402


def dpc(*arguments):
    return subprocess.run(["dpc", "schedule", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def test_names_are_those_of_the_command():
    listed = json.loads(dpc("list", "--format", "json"))
    assert schedule.names() == [row["name"] for row in listed]
    for row in listed:
        assert schedule.describe(row["name"])["summary"] == row["summary"]
    assert schedule.describe("zb1p")["name"] == "zb-h1"
    with pytest.raises(ValueError, match="there is no schedule 'nothing'; known are gpipe, "):
        schedule.describe("nothing")


def test_a_schedule_is_what_show_prints():
    t = schedule.generate("dualpipe", ranks=8, micro_batches=20)
    assert t.text == dpc("show", "dualpipe", "--pp", 8, "--micro-batches", 20)
    assert (t.name, t.ranks, t.stages, t.micro_batches) == ("dualpipe", 8, 8, 20)
    assert t.replicas == [(0, 10, list(range(8))), (10, 20, list(range(7, -1, -1)))]
    assert t.actions[0][:3] == ["0F0", "0F1", "0F2"] and "(0F7&7B10)" not in t.actions[1]
    assert " ".join(t.actions[3]) in t.text
    assert repr(t) == "<schedule dualpipe: 8 ranks, 8 stages, 20 micro-batches>"


def test_the_figure_of_dualpipe():
    t = schedule.generate("dualpipe", ranks=8, micro_batches=20)
    s = schedule.simulate(t, F=1, I=1, W=1, FB=3)
    assert s.makespan == 66 and s.idle == [6] * 8 and s.peaks == [9] * 8 and s.lower_bound == 63
    assert len(s.start) == 8 and [len(row) for row in s.start] == [len(row) for row in t.actions]
    assert s.start[0][0] == 0 and max(map(max, s.end)) == s.makespan
    for start, end in zip(s.start, s.end):
        assert all(a <= b for a, b in zip(start, end)) and end[:-1] <= start[1:]
    assert schedule.simulate(t, FB=2).makespan == 52
    assert schedule.simulate(t).makespan == 66  # a pair that gains nothing


def test_text_and_files_come_back(tmp_path):
    t = schedule.generate("zb-h1", ranks=4, micro_batches=6)
    assert schedule.parse(t.text) == t
    file = tmp_path / "mine.txt"
    file.write_text(t.text)
    assert schedule.load(file) == t == schedule.load(str(file))
    assert t != schedule.generate("zb-h1", ranks=4, micro_batches=5)
    assert t.csv.replace("\r\n", "\n") == dpc("show", "zb-h1", "--pp", 4, "--micro-batches", 6, "--format", "csv")
    assert schedule.parse_csv(t.csv, "zb-h1") == t
    (tmp_path / "zb-h1.csv").write_text(t.csv)
    assert schedule.load(tmp_path / "zb-h1.csv") == t
    assert pickle.loads(pickle.dumps(t)) == t == copy.deepcopy(t)


@pytest.mark.parametrize("name,ranks,micro_batches", [("1f1b", 3, 5), ("zb-h1", 4, 8), ("dualpipe", 4, 8), ("dualpipev", 3, 7), ("gpipe", 1, 1),
                                                       ("zb-v", 4, 6), ("chimera", 4, 4), ("interleaved", 2, 4)])
def test_a_schedule_is_built_of_its_actions(name, ranks, micro_batches):
    t = schedule.generate(name, ranks, micro_batches)
    assert schedule.build(name, t.actions) == t


def test_a_hand_written_schedule_is_checked():
    rows = [["0F0", "0F1", "0B0", "0B1"], ["1F0", "1B0", "1F1", "1B1"]]
    t = schedule.build("mine", rows)
    assert schedule.check(t) == []
    assert schedule.simulate(t).makespan == 9
    wrong = copy.deepcopy(rows)
    wrong[0][2], wrong[1][1] = "0B1", "1B1"
    broken = schedule.build("mine", wrong)
    assert any("1B1" in fault for fault in schedule.check(broken))
    with pytest.raises(ValueError, match="rank 0, position 3: 0B1: 0B1 is done twice"):
        schedule.simulate(broken)
    assert schedule.check(t, activation_cap=2) == []
    assert any("rank 0" in fault for fault in schedule.check(t, activation_cap=1))


@pytest.mark.parametrize("rows,words", [
    ([["0F0", "0X0"]], "rank 0, position 1: '0X0' is no action"),
    ([["0F0", "(0F1&0I0)"]], "no action"),
    ([["0F0", 3]], "3 is no action"),
    (["0F0"], "expected a list of actions"),
    ([[]], "at least one action"),
    ([["0F0", "0B0", "2F0"]], "stage 1 of micro-batch 0 is nowhere"),
    ([["0F0", "0B0", "0F99999999999"]], "nowhere|range|large|most"),
])
def test_what_is_no_schedule_is_refused(rows, words):
    with pytest.raises(ValueError, match=words):
        schedule.build("mine", rows)
    with pytest.raises(ValueError):
        schedule.build("two words", [["0F0", "0B0"]])


def test_errors_have_the_words_of_the_command(tmp_path):
    with pytest.raises(ValueError, match="dualpipe needs an even number of ranks, got --pp 3"):
        schedule.generate("dualpipe", ranks=3, micro_batches=8)
    with pytest.raises(ValueError, match="known are gpipe"):
        schedule.generate("nothing", ranks=3, micro_batches=8)
    with pytest.raises(ValueError, match="1f1b has no option 'v'"):
        schedule.generate("1f1b", ranks=4, micro_batches=8, v=2)
    with pytest.raises(ValueError, match="1 to 65536 ranks; got 0"):
        schedule.generate("1f1b", ranks=0, micro_batches=8)
    with pytest.raises(ValueError, match="expected"):
        schedule.parse("schedule x\nranks many\n")
    with pytest.raises(ValueError, match="cannot read"):
        schedule.load(tmp_path / "absent.txt")
    with pytest.raises(ValueError, match="W = -1: expected a number of at least 0"):
        schedule.costs(W=-1)
    with pytest.raises(ValueError, match="FB = nan"):
        schedule.costs(FB=float("nan"))
    with pytest.raises(ValueError, match="a stage has no cost 'X'"):
        schedule.costs(stages=[{"X": 1}])
    with pytest.raises(TypeError):
        schedule.generate("1f1b", ranks=-1, micro_batches=8)


def test_unequal_stages():
    t = schedule.generate("1f1b", ranks=2, micro_batches=3)
    stages = [{"F": 1, "I": 1, "W": 1}, {"F": 2, "I": 2, "W": 2}]
    costs = schedule.costs(stages=stages)
    assert schedule.simulate(t, costs).makespan == 1 + 3 * 6 + 2 == schedule.simulate(t, stages=stages).makespan
    assert [stage["F"] for stage in costs.stages] == [1, 2]
    # Another number of stages divides the same work.
    four = schedule.generate("1f1b", ranks=4, micro_batches=1)
    assert schedule.simulate(four, costs).makespan == 9
    one = schedule.generate("1f1b", ranks=1, micro_batches=2)
    assert schedule.simulate(one, costs).makespan == 18


def test_costs_of_a_model(tmp_path):
    model = tmp_path / "model.dpc"
    model.mkdir()
    stages = [{"forward_s": 1, "input_s": 2, "weight_s": 3, "output_bytes": 4, "activation_bytes": 5, "weight_bytes": 6},
              {"forward_s": 1.5, "input_s": 2, "weight_s": 3, "gradient_bytes": 4}]
    manifest = {"format": "dpc-artifact", "format_version": [4, 0], "forecast": {"costs": {"ranks": 2, "stages": stages}}}
    (model / "manifest.json").write_text(json.dumps(manifest))
    costs = schedule.model_costs(model)
    assert costs.stages[0] == {"F": 1, "I": 2, "W": 3, "output_bytes": 4, "gradient_bytes": 0, "activation_bytes": 5, "weight_bytes": 6}
    t = schedule.generate("1f1b", ranks=2, micro_batches=1)
    s = schedule.simulate(t, costs)
    assert s.makespan == 12.5 and s.peak_bytes == [5, 0]
    comparison = schedule.compare(2, 4, costs_from=model)
    assert comparison == json.loads(dpc("compare", "--pp", 2, "--micro-batches", 4, "--cost-from", model, "--format", "json"))
    with pytest.raises(ValueError, match="--cost-from: there is no"):
        schedule.model_costs(tmp_path / "absent.dpc")
    with pytest.raises(ValueError, match="is no artifact"):
        schedule.compare(2, 4, costs_from=tmp_path)


def test_comparison():
    comparison = schedule.compare(8, 20, FB=2.5)
    assert comparison == json.loads(dpc("compare", "--pp", 8, "--micro-batches", 20, "--cost", "F=1,I=1,W=1,FB=2.5", "--format", "json"))
    assert str(comparison) == dpc("compare", "--pp", 8, "--micro-batches", 20, "--cost", "F=1,I=1,W=1,FB=2.5")
    with pytest.raises(ValueError, match="no time"):
        schedule.compare(8, 20, F=-1)


def test_search():
    found = schedule.search(4, 8, placement="mirrored", iterations=200, seed=3)
    again = json.loads(dpc("search", "--pp", 4, "--micro-batches", 8, "--placement", "mirrored", "--iterations", 200, "--seed", 3, "--cost",
                           "F=1,I=1,W=1", "--format", "json"))
    assert found.schedule.text == again["schedule"] and found.iterations == again["iterations"] and found.origin == again["origin"]
    assert schedule.check(found.schedule) == [] and not found.stopped_by_time
    assert found.simulation.makespan == schedule.simulate(found.schedule).makespan == again["makespan"]
    assert found.lower_bound <= found.simulation.makespan <= 26 and found.gap == pytest.approx(found.simulation.makespan / found.lower_bound - 1)
    capped = schedule.search(4, 8, placement="linear", activation_cap=[4, 3, 3, 2], iterations=200)
    assert all(peak <= cap for peak, cap in zip(capped.simulation.peaks, [4, 3, 3, 2]))
    with pytest.raises(ValueError, match="there is no placement 'round'"):
        schedule.search(4, 8, placement="round")
    with pytest.raises(ValueError, match="activation_cap = -1"):
        schedule.search(4, 8, activation_cap=-1)


def test_drawings(tmp_path):
    t = schedule.generate("dualpipe", ranks=4, micro_batches=8)
    picture = schedule.draw(t, FB=2.5)
    svg = xml.etree.ElementTree.fromstring(picture._repr_svg_())
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    cost = "F=1,I=1,W=1,FB=2.5"
    arguments = ["draw", "dualpipe", "--pp", 4, "--micro-batches", 8, "--cost", cost, "--format"]
    for kind in ("svg", "html", "csv"):
        assert getattr(picture, kind) == dpc(*arguments, kind)
        picture.save(tmp_path / f"it.{kind}")
        assert (tmp_path / f"it.{kind}").read_text() == getattr(picture, kind)
    assert str(picture) == dpc(*arguments, "text", "--width", 120)
    assert max(map(len, picture.text(width=60).splitlines())) <= 60 and "\x1b" in picture.text(colour=True)
    frame = picture._repr_html_()
    assert frame.startswith("<iframe ") and "<html" not in frame
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame).group(1)) == picture.html
    with pytest.raises(ValueError, match="saved as"):
        picture.save(tmp_path / "it.png")


def test_drawings_of_several():
    two, four = (schedule.generate("interleaved", ranks=2, micro_batches=4, v=v) for v in (2, 4))
    assert "v is four" in schedule.draw({"v is two": two, "v is four": four}).svg
    assert schedule.draw([two, four]).text().count("interleaved") >= 2
    with pytest.raises(ValueError, match="no schedule to draw"):
        schedule.draw([])
    with pytest.raises(ValueError, match="0F0"):
        schedule.draw(schedule.build("broken", [["0B0", "0F0"]]))
    with pytest.raises(ValueError, match="cannot read|there is no"):
        schedule.draw_trace("absent.json")


def test_the_page_of_the_module():
    """The examples of docs/PythonSchedule.md and of the docstrings do what they show."""
    text = re.sub(r"(?m)^```.*$", "", (SOURCE / "docs" / "PythonSchedule.md").read_text())
    runner = doctest.DocTestRunner()
    runner.run(doctest.DocTestParser().get_doctest(text, {}, "PythonSchedule.md", None, 0))
    assert runner.tries > 10 and not runner.failures
    strings = doctest.testmod(schedule, globs=dict(vars(schedule), schedule=schedule))
    assert strings.attempted > 3 and not strings.failed


def test_stubs_name_what_there_is():
    from dpc import _schedule
    tree = ast.parse((SOURCE / "python" / "dpc" / "_schedule.pyi").read_text())
    named = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert set(named) == {name for name in vars(_schedule) if not name.startswith("__")}
    for name, node in named.items():
        if isinstance(node, ast.ClassDef):
            members = {item.name for item in node.body if isinstance(item, ast.FunctionDef) and not item.name.startswith("__")}
            has = {member for member in vars(getattr(_schedule, name)) if not member.startswith("__")}
            assert members == has, name


def test_the_installed_package_works(tmp_path):
    subprocess.run(["cmake", "--install", BUILD, "--component", "python", "--prefix", tmp_path], check=True, capture_output=True)
    (module,) = tmp_path.glob("lib/python*/site-packages")
    code = "from dpc import schedule; print(schedule.simulate(schedule.generate('1f1b', 4, 8)).makespan)"
    done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ, PYTHONPATH=str(module)), capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "33.0", done.stderr
