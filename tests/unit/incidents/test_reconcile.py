"""Reconcile: what everything else may have missed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.errors import ConfigurationError, ExecutionsUnavailable, HistoryUnavailable
from firstline.incidents.reconcile import ABANDONED_AFTER, Reconciler
from firstline.models import Hold, IncidentRecord
from firstline.observability import metrics
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from tests.support.builders import a_classification, alert, at, incident, open_for
from tests.support.memory import MemoryChannel, MemoryExecutions, MemoryStore, passing
from tests.unit.incidents.test_lifecycle import record


class World:
    """The store, Step Functions and the page topic."""

    def __init__(self, *records: IncidentRecord) -> None:
        self.store = MemoryStore(*records)
        self.executions = MemoryExecutions()
        self.topic = MemoryChannel(wakes="again")
        self.silenced: list[Silence] = []
        self.silences_read = 0
        self.rules_are_broken = False

    def watch(self, now: datetime) -> None:
        if self.rules_are_broken:
            raise ConfigurationError("rules.yaml: is not YAML")

    def silences(self, now: datetime) -> Sequence[Silence]:
        self.silences_read += 1
        return self.silenced

    def reconcile(self, minutes: float) -> list[str]:
        """Run reconcile once; return what it changed, told and paged."""
        before = self._state()
        Reconciler(
            incidents=self.store.incidents,
            groups=self.store.groups,
            executions=self.executions,
            topic=self.topic,
            page_after=timedelta(minutes=5),
            flap_quiet=timedelta(minutes=10),
            silences=self.silences,
            watch=self.watch,
        ).run(at(minutes))
        return [line for line in self._state() if line not in before]

    def _state(self) -> list[str]:
        lines = [f"page: {told.reason}" for told in self.topic.told]
        lines += [f"start with {given}" for given in self.executions.started.values()]
        lines += [f"tell {what}" for what, _ in self.executions.told]
        for known in self.store.records.values():
            lines += ["paged"] if known.paged_at else []
            lines += [f"resolved by {known.resolved_by}"] if known.resolved_at else []
            lines += [f"hold ended: {known.hold_ended_because}"] if known.hold_ended_at else []
            lines += [f"closed as {known.outcome}: {known.outcome_reason}"] if known.closed_at else []
        return lines


def held(by: str = "rule", minutes: float = 30, **what: Any) -> dict[str, Any]:
    """A high incident that waits, so many minutes after noon."""
    hold = Hold(by=by, id="s-1", reason="because", until=at(minutes), seconds=60)
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
            {"status": "PENDING"}, 1, [f"start with {incident().model_dump_json()}"], id="a pending one is started"
        ),
        pytest.param(
            {"resolved_at": at(1), "resolved_by": "ada", "task_token": "t", "awaiting": "resolution"},
            2,
            ["tell resolved"],
            id="a resolved one that still waits is told",
        ),
        pytest.param(
            {"acknowledged_at": at(1), "acknowledged_by": "ada", "task_token": "t", "awaiting": "acknowledgement"},
            2,
            ["tell acknowledged"],
            id="an acknowledged one that still waits is told",
        ),
        pytest.param(
            {"decision": "approved", "decided_by": "ada", "task_token": "t", "awaiting": "approval"},
            2,
            ["tell approved"],
            id="one whose plan was decided on is told",
        ),
        pytest.param({"quiet_since": at(0)}, 9, [], id="a flapping one is given its time"),
        pytest.param(
            {"quiet_since": at(0), "task_token": "t", "awaiting": "resolution"},
            10,
            ["tell resolved", "resolved by reconcile: a flapping alert has been quiet"],
            id="a flapping one that has been quiet is resolved",
        ),
        pytest.param({"incident": CRITICAL}, 4, [], id="a critical one is given time to be paged"),
        pytest.param({"incident": CRITICAL}, 5, [PAGED, "paged"], id="a critical one without a page is paged"),
        pytest.param({"incident": CRITICAL, "paged_at": at(1)}, 60, [], id="a paged one is not paged again"),
        pytest.param({"incident": CRITICAL, "acknowledged_at": at(1)}, 60, [], id="nor one that somebody took"),
        pytest.param(
            {"worsened_to": "high", "last_alert_at": at(10), "task_token": "t", "awaiting": "resolution"},
            11,
            ["tell Worsened"],
            id="one that got worse is told, and given time",
        ),
        pytest.param(
            {"worsened_to": "high", "last_alert_at": at(10), "task_token": "t", "awaiting": "resolution"},
            15,
            [PAGED, "tell Worsened", "paged"],
            id="one that got worse is paged in the end",
        ),
        pytest.param(held(), 30, [], id="one that waits is not forgotten"),
        pytest.param(held(), 34, [], id="one that has waited is given time to be paged"),
        pytest.param(held(), 35, [PAGED, "paged"], id="one that is stuck in its wait is paged"),
        pytest.param(
            held(hold_ended_at=at(1), hold_ended_because="somebody joined"),
            2,
            ["tell go on"],
            id="one whose wait was ended and that still waits is told",
        ),
        pytest.param(
            held(hold_ended_at=at(1), hold_ended_because="somebody joined"),
            6,
            [PAGED, "tell go on", "paged"],
            id="one that goes on waiting all the same is paged in the end",
        ),
        pytest.param(
            held(worsened_to="critical", last_alert_at=at(1)),
            2,
            ["tell Worsened"],
            id="one that waits and got worse is told",
        ),
        pytest.param(
            held(resolved_at=at(1), resolved_by="ada"), 2, ["tell resolved"], id="one that waits and resolved is told"
        ),
        pytest.param(
            held("silence"),
            2,
            ["tell go on", "hold ended: silence s-1 was ended"],
            id="one whose silence is gone waits no longer",
        ),
        pytest.param(
            {"resolved_at": at(0), "resolved_by": "ada"},
            ABANDONED_AFTER.total_seconds() / 60,
            ["closed as resolved: Resolved by ada; its execution is gone."],
            id="one whose execution is gone is closed",
        ),
    ],
)
def test_reconcile_repairs(what: dict[str, Any], minutes: float, done: list[str]) -> None:
    assert World(record(**what)).reconcile(minutes) == done


def test_reconcile_marks_the_incident_that_it_started() -> None:
    store = MemoryStore()
    opened = open_for(store.groups, alert())
    world = World()
    world.store = store

    world.reconcile(1)

    assert store.only.status == "STARTED"
    assert set(world.executions.started) == {opened.incident_id}


def test_a_silenced_incident_is_held_until_the_silence_ends() -> None:
    other = incident(incident_id="another", group_key="group-2")
    world = World(record(**held("silence")), record(incident=other, **held("silence")))
    world.silenced = [SILENCE]

    assert world.reconcile(20) == []
    assert world.silences_read == 1


def test_unreadable_silences_end_no_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(now: datetime) -> Sequence[Silence]:
        raise ExecutionsUnavailable("broken")

    world = World(record(**held("silence")))
    monkeypatch.setattr(world, "silences", unreadable)

    assert world.reconcile(2) == []


def test_a_page_that_did_not_go_out_is_not_written_down_and_tried_again() -> None:
    world = World(record(incident=CRITICAL))
    world.topic.failures = [passing()]
    assert world.reconcile(6) == []

    assert world.reconcile(7) == [PAGED, "paged"]


def test_one_incident_that_resists_does_not_keep_the_others_from_being_mended() -> None:
    critical = CRITICAL.model_copy(update={"incident_id": "critical", "group_key": "group-2"})
    world = World(record(status="PENDING"), record(status="PENDING", incident=critical))
    world.executions.down = True

    assert world.reconcile(6) == [PAGED, "paged"]


def test_rules_that_cannot_be_read_keep_the_audit_from_nothing_else() -> None:
    world = World(record(incident=CRITICAL))
    world.rules_are_broken = True

    assert world.reconcile(6) == [PAGED, "paged"]
    assert "Heartbeat" in metrics.metric_set
    metrics.clear_metrics()


def test_without_a_table_there_is_no_heartbeat() -> None:
    metrics.clear_metrics()
    world = World()
    world.store.down = True

    with pytest.raises(HistoryUnavailable):
        world.reconcile(1)
    without = set(metrics.metric_set)
    world.store.down = False
    world.reconcile(2)

    assert "Heartbeat" not in without
    assert "Heartbeat" in metrics.metric_set
    metrics.clear_metrics()


@pytest.mark.parametrize(("heard", "unheard"), [(True, 0), (False, 1)])
def test_a_page_topic_without_subscriber_is_reported_before_the_first_page(heard: bool, unheard: int) -> None:
    metrics.clear_metrics()
    world = World()
    world.topic.heard = heard

    assert world.reconcile(1) == []

    assert metrics.metric_set["PageTopicUnheard"]["Value"] == [unheard]
    metrics.clear_metrics()
