"""Scenarios: from a seed to what happens in the world, and when; and how a scenario is run."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from tests.simulation import kinds
from tests.simulation.clock import START
from tests.simulation.faults import Faults, Kind, Weather, exactly
from tests.simulation.happenings import Happening, happen
from tests.simulation.hosts import HOSTS
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.people import Habits
from tests.simulation.rivals import LATE, PLACES, Rivals
from tests.simulation.world import World

__all__ = ["Happening", "Ran", "Scenario", "describe", "drawn", "exactly", "run", "without"]

SEVERITIES = ("critical", "critical", "high", "high", "medium", "low")
PLAIN = ("DbDown", "ShopErrors", "DiskFull", "LatencyHigh", "CertExpires", "JobFailed")
SPECIAL = ("QueueStuck", "CacheCold", "OddNoise", "LinkFlaps")
GROUPED = (
    "prometheus",
    "prometheus-pair",
    "datadog",
    "generic",
    "generic-repeating",
    "generic-ahead",
    "generic-behind",
)
SINGLE = ("cloudwatch", "pagerduty")
WEAK = (
    "escalate:sns",
    "escalate:pagerduty",
    "escalate:dynamodb",
    "escalate",
    "slack",
    "reconcile:slack",
    "ssm.send_command",
    "notify/",
    "ingest:",
    "respond:",
    "outside:dynamodb",
    "reconcile:dynamodb.update",
    "machine/",
)
"""Places that fail often in some scenarios: parts of labels."""


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


def drawn(seed: int, events: int = 40, forced: Collection[str] = ()) -> Scenario:
    """Draw a scenario: at least so many happenings within one to three hours, sometimes with long waits.

    `forced` are kinds of weather and events that it has in any case, see `kinds`.
    """
    random = Random(f"scenario {seed}")
    senders = {name: random.choice(GROUPED) for name in (*PLAIN, *SPECIAL)}
    singles = {f"{name}-{sender}": sender for name in ("Payments", "Checkout") for sender in SINGLE}
    happenings: list[Happening] = []
    firing: dict[tuple[str, str, str], float] = {}
    severities = {name: random.choice(SEVERITIES) for name in (*PLAIN, *SPECIAL, *singles)}
    of_host: dict[tuple[str, str], str] = {}  # most hosts' alerts of one name have the same severity
    # An alert's environment is a part of what it is: another environment is another alert.
    environments = {name: "test" if random.random() < 0.1 and name in PLAIN else "prod" for name in severities}
    now = 5.0
    if random.random() < 0.25:
        happenings.append(Happening(1, "slow_acts", (480.0,)))
    names = random.sample(PLAIN, random.randint(1, 4)) + random.sample(SPECIAL, random.randint(1, 4))
    names += random.sample(sorted(singles), random.randint(0, 2))
    few = HOSTS[: random.choice((1, 2, 4, 8))]

    def fire(name: str, at: float) -> None:
        sender = singles.get(name) or senders[name]
        host = "" if name in singles else random.choice(few)
        if (name, host) not in of_host:
            of_host[name, host] = random.choice((severities[name], severities[name], random.choice(SEVERITIES)))
        severity = of_host[name, host]
        if sender.startswith("generic") and random.random() < 0.2:
            severity = random.choice(SEVERITIES)  # for Alertmanager, another severity is another alert
        firing[sender, name, host] = at
        happenings.append(Happening(at, "fire", (sender, name, host, severity, environments[name])))

    while len(happenings) < events:
        # Much happens when a window of five minutes is about to end.
        now += random.choice((0.1, 0.1, 1, 5, 20, 60, 60, 150, random.uniform(298, 303), random.uniform(298, 303)))
        if random.random() < 0.01:
            now += random.choice((3_600, 6 * 3_600))
        lot = random.random()
        if lot < 0.45:
            fire(random.choice(names), now)
        elif lot < 0.82 and firing:
            place = random.choice(sorted(firing))
            del firing[place]
            happenings.append(Happening(now, "end", place))
        elif lot < 0.85:
            happenings.append(Happening(now, "gap", (random.choice(names), random.choice(few), random.uniform(3, 300))))
        elif lot < 0.88:
            silenced, even = random.choice(names), random.random() < 0.5
            happenings.append(Happening(now, "silence", (silenced, random.choice((120, 600, 3_600)), even)))
            for _ in range(random.choice((0, 1, 2))):  # it was silenced because it fires
                now += random.choice((5, 30, 60))
                fire(silenced, now)
            if random.random() < 0.4:
                happenings.append(Happening(now + random.choice((30, 90, 200)), "end_silence", ()))
        elif lot < 0.89:
            happenings.append(Happening(now, "end_silence", ()))
        elif lot < 0.90:
            happenings.append(Happening(now, "storm", (random.choice((8, 9, 10, 11, 12, 40)), random.randrange(1000))))
        elif lot < 0.92:
            again, each = random.choice((1, 1, 2)), random.random()
            happenings += [Happening(now + number * 100, "stop_execution", (each,)) for number in range(again)]
            if random.random() < 0.3:
                happenings.append(Happening(now + 230, "start_again", (random.random(),)))
        elif lot < 0.95:
            happenings.append(Happening(now, "press", (random.choice(("acknowledge", "resolve")), random.random())))
        elif lot < 0.97:
            happenings.append(Happening(now, "switch", (random.choice(("off", "on", "on", None)),)))
        elif lot < 0.98:
            happenings.append(Happening(now, "restart_functions", ()))
        else:
            happenings.append(Happening(now, "people", (random.random() < 0.5,)))
    if random.random() < 0.6:
        for place in sorted(firing):
            now += random.choice((0, 1, 30))
            happenings.append(Happening(now, "end", place))
    happenings += [*kinds.added(seed, happenings, forced)]
    return Scenario(seed, tuple(happenings), **_trouble(random, now))


def _trouble(random: Random, last: float) -> dict[str, Any]:
    """Draw the faults' frequency: most runs have few, some have bad hours."""
    habits = Habits(acknowledge=random.choice((0.0, 0.5, 0.9)), resolve=random.choice((0.0, 0.15)))
    kind = random.random()
    found: dict[str, Any] = {"habits": habits, "orders": random.choice((0.0, 0.05, 0.2))}
    if random.random() < 0.6:
        found["rush"] = random.choice(PLACES)
    late = LATE.get(found.get("rush", ""))
    if late is None and kind < 0.35:
        return found
    if late is not None or kind < 0.6:  # one place fails often, all the time, and the others work
        where, share = late or random.choice(WEAK), 0.9 if late else random.choice((0.05, 0.2, 0.5))
        found["weather"] = (Weather(START, START + timedelta(days=30), share, where),)
        return found
    found["share"] = random.choice((0.0005, 0.003, 0.01))
    if kind > 0.8:
        since = START + timedelta(seconds=random.uniform(0, last))
        until = since + timedelta(seconds=random.choice((30, 120, 600)))
        where = random.choice(("", "dynamodb", "slack", "pagerduty", "states", "lambda", "ingest", "machine"))
        found["weather"] = (Weather(since, until, random.choice((0.1, 0.4, 1.0)), where),)
    return found


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
