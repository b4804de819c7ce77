"""Reconcile over the real store in memory, for its tests. Times are minutes after noon."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from firstline.adapters.dynamodb.open_incidents import count_open
from firstline.channels.delivery import Channel
from firstline.errors import (
    ConfigurationError,
    ExecutionsUnavailable,
)
from firstline.incidents.lifecycle import BadEnd, ExecutionState
from firstline.incidents.reconcile import Reconciler
from firstline.models import ExecutionInput, Incident, IncidentRecord, Live, NormalizedAlert
from firstline.observability import metrics
from firstline.people.message_updates import show_again
from firstline.people.page import overdue, page_on_call
from firstline.policy.paging import ONLY_THE_TOPIC
from tests.support.builders import a_classification, alert, at, open_for
from tests.support.changes import ending, joining, stored
from tests.support.memory import MemoryChannel, MemoryStore

CRITICAL: dict[str, Any] = {"severity": "critical"}


class Executions:
    """Step Functions with the state of each execution, and what was started, told and asked."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, int], ExecutionState] = {}
        self.bad_ends: list[BadEnd] = []
        self.started: list[tuple[str, int]] = []
        self.told: list[str] = []
        self.described: list[str] = []
        self.waiting = True
        self.down = False

    def start(self, incident: Incident, generation: int) -> None:
        self._reach()
        self.started.append((incident.incident_id, generation))
        self.states.setdefault((incident.incident_id, generation), "RUNNING")

    def signal(self, token: str, signal: str, by: str) -> bool:
        self._reach()
        self.told.append(signal)
        return self.waiting

    def describe(self, incident_id: str, generation: int) -> ExecutionState:
        self._reach()
        self.described.append(incident_id)
        return self.states.get((incident_id, generation), "UNKNOWN")

    def ended_badly(self, since: datetime) -> list[BadEnd]:
        self._reach()
        return sorted((end for end in self.bad_ends if end.at >= since), key=lambda end: end.at, reverse=True)

    def incident_of(self, name: str) -> str | None:
        return name.removesuffix("-2")

    def _reach(self) -> None:
        if self.down:
            raise ExecutionsUnavailable("throttled")


class World:
    """Reconcile with the store, Step Functions and the channels. Times are minutes after noon."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.executions = Executions()
        self.topic = MemoryChannel(wakes="again")
        self.slack = MemoryChannel(wakes="never")
        self.hold_is_over: str | None = None
        self.rules_are_broken = False
        self.seconds = 0.0
        self.each_page_takes = 0.0
        self.reconciler = Reconciler(
            incidents=self.store.incidents,
            executions=self.executions,
            page_after=timedelta(minutes=5),
            page=self._page,
            show=self._show,
            hold_over=lambda incident_id, now: self.hold_is_over,
            count_open=lambda: count_open(self.store.table),
            watch=self._watch,
            stopped=lambda ended, now: None,
            unheard=lambda now: None,
            ceiling=lambda now: None,
            clock=lambda: self.seconds,
        )

    @property
    def channels(self) -> dict[str, Channel]:
        return {"sns": self.topic, "slack": self.slack}

    def opens(self, minutes: float = 0, *, started: bool = True, awaiting: str | None = None, **what: Any) -> Incident:
        """Open an incident as ingest does. A `started` execution has judged it; with `awaiting`, it waits."""
        given = alert(timestamp=at(minutes), **what)
        opened = open_for(self.store.groups, given, now=at(minutes))
        if started:
            self.executions.states[opened.incident_id, 1] = "RUNNING"
            verdict = a_classification(severity=given.severity, runbook_id=None)
            live = self.live(opened)
            self.store.incidents.judge(opened, 1, verdict, at(minutes), seen=live)
        if awaiting is not None:
            self.store.change(opened.incident_id, awaiting=awaiting, task_token="token")
        return opened

    def joins(self, incident: Incident, minutes: float, **what: Any) -> NormalizedAlert:
        """Let a new alert join an incident, and return it."""
        given = alert(fingerprint=f"joined-{minutes}", timestamp=at(minutes), group_key=incident.group_key, **what)
        self.store.groups.apply(joining(self.live(incident), given, now=at(minutes)))
        return given

    def ends(self, incident: Incident, minutes: float, given: NormalizedAlert | None = None) -> None:
        """Let an alert of an incident end; without one, that which opened it."""
        firing = stored(given or incident.alert, incident, incident.opened_at)
        self.store.groups.apply(ending(incident, firing, now=at(minutes)))

    def live(self, incident: Incident) -> Live:
        live = self.store.incidents.live(incident.group_key)
        assert live is not None
        return live

    def run(self, *minutes: float) -> None:
        """Run reconcile at each of these minutes."""
        metrics.clear_metrics()
        for minute in minutes:
            self.reconciler.run(at(minute))

    def minutes(self, begin: int, end: int) -> None:
        """Run reconcile at each minute of a span, its end included."""
        self.run(*range(begin, end + 1))

    def ended(self, incident: Incident, generation: int = 1, status: str = "FAILED") -> dict[str, Any]:
        """End an execution, and return Step Functions' event about it."""
        self.executions.states[incident.incident_id, generation] = "ENDED"
        given = ExecutionInput(incident=incident, generation=generation).model_dump_json()
        return {"name": incident.incident_id, "status": status, "input": given}

    @property
    def pages(self) -> int:
        """Return how many pages the topic was told."""
        return len([told for told in self.topic.told if told.kind == "paged"])

    def _page(self, record: IncidentRecord, reason: str, now: datetime) -> None:
        self.seconds += self.each_page_takes
        page_on_call(
            overdue(record, reason),
            policy=ONLY_THE_TOPIC,
            channels=self.channels,
            incidents=self.store.incidents,
            now=now,
            on_call=lambda level: None,
            must_claim=True,
        )

    def _show(self, record: IncidentRecord, now: datetime) -> bool:
        return show_again(record, channels=self.channels, incidents=self.store.incidents, now=now)

    def _watch(self, now: datetime) -> None:
        if self.rules_are_broken:
            raise ConfigurationError("rules.yaml: is not YAML")


def counted(name: str) -> float:
    """Return the sum of a metric's values since the last run of reconcile."""
    found: Sequence[float] = metrics.metric_set.get(name, {}).get("Value", [])
    return sum(found)


class Instead:
    """A port of which some methods are replaced."""

    def __init__(self, port: object, **methods: Callable[..., Any]) -> None:
        self._port, self._methods = port, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._port, name)
