"""What people are told between the first alert and the end, and how an end is counted."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from firstline.contracts import NotifyOutput
from firstline.errors import ChannelFailed, HistoryUnavailable
from firstline.models import Hold, IncidentRecord, StepResult
from firstline.observability import metrics
from firstline.people.announce import NotifyInput, announce, outcome_of
from tests.support.builders import (
    NOW,
    OPENED,
    a_classification,
    a_page,
    a_plan,
    a_record,
    a_result,
    an_incident,
)
from tests.support.memory import MemoryChannel, MemoryStore, lasting, passing

INPUT: TypeAdapter[NotifyInput] = TypeAdapter(NotifyInput)
INCIDENT = an_incident().model_dump(mode="json")
PLAN = a_plan().model_dump(mode="json")

EVENTS: dict[str, dict[str, Any]] = {
    "Record Suppression": {"classification": a_classification(severity="noise").model_dump(mode="json")},
    "Announce Remediation": {"plan": PLAN},
    "Request Approval": {"plan": PLAN},
    "Notify Ops": {"plan": None, "results": [], "reason": "No runbook fits."},
    "Close Incident": {"results": [], "ended_by": "resolved", "reason": "Resolved by the sender."},
}


@pytest.fixture(autouse=True)
def _fresh_metrics() -> Iterator[None]:
    metrics.clear_metrics()
    yield
    metrics.clear_metrics()


def announced(
    state: str,
    channels: dict[str, MemoryChannel],
    store: MemoryStore | None = None,
    end_silence: Callable[[str, datetime], None] = lambda silence_id, now: None,
    **changes: Any,
) -> NotifyOutput:
    event = INPUT.validate_python({"state": state, "incident": INCIDENT, **EVENTS[state], **changes})
    store = store or MemoryStore(a_record())
    return announce(
        event,
        channels=channels,
        incidents=store.incidents,
        now=NOW,
        resolve_within=timedelta(hours=1),
        end_silence=end_silence,
    )


def value_of(name: str) -> float:
    return metrics.metric_set[name]["Value"][0]


# --- how an incident ended ---

LOW = a_classification(severity="low")


@pytest.mark.parametrize(
    ("case", "changes", "ended_by", "results", "expected"),
    [
        ("nobody acted", {"classification": LOW}, "resolved", [], "self_cleared"),
        ("medium counts too", {"classification": a_classification(severity="medium")}, "resolved", [], "self_cleared"),
        ("only looked at", {"classification": LOW}, "resolved", [a_result(kind="diagnose")], "self_cleared"),
        ("an act that failed", {"classification": LOW}, "resolved", [a_result(status="Failed")], "self_cleared"),
        ("acted, resolved", {}, "resolved", [a_result()], "auto_resolved"),
        ("acted, verified", {}, "verified", [a_result(), a_result(kind="verify")], "auto_resolved"),
        ("acted, low", {"classification": LOW}, "verified", [a_result()], "auto_resolved"),
        ("a later act failed", {}, "resolved", [a_result(), a_result(status="Failed")], "auto_resolved"),
        ("paged after acting", {"pages": [a_page()]}, "resolved", [a_result()], "resolved"),
        ("paged by reconcile", {"paged_at": NOW, "classification": LOW}, "resolved", [], "resolved"),
        ("acknowledged", {"acknowledged_at": NOW, "classification": LOW}, "resolved", [], "resolved"),
        ("a page that was not written down", {}, "resolved", [], "resolved"),
        ("unclassified and high", {"classification": None}, "resolved", [], "resolved"),
        ("worsened", {"classification": LOW, "worsened_to": "critical"}, "resolved", [], "resolved"),
        ("nobody resolved it", {"pages": [a_page()]}, "expired", [], "expired"),
        ("nobody even acted", {"classification": LOW}, "expired", [a_result()], "expired"),
    ],
)
def test_the_outcome_follows_from_how_the_incident_ended(
    case: str,
    changes: dict[str, Any],
    ended_by: Literal["resolved", "verified", "expired"],
    results: list[StepResult],
    expected: str,
) -> None:
    assert outcome_of(a_record(**changes), ended_by, results) == expected, case


def held(by: str, **changes: Any) -> dict[str, Any]:
    """A high incident that resolved in the minute before its wait would have been over."""
    hold = Hold(by=by, id="s-1", reason="It waited.", until=NOW, seconds=60)
    verdict = a_classification(severity="high").model_copy(update={"hold": hold})
    resolved = {"resolved_at": NOW - timedelta(minutes=1), "resolved_by": "generic"}
    return {"classification": verdict} | resolved | changes


@pytest.mark.parametrize(
    ("case", "changes", "expected"),
    [
        ("a rule waited for exactly that", held("rule"), "self_cleared"),
        ("a silence proves nothing", held("silence"), "suppressed"),
        ("nor does maintenance", held("window"), "suppressed"),
        ("people were about to hear of it", held("rule", resolved_at=NOW), "resolved"),
        ("it had to go on", held("rule", hold_ended_at=NOW - timedelta(minutes=2)), "resolved"),
        ("it got worse", held("rule", worsened_to="critical"), "resolved"),
        ("somebody took it", held("silence", acknowledged_at=NOW), "resolved"),
    ],
)
def test_the_outcome_of_an_incident_that_was_held(case: str, changes: dict[str, Any], expected: str) -> None:
    assert outcome_of(a_record(**changes), "resolved", []) == expected, case


def test_the_end_of_an_incident_that_was_held_is_not_announced() -> None:
    slack, store, ended = MemoryChannel(), MemoryStore(a_record(**held("silence"))), list[str]()

    output = announced("Close Incident", {"slack": slack}, store, lambda silence_id, now: ended.append(silence_id))

    assert (output.told, output.outcome, slack.attempts) == (False, "suppressed", 0)
    assert (store.only.outcome, store.only.outcome_reason) == ("suppressed", "It waited. Resolved by the sender.")
    assert ended == []


def test_a_silence_until_resolved_is_ended_with_its_incident() -> None:
    changes = held("silence")
    verdict = changes["classification"]
    waits = verdict.hold.model_copy(update={"until_resolved": True})
    store = MemoryStore(a_record(**changes | {"classification": verdict.model_copy(update={"hold": waits})}))

    ended = list[str]()

    announced("Close Incident", {}, store, lambda silence_id, now: ended.append(silence_id))

    assert ended == ["s-1"]


def test_a_silence_that_cannot_be_ended_closes_its_incident_all_the_same() -> None:
    def stuck(silence_id: str, now: datetime) -> None:
        raise HistoryUnavailable("the table went down after the incident was closed")

    changes = held("silence")
    verdict = changes["classification"]
    waits = verdict.hold.model_copy(update={"until_resolved": True})
    store = MemoryStore(a_record(**changes | {"classification": verdict.model_copy(update={"hold": waits})}))

    assert announced("Close Incident", {}, store, stuck).outcome == "suppressed"
    assert store.only.status == "CLOSED"


# --- the states ---


def test_noise_is_written_down_and_nobody_is_told() -> None:
    slack, store = MemoryChannel(), MemoryStore(a_record())

    output = announced("Record Suppression", {"slack": slack}, store)

    assert output == NotifyOutput(told=False, outcome="suppressed", resolve_within_seconds=3_600)
    assert slack.attempts == 0
    assert (store.only.outcome, store.only.outcome_reason) == ("suppressed", "The source says high.")
    assert value_of("Suppressed") == 1
    assert "TimeToResolve" not in metrics.metric_set


@pytest.mark.parametrize(
    ("state", "kind", "reason"),
    [
        ("Announce Remediation", "remediating", "The runbook may run by itself in prod."),
        ("Request Approval", "approval", "The runbook may run by itself in prod."),
        ("Notify Ops", "needs_human", "No runbook fits."),
        ("Close Incident", "closed", "Resolved by the sender."),
    ],
)
def test_each_state_sends_its_kind_of_notification(state: str, kind: str, reason: str) -> None:
    slack = MemoryChannel()
    assert announced(state, {"slack": slack}).told is True
    told = slack.told[0]
    assert (told.kind, told.reason, told.at) == (kind, reason, NOW)


def test_the_plan_is_told_even_before_it_is_in_the_table() -> None:
    slack = MemoryChannel()
    announced("Announce Remediation", {"slack": slack})
    assert slack.told[0].record.plan == a_plan()


def test_an_incident_without_a_record_is_told_all_the_same() -> None:
    slack = MemoryChannel()
    assert announced("Notify Ops", {"slack": slack}, MemoryStore()).told is True
    assert slack.told[0].record.incident == an_incident()


def test_what_was_tried_is_told_to_ops() -> None:
    slack = MemoryChannel()
    results = [a_result(status="Failed").model_dump(mode="json")]
    announced("Notify Ops", {"slack": slack}, plan=PLAN, results=results)
    assert slack.told[0].record.results == [a_result(status="Failed")]


@pytest.mark.parametrize("state", ["Announce Remediation", "Notify Ops", "Close Incident"])
def test_without_channels_nobody_is_told(state: str) -> None:
    assert announced(state, {}).told is False


@pytest.mark.parametrize("state", ["Request Approval", "Notify Ops"])
def test_a_request_to_people_that_no_channel_takes_fails(state: str) -> None:
    slack = MemoryChannel(failures=[passing(), passing()])
    with pytest.raises(ChannelFailed):
        announced(state, {"slack": slack})
    assert slack.attempts == 2


@pytest.mark.parametrize("channels", [{}, {"slack": MemoryChannel(silent=True)}])
def test_an_approval_that_nobody_can_give_is_not_waited_for(channels: dict[str, MemoryChannel]) -> None:
    with pytest.raises(ChannelFailed, match="slack/bot-token"):
        announced("Request Approval", channels)


def test_one_channel_that_takes_it_is_enough() -> None:
    channels = {"slack": MemoryChannel(failures=[lasting()]), "other": MemoryChannel()}
    assert announced("Notify Ops", channels).told is True


@pytest.mark.parametrize("state", ["Announce Remediation", "Close Incident"])
def test_a_channel_that_fails_stops_no_cure_and_no_closing(state: str) -> None:
    assert announced(state, {"slack": MemoryChannel(failures=[lasting()])}).told is False
    assert value_of("ChannelFailed") == 1


def test_closing_is_written_before_anybody_is_told() -> None:
    store = MemoryStore(a_record(pages=[a_page()]))

    class Listener(MemoryChannel):
        def tell(self, notification: Any) -> bool:
            assert store.only.closed_at == NOW
            return super().tell(notification)

    slack = Listener()
    output = announced("Close Incident", {"slack": slack, "pagerduty": MemoryChannel()}, store)

    assert output.outcome == "resolved"
    assert (store.only.outcome, store.only.outcome_reason) == ("resolved", "Resolved by the sender.")
    assert slack.told[0].record.outcome == "resolved"


def test_a_table_that_is_down_is_the_state_machines_to_retry() -> None:
    slack, store = MemoryChannel(), MemoryStore(a_record())
    store.down = True
    with pytest.raises(HistoryUnavailable):
        announced("Close Incident", {"slack": slack}, store)
    assert slack.attempts == 0


def test_closing_twice_tells_again_and_counts_once() -> None:
    store, slack = MemoryStore(a_record(classification=LOW)), MemoryChannel()
    results = [a_result().model_dump(mode="json")]
    announced("Close Incident", {"slack": slack}, store, results=results)
    metrics.clear_metrics()

    output = announced("Close Incident", {"slack": slack}, store, results=results)

    assert output.outcome == "auto_resolved"
    assert slack.attempts == 2
    assert metrics.metric_set == {}


@pytest.mark.parametrize(
    ("record", "ended_by", "expected"),
    [
        (a_record(), "verified", {"AutoResolved": 1, "TimeToResolve": 240}),
        (a_record(resolved_at=OPENED + timedelta(seconds=90)), "resolved", {"AutoResolved": 1, "TimeToResolve": 90}),
        (a_record(pages=[a_page()]), "resolved", {"ResolvedByHuman": 1, "TimeToResolve": 240}),
        (
            a_record(resolved_at=OPENED - timedelta(seconds=5), pages=[a_page()]),
            "resolved",
            {"ResolvedByHuman": 1, "TimeToResolve": 0},
        ),
        (a_record(), "expired", {"Expired": 1}),
    ],
)
def test_each_end_of_an_incident_is_counted_in_metrics(
    record: IncidentRecord, ended_by: str, expected: dict[str, float]
) -> None:
    results = [a_result().model_dump(mode="json")]
    announced("Close Incident", {}, MemoryStore(record), ended_by=ended_by, results=results)
    assert {name: value_of(name) for name in metrics.metric_set} == expected


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        INPUT.validate_python({"state": "Notify Everybody", "incident": INCIDENT})
