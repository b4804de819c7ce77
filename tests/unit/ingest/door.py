"""Ingestion into a table in memory, with which tests see what is stored, started and signalled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from firstline.errors import ExecutionsUnavailable
from firstline.incidents.groups import Limits
from firstline.incidents.waking import must_wake
from firstline.ingest.accept import AcceptedDelivery, Ingestion, Ports, in_threads
from firstline.ingest.judge import Judge
from firstline.models import Incident, Live, NormalizedAlert, StoredAlert
from firstline.policy.holds import Holds
from firstline.policy.paging import PagingPolicy
from firstline.policy.rules import NO_RULES, Rules
from tests.support.builders import alert, at
from tests.support.memory import MemoryStore

PLENTY = Limits(per_minute=10_000, per_minute_and_alert=10_000)


def one_after_the_other(work: Callable[[str], None], keys: Sequence[str]) -> None:
    """Write the groups of a delivery one after the other, so that the order in a test is known."""
    for key in keys:
        work(key)


@dataclass
class Door:
    """The ingestion of alerts into one table in memory.

    Attributes
    ----------
    starts
        The executions that were started, as pairs of incident id and generation.
    woken
        The group keys whose waiting execution was signalled.
    down
        True if Step Functions refuses every start and signal.
    seconds
        The time on the clock of the time limit.
    each_reading_takes
        The seconds by which each reading of that clock puts it on.
    """

    store: MemoryStore = field(default_factory=MemoryStore)
    limits: Limits = PLENTY
    rules: Rules = NO_RULES
    holds: Holds = field(default_factory=Holds)
    paging: PagingPolicy | None = None
    starts: list[tuple[str, int]] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    down: bool = False
    seconds: float = 0.0
    each_reading_takes: float = 0.0
    threads: bool = False
    _beginning: list[tuple[str, int]] = field(default_factory=list)

    @property
    def ingestion(self) -> Ingestion:
        ports = Ports(
            self.store.groups,
            start=self._start,
            tell=self._tell,
            incident=self._incident,
            sleep=lambda _: None,
            clock=self._clock,
            spread=in_threads if self.threads else one_after_the_other,
        )
        judge = Judge(rules=lambda: self.rules, quiet=lambda _: self.holds, zone=UTC, paging=lambda: self.paging)
        return Ingestion(ports, self.limits, judge)

    def accept(self, now: datetime, *alerts: NormalizedAlert, **options: Any) -> AcceptedDelivery:
        """Accept a delivery, and let the executions that it starts begin."""
        try:
            return self.ingestion.accept(alerts, now, **options)
        finally:
            while self._beginning:
                group_key, generation = self._beginning.pop()
                self.store.table.update(f"GROUP#{group_key}", "LIVE", "SET started = :begun", {":begun": generation})

    def requests_of(self, now: datetime, *alerts: NormalizedAlert) -> int:
        """Accept a delivery, and return the number of requests to the table that it took."""
        before = sum(self.store.client.requests.values())
        self.ingestion.accept(alerts, now)
        return sum(self.store.client.requests.values()) - before

    def live(self, group_key: str = "group-1") -> Live:
        live = self.store.incidents.live(group_key)
        assert live is not None
        return live

    def lives(self) -> list[Live]:
        """Return the `Live` items in the table."""
        items = self.store.client.snapshot()
        keys = [item["pk"]["S"].removeprefix("GROUP#") for item in items if item["sk"]["S"] == "LIVE"]
        return [self.live(key) for key in keys]

    def alerts(self) -> list[StoredAlert]:
        """Return all alerts in the table, of every group."""
        by_group: dict[str, list[str]] = {}
        for item in self.store.client.snapshot():
            if item["sk"]["S"].startswith("ALERT#") and item["pk"]["S"].startswith("GROUP#"):
                by_group.setdefault(item["pk"]["S"].removeprefix("GROUP#"), []).append(item["fingerprint"]["S"])
        views, _ = self.store.groups.read(by_group)
        return [alert for view in views.values() for alert in view.alerts.values()]

    def counters(self, *keys: str) -> Mapping[str, int]:
        return self.store.groups.read({}, keys)[1]

    def check_counts(self) -> None:
        """Assert that each open incident counts its alerts, each once, and those of them that fire."""
        for live in self.lives():
            if live.open:
                known = [each for each in self.alerts() if each.incident_id == live.incident_id]
                firing = [each for each in known if each.firing]
                assert (live.alerts, live.firing) == (len(known), len(firing)), live.group_key

    def close(self, group_key: str, now: datetime, joined: int | None = -1) -> None:
        """Close the group's incident by a decision that knew of `joined` alerts; of all of them by default."""
        live = self.live(group_key)
        record = self.store.incidents.record(live.incident_id)
        assert record is not None
        knew = live.joined if joined == -1 else joined
        closed = self.store.incidents.close(record.incident, None, "resolved", "because", [], now, joined=knew)
        assert closed is not None

    def waits(self, group_key: str = "group-1", **fields: Any) -> None:
        """Write into the table that the group's execution waits, as the state machine does."""
        live = self.live(group_key)
        self.store.change(live.incident_id, **({"task_token": "token"} | fields))

    def _start(self, incident: Incident, generation: int) -> None:
        if self.down:
            raise ExecutionsUnavailable("throttled")
        self.starts.append((incident.incident_id, generation))
        self._beginning.append((incident.group_key, generation))

    def _tell(self, live: Live) -> bool:
        if self.down:
            raise ExecutionsUnavailable("throttled")
        if must_wake(live):
            self.woken.append(live.group_key)
        return True

    def _incident(self, incident_id: str) -> Incident | None:
        record = self.store.incidents.record(incident_id)
        return None if record is None else record.incident

    def _clock(self) -> float:
        self.seconds += self.each_reading_takes
        return self.seconds


def resolved(minutes: float, **what: Any) -> NormalizedAlert:
    """Return a message that an alert resolved so many minutes after noon."""
    return alert(status="resolved", timestamp=at(minutes), ends_at=at(minutes), **what)


def many(count: int, **what: Any) -> list[NormalizedAlert]:
    """Return so many different alerts of one group, each on a host of its own."""
    return [alert(fingerprint=f"many-{number}", host=f"web-{number}", **what) for number in range(count)]
