# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pipeline-parallel training schedules: made, checked, simulated, compared, searched for and drawn,
without a model.

    >>> from dpc import schedule
    >>> t = schedule.generate("dualpipe", ranks=8, micro_batches=20)
    >>> schedule.check(t)
    []
    >>> schedule.simulate(t, F=1, I=1, W=1, FB=3).makespan
    66.0

Times are of one micro-batch through a device's share of the model: F is its forward, I and W are
the halves of its backward (gradients of activations and of weights), FB is one forward and one
backward overlapped. Whatever is refused raises a ValueError with the words of `dpc schedule`.
"""
import html
import json
import os
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from dpc import _schedule
from dpc._schedule import Costs, Schedule, SearchResult, Simulation

__all__ = ["Comparison", "Costs", "Drawing", "Schedule", "SearchResult", "Simulation", "build", "check", "compare", "costs", "describe", "draw", "draw_trace",
           "generate", "load", "model_costs", "names", "parse", "parse_csv", "search",
           "simulate"]


def names() -> List[str]:
    """The schedules that `generate` knows."""
    return [row["name"] for row in _schedule.describe_all()]


def describe(name: str) -> Dict[str, Any]:
    """What is known of a schedule, by its name or alias: summary, source, precondition, options, copies of the model."""
    for row in _schedule.describe_all():
        if name in (row["name"], row["alias"]):
            return row
    raise ValueError(f"there is no schedule '{name}'; known are {', '.join(names())}")


def generate(name: str, ranks: int, micro_batches: int, **options: int) -> Schedule:
    """A schedule of the field; options are its own, such as v=2 for the stages of a rank."""
    return _schedule.generate(name, ranks, micro_batches, options)


def parse(text: str) -> Schedule:
    """A schedule from its text form."""
    return _schedule.parse(text)


def parse_csv(text: str, name: str = "schedule") -> Schedule:
    """A schedule from the form that PyTorch's pipelining writes, which has no name of its own."""
    return _schedule.parse_csv(text, name)


def load(path: Union[str, "os.PathLike[str]"]) -> Schedule:
    """A schedule from a file: PyTorch's form if its name ends in .csv, else the text form."""
    return _schedule.load(os.fspath(path))


_TASK = re.compile(r"(\d+)([FBIW])(\d+)")


def build(name: str, actions: Sequence[Sequence[str]], stages: Optional[int] = None) -> Schedule:
    """A hand-written schedule: of each rank its actions, as `Schedule.actions` has them.

    Numbers of stages and micro-batches are the largest that occur, and a stage lies where its
    forward is done; micro-batches whose stages lie elsewhere pass through another copy of the
    model. `check` tells what is wrong with the order.

        >>> build("mine", [["0F0", "0F1", "0B0", "0B1"], ["1F0", "1B0", "1F1", "1B1"]])
        <schedule mine: 2 ranks, 2 stages, 2 micro-batches>
    """
    if not re.fullmatch(r"\S+", name):
        raise ValueError(f"a schedule's name is one word; got {name!r}")
    where: Dict[int, Dict[int, int]] = {}  # of each micro-batch, the rank of each stage
    for rank, row in enumerate(actions):
        if isinstance(row, str):
            raise ValueError(f"rank {rank}: expected a list of actions, got the text {row!r}")
        for position, action in enumerate(row):
            if not isinstance(action, str) or not re.fullmatch(r"\d+[FBIW]\d+|\(\d+F\d+&\d+B\d+\)", action):
                raise ValueError(f"rank {rank}, position {position}: {action!r} is no action; expected one like 0F3, 0B3, 0I3, 0W3 or (0F3&1B2)")
            for stage, kind, micro_batch in _TASK.findall(action):
                place = where.setdefault(int(micro_batch), {})
                if kind == "F" or int(stage) not in place:
                    place[int(stage)] = rank
    if not where:
        raise ValueError("a schedule has at least one action")
    count = max(stages or 0, 1 + max(stage for place in where.values() for stage in place))
    lines, first = [], 0
    for micro_batch in range(max(where) + 1):
        for stage in range(count):
            if stage not in where.get(micro_batch, {}):
                raise ValueError(f"stage {stage} of micro-batch {micro_batch} is nowhere")
        if micro_batch == max(where) or where[micro_batch] != where.get(micro_batch + 1, where[micro_batch]):
            ranks = " ".join(str(where[micro_batch][stage]) for stage in range(count))
            lines.append(f"replica {len(lines)}: micro-batches {first}..{micro_batch} on ranks {ranks}")
            first = micro_batch + 1
    head = [f"schedule {name}", f"ranks {len(actions)}", f"stages {count}", f"micro-batches {max(where) + 1}"]
    body = [f"rank {rank}: {' '.join(row)}" for rank, row in enumerate(actions)]
    return parse("\n".join(head + lines + body) + "\n")


def check(table: Schedule, activation_cap: float = 0) -> List[str]:
    """What is wrong with a schedule, each with rank, position and action; empty if nothing is.

    With a cap, a rank may hold at most so many activations, in device shares of a micro-batch.
    """
    return _schedule.check(table, activation_cap)


def costs(F: float = 1, I: float = 1, W: float = 1, FB: Optional[float] = None, comm: float = 0,
          stages: Sequence[Mapping[str, float]] = ()) -> Costs:
    """Times in any one unit. FB is F + I + W if not given, a pair that gains nothing; comm is what a message takes.

    `stages` are the costs of each stage, in place of F, I and W: {"F": 1, "I": 1, "W": 1}, and for
    bytes "output_bytes", "gradient_bytes", "activation_bytes" and "weight_bytes". FB / (F + I + W)
    remains what a pair gains. A schedule with another number of stages divides them anew.
    """
    return Costs(F, I, W, FB, comm, stages)


def model_costs(path: Union[str, "os.PathLike[str]"]) -> Costs:
    """The costs of a compiled model, from its artifact MODEL.dpc: seconds and bytes of each of its stages."""
    return _schedule.model_costs(os.fspath(path))


def simulate(table: Schedule, F: Union[float, Costs] = 1, I: float = 1, W: float = 1, FB: Optional[float] = None, comm: float = 0,
             stages: Sequence[Mapping[str, float]] = ()) -> Simulation:
    """How long a schedule takes, who waits and what is kept; costs as `costs` has them, or Costs in the place of F."""
    return _schedule.simulate(table, F if isinstance(F, Costs) else costs(F, I, W, FB, comm, stages))


def search(ranks: int, micro_batches: int, F: Union[float, Costs] = 1, I: float = 1, W: float = 1, FB: Optional[float] = None, comm: float = 0,
           stages: Sequence[Mapping[str, float]] = (), *, placement: str = "any", chunks: int = 0,
           activation_cap: Union[float, Sequence[float]] = 0, seed: int = 0, iterations: int = 0, time_limit: float = 0) -> SearchResult:
    """The shortest schedule that can be found; costs as for `simulate`.

    `placement` is linear, loop, v, mirrored (two copies of the model) or any, `chunks` the stages of
    a rank and copy, `activation_cap` the most activations a rank may hold, of all or of each. The
    result depends on nothing but these; only a `time_limit` in seconds stops it where it is.
    """
    caps = [activation_cap] if isinstance(activation_cap, (int, float)) else list(activation_cap)
    given = F if isinstance(F, Costs) else costs(F, I, W, FB, comm, stages)
    return _schedule.search(ranks, micro_batches, given, placement, chunks, caps, seed, iterations, time_limit)


class Drawing:
    """A picture. A notebook shows the page, which can be zoomed and says what is under the pointer."""

    def __init__(self, drawing: _schedule.Drawing) -> None:
        self._drawing = drawing

    @property
    def svg(self) -> str:
        """One SVG document."""
        return self._drawing.svg

    @property
    def html(self) -> str:
        """One page that needs nothing else."""
        return self._drawing.html

    @property
    def csv(self) -> str:
        """A line per cell with its times and what it waited for."""
        return self._drawing.csv

    def text(self, width: int = 120, colour: bool = False) -> str:
        """Lines for a terminal, of at most `width` columns."""
        return self._drawing.text(width, colour)

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes a file; its name says what: .svg, .html, .csv or .txt."""
        kind = os.path.splitext(os.fspath(path))[1]
        if kind not in (".svg", ".html", ".csv", ".txt"):
            raise ValueError(f"'{os.fspath(path)}': a drawing is saved as .svg, .html, .csv or .txt")
        content = self.text() if kind == ".txt" else getattr(self, kind[1:])
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(content)

    def __str__(self) -> str:
        return self.text()

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        # A page of its own within the notebook's, so that neither's styles and scripts
        # reach the other.
        height = min(900, 240 + 30 * self._drawing.lanes)
        return f'<iframe srcdoc="{html.escape(self.html)}" style="width: 100%; height: {height}px; border: 0"></iframe>'


def draw(tables: Union[Schedule, Sequence[Schedule], Mapping[str, Schedule]], F: Union[float, Costs] = 1, I: float = 1, W: float = 1,
         FB: Optional[float] = None, comm: float = 0, stages: Sequence[Mapping[str, float]] = ()) -> Drawing:
    """A schedule in time, or several one above the other on one time axis; costs as for `simulate`.

    Of a mapping the keys are the titles, so that {"v=2": a, "v=4": b} tells two of one name apart.
    """
    if isinstance(tables, Schedule):
        tables = [tables]
    titled = list(tables.items()) if isinstance(tables, Mapping) else [("", table) for table in tables]
    if not titled:
        raise ValueError("there is no schedule to draw")
    return Drawing(_schedule.draw(titled, F if isinstance(F, Costs) else costs(F, I, W, FB, comm, stages)))


def draw_trace(path: Union[str, "os.PathLike[str]"], step: Optional[int] = None) -> Drawing:
    """A step that `dpc run --trace` measured, beside its forecast; without a number the last one traced."""
    return Drawing(_schedule.draw_trace(os.fspath(path), step))


class Comparison(Dict[str, Any]):
    """What `dpc schedule compare --format json` prints, as a dictionary; its text is the table."""

    text: str

    def __str__(self) -> str:
        return self.text


def _command(*arguments: Any) -> str:
    status, out, err = _schedule.command([str(argument) for argument in arguments])
    if status:
        raise ValueError(re.sub(r"^error: ", "", err.strip()))
    return out


def compare(ranks: int, micro_batches: int, F: float = 1, I: float = 1, W: float = 1, FB: Optional[float] = None, comm: float = 0,
            costs_from: Union[None, str, "os.PathLike[str]"] = None) -> Comparison:
    """All schedules side by side, by formula and simulated; print it for the table. `costs_from` is an artifact MODEL.dpc."""
    arguments = ["compare", "--pp", ranks, "--micro-batches", micro_batches]
    if costs_from is not None:
        arguments += ["--cost-from", os.fspath(costs_from)]
    else:
        pair = F + I + W if FB is None else FB
        arguments += ["--cost", f"F={F},I={I},W={W},FB={pair},comm={comm}"]
    comparison = Comparison(json.loads(_command(*arguments, "--format", "json")))
    comparison.text = _command(*arguments)
    return comparison
