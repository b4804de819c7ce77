"""A heartbeat that stops and comes back, as its sender and the oracle know it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.simulation.clock import START
from tests.simulation.door import Key
from tests.simulation.stored import plain
from tests.simulation.watch import MINUTE, Watch

if TYPE_CHECKING:
    from tests.simulation.world import World

NAME = "Watchdog"
ABSENT = Key("firstline", f"{NAME} is absent", "")
UNWATCHED = timedelta(minutes=5)
"""The longest gap between two checks that the watch, and with it the patience, survives."""

PAGED = timedelta(minutes=2)
"""The time from the end of the patience to the page: reconcile looks each minute, and the incident is then judged."""


@dataclass
class Beats:
    """The sender: Prometheus says each minute that its alerting works, except while it is stopped."""

    world: "World"
    every: timedelta
    running: bool = True
    taken: list[datetime] = field(default_factory=list)
    """The times of beats that were taken."""
    unsure: list[datetime] = field(default_factory=list)
    """The times of beats without a clear answer: they may have come in all the same."""

    def beat(self) -> None:
        """Say it, and once more a minute later."""
        clock = self.world.clock
        clock.after(60, self.beat, "the next heartbeat")
        if not self.running:
            return
        labels = {"alertname": NAME, "severity": "none", "cluster": "eu"}
        alert = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": START.isoformat()}
        payload = {"version": "4", "status": "firing", "receiver": "firstline", "alerts": [alert]}
        if "prometheus" in self.world.unreadable:
            self.world.door.post("prometheus", payload)
            return  # in the quarantine it grows old
        status = self.world.door.post("prometheus", payload)
        (self.taken if status is not None and 200 <= status < 300 else self.unsure).append(clock.now())


@dataclass
class HeartbeatCheck:
    """The oracle's part: an absence is paged, a return ends it, and nobody is woken for a heartbeat that beats."""

    watch: Watch
    _unwatched: datetime = START
    """The end of the newest gap between two runs of reconcile after which the watch may have begun anew."""
    _runs_seen: int = 0

    def look(self) -> None:
        """Check what is known of the heartbeat."""
        world = self.watch.world
        if world.beats is None or not world.beats.taken:
            return
        now, patience, taken = world.clock.now(), 2 * world.beats.every, world.beats.taken
        heard = max([taken[-1], *world.beats.unsure[-1:]])
        alert = self.watch.stored.alert(ABSENT)
        absent = alert is not None and alert.firing
        self.watch.checks["heartbeat"] += 1
        since = max(heard, self._unwatched_until())
        if now - since > patience + PAGED + MINUTE + self.watch.allowance(since) and not absent:
            self.watch.say("heartbeat", f"no beat since {heard:%d %H:%M:%S}, and nobody knows")
        if alert is not None and absent:
            said = datetime.fromisoformat(plain(alert.item["received_at"]))
            early = [at for at in taken if said - patience < at < said]
            if early:
                self.watch.say("heartbeat", f"it beat at {early[-1]:%d %H:%M:%S}, and is called absent at {said}")
        text = "the heartbeat is back, and still called absent"
        self.watch.lasting("heartbeat", "back", absent and now - taken[-1] < patience - MINUTE, 2 * MINUTE, text)

    def _unwatched_until(self) -> datetime:
        """Return the end of the newest long gap between two runs of reconcile, of which each pair is compared once."""
        runs = self.watch.world.reconciled
        for (before, _), (at, _) in pairwise(runs[max(0, self._runs_seen - 1) :]):
            if at - before > UNWATCHED - MINUTE:
                self._unwatched = max(self._unwatched, at)
        self._runs_seen = len(runs)
        return self._unwatched
