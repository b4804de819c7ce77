"""Scenarios: from a seed to what happens in the world, and when; and how a scenario is run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, NamedTuple

from tests.simulation.clock import START
from tests.simulation.faults import Faults, Kind, Weather, exactly
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


class Happening(NamedTuple):
    """Something that happens in the world: seconds after the start, the world's method, and its arguments."""

    after: float
    what: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Scenario:
    """What happens, and what goes wrong meanwhile.

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


def drawn(seed: int, events: int = 40) -> Scenario:
    """Draw a scenario: at least so many happenings within one to three hours, sometimes with long waits."""
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


_ACTIONS: Mapping[str, Callable[..., object]] = {
    "fire": World.fire,
    "end": World.end,
    "silence": lambda world, name, seconds, even: world.silence(name, seconds, even_critical=even),
    "end_silence": World.end_silence,
    "stop_execution": World.stop_execution,
    "start_again": lambda world, lot: _start_again(world, lot),
    "slow_acts": lambda world, seconds: setattr(world.fleet, "acts_take", seconds),
    "press": World.press,
    "switch": lambda world, value: setattr(world.fleet, "switch", value),
    "reconcile": World.reconcile,
    "restart_functions": lambda world: world.functions.restart(),
    "people": lambda world, slow: setattr(world.people, "habits", replace(world.people.habits, slow=slow)),
    "gap": lambda world, name, host, seconds: _gap(world, name, host, seconds),
    "crowd": lambda world, *arguments: _crowd(world, *arguments),
    "storm": lambda world, size, number: _storm(world, size, number),
}


def _start_again(world: World, lot: float) -> None:
    """Start an execution once more that has a successor, as an operator in the console could."""
    service, newest = world.step_functions, dict[str, int]()
    for execution in service.executions.values():
        if incident := execution._input.get("incident", {}).get("incident_id"):
            newest[incident] = max(newest.get(incident, 1), execution._input.get("generation", 1))
    old = [
        execution
        for execution in service.executions.values()
        if execution.status != "RUNNING"
        and (incident := execution._input.get("incident", {}).get("incident_id"))
        and execution._input.get("generation", 1) < newest[incident]
    ]
    if old:
        chosen = old[int(lot * len(old))]
        name = f"{chosen.name[:70]}-again-{len(service.executions)}"
        service.start_execution(stateMachineArn=chosen.machine_arn, name=name, input=chosen.input)


def _gap(world: World, name: str, host: str, seconds: float) -> None:
    for sender in ("prometheus", "prometheus-pair"):
        if (sender, name, host) in world.true:
            world.senders[sender].gap(name, host, seconds)  # type: ignore[attr-defined]


def _crowd(world: World, sender: str, name: str, size: int, severity: str, begins: bool) -> None:
    """Let many hosts' alerts of one group begin, or end, within ten minutes."""
    random = Random(size)
    for each in range(size):
        place = (sender, name, f"host-{each}")
        action = partial(world.fire, *place, severity) if begins else partial(world.end, *place)
        world.clock.after(random.uniform(0, 600), action, f"{name} on host-{each}")


def _storm(world: World, size: int, number: int) -> None:
    """Let alerts of many groups begin within a few seconds, and end after some minutes.

    A few of one name reach the limit of that name; many names reach the source's.
    """
    random = Random(number)
    severity = random.choice(("low", "medium", "medium", "critical"))
    for each in range(size):
        name = f"Storm{number}" if size < 20 else f"Storm{number}x{each}"
        place = ("generic", name, f"zone-{each}")
        begins, ends = random.uniform(0, 20), random.uniform(300, 1500)
        world.clock.after(begins, partial(world.fire, *place, severity, f"zone-{each}"), f"{name} begins")
        world.clock.after(ends, partial(world.end, *place), f"{name} ends")


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
        world.calls.rival = Rivals(world)
    on_begin(world)
    with world.running():
        for number, happening in enumerate(scenario.happenings):
            action, arguments = _ACTIONS[happening.what], happening.arguments
            world.clock.at(
                START + timedelta(seconds=happening.after),
                partial(action, world, *arguments),
                f"{number}: {happening.what} {arguments}",
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
        action = partial(_ACTIONS[happening.what], world, *happening.arguments)
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
