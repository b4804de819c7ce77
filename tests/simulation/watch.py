"""The common ground of the oracle's parts: the world, what is stored, the broken rules, and how long a fault excuses.

Allowances: a fault that was injected costs time. Each check names its limit in calm weather; every serious fault since
the trouble began adds to it, up to a bound.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tests.simulation.clock import START
from tests.simulation.door import Word
from tests.simulation.faults import HARMLESS, Fault
from tests.simulation.stored import Stored

if TYPE_CHECKING:
    from tests.simulation.world import World

MINUTE = timedelta(minutes=1)
LONGEST_ALLOWANCE = timedelta(minutes=12)
LONGEST_PAUSE = timedelta(minutes=10)
"""Reconcile begins successors of what fails again and again after 1, 2, 4, … and at most ten minutes."""

MEND = timedelta(minutes=2)
LONGEST_STEP = timedelta(minutes=10, seconds=75)
"""The longest step's own time, and Run Command's: so long a command may run, or be silent, before it is read."""

RANKS = {"critical": 4, "high": 3, "medium": 2, "low": 1, "info": 0}
PAGING = 3
NOISE = ("OddNoise",)


class Violation(NamedTuple):
    """A broken rule: when, which, and what is wrong in words."""

    at: datetime
    rule: str
    about: str


def rank(word: Word) -> int:
    """Return the rank that the declared rules leave to an alert."""
    said = word.said
    if said.environment in ("test", "dev"):
        return min(RANKS[said.severity], RANKS["medium"])
    if said.key.name in NOISE and said.severity != "critical":
        return 0
    return RANKS[said.severity]


def costs_a_page(fault: Fault, channel: str) -> bool:
    """Tell whether a fault may have cost a page's claim, its clear answer in a channel, or its mark."""
    _, _, call = fault.label.partition(":")
    return fault.kind.startswith("kill") or call.startswith(("dynamodb.", f"{channel}."))


@dataclass
class Watch:
    """A watched world, and what was found wrong in it."""

    world: "World"
    pace: float
    violations: list[Violation] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    _serious: list[datetime] = field(default_factory=list)
    _since: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stored = Stored(self.world.memory)
        self.world.faults.listeners.append(self._fault)

    def _fault(self, at: datetime, fault: Fault) -> None:
        if fault.kind not in HARMLESS:
            self._serious.append(at)

    def say(self, rule: str, about: str) -> None:
        """Report a broken rule."""
        self.violations.append(Violation(self.world.clock.now(), rule, about))

    def allowance(self, since: datetime) -> timedelta:
        """Return how much longer something may take because of the faults since a time."""
        number = sum(1 for at in self._serious if at >= since - MINUTE)
        faults = MINUTE * (2**number - 1) if number < 4 else LONGEST_ALLOWANCE
        # What reconcile mends waits for its next run.
        return min(LONGEST_ALLOWANCE, faults) + timedelta(seconds=self.pace) - MINUTE

    def lasting(self, rule: str, about: str, wrong: bool, limit: timedelta, text: str) -> None:
        """Report something that has been wrong for longer than the limit."""
        key, now = (rule, about), self.world.clock.now()
        if not wrong:
            self._since.pop(key, None)
            return
        since = self._since.setdefault(key, now)
        if now - since > limit + self.allowance(since):
            self.say(rule, f"{text} since {since:%d %H:%M:%S}")

    def troubled(self, since: datetime) -> bool:
        """Tell whether a call failed since a time, or in the minute before it."""
        return any(at >= since - MINUTE for at in self._serious)

    def stopped(self, since: datetime) -> bool:
        """Tell whether an execution ended badly since a time."""
        return any(
            execution.status not in ("RUNNING", "SUCCEEDED")
            and execution.ended is not None
            and execution.ended >= since
            for execution in self.world.step_functions.executions.values()
        )

    def paused_until(self, incident_id: str) -> datetime:
        """Return until when reconcile may leave an incident without an execution, or the start of time.

        So it may after an execution that failed, and for the pause that begins with each successor, however that ends.
        """
        until = [START]
        for execution in self.world.step_functions.executions.values():
            if execution.status in ("RUNNING", "SUCCEEDED") or execution.ended is None:
                continue
            if execution._input.get("incident", {}).get("incident_id") != incident_id:
                continue
            if execution.status == "FAILED":
                until.append(execution.ended + LONGEST_PAUSE)
            elif (generation := execution._input.get("generation", 1)) > 1:
                until.append(execution.started + min(LONGEST_PAUSE, MINUTE * 2 ** (generation - 2)))
        return max(until)

    def awaits_step(self, incident_id: str) -> bool:
        """Tell whether an incident waits for the end of a command, for no longer than a command may take."""
        now = self.world.clock.now()
        return any(
            execution.status == "RUNNING"
            and execution._input.get("incident", {}).get("incident_id") == incident_id
            and execution.history[-1][1] == "Await Step"
            and now - execution.history[-1][0] <= LONGEST_STEP
            for execution in self.world.step_functions.executions.values()
        )
