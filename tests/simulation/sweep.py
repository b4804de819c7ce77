"""The fault sweep: each story once for every fault at every outward call, and for everything that may come first there.

Where random seeds meet a call's faults by luck, the sweep meets all of them, one at a time. After its fault a story
goes on as it would: senders try again, time passes, reconcile looks each minute. At last one more critical alert of
the same group comes and ends; it must reach a person, and nothing may be left open.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from itertools import groupby
from random import Random
from typing import NamedTuple

from tests.simulation.clock import START
from tests.simulation.faults import Kind
from tests.simulation.forks import Forks
from tests.simulation.oracle import Violation
from tests.simulation.scenario import Happening, Ran, Scenario, let_go_first, run
from tests.simulation.stories import RIVAL, STORIES
from tests.simulation.world import World

_MINUTE = "schedule:reconcile"
_RECONCILE = ("reconcile", _MINUTE)
_READS = ("get", "batch_get", "query", "list", "describe", "GetParameter")
JOINS = "a critical that joins"


class Cell(NamedTuple):
    """One run of the sweep: a story, the call (its label and number) and the fault there.

    `first` says what goes first, if the fault is `others first`: `due` is whatever the story has due within seconds.
    """

    story: str
    label: str
    number: int
    kind: Kind
    first: str = ""

    def __str__(self) -> str:
        """Return the cell's id."""
        return f"{self.story}/{self.label}/{self.number}/{self.kind}{':' if self.first else ''}{self.first}"

    @property
    def name(self) -> str:
        """Return the kind of fault, as a table names it."""
        return f"{self.first} first" if self.first else self.kind

    @classmethod
    def of(cls, text: str) -> "Cell":
        """Return the cell with an id."""
        story, rest = text.split("/", 1)
        label, number, kind = rest.rsplit("/", 2)
        kind, _, first = kind.partition(":")
        return cls(story, label, int(number), kind, first)  # type: ignore[arg-type]


class Swept(NamedTuple):
    """A run of the sweep: its cell, what it broke, and what it cost in further pages."""

    cell: Cell
    violation: Violation | None
    pages_again: int


def rivals(story: str) -> dict[str, tuple[Happening, ...]]:
    """Return what may go first at a call of a story, besides what is due: everybody else who writes."""
    told = STORIES[story]
    places = {each.arguments[:3] for each in told.happenings if each.what == "fire"}
    found: dict[str, tuple[Happening, ...]] = {
        "a reconcile": (Happening(0, "reconcile", ()),),
        "an acknowledgement": (Happening(0, "press", ("acknowledge", 0.0)),),
        "a press of Resolve": (Happening(0, "press", ("resolve", 0.0)),),
    }
    if told.sender == "generic":
        place = (told.sender, told.alert, RIVAL)
        found[JOINS] = (
            Happening(0, "fire", (*place, "critical")),
            Happening(420, "end", place),
        )
    if told.sender != "prometheus":  # who waits a minute before it speaks
        found["the last resolve"] = tuple(Happening(0, "end", place) for place in sorted(places))
    return found


@cache
def clean(story: str) -> Ran:
    """Run a story without faults, up to the probe."""
    told = STORIES[story].scenario()
    until = START + timedelta(seconds=STORIES[story].probed)
    return run(replace(told, happenings=told.happenings[:-2]), until=until)


@cache
def cells(story: str) -> Sequence[Cell]:
    """Return every cell of a story.

    Left out is what another cell shows as well: a function that dies at a read is one that died after its last write,
    and what goes before a read goes, for most, before the write after it.
    """
    asked, others = clean(story).world.faults.asked, rivals(story)
    found = []
    for label, number in _worth_it(list(asked), STORIES[story].most):
        reads = label.rpartition(".")[2].startswith(_READS)
        for kind in dict.fromkeys(asked[label, number]):
            if kind == "others first":
                first = ["due", *([JOINS] if reads and JOINS in others else [] if reads else others)]
                found += [Cell(story, label, number, kind, each) for each in first]
            elif not reads or kind not in ("kill before", "slow"):
                found.append(Cell(story, label, number, kind))
    return found


def _worth_it(calls: Iterable[tuple[str, int]], most: int) -> Iterator[tuple[str, int]]:
    """Leave out runs of reconcile that only look, as earlier ones did, and calls after so many with the same label."""
    seen: set[tuple[str, ...]] = set()
    counts = Counter[str]()
    minute = -1
    numbered = []
    for call in calls:
        minute += call[0] == _MINUTE
        numbered.append((minute, call))
    for _, group in groupby(numbered, key=lambda each: (each[0], each[1][0].startswith(_RECONCILE))):
        some = [call for _, call in group]
        labels = tuple(label for label, _ in some)
        if labels[0].startswith(_RECONCILE):
            if labels in seen:
                continue
            seen.add(labels)
            some = [call for before, call in zip(["", *labels], some, strict=False) if before != call[0]]
        for label, number in some:
            counts[label] += 1
            if counts[label] <= most:
                yield label, number


def scenario(cell: Cell) -> Scenario:
    """Return the scenario of a cell."""
    told = STORIES[cell.story].scenario()
    rival = rivals(cell.story).get(cell.first, ())
    return replace(told, only={(cell.label, cell.number): cell.kind}, rival=rival)


def replayed(cell: Cell) -> Ran:
    """Run a cell, with every call kept for its story."""
    return run(scenario(cell), remember=100_000)


def judge(cell: Cell) -> Swept:
    """Run a cell from its beginning, and say what it broke."""
    return _judged(cell, run(scenario(cell)))


def _judged(cell: Cell, ran: Ran) -> Swept:
    world = ran.world
    broken = ran.violations[0] if ran.violations else None
    # A firing that was received after its resolve fires, and its incident stays open.
    fires = {alert.incident_id for alert in ran.oracle.stored.alerts() if world.witness.fires(alert.key)}
    left = [live.incident_id for live in ran.oracle.stored.lives() if live.is_open and live.incident_id not in fires]
    running = [
        each.name
        for each in world.step_functions.executions.values()
        if each.status == "RUNNING" and not any(each.name.startswith(incident) for incident in fires)
    ]
    if broken is None and (left or running):
        broken = Violation(world.clock.now(), "stuck", f"open: {left}, running: {running}")
    return Swept(cell, broken, ran.oracle.checks["paged again"])


def every_cell() -> list[Cell]:
    """Return every cell of every story."""
    return [cell for story in STORIES for cell in cells(story)]


def sample(size: int, seed: int) -> list[Cell]:
    """Draw cells, so many of each story."""
    random = Random(seed)
    return [cell for story in STORIES for cell in random.sample(cells(story), min(size, len(cells(story))))]


def sweep(some: Sequence[Cell], processes: int) -> Iterator[Swept]:
    """Run cells, and yield what each did, story by story."""
    for story in dict.fromkeys(cell.story for cell in some):
        forks = Forks([(cell, (cell.label, cell.number), cell.kind) for cell in some if cell.story == story], processes)
        yield from forks.results(partial(_branch, story, forks))


def _branch(story: str, forks: Forks[Cell]) -> Swept | None:
    """Tell a story that forks for each of its cells, and say what the cell of this process broke."""

    def begin(world: World) -> None:
        def others(cell: Cell) -> None:
            if rival := rivals(story).get(cell.first):
                let_go_first(world, rival)

        forks.on_fork = others

    ran = run(replace(STORIES[story].scenario(), only=forks), on_begin=begin)
    return _judged(forks.cell, ran) if forks.cell else None


def report(some: Sequence[Cell], processes: int) -> int:
    """Run cells; print a row of numbers for each story, and each cell that broke something. Return how many did."""
    counts: dict[str, Counter[str]] = {}
    bad: list[Swept] = []
    again = 0
    for swept in sweep(some, processes):
        counts.setdefault(swept.cell.story, Counter())[swept.cell.name] += 1
        again += swept.pages_again > 0
        if swept.violation:
            bad.append(swept)
            print(f"{swept.cell}: {swept.violation.rule}: {swept.violation.about}", flush=True)
    kinds = sorted({kind for counted in counts.values() for kind in counted})
    width = max((len(kind) for kind in kinds), default=0)
    print(f"{'':{width}}  {'  '.join(counts)}")
    for kind in kinds:
        print(f"{kind:{width}}  {'  '.join(f'{counts[story][kind]:>{len(story)}}' for story in counts)}")
    print(f"{'all':{width}}  {'  '.join(f'{counts[story].total():>{len(story)}}' for story in counts)}")
    print(f"{sum(map(Counter.total, counts.values()))} cells, {len(bad)} bad: lost, stuck, or done twice.")
    print(f"In {again} of them a page went out once more, since nobody knew whether it had.")
    return len(bad)
