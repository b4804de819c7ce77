"""The close of an incident: when it is refused, who is told, and how it is counted."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.contracts import NotifyOutput
from firstline.errors import HistoryUnavailable, StaysOpen
from firstline.models import IncidentRecord
from firstline.observability import metrics
from firstline.people.announce import ensure_ended
from tests.support.builders import (
    NOW,
    OPENED,
    a_page,
    a_record,
    a_result,
)
from tests.support.memory import MemoryChannel, MemoryStore
from tests.unit.incidents.looks import TIMES
from tests.unit.people.announcing import EVENTS, INCIDENT, INPUT, RESOLVED, announced, joins, value_of
from tests.unit.people.test_endings import LOW, held


def silenced(*, until_resolved: bool = False) -> MemoryStore:
    """A store with a silenced incident that resolved."""
    changes = held("silence")
    verdict = changes["classification"]
    hold = verdict.hold.model_copy(update={"until_resolved": until_resolved})
    return MemoryStore(a_record(**changes | {"classification": verdict.model_copy(update={"hold": hold})}))


@pytest.mark.parametrize(("until_resolved", "ends"), [(False, []), (True, ["s-1"])])
def test_the_close_of_a_silenced_incident_is_not_announced_and_ends_a_silence_until_resolved(
    until_resolved: bool, ends: list[str]
) -> None:
    slack, store, ended = MemoryChannel(), silenced(until_resolved=until_resolved), list[str]()

    output = announced(
        "Close Incident",
        {"slack": slack},
        store,
        lambda silence_id, now: ended.append(silence_id),
        ended_by="resolved",
    )

    assert (output.told, output.outcome, slack.attempts) == (False, "suppressed", 0)
    assert (store.only.outcome, store.only.outcome_reason) == ("suppressed", "It waited. The alert resolved.")
    assert ended == ends


def test_an_incident_is_closed_even_if_its_silence_cannot_be_ended() -> None:
    def stuck(silence_id: str, now: datetime) -> None:
        raise HistoryUnavailable("the table went down after the incident was closed")

    store = silenced(until_resolved=True)

    assert announced("Close Incident", {}, store, stuck, ended_by="resolved").outcome == "suppressed"
    assert store.only.status == "CLOSED"


def test_a_close_is_stored_before_anybody_is_told() -> None:
    store = MemoryStore(a_record(pages=[a_page()], **RESOLVED))

    class Listener(MemoryChannel):
        def tell(self, notification: Any) -> bool:
            assert store.only.closed_at == NOW
            return super().tell(notification)

    slack = Listener()
    output = announced("Close Incident", {"slack": slack, "pagerduty": MemoryChannel()}, store)

    assert output.outcome == "resolved"
    assert (store.only.outcome, store.only.outcome_reason) == ("resolved", "Resolved by ada.")
    assert slack.told[0].record.outcome == "resolved"


def test_a_close_that_cannot_be_stored_raises_for_the_state_machine_to_retry_and_tells_nobody() -> None:
    slack, store = MemoryChannel(), MemoryStore(a_record())
    store.down = True
    with pytest.raises(HistoryUnavailable):
        announced("Close Incident", {"slack": slack}, store)
    assert slack.attempts == 0


def test_closing_twice_tells_again_and_counts_once() -> None:
    store, slack = MemoryStore(a_record(classification=LOW, verified_at=NOW)), MemoryChannel()
    results = [a_result().model_dump(mode="json")]
    announced("Close Incident", {"slack": slack}, store, results=results, ended_by="verified")
    metrics.clear_metrics()

    output = announced("Close Incident", {"slack": slack}, store, results=results, ended_by="verified")

    assert output.outcome == "auto_resolved"
    assert slack.attempts == 2
    assert metrics.metric_set == {}


@pytest.mark.parametrize(
    ("record", "ended_by", "expected"),
    [
        pytest.param(
            a_record(verified_at=NOW), "verified", {"AutoResolved": 1, "TimeToResolve": 240}, id="verified cure"
        ),
        pytest.param(
            a_record(resolved_at=OPENED + timedelta(seconds=90)),
            "resolved",
            {"AutoResolved": 1, "TimeToResolve": 90},
            id="resolved after a cure",
        ),
        pytest.param(
            a_record(pages=[a_page()], **RESOLVED),
            "person",
            {"ResolvedByHuman": 1, "TimeToResolve": 240 - 1},  # a second before now
            id="resolved by a person",
        ),
        pytest.param(
            a_record(resolved_at=OPENED - timedelta(seconds=5), pages=[a_page()]),
            "resolved",
            {"ResolvedByHuman": 1, "TimeToResolve": 0},
            id="clocks disagree",
        ),
        pytest.param(a_record(last_alert_at=NOW - TIMES.resolve_within), "expired", {"Expired": 1}, id="expired"),
    ],
)
def test_each_end_of_an_incident_is_counted_in_metrics(
    record: IncidentRecord, ended_by: str, expected: dict[str, float]
) -> None:
    results = [a_result().model_dump(mode="json")]
    announced("Close Incident", {}, MemoryStore(record), ended_by=ended_by, results=results)
    assert {name: value_of(name) for name in metrics.metric_set} == expected


@pytest.mark.parametrize("state", ["Record Suppression", "Close Incident"])
@pytest.mark.parametrize(
    ("ends", "closed"),
    [(True, True), (False, False), (True, False)],
    ids=["it ends, and the incident is closed", "it goes on", "it was to end, and the incident stays open"],
)
def test_an_execution_that_was_to_end_hears_that_its_incident_stays_open(state: str, ends: bool, closed: bool) -> None:
    event = INPUT.validate_python({"state": state, "incident": INCIDENT, **EVENTS[state], "ends": ends})
    refused = pytest.raises(StaysOpen) if ends and not closed else nullcontext()
    with refused:
        ensure_ended(event, NotifyOutput(told=False, closed=closed))


@pytest.mark.parametrize("ended_by", ["person", "verified", "expired", "resolved"])
def test_an_end_that_the_record_does_not_confirm_is_refused(ended_by: str) -> None:
    store = MemoryStore(a_record())
    assert not announced("Close Incident", {}, store, ended_by=ended_by).closed
    assert store.only.status == "OPEN"


@pytest.mark.parametrize("ended_by", ["verified", "expired"])
def test_an_end_is_refused_if_an_alert_joined_after_the_decision(ended_by: str) -> None:
    store = MemoryStore(a_record(verified_at=NOW))
    joins(store)
    assert not announced("Close Incident", {}, store, ended_by=ended_by).closed
    assert store.only.status == "OPEN"


@pytest.mark.parametrize(
    ("changes", "after", "closed"),
    [
        pytest.param({}, 299, False, id="within the window"),
        pytest.param({}, 300, True, id="after the window"),
        pytest.param({"last_alert_at": NOW + timedelta(seconds=30)}, 300, False, id="an alert fired again and ended"),
        pytest.param({"flapping": True}, 300, False, id="a flapping incident"),
        pytest.param({"flapping": True}, 1_200, True, id="a flapping incident, after its longer window"),
        pytest.param({"paged_seq": 1}, 300, True, id="a paged incident"),
        pytest.param({"paged_seq": 1, "lost_loud": 1}, 300, False, id="a paged incident that nobody saw recover"),
    ],
)
def test_a_resolved_incident_is_closed_only_after_its_grouping_window(
    changes: dict[str, Any], after: int, closed: bool
) -> None:
    fields = dict(changes)
    lost = fields.pop("lost_loud", 0)
    record = a_record(resolved_at=NOW, page_done=fields.get("paged_seq", 0), **fields)
    assert record.live is not None
    own = record.live.own.model_copy(update={"lost": lost, "lost_loud": lost})
    store = MemoryStore(record.model_copy(update={"live": record.live.model_copy(update={"own": own})}))

    output = announced("Close Incident", {}, store, now=NOW + timedelta(seconds=after), ended_by="resolved")

    assert output.closed is closed
    assert store.only.status == ("CLOSED" if closed else "OPEN")


def test_a_critical_that_joins_while_a_resolve_is_carried_out_keeps_the_incident_open() -> None:
    slack, store = MemoryChannel(), MemoryStore(a_record(slack_channel="alerts:C1", slack_ts="1.2", **RESOLVED))
    store.meanwhile["close"] = lambda: joins(store)

    output = announced("Close Incident", {"slack": slack}, store)

    assert (output.closed, output.told) == (False, True)
    assert (store.only.status, store.only.resolved_by) == ("OPEN", None)
    told = slack.told[-1]
    assert told.kind == "changed"
    assert told.reason.startswith("ada resolved the incident, but then")
    assert "critical DbDown on db-1" in told.reason
