"""The fault sweep: short stories, each run once for every fault at every outward call.

Where random seeds meet a call's faults by luck, the sweep meets all of them, one at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from tests.simulation.faults import Fault, Kind
from tests.simulation.oracle import Violation
from tests.simulation.people import Habits
from tests.simulation.scenario import Happening, Scenario, run

_PLACE = ("generic", "DbDown", "web-1")

STORIES = {
    "a critical that is acknowledged, resolves, comes back within the window, and resolves": (
        Happening(5, "fire", (*_PLACE, "critical")),
        Happening(120, "press", ("acknowledge", 0.0)),
        Happening(400, "end", _PLACE),
        Happening(560, "fire", (*_PLACE, "critical")),
        Happening(900, "end", _PLACE),
    ),
    "a low alert that a critical of another host joins, and nobody answers": (
        Happening(5, "fire", ("generic", "DbDown", "web-1", "low")),
        Happening(200, "fire", ("generic", "DbDown", "web-2", "critical")),
        Happening(1300, "end", ("generic", "DbDown", "web-1")),
        Happening(1310, "end", ("generic", "DbDown", "web-2")),
    ),
    "a runbook that runs by itself, while a critical of another host joins": (
        Happening(5, "fire", ("generic", "QueueStuck", "web-1", "medium")),
        Happening(12, "fire", ("generic", "QueueStuck", "web-2", "critical")),
        Happening(700, "end", ("generic", "QueueStuck", "web-1")),
        Happening(700, "end", ("generic", "QueueStuck", "web-2")),
    ),
    "a critical of CloudWatch, which says everything once": (
        Happening(5, "fire", ("cloudwatch", "Checkout", "", "critical")),
        Happening(900, "end", ("cloudwatch", "Checkout", "")),
    ),
    "a silence that is ended while a critical waits": (
        Happening(1, "silence", ("ShopErrors", 3600, True)),
        Happening(20, "fire", ("generic", "ShopErrors", "web-1", "critical")),
        Happening(300, "end_silence", ()),
        Happening(1200, "end", ("generic", "ShopErrors", "web-1")),
    ),
}


class Swept(NamedTuple):
    """A run of the sweep that broke a rule."""

    story: str
    fault: Fault
    violation: Violation


def scenario(story: str) -> Scenario:
    """Return a story as a scenario without faults."""
    return Scenario(1, STORIES[story], habits=Habits(acknowledge=0.0, resolve=0.0), settles=900, only={})


def calls(story: str) -> dict[tuple[str, int], Sequence[Kind]]:
    """Return the outward calls of a story, with the faults that each may meet."""
    return run(scenario(story)).world.faults.asked


def sweep(story: str, *, every: int = 1, first: int = 0) -> Iterator[Swept | None]:
    """Run a story once for each fault at each call (of every so many, from the first on); yield what broke."""
    cells = [(call, kind) for call, kinds in calls(story).items() for kind in dict.fromkeys(kinds)]
    for (label, number), kind in cells[first::every]:
        ran = run(replace(scenario(story), only={(label, number): kind}))
        yield Swept(story, Fault(label, number, kind), ran.violations[0]) if ran.violations else None
