"""The drawing of scenarios: from a seed to what happens, when, and what goes wrong meanwhile."""

from collections.abc import Collection
from datetime import timedelta
from random import Random
from typing import Any

from tests.simulation import kinds
from tests.simulation.clock import START
from tests.simulation.faults import Weather
from tests.simulation.happenings import Happening
from tests.simulation.hosts import HOSTS
from tests.simulation.people import Habits
from tests.simulation.rivals import LATE, PLACES
from tests.simulation.scenario import Scenario

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


def drawn(seed: int, events: int = 40, forced: Collection[str] = ()) -> Scenario:
    """Draw a scenario: at least so many happenings within one to three hours, sometimes with long waits.

    `forced` are kinds of weather and events that it has in any case, see `kinds`.
    """
    draw = _Draw(seed)
    while len(draw.happenings) < events:
        draw.next()
    draw.end_all()
    happenings = [*draw.happenings, *kinds.added(seed, draw.happenings, forced)]
    return Scenario(seed, tuple(happenings), **_trouble(draw.random, draw.now))


class _Draw:
    """The happenings of a seed, as they are drawn one after the other."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(f"scenario {seed}")
        self.now = 5.0
        self.happenings: list[Happening] = []
        self._senders = {name: random.choice(GROUPED) for name in (*PLAIN, *SPECIAL)}
        self._singles = {f"{name}-{sender}": sender for name in ("Payments", "Checkout") for sender in SINGLE}
        self._firing: dict[tuple[str, str, str], float] = {}
        self._severities = {name: random.choice(SEVERITIES) for name in (*PLAIN, *SPECIAL, *self._singles)}
        self._of_host: dict[tuple[str, str], str] = {}  # most hosts' alerts of one name have the same severity
        # An alert's environment is a part of what it is: another environment is another alert.
        self._environments = {
            name: "test" if random.random() < 0.1 and name in PLAIN else "prod" for name in self._severities
        }
        if random.random() < 0.25:
            self._add("slow_acts", 480.0, at=1)
        self._names = random.sample(PLAIN, random.randint(1, 4)) + random.sample(SPECIAL, random.randint(1, 4))
        self._names += random.sample(sorted(self._singles), random.randint(0, 2))
        self._hosts = HOSTS[: random.choice((1, 2, 4, 8))]

    def next(self) -> None:
        """Draw what happens next, and when."""
        random = self.random
        # Much happens when a window of five minutes is about to end.
        self.now += random.choice((0.1, 0.1, 1, 5, 20, 60, 60, 150, random.uniform(298, 303), random.uniform(298, 303)))
        if random.random() < 0.01:
            self.now += random.choice((3_600, 6 * 3_600))
        lot = random.random()
        next(happens for up_to, happens in self._LOTS if lot < up_to)(self)

    def end_all(self) -> None:
        """Mostly let every alert that still fires end."""
        if self.random.random() < 0.6:
            for place in sorted(self._firing):
                self.now += self.random.choice((0, 1, 30))
                self._add("end", *place)

    def _add(self, what: str, *arguments: Any, at: float | None = None) -> None:
        self.happenings.append(Happening(self.now if at is None else at, what, arguments))

    def _fire(self, name: str) -> None:
        random = self.random
        sender = self._singles.get(name) or self._senders[name]
        host = "" if name in self._singles else random.choice(self._hosts)
        if (name, host) not in self._of_host:
            mostly = self._severities[name]
            self._of_host[name, host] = random.choice((mostly, mostly, random.choice(SEVERITIES)))
        severity = self._of_host[name, host]
        if sender.startswith("generic") and random.random() < 0.2:
            severity = random.choice(SEVERITIES)  # for Alertmanager, another severity is another alert
        self._firing[sender, name, host] = self.now
        self._add("fire", sender, name, host, severity, self._environments[name])

    def _fire_any(self) -> None:
        self._fire(self.random.choice(self._names))

    def _end(self) -> None:
        if not self._firing:
            return self._gap()
        place = self.random.choice(sorted(self._firing))
        del self._firing[place]
        return self._add("end", *place)

    def _gap(self) -> None:
        random = self.random
        self._add("gap", random.choice(self._names), random.choice(self._hosts), random.uniform(3, 300))

    def _silence(self) -> None:
        random = self.random
        silenced, even = random.choice(self._names), random.random() < 0.5
        self._add("silence", silenced, random.choice((120, 600, 3_600)), even)
        for _ in range(random.choice((0, 1, 2))):  # it was silenced because it fires
            self.now += random.choice((5, 30, 60))
            self._fire(silenced)
        if random.random() < 0.4:
            self._add("end_silence", at=self.now + random.choice((30, 90, 200)))

    def _end_silence(self) -> None:
        self._add("end_silence")

    def _storm(self) -> None:
        self._add("storm", self.random.choice((8, 9, 10, 11, 12, 40)), self.random.randrange(1000))

    def _stop_execution(self) -> None:
        random = self.random
        again, each = random.choice((1, 1, 2)), random.random()
        for number in range(again):
            self._add("stop_execution", each, at=self.now + number * 100)
        if random.random() < 0.3:
            self._add("start_again", random.random(), at=self.now + 230)

    def _press(self) -> None:
        self._add("press", self.random.choice(("acknowledge", "resolve")), self.random.random())

    def _switch(self) -> None:
        self._add("switch", self.random.choice(("off", "on", "on", None)))

    def _restart_functions(self) -> None:
        self._add("restart_functions")

    def _people(self) -> None:
        self._add("people", self.random.random() < 0.5)

    _LOTS = (
        (0.45, _fire_any),
        (0.82, _end),
        (0.85, _gap),
        (0.88, _silence),
        (0.89, _end_silence),
        (0.90, _storm),
        (0.92, _stop_execution),
        (0.95, _press),
        (0.97, _switch),
        (0.98, _restart_functions),
        (1.0, _people),
    )


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
