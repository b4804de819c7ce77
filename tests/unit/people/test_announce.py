"""Announcements between the first alert and the end, and how an end is counted."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from firstline.contracts import NotifyOutput
from firstline.errors import ChannelFailed
from firstline.models import Counts, IncidentRecord
from firstline.observability import metrics
from firstline.people.announce import SLACK_DOWN_FOR
from tests.support.builders import (
    NOW,
    a_live,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
)
from tests.support.changes import counts_for
from tests.support.memory import MemoryChannel, MemoryStore, lasting, passing
from tests.unit.people.announcing import INCIDENT, INPUT, PLAN, announced, joins, value_of
from tests.unit.people.test_endings import LOW

OVER = Counts(joined=1, ranks=(0, 0, 0, 1, 0), loud_high=1)
"""The counts when the one alert ended."""


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


def test_noise_that_got_company_is_not_suppressed() -> None:
    store = MemoryStore(a_record())
    joins(store)
    assert announced("Record Suppression", {}, store) == NotifyOutput(told=False, closed=False)
    assert store.only.status == "OPEN"
    assert metrics.metric_set == {}


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


def test_what_is_back_already_is_not_said_to_be_over() -> None:
    slack, store = MemoryChannel(), MemoryStore(a_record(pages=[a_page()]))
    assert not announced("Announce Quiet", {"slack": slack}, store).told
    assert slack.attempts == 0


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
