"""The schedule library as C++ offers it; `dpc.schedule` adds words and defaults."""
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

class Schedule:
    @property
    def name(self) -> str: ...
    @property
    def ranks(self) -> int: ...
    @property
    def stages(self) -> int: ...
    @property
    def micro_batches(self) -> int: ...
    @property
    def replicas(self) -> List[Tuple[int, int, List[int]]]:
        """Of each copy of the model: its first micro-batch, the one after its last, the rank of each stage."""
    @property
    def actions(self) -> List[List[str]]:
        """Of each rank, in order of execution: `0F3`, or `(0F3&3B5)`."""
    @property
    def text(self) -> str:
        """What `dpc schedule show` prints and files hold."""
    @property
    def csv(self) -> str:
        """The form of PyTorch's pipelining: a line for each rank, a cell for each action."""
    def __getstate__(self) -> str: ...
    def __setstate__(self, text: str) -> None: ...

class Costs:
    def __init__(self, F: float, I: float, W: float, FB: Optional[float], comm: float, stages: Sequence[Mapping[str, float]]) -> None: ...
    @property
    def F(self) -> float: ...
    @property
    def I(self) -> float: ...
    @property
    def W(self) -> float: ...
    @property
    def FB(self) -> float: ...
    @property
    def comm(self) -> float: ...
    @property
    def stages(self) -> List[Dict[str, float]]: ...

class Simulation:
    @property
    def makespan(self) -> float: ...
    @property
    def idle(self) -> List[float]:
        """Of each rank, out of the makespan."""
    @property
    def span_idle(self) -> List[float]:
        """Of each rank, between its first start and its last end."""
    @property
    def peaks(self) -> List[float]:
        """The most activations each rank holds, in device shares of a micro-batch."""
    @property
    def peak_bytes(self) -> List[float]:
        """The same in bytes, where the costs name bytes."""
    @property
    def start(self) -> List[List[float]]:
        """Of each rank's actions."""
    @property
    def end(self) -> List[List[float]]: ...
    @property
    def lower_bound(self) -> float:
        """No schedule with this placement is shorter."""
    @property
    def critical_path(self) -> List[Tuple[int, int]]:
        """(rank, position) of actions, each started by the one before, that last the whole makespan."""

class SearchResult:
    @property
    def schedule(self) -> Schedule: ...
    @property
    def simulation(self) -> Simulation: ...
    @property
    def origin(self) -> str:
        """A known schedule's name if that is the best, else what the search improved."""
    @property
    def lower_bound(self) -> float:
        """No schedule of the placements searched is shorter."""
    @property
    def iterations(self) -> int:
        """Schedules tried."""
    @property
    def stopped_by_time(self) -> bool: ...
    @property
    def gap(self) -> float:
        """How much longer than the bound, as a part of the bound."""

class Drawing:
    @property
    def svg(self) -> str:
        """One SVG document."""
    @property
    def html(self) -> str:
        """One page that needs nothing else."""
    @property
    def csv(self) -> str:
        """A line per cell with its times and what it waited for."""
    @property
    def lanes(self) -> int:
        """The ranks of all its pictures together."""
    def text(self, width: int, colour: bool) -> str: ...

def describe_all() -> List[Dict[str, Any]]: ...
def generate(name: str, ranks: int, micro_batches: int, options: Mapping[str, int]) -> Schedule: ...
def parse(text: str) -> Schedule: ...
def parse_csv(text: str, name: str) -> Schedule: ...
def load(path: str) -> Schedule: ...
def check(table: Schedule, activation_cap: float) -> List[str]: ...
def simulate(table: Schedule, costs: Costs) -> Simulation: ...
def model_costs(path: str) -> Costs: ...
def search(ranks: int, micro_batches: int, costs: Costs, placement: Optional[str], chunks: int, activation_caps: Sequence[float],
           seed: int, iterations: int, time_limit: float) -> SearchResult: ...
def draw(tables: Sequence[Tuple[str, Schedule]], costs: Costs) -> Drawing: ...
def draw_trace(path: str, step: Optional[int]) -> Drawing: ...
def command(arguments: Sequence[str]) -> Tuple[int, str, str]: ...
