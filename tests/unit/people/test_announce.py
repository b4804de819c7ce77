"""Announcements between the first alert and the end, and how an end is counted."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from firstline.contracts import NotifyInput, NotifyOutput
from firstline.errors import ChannelFailed, HistoryUnavailable, StaysOpen
from firstline.incidents.pages import GROUPING_WINDOW
from firstline.models import Counts, IncidentRecord
from firstline.observability import metrics
from firstline.people.announce import SLACK_DOWN_FOR, announce, ensure_ended
from firstline.people.recovery import Look, no_look
from tests.support.builders import (
    NOW,
    OPENED,
    a_classification,
    a_live,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
)
from tests.support.changes import counts_for, joining
from tests.support.memory import MemoryChannel, MemoryStore, lasting, passing
from tests.unit.incidents.looks import TIMES
from tests.unit.people.stage import critical
from tests.unit.people.test_endings import LOW, held

INPUT: TypeAdapter[NotifyInput] = TypeAdapter(NotifyInput)
INCIDENT = an_incident().model_dump(mode="json")
PLAN = a_plan().model_dump(mode="json")

EVENTS: dict[str, dict[str, Any]] = {
    "Record Suppression": {"classification": a_classification(severity="noise").model_dump(mode="json"), "joined": 1},
    "Announce Remediation": {"plan": PLAN},
    "Notify Ops": {"plan": None, "results": [], "reason": "No runbook fits."},
    "Announce Quiet": {},
    "Close Incident": {"results": [], "ended_by": "person", "joined": 1, "reason": "The summary."},
}
RESOLVED: dict[str, Any] = {"resolved_by": "ada", "resolved_at": NOW - timedelta(seconds=1)}
OVER = Counts(joined=1, ranks=(0, 0, 0, 1, 0), loud_high=1)
"""The counts when the one alert ended."""


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
    now: datetime | None = None,
    look: Look = no_look,
    **changes: Any,
) -> NotifyOutput:
    if now is None:  # what resolved is closed after the grouping window
        now = NOW + GROUPING_WINDOW if changes.get("ended_by") == "resolved" else NOW
    event = INPUT.validate_python({"state": state, "incident": INCIDENT, **EVENTS[state], **changes})
    if store is None:
        store = MemoryStore(a_record(**RESOLVED) if state == "Close Incident" else a_record())
    return announce(
        event, channels=channels, incidents=store.incidents, now=now, end_silence=end_silence, times=TIMES, look=look
    )


def woken(state: str, signal: str) -> dict[str, Any]:
    return {"state": state, "result": {"signal": signal, "by": "Grace"}}


@pytest.mark.parametrize(
    ("happened", "acked", "reason"),
    [
        (woken("Await Acknowledgement", "acknowledged"), True, "Acknowledged by Grace."),
        (woken("Await Resolution", "taken back"), False, "Nobody has it any more: Grace gave it back."),
        (woken("Await Acknowledgement", "joined"), True, ""),
        ({"state": "Page On-Call", "result": {"sent": 1}}, True, "Acknowledged by Grace."),
    ],
)
def test_a_change_is_shown_where_people_read_and_wakes_nobody(
    happened: dict[str, Any], acked: bool, reason: str
) -> None:
    people: dict[str, Any] = {"acknowledged_at": NOW, "acknowledged_by": "Grace"} if acked else {}
    store = MemoryStore(a_record(pages=[a_page()], slack_channel="alerts:C1", slack_ts="1.2", shown=0, **people))
    slack, pagerduty = MemoryChannel(), MemoryChannel(wakes="once")

    assert announced("Notify Ops", {"slack": slack, "pagerduty": pagerduty}, store, happened=happened).told

    assert [(told.kind, told.reason) for told in slack.told] == [("changed", reason)]
    assert pagerduty.attempts == 0
    live = store.only.live
    assert live is not None
    assert live.shown == live.version


def test_an_answer_shows_whether_the_alarm_is_well_again() -> None:
    store = MemoryStore(a_record(pages=[a_page()], slack_channel="alerts:C1", slack_ts="1.2", acknowledged_by="Grace"))
    slack, happened = MemoryChannel(), woken("Await Acknowledgement", "acknowledged")
    announced("Notify Ops", {"slack": slack}, store, look=lambda record, now: "It is well.", happened=happened)
    assert [told.recovery for told in slack.told] == ["It is well."]


def value_of(name: str) -> float:
    return metrics.metric_set[name]["Value"][0]


# --- the end of a hold ---


def test_the_end_of_an_incident_that_was_held_is_not_announced() -> None:
    slack, store, ended = MemoryChannel(), MemoryStore(a_record(**held("silence"))), list[str]()

    output = announced(
        "Close Incident",
        {"slack": slack},
        store,
        lambda silence_id, now: ended.append(silence_id),
        ended_by="resolved",
    )

    assert (output.told, output.outcome, slack.attempts) == (False, "suppressed", 0)
    assert (store.only.outcome, store.only.outcome_reason) == ("suppressed", "It waited. The alert resolved.")
    assert ended == []


def test_a_silence_until_resolved_is_ended_with_its_incident() -> None:
    changes = held("silence")
    verdict = changes["classification"]
    waits = verdict.hold.model_copy(update={"until_resolved": True})
    store = MemoryStore(a_record(**changes | {"classification": verdict.model_copy(update={"hold": waits})}))

    ended = list[str]()

    announced("Close Incident", {}, store, lambda silence_id, now: ended.append(silence_id), ended_by="resolved")

    assert ended == ["s-1"]


def test_a_silence_that_cannot_be_ended_closes_its_incident_all_the_same() -> None:
    def stuck(silence_id: str, now: datetime) -> None:
        raise HistoryUnavailable("the table went down after the incident was closed")

    changes = held("silence")
    verdict = changes["classification"]
    waits = verdict.hold.model_copy(update={"until_resolved": True})
    store = MemoryStore(a_record(**changes | {"classification": verdict.model_copy(update={"hold": waits})}))

    assert announced("Close Incident", {}, store, stuck, ended_by="resolved").outcome == "suppressed"
    assert store.only.status == "CLOSED"


# --- the states ---


def test_noise_is_written_down_and_nobody_is_told() -> None:
    slack, store = MemoryChannel(), MemoryStore(a_record())

    output = announced("Record Suppression", {"slack": slack}, store)

    assert output == NotifyOutput(told=False, outcome="suppressed")
    assert slack.attempts == 0
    assert (store.only.outcome, store.only.outcome_reason) == ("suppressed", "The source says high.")
    assert value_of("Suppressed") == 1
    assert "TimeToResolve" not in metrics.metric_set


@pytest.mark.parametrize(
    ("state", "kind", "reason"),
    [
        ("Announce Remediation", "remediating", "The runbook may run by itself in prod."),
        ("Notify Ops", "needs_human", "No runbook fits."),
        ("Close Incident", "closed", "Resolved by ada."),
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


# --- Slack is down ---


def low(number: int) -> IncidentRecord:
    """One of many incidents of low severity."""
    incident = an_incident(an_alert(severity="low", group_key=f"g-{number}"), incident_id=f"low-{number}")
    return a_record(incident, classification=LOW)


def test_while_slack_is_down_one_incident_is_paged_for_all() -> None:
    store, slack = MemoryStore(*map(low, range(20))), MemoryChannel(failures=[lasting()] * 40)
    failed, told = [], []

    for record in store.records.values():
        incident = record.incident.model_dump(mode="json")
        for _ in range(2):  # the state machine tries again
            try:
                told.append(announced("Notify Ops", {"slack": slack}, store, incident=incident).told)
            except ChannelFailed:
                failed.append(record.incident.incident_id)

    assert len(failed) == 2
    assert len(set(failed)) == 1
    assert told == [False] * 38


def test_the_machine_is_told_of_a_channel_by_the_name_that_it_knows() -> None:
    class RefusedByItsOwnName(ChannelFailed):
        pass

    slack = MemoryChannel(failures=[RefusedByItsOwnName("Slack: no", retryable=False)])

    with pytest.raises(ChannelFailed) as failed:
        announced("Notify Ops", {"slack": slack}, MemoryStore(low(1)), incident=low(1).incident.model_dump(mode="json"))

    assert type(failed.value).__name__ == "ChannelFailed"


def test_an_hour_later_slack_is_said_to_be_down_again() -> None:
    store, slack = MemoryStore(low(1), low(2)), MemoryChannel(failures=[lasting()] * 9)
    first, second = (record.incident.model_dump(mode="json") for record in store.records.values())
    with pytest.raises(ChannelFailed):
        announced("Notify Ops", {"slack": slack}, store, incident=first)

    assert not announced("Notify Ops", {"slack": slack}, store, incident=second).told
    with pytest.raises(ChannelFailed):
        announced("Notify Ops", {"slack": slack}, store, incident=second, now=NOW + SLACK_DOWN_FOR)


def test_what_nobody_was_told_is_not_marked_as_shown() -> None:
    store = MemoryStore(low(1), low(2))
    store.incidents.claim_once("slack-is-down", "another", NOW, until=NOW + timedelta(hours=1))
    announced(
        "Notify Ops",
        {"slack": MemoryChannel(failures=[lasting()])},
        store,
        incident=low(1).incident.model_dump(mode="json"),
    )
    live = store.records["low-1"].live
    assert live is not None
    assert live.shown == 0


def test_a_passing_failure_of_slack_is_tried_once_more() -> None:
    slack = MemoryChannel(failures=[passing()])
    assert announced("Notify Ops", {"slack": slack}).told is True
    assert slack.attempts == 2


# --- a plan that asks ---


def test_a_plan_that_asks_goes_to_ops_with_its_buttons() -> None:
    slack = MemoryChannel()
    store = MemoryStore(a_waiting_record(pages=[], paged_at=None, classification=LOW))
    announced("Notify Ops", {"slack": slack}, store)
    assert slack.told[0].kind == "approval"


def test_one_channel_that_takes_it_is_enough() -> None:
    channels = {"slack": MemoryChannel(failures=[lasting()]), "other": MemoryChannel()}
    assert announced("Notify Ops", channels).told is True


@pytest.mark.parametrize("state", ["Announce Remediation", "Close Incident"])
def test_a_channel_that_fails_stops_no_cure_and_no_closing(state: str) -> None:
    assert announced(state, {"slack": MemoryChannel(failures=[lasting()])}).told is False
    assert value_of("ChannelFailed") == 1


def test_closing_is_written_before_anybody_is_told() -> None:
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


def test_a_table_that_is_down_is_the_state_machines_to_retry() -> None:
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
        (a_record(verified_at=NOW), "verified", {"AutoResolved": 1, "TimeToResolve": 240}),
        (a_record(resolved_at=OPENED + timedelta(seconds=90)), "resolved", {"AutoResolved": 1, "TimeToResolve": 90}),
        (a_record(pages=[a_page()], **RESOLVED), "person", {"ResolvedByHuman": 1, "TimeToResolve": 239}),
        (
            a_record(resolved_at=OPENED - timedelta(seconds=5), pages=[a_page()]),
            "resolved",
            {"ResolvedByHuman": 1, "TimeToResolve": 0},
        ),
        (a_record(last_alert_at=NOW - TIMES.resolve_within), "expired", {"Expired": 1}),
    ],
)
def test_each_end_of_an_incident_is_counted_in_metrics(
    record: IncidentRecord, ended_by: str, expected: dict[str, float]
) -> None:
    results = [a_result().model_dump(mode="json")]
    announced("Close Incident", {}, MemoryStore(record), ended_by=ended_by, results=results)
    assert {name: value_of(name) for name in metrics.metric_set} == expected


# --- what joined meanwhile ---


@pytest.mark.parametrize("state", ["Record Suppression", "Close Incident"])
@pytest.mark.parametrize(("ends", "closed"), [(True, True), (False, False), (True, False)])
def test_an_execution_that_was_to_end_hears_that_its_incident_stays_open(state: str, ends: bool, closed: bool) -> None:
    event = INPUT.validate_python({"state": state, "incident": INCIDENT, **EVENTS[state], "ends": ends})
    refused = pytest.raises(StaysOpen) if ends and not closed else nullcontext()
    with refused:
        ensure_ended(event, NotifyOutput(told=False, closed=closed))


def joins(store: MemoryStore) -> None:
    live = store.only.live
    assert live is not None
    store.groups.apply(joining(live, critical(), now=NOW))


def test_noise_that_got_company_is_not_suppressed() -> None:
    store = MemoryStore(a_record())
    joins(store)
    assert announced("Record Suppression", {}, store) == NotifyOutput(told=False, closed=False)
    assert store.only.status == "OPEN"
    assert metrics.metric_set == {}


@pytest.mark.parametrize("ended_by", ["person", "verified", "expired", "resolved"])
def test_an_end_that_the_record_does_not_tell_of_is_refused(ended_by: str) -> None:
    store = MemoryStore(a_record())
    assert not announced("Close Incident", {}, store, ended_by=ended_by).closed
    assert store.only.status == "OPEN"


@pytest.mark.parametrize("ended_by", ["verified", "expired"])
def test_an_end_that_did_not_know_of_all_alerts_is_refused(ended_by: str) -> None:
    store = MemoryStore(a_record(verified_at=NOW))
    joins(store)
    assert not announced("Close Incident", {}, store, ended_by=ended_by).closed
    assert store.only.status == "OPEN"


def test_what_still_fires_is_not_closed_as_resolved() -> None:
    store = MemoryStore(a_record())
    assert not announced("Close Incident", {}, store, ended_by="resolved", joined=1).closed


@pytest.mark.parametrize(
    ("changes", "after", "closed"),
    [
        pytest.param({}, 299, False, id="within the window"),
        pytest.param({}, 300, True, id="after it"),
        pytest.param({"last_alert_at": NOW + timedelta(seconds=30)}, 300, False, id="it came back and went"),
        pytest.param({"flapping": True}, 300, False, id="one that flaps"),
        pytest.param({"flapping": True}, 1_200, True, id="one that flaps, after its window"),
        pytest.param({"paged_seq": 1}, 300, True, id="one that was paged for"),
        pytest.param({"paged_seq": 1, "lost_loud": 1}, 300, False, id="one that nobody saw recover"),
    ],
)
def test_what_resolved_is_closed_after_its_grouping_window(changes: dict[str, Any], after: int, closed: bool) -> None:
    lost, own_fields = changes.get("lost_loud", 0), {k: v for k, v in changes.items() if k != "lost_loud"}
    record = a_record(resolved_at=NOW, page_done=changes.get("paged_seq", 0), **own_fields)
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
    assert told.reason.startswith("ada resolved it, but then")
    assert "critical DbDown on db-1" in told.reason


# --- quiet ---


def quiet_store(**changes: Any) -> MemoryStore:
    return MemoryStore(a_record(live=a_live(own=OVER, paged_seq=1, page_done=1), **changes))


def test_the_end_of_all_alerts_is_said_at_once_and_the_pages_ring_no_more() -> None:
    slack, store = MemoryChannel(), quiet_store(pages=[a_page()])
    assert announced("Announce Quiet", {"slack": slack}, store).told
    assert [told.kind for told in slack.told] == ["quiet"]
    live = store.only.live
    assert live is not None
    assert (live.voided_seq, live.open) == (1, True)


@pytest.mark.parametrize(
    "live",
    [
        pytest.param({"own": counts_for(4)}, id="something fires"),
        pytest.param({"resolved_by": "ada", "resolved_seen": 1}, id="a person resolved it"),
        pytest.param({"resolved_by": "ada", "resolved_seen": 0}, id="a Resolve is to be taken back"),
        pytest.param({"generation": 2}, id="another execution has it"),
        pytest.param({"last_alert_at": NOW - timedelta(hours=1)}, id="its window is over"),
        pytest.param({"open": False}, id="it is closed"),
        pytest.param({"own": OVER + Counts(lost=1, lost_loud=1), "acked_seq": 0}, id="nobody saw it recover"),
    ],
)
def test_what_the_record_does_not_call_quiet_is_not_said_to_be_over(live: dict[str, Any]) -> None:
    slack = MemoryChannel()
    quiet: dict[str, Any] = {"own": OVER, "paged_seq": 1, "page_done": 1}
    store = MemoryStore(a_record(live=a_live(**(quiet | live)), pages=[a_page()]))
    before = store.only.live

    with pytest.raises(StaysOpen):
        announced("Announce Quiet", {"slack": slack}, store)

    assert (slack.attempts, store.only.live) == (0, before)


def test_the_announcement_names_the_wait_that_follows() -> None:
    store = quiet_store()

    following = announced("Announce Quiet", {"slack": MemoryChannel()}, store).next

    assert following is not None
    assert store.only.live is not None
    assert (following.go, following.changes) == ("Await Quiet", store.only.live.own.changes)
    assert 0 < following.seconds <= GROUPING_WINDOW.total_seconds()


def test_what_comes_back_while_people_are_told_is_left_to_the_record() -> None:
    store = quiet_store()
    store.meanwhile["begin_quiet"] = lambda: joins(store)

    assert announced("Announce Quiet", {"slack": MemoryChannel()}, store).next is None


def test_the_end_of_what_nobody_was_told_of_is_not_said() -> None:
    slack = MemoryChannel()
    store = MemoryStore(a_record(live=a_live(own=OVER)))
    assert not announced("Announce Quiet", {"slack": slack}, store).told
    assert slack.attempts == 0


def test_a_message_that_came_through_is_marked_as_shown() -> None:
    store = MemoryStore(a_record(classification=LOW, live=a_live(own=counts_for(1, 1))))
    announced("Notify Ops", {"slack": MemoryChannel()}, store)
    live = store.only.live
    assert live is not None
    assert live.shown == live.version


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        INPUT.validate_python({"state": "Notify Everybody", "incident": INCIDENT})
