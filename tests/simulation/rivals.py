"""The rivals of a call in a rush: seeds draw who goes first of all that others may do at this moment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.simulation.calls import AT_ONCE_SECONDS, DELIVERED, is_read
from tests.simulation.door import Key, Word
from tests.simulation.hosts import HOSTS
from tests.simulation.world import World

PLACES = (
    "ingest:dynamodb.transact",
    "ingest:",
    "http:/alerts",
    "respond:",
    "classify",
    "/Record Suppression",
    "/Close Incident",
    "/Await Quiet",
    "escalate",
    "remediate/What Now?",
    "machine/",
    "outside:dynamodb",
    "reconcile:dynamodb.update",
    "reconcile:dynamodb.get",
    "reconcile:dynamodb.transact",
    "reconcile:states",
)
"""Parts of labels: the places at which seeds let others run first."""

MOST = 60
"""The most rivals of a run: each makes more calls, which have rivals again."""

AT_READS = 0.1
"""The share of reads in the rush that have a rival: what goes before one goes, for most, before the write after it."""

SEVERITIES = ("low", "high", "critical")


LATE = {"reconcile:dynamodb.transact": "escalate:", "escalate": "escalate:sns"}
"""The places that fail for some others, so that there is something to race for: here reconcile pages."""


@dataclass
class Rivals:
    """The rivals that go first at the place of a rush, drawn by the call alone: the same call has the same rival
    whatever happened elsewhere. In other places it is what is due next.

    Alerts join, end and get worse in the group that the interrupted call is about, as far as that is known, or else in
    the group of the newest accepted word.
    """

    world: World
    rush: str
    gone: int = 0
    _newest: Key | None = None

    def __post_init__(self) -> None:
        self.world.witness.accepted.append(self._accepted)

    def _accepted(self, word: Word, before: Word | None) -> None:
        self._newest = word.said.key

    def __call__(self) -> None:
        """Let one of them go."""
        _, fault = self.world.faults.happened[-1]
        if self.rush not in fault.label:
            self._next()
            return
        random = Random(f"rival {self.world.seed} {fault.label} {fault.number}")
        if self.gone >= MOST or (is_read(fault.label.rpartition(".")[2]) and random.random() >= AT_READS):
            return
        self.gone += 1
        name = self._name()
        self.world.clock.run_for(0.05)  # no sender says two things at the very same moment
        lot = random.random()
        if fault.label.startswith("reconcile:") and lot < 0.5:
            self.world.reconcile()
            return
        for share, action in self._choices(random, name).items():
            if lot < share:
                action()
                return

    def _name(self) -> str:
        """Return the name of the alerts of the group that the call is about."""
        interrupted, names = self.world.calls.interrupted, {name for _, name, _ in self.world.known}
        if interrupted is not None and interrupted.incident:
            return next((name for name in sorted(names) if interrupted.incident.startswith(f"{name}-")), "")
        under_way = self.world.witness.under_way()
        newest = under_way[-1] if under_way else self._newest
        return newest.name if newest is not None and newest.host in ("", *HOSTS) else ""

    def _choices(self, random: Random, name: str) -> Mapping[float, Callable[[], object]]:
        """Return what may go first by the upper bounds of their shares."""
        world = self.world
        return {
            0.2: self._next,
            0.35: world.reconcile,
            0.45: partial(self._press, "acknowledge", random, name),
            0.5: partial(self._press, "resolve", random, name),
            0.75: partial(self._fires, random, name),
            0.92: partial(self._ends, random, name),
            1.0: partial(world.clock.run_for, random.choice((2, 10))),
        }

    def _next(self) -> None:
        """Let go what is due next."""
        clock = self.world.clock
        happening = self.world.calls.next_happening()
        if happening is not None:
            clock.run_until(happening.time + DELIVERED)
            return
        event = clock.next()
        if event is not None and (event.time - clock.now()).total_seconds() <= AT_ONCE_SECONDS:
            clock.step()

    def _press(self, button: str, random: Random, name: str) -> None:
        """Let a person press a button, of this group's incident if it has one, and the execution hear of it."""
        slack = self.world.slack
        mine = [each for each in slack.by_incident if each.startswith(f"{name}-") and slack.button(each, button)]
        if mine:
            self.world.people.press(button, mine[-1])
        else:
            self.world.press(button, random.random())
        self.world.clock.run_for(2)

    def _fires(self, random: Random, name: str) -> None:
        """Let an alert join the group, get worse, or say once more that it fires; it ends later."""
        known = self._known(name)
        if not known:
            return
        sender, _, host = random.choice(sorted(known))
        severity, environment = known[sender, name, host]
        if host and random.random() < 0.5:
            host = random.choice(HOSTS)
            # A host that fires keeps its environment: with another one it would be another alert, which nobody ends.
            severity, environment = known.get((sender, name, host), (random.choice(SEVERITIES), environment))
        elif sender.startswith("generic") and random.random() < 0.7:
            severity = random.choice(SEVERITIES)  # for other senders, another severity is another alert
        self.world.fire(sender, name, host, severity, environment)
        end = partial(self.world.end, sender, name, host)
        self.world.clock.after(random.choice((60, 400, 1200)), end, f"{name} at {host} ends")
        self.world.clock.run_for(1.5)

    def _ends(self, random: Random, name: str) -> None:
        """Let the group's alerts end: all of them, or one."""
        mine = sorted(self._known(name).keys() & self.world.true)
        for place in mine if random.random() < 0.5 else mine[:1]:
            self.world.end(*place)
        self.world.clock.run_for(1.5)

    def _known(self, name: str) -> Mapping[tuple[str, str, str], tuple[str, str]]:
        """Return severity and environment of the alerts of a group by sender, name and host."""
        return {place: said for place, said in self.world.known.items() if place[1] == name}
