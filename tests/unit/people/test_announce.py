"""Announcements between the first alert and the end, and how an end is counted."""

from typing import Any

import pytest
from pydantic import ValidationError

from firstline.contracts import NotifyOutput
from firstline.errors import ChannelFailed
from firstline.models import Counts, IncidentRecord
from firstline.observability import metrics
from firstline.people.announce import SLACK_DOWN_FOR, SLACK_DOWN_KEY
from tests.support.builders import (
    NOW,
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
from tests.support.changes import counts_for
from tests.support.memory import MemoryChannel, MemoryStore, lasting
from tests.unit.people.announcing import INCIDENT, INPUT, PLAN, announced, joins, value_of
from tests.unit.people.test_endings import LOW

OVER = Counts(joined=1, ranks=(0, 0, 0, 1, 0), loud_high=1)
"""The counts when the one alert ended."""


def woken(state: str, signal: str) -> dict[str, Any]:
    """The signal with which a person ended a state's wait."""
    return {"state": state, "result": {"signal": signal, "by": "Grace"}}


ACKNOWLEDGED, TAKEN_BACK = woken("Await Acknowledgement", "acknowledged"), woken("Await Resolution", "taken back")


@pytest.mark.parametrize(
    ("happened", "acked", "reason"),
    [
        pytest.param(ACKNOWLEDGED, True, "Acknowledged by Grace.", id="acknowledged"),
        pytest.param(TAKEN_BACK, False, "Nobody has it any more: Grace gave it back.", id="taken back"),
        pytest.param(woken("Await Acknowledgement", "joined"), True, "", id="an alert joined"),
        pytest.param(
            {"state": "Page On-Call", "result": {"sent": 1}}, True, "Acknowledged by Grace.", id="while it was paged"
        ),
    ],
)
def test_a_change_is_shown_in_slack_and_wakes_nobody(happened: dict[str, Any], acked: bool, reason: str) -> None:
    people: dict[str, Any] = {"acknowledged_at": NOW, "acknowledged_by": "Grace"} if acked else {}
    store = MemoryStore(a_record(pages=[a_page()], slack_channel="alerts:C1", slack_ts="1.2", shown=0, **people))
    slack, pagerduty = MemoryChannel(), MemoryChannel(wakes="once")

    assert announced("Notify Ops", {"slack": slack, "pagerduty": pagerduty}, store, happened=happened).told

    assert [(told.kind, told.reason) for told in slack.told] == [("changed", reason)]
    assert pagerduty.attempts == 0
    live = store.only.live
    assert live is not None
    assert live.shown == live.version


def test_the_message_after_an_acknowledgement_says_whether_the_alarm_is_well_again() -> None:
    store = MemoryStore(a_record(pages=[a_page()], slack_channel="alerts:C1", slack_ts="1.2", acknowledged_by="Grace"))
    slack = MemoryChannel()

    announced("Notify Ops", {"slack": slack}, store, look=lambda record, now: "It is well.", happened=ACKNOWLEDGED)

    assert [told.recovery for told in slack.told] == ["It is well."]


# --- the states ---


def test_noise_is_closed_as_suppressed_and_nobody_is_told() -> None:
    noise = a_classification(severity="noise", reasons=["A rule says noise."])
    slack, store = MemoryChannel(), MemoryStore(a_record(classification=noise))

    output = announced("Record Suppression", {"slack": slack}, store, classification=noise.model_dump(mode="json"))

    assert output == NotifyOutput(told=False, outcome="suppressed")
    assert slack.attempts == 0
    assert (store.only.outcome, store.only.outcome_reason) == ("suppressed", "A rule says noise.")
    assert value_of("Suppressed") == 1
    assert "TimeToResolve" not in metrics.metric_set


@pytest.mark.parametrize(
    ("state", "kind", "reason"),
    [
        ("Announce Remediation", "remediating", "The runbook may run by itself in prod."),
        ("Notify Ops", "needs_human", "No runbook fits."),
        ("Close Incident", "closed", "Resolved by ada."),
    ],
    ids=["the plan's reason", "the event's reason", "the person's name"],
)
def test_each_state_sends_its_kind_of_notification_with_its_reason(state: str, kind: str, reason: str) -> None:
    slack = MemoryChannel()
    assert announced(state, {"slack": slack}).told is True
    told = slack.told[0]
    assert (told.kind, told.reason, told.at) == (kind, reason, NOW)


def test_the_message_has_the_plan_of_the_event_even_if_the_table_has_none() -> None:
    slack = MemoryChannel()
    announced("Announce Remediation", {"slack": slack}, MemoryStore(a_record(plan=None)), plan=PLAN)
    assert slack.told[0].record.plan == a_plan()


def test_people_are_told_of_an_incident_that_the_table_lacks() -> None:
    slack = MemoryChannel()
    assert announced("Notify Ops", {"slack": slack}, MemoryStore()).told is True
    assert slack.told[0].record.incident == an_incident()


def test_the_message_has_the_results_of_the_event() -> None:
    slack = MemoryChannel()
    results = [a_result(status="Failed").model_dump(mode="json")]
    announced("Notify Ops", {"slack": slack}, plan=PLAN, results=results)
    assert slack.told[0].record.results == [a_result(status="Failed")]


@pytest.mark.parametrize("state", ["Announce Remediation", "Notify Ops", "Close Incident"])
def test_without_channels_the_output_says_that_nobody_was_told(state: str) -> None:
    assert announced(state, {}).told is False


# --- Slack is down ---


def low(number: int) -> IncidentRecord:
    """One of many incidents of low severity."""
    incident = an_incident(an_alert(severity="low", group_key=f"g-{number}"), incident_id=f"low-{number}")
    return a_record(incident, classification=LOW)


def test_while_slack_is_down_one_incident_is_paged_for_all() -> None:
    store, slack = MemoryStore(*map(low, range(20))), MemoryChannel(failures=[lasting()] * 40)
    to_be_paged, told = [], []

    for record in store.records.values():
        incident = record.incident.model_dump(mode="json")
        for _ in range(2):  # the state machine tries again
            try:
                told.append(announced("Notify Ops", {"slack": slack}, store, incident=incident).told)
            except ChannelFailed:
                to_be_paged.append(record.incident.incident_id)

    assert to_be_paged == [to_be_paged[0]] * 2
    assert told == [False] * 38


def test_any_failure_of_a_channel_is_raised_as_channel_failed_which_the_state_machine_catches() -> None:
    class RefusedByItsOwnName(ChannelFailed):
        pass

    slack = MemoryChannel(failures=[RefusedByItsOwnName("Slack: no", retryable=False)])

    with pytest.raises(ChannelFailed) as failed:
        announced("Notify Ops", {"slack": slack}, MemoryStore(low(1)), incident=low(1).incident.model_dump(mode="json"))

    assert type(failed.value).__name__ == "ChannelFailed"


def test_an_hour_later_another_incident_is_paged_because_slack_is_still_down() -> None:
    store, slack = MemoryStore(low(1), low(2)), MemoryChannel(failures=[lasting()] * 9)
    first, second = (record.incident.model_dump(mode="json") for record in store.records.values())
    with pytest.raises(ChannelFailed):
        announced("Notify Ops", {"slack": slack}, store, incident=first)

    assert not announced("Notify Ops", {"slack": slack}, store, incident=second).told
    with pytest.raises(ChannelFailed):
        announced("Notify Ops", {"slack": slack}, store, incident=second, now=NOW + SLACK_DOWN_FOR)


def test_a_message_that_no_channel_took_is_not_marked_as_shown() -> None:
    store = MemoryStore(low(1), low(2))
    store.incidents.claim_once(SLACK_DOWN_KEY, "another", NOW, until=NOW + SLACK_DOWN_FOR)
    slack, incident = MemoryChannel(failures=[lasting()]), low(1).incident.model_dump(mode="json")

    announced("Notify Ops", {"slack": slack}, store, incident=incident)

    live = store.records["low-1"].live
    assert live is not None
    assert live.shown == 0


# --- a plan that asks ---


def test_a_plan_that_waits_is_announced_as_a_request_for_approval() -> None:
    slack = MemoryChannel()
    store = MemoryStore(a_waiting_record(pages=[], paged_at=None, classification=LOW))
    announced("Notify Ops", {"slack": slack}, store)
    assert slack.told[0].kind == "approval"


def test_people_count_as_told_if_one_of_several_channels_took_the_message() -> None:
    channels = {"slack": MemoryChannel(failures=[lasting()]), "other": MemoryChannel()}
    assert announced("Notify Ops", channels).told is True


@pytest.mark.parametrize("state", ["Announce Remediation", "Close Incident"])
def test_a_failed_channel_does_not_stop_a_remediation_or_a_close(state: str) -> None:
    assert announced(state, {"slack": MemoryChannel(failures=[lasting()])}).told is False
    assert value_of("ChannelFailed") == 1


def test_noise_is_not_suppressed_if_another_alert_joined() -> None:
    store = MemoryStore(a_record())
    joins(store)
    assert announced("Record Suppression", {}, store) == NotifyOutput(told=False, closed=False)
    assert store.only.status == "OPEN"
    assert metrics.metric_set == {}


def test_a_message_that_slack_took_is_marked_as_shown() -> None:
    store = MemoryStore(a_record(classification=LOW, live=a_live(own=counts_for(1, 1))))
    announced("Notify Ops", {"slack": MemoryChannel()}, store)
    live = store.only.live
    assert live is not None
    assert live.shown == live.version


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        INPUT.validate_python({"state": "Notify Everybody", "incident": INCIDENT})
