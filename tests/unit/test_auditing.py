"""The audit: what everything else may have missed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.auditing import ABANDONED_AFTER, Audit
from firstline.classification.match import AlertMatch
from firstline.classification.silences import Silence
from firstline.errors import ChannelFailed, ConfigurationError, ExecutionsUnavailable, HistoryUnavailable
from firstline.models import Hold, IncidentRecord, Notification
from firstline.observability import metrics
from tests.alerts import alert, at, incident
from tests.notifications import a_classification
from tests.unit.test_lifecycle import record


class World:
    """The table, Step Functions and the page topic, remembering everything that was done to them."""

    wakes = "again"

    def __init__(self, *records: IncidentRecord) -> None:
        self.records = records
        self.done: list[str] = []
        self.broken: set[str] = set()
        self.waiting = True
        self.silenced: list[Silence] = []

    def _do(self, what: str, error: type[Exception] | None = None) -> None:
        if what.split()[0] in self.broken:
            raise (error or ExecutionsUnavailable)("broken")
        self.done.append(what)

    def open_records(self) -> Sequence[IncidentRecord]:
        if "table" in self.broken:
            raise HistoryUnavailable("broken")
        return self.records

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        raise AssertionError("the audit acknowledges nothing")

    def resolve(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        self._do(f"resolve by {by}")
        return self.records[0].model_copy(update={"resolved_at": now, "resolved_by": by})

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        self._do(f"end the hold: {because}")
        return self.records[0].model_copy(update={"hold_ended_at": now, "hold_ended_because": because})

    def watch(self, now: datetime) -> None:
        if "watch" in self.broken:
            raise ConfigurationError("rules.yaml: is not YAML")

    def silences(self, now: datetime) -> Sequence[Silence]:
        self._do("read silences")
        return self.silenced

    def close(self, incident_id: str, outcome: str, reason: str, results: Any, at: datetime) -> IncidentRecord:
        self._do(f"close as {outcome}: {reason}")
        return self.records[0]

    def mark_paged(self, incident_id: str, at: datetime) -> None:
        self._do("mark paged")

    def execution_input(self, incident_id: str) -> str:
        return "the input"

    def mark_started(self, incident_id: str, group_key: str) -> None:
        self._do(f"mark started {group_key}")

    def start(self, incident_id: str, execution_input: str) -> None:
        self._do(f"start with {execution_input}")

    def signal(self, token: str, signal: str, by: str) -> bool:
        self._do(f"signal {signal}")
        return self.waiting

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        self._do(f"interrupt {error}")
        return self.waiting

    def is_heard(self) -> bool:
        return "subscribers" not in self.broken

    def tell(self, notification: Notification) -> bool:
        if "page" in self.broken:
            raise ChannelFailed("broken", retryable=True)
        self.done.append(f"page: {notification.reason}")
        return True


def audit(world: World, minutes: float) -> list[str]:
    Audit(
        history=world,
        groups=world,
        executions=world,
        topic=world,
        page_after=timedelta(minutes=5),
        flap_quiet=timedelta(minutes=10),
        silences=world.silences,
        watch=world.watch,
    ).run(at(minutes))
    return world.done


def held(by: str = "rule", minutes: float = 30, **what: Any) -> dict[str, Any]:
    """A high incident that waits, so many minutes after noon."""
    hold = Hold(by=by, id="s-1", reason="because", until=at(minutes), seconds=60)  # type: ignore[arg-type]
    verdict = a_classification(severity="high").model_copy(update={"hold": hold})
    return {"classification": verdict, "task_token": "t", "awaiting": "hold"} | what


SILENCE = Silence(
    id="s-1",
    match=AlertMatch(host=("web-1",)),
    owner="ada",
    reason="because",
    created_at=at(0),
    expires_at=at(30),
)
CRITICAL = incident(alert=alert(severity="critical").without_raw())
PAGED = "page: It has been open for more than 5 minutes and nobody was paged."


@pytest.mark.parametrize(
    ("what", "minutes", "done"),
    [
        pytest.param({}, 60, [], id="an incident below paging severity is left alone"),
        pytest.param(
            {"status": "PENDING"}, 1, ["start with the input", "mark started group-1"], id="a pending one is started"
        ),
        pytest.param(
            {"resolved_at": at(1), "resolved_by": "ada", "task_token": "t", "awaiting": "resolution"},
            2,
            ["signal resolved"],
            id="a resolved one that still waits is told",
        ),
        pytest.param(
            {"acknowledged_at": at(1), "acknowledged_by": "ada", "task_token": "t", "awaiting": "acknowledgement"},
            2,
            ["signal acknowledged"],
            id="an acknowledged one that still waits is told",
        ),
        pytest.param(
            {"decision": "approved", "decided_by": "ada", "task_token": "t", "awaiting": "approval"},
            2,
            ["signal approved"],
            id="one whose plan was decided on is told",
        ),
        pytest.param({"quiet_since": at(0)}, 9, [], id="a flapping one is given its time"),
        pytest.param(
            {"quiet_since": at(0), "task_token": "t", "awaiting": "resolution"},
            10,
            ["resolve by the audit: a flapping alert has been quiet", "signal resolved"],
            id="a flapping one that has been quiet is resolved",
        ),
        pytest.param({"incident": CRITICAL}, 4, [], id="a critical one is given time to be paged"),
        pytest.param({"incident": CRITICAL}, 5, [PAGED, "mark paged"], id="a critical one without a page is paged"),
        pytest.param({"incident": CRITICAL, "paged_at": at(1)}, 60, [], id="a paged one is not paged again"),
        pytest.param({"incident": CRITICAL, "acknowledged_at": at(1)}, 60, [], id="nor one that somebody took"),
        pytest.param(
            {"worsened_to": "high", "last_alert_at": at(10), "task_token": "t", "awaiting": "resolution"},
            11,
            ["interrupt Worsened"],
            id="one that got worse is told, and given time",
        ),
        pytest.param(
            {"worsened_to": "high", "last_alert_at": at(10), "task_token": "t", "awaiting": "resolution"},
            15,
            [PAGED, "mark paged", "interrupt Worsened"],
            id="one that got worse is paged in the end",
        ),
        pytest.param(held(), 30, [], id="one that waits is not forgotten"),
        pytest.param(held(), 34, [], id="one that has waited is given time to be paged"),
        pytest.param(held(), 35, [PAGED, "mark paged"], id="one that is stuck in its wait is paged"),
        pytest.param(
            held(hold_ended_at=at(1), hold_ended_because="somebody joined"),
            2,
            ["signal go on"],
            id="one whose wait was ended and that still waits is told",
        ),
        pytest.param(
            held(hold_ended_at=at(1), hold_ended_because="somebody joined"),
            6,
            [PAGED, "mark paged", "signal go on"],
            id="one that goes on waiting all the same is paged in the end",
        ),
        pytest.param(
            held(worsened_to="critical", last_alert_at=at(1)),
            2,
            ["interrupt Worsened"],
            id="one that waits and got worse is told",
        ),
        pytest.param(
            held(resolved_at=at(1), resolved_by="ada"), 2, ["signal resolved"], id="one that waits and resolved is told"
        ),
        pytest.param(
            held("silence"),
            2,
            ["read silences", "end the hold: silence s-1 was ended", "signal go on"],
            id="one whose silence is gone waits no longer",
        ),
        pytest.param(
            {"resolved_at": at(0), "resolved_by": "ada"},
            ABANDONED_AFTER.total_seconds() / 60,
            ["close as resolved: Resolved by ada; its execution is gone."],
            id="one whose execution is gone is closed",
        ),
    ],
)
def test_the_audit_mends(what: dict[str, Any], minutes: float, done: list[str]) -> None:
    assert audit(World(record(**what)), minutes) == done


def test_what_a_silence_keeps_back_waits_as_long_as_it_is_on() -> None:
    world = World(record(**held("silence")), record(**held("silence")))
    world.silenced = [SILENCE]

    assert audit(world, 20) == ["read silences"]


def test_silences_that_cannot_be_read_end_no_waiting() -> None:
    world = World(record(**held("silence")))
    world.broken = {"read"}

    assert audit(world, 2) == []


def test_a_page_that_did_not_go_out_is_not_written_down_and_tried_again() -> None:
    world = World(record(incident=CRITICAL))
    world.broken = {"page"}
    assert audit(world, 6) == []

    world.broken = set()
    assert audit(world, 7) == [PAGED, "mark paged"]


def test_one_incident_that_resists_does_not_keep_the_others_from_being_mended() -> None:
    world = World(record(status="PENDING"), record(incident=CRITICAL))
    world.broken = {"start"}

    assert audit(world, 6) == [PAGED, "mark paged"]


def test_rules_that_cannot_be_read_keep_the_audit_from_nothing_else() -> None:
    world = World(record(incident=CRITICAL))
    world.broken = {"watch"}

    assert audit(world, 6) == [PAGED, "mark paged"]
    assert "Heartbeat" in metrics.metric_set
    metrics.clear_metrics()


def test_without_a_table_there_is_no_heartbeat() -> None:
    metrics.clear_metrics()
    world = World()
    world.broken = {"table"}

    with pytest.raises(HistoryUnavailable):
        audit(world, 1)
    without = set(metrics.metric_set)
    world.broken = set()
    audit(world, 2)

    assert "Heartbeat" not in without
    assert "Heartbeat" in metrics.metric_set
    metrics.clear_metrics()


@pytest.mark.parametrize(("broken", "unheard"), [(set(), 0), ({"subscribers"}, 1)])
def test_a_page_topic_that_nobody_hears_comes_to_light_before_the_first_page(broken: set[str], unheard: int) -> None:
    metrics.clear_metrics()
    world = World()
    world.broken = broken

    assert audit(world, 1) == []

    assert metrics.metric_set["PageTopicUnheard"]["Value"] == [unheard]
    metrics.clear_metrics()
