"""Scenarios: what happens in the world, and when; and how a scenario is run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from tests.simulation.clock import START
from tests.simulation.faults import Faults, Kind, Weather, exactly
from tests.simulation.happenings import Happening, happen
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.people import Habits
from tests.simulation.rivals import Rivals
from tests.simulation.world import World

__all__ = ["Happening", "Ran", "Scenario", "describe", "exactly", "run", "without"]


@dataclass(frozen=True)
class Scenario:
    """A scenario: what happens, and what goes wrong meanwhile.

    Parameters
    ----------
    settles
        How long the world is left alone after the last happening.
    only
        If given, exactly these faults happen.
    pace
        The seconds between two runs of reconcile, and between two looks of the oracle.
    rival
        What happens at a call that others go before, with what follows within a second, or so many seconds later.
        Without it, what is due next.
    rush
        The place at which others often go first: a part of labels. Who goes is drawn (`Rivals`).
    """

    seed: int
    happenings: tuple[Happening, ...]
    habits: Habits = field(default_factory=Habits)
    share: float = 0.0
    orders: float = 0.0
    weather: tuple[Weather, ...] = ()
    settles: float = 1500
    only: Mapping[tuple[str, int], Kind] | None = None
    pace: float = 60
    rival: tuple[Happening, ...] = ()
    rush: str = ""


@dataclass
class Ran:
    """A finished run."""

    scenario: Scenario
    world: World
    oracle: Oracle
    violations: list[Violation] = field(default_factory=list)


def run(
    scenario: Scenario,
    *,
    remember: int = 0,
    until: datetime | None = None,
    on_begin: Callable[[World], object] = lambda world: None,
) -> Ran:
    """Run a scenario to its end, with the oracle watching, and return what it found."""
    faults = Faults(
        scenario.seed, scenario.share, scenario.orders, scenario.weather, rush=scenario.rush, only=scenario.only
    )
    world = World(scenario.seed, faults, habits=scenario.habits, remember=remember, pace=scenario.pace)
    oracle = Oracle(world, pace=scenario.pace)
    if scenario.rival:
        let_go_first(world, scenario.rival)
    elif scenario.rush:
        world.calls.rival = Rivals(world, scenario.rush)
    on_begin(world)
    with world.running():
        for number, happening in enumerate(scenario.happenings):
            world.clock.at(
                START + timedelta(seconds=happening.after),
                partial(happen, world, happening),
                f"{number}: {happening.what} {happening.arguments}",
            )
        last = max((happening.after for happening in scenario.happenings), default=0.0)
        end = START + timedelta(seconds=last + scenario.settles)
        while world.clock.now() < end and not oracle.violations:
            world.clock.run_until(min(end, world.clock.now() + timedelta(seconds=scenario.pace)))
        oracle.finish()
    return Ran(scenario, world, oracle, oracle.violations)


def let_go_first(world: World, happenings: Sequence[Happening]) -> None:
    """Let this happen where a fault says that others go first."""
    world.calls.rival = partial(_rival, world, happenings)


def _rival(world: World, happenings: Sequence[Happening]) -> None:
    """Let something happen, with what follows within a second: the sender's delivery."""
    for happening in happenings:
        action = partial(happen, world, happening)
        if happening.after:
            world.clock.after(happening.after, action, f"{happening.what} {happening.arguments}")
        else:
            action()
    world.clock.run_for(1.5)


def without(scenario: Scenario, dropped: Iterable[int]) -> Scenario:
    """Return a scenario without the happenings at these positions."""
    gone = set(dropped)
    kept = tuple(each for number, each in enumerate(scenario.happenings) if number not in gone)
    return replace(scenario, happenings=kept)


def describe(happenings: Sequence[Happening]) -> list[str]:
    """Return a line for each happening."""
    return [
        f"{START + timedelta(seconds=each.after):%d %H:%M:%S} {each.what} {' '.join(map(str, each.arguments))}"
        for each in happenings
    ]
