"""Incidents: what each write promises, whatever others write at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable, JoinedSince
from firstline.incidents.groups import Groups
from firstline.incidents.pages import page_due
from firstline.incidents.store import Incidents
from firstline.models import SEVERITY_RANK, Hold, Incident, Loud, StepResult
from tests.integration.ports.conftest import Open, Ports, Wait, close, live_of, record_of
from tests.support.builders import NOON, a_classification, a_page, alert, at
from tests.support.changes import ending, joining, opened_by

HIGH, MEDIUM = a_classification(severity="high"), a_classification(severity="medium")
HELD_UNTIL = at(10)
HOLD = Hold(by="rule", id="r-1", reason="it clears itself", until=HELD_UNTIL, seconds=600)
RESULT = StepResult(
    step_id="free", kind="act", instance_id="i-0123456789abcdef0", command_id="c-1", status="Success", output="ok"
)


@pytest.fixture
def incident(opened: Open) -> Incident:
    """Open an incident of paging severity."""
    return opened(alert(severity="high"))


def join(groups: Groups, incident: Incident, minutes: float, severity: Any = "medium", **what: Any) -> None:
    new = alert(fingerprint=f"fp-{minutes}-{severity}", severity=severity)
    groups.apply(joining(incident, new, now=at(minutes), **what))


def end_all(groups: Groups, incident: Incident, minutes: float) -> None:
    views, _ = groups.read({incident.group_key: ["fp-1"]})
    groups.apply(ending(incident, *views[incident.group_key].alerts.values(), now=at(minutes)))


# --- the record ------------------------------------------------------------------------------------------------------


def test_an_unknown_incident_has_no_record_and_cannot_be_touched(incidents: Incidents) -> None:
    nobody = opened_by(alert(), now=NOON)
    assert incidents.record("nobody") is None
    assert incidents.live("nobody") is None
    assert incidents.members("nobody") == []
    assert incidents.acknowledge("nobody", "ada", NOON) is None
    assert incidents.take_back("nobody", NOON) is None
    assert incidents.resolve("nobody", "ada", NOON) is None
    assert incidents.end_hold("nobody", "ada", NOON) is None
    incidents.judge(nobody, 1, HIGH, NOON, seen=None)
    incidents.mark_shown(nobody, 3)
    with pytest.raises(HistoryUnavailable, match="is not in table"):
        incidents.close(nobody, None, "resolved", "", [], NOON, joined=1)
    assert incidents.record(nobody.incident_id) is None


def test_a_pagerduty_incident_leads_to_ours(incidents: Incidents, incident: Incident) -> None:
    assert incidents.incident_paged_as("PD1") is None
    incidents.remember_page("PD1", incident.incident_id, at(1))
    assert incidents.incident_paged_as("PD1") == incident.incident_id


def test_one_pagerduty_incident_at_a_time_stands_for_ours(incidents: Incidents, incident: Incident) -> None:
    own = incident.incident_id
    assert [incidents.remember_page(name, own, at(1)) for name in ("PD1", "PD2", "PD1")] == [True, False, True]
    assert incidents.incident_paged_as("PD2") is None
    incidents.forget_page("PD2", own, at(2))
    assert not incidents.remember_page("PD2", own, at(3)), "PD1 is not over"


def test_the_next_pagerduty_incident_stands_for_ours_after_the_first_is_over(
    incidents: Incidents, incident: Incident
) -> None:
    own = incident.incident_id
    incidents.remember_page("PD1", own, at(1))
    incidents.forget_page("PD1", own, at(4))
    assert incidents.remember_page("PD1", own, at(4)), "a late word about it is taken"
    assert incidents.remember_page("PD2", own, at(5))
    assert not incidents.remember_page("PD1", own, at(6)), "PD2 has taken its place"


@pytest.mark.parametrize(
    ("pagerduty_id", "happened_at", "taken"),
    [
        pytest.param("PD1", 1, False, id="older"),
        pytest.param("PD1", 2, True, id="delivered again"),
        pytest.param("PD1", 3, True, id="newer"),
        pytest.param("PD2", 1, True, id="about another incident"),
    ],
)
def test_of_pagerdutys_events_about_an_incident_one_older_than_the_last_is_not_taken(
    incidents: Incidents, pagerduty_id: str, happened_at: float, *, taken: bool
) -> None:
    assert incidents.take_in_order("PD1", "acknowledged", at(2), at(9))
    assert incidents.take_in_order(pagerduty_id, "resolved", at(happened_at), at(9)) is taken


def test_an_event_of_pagerduty_is_taken_until_it_took_effect(incidents: Incidents) -> None:
    assert incidents.take_in_order("PD1", "acknowledged at 2", at(2), at(2))
    assert incidents.take_in_order("PD1", "acknowledged at 2", at(2), at(3)), "the first delivery had no effect"

    incidents.mark_taken("PD1", "acknowledged at 2", at(2))

    assert not incidents.take_in_order("PD1", "acknowledged at 2", at(2), at(9))
    assert incidents.take_in_order("PD1", "resolved at 2", at(2), at(9))


def test_the_late_mark_of_an_older_event_does_not_hide_that_a_newer_one_took_effect(incidents: Incidents) -> None:
    for minute in (2, 3):
        assert incidents.take_in_order("PD1", f"acknowledged at {minute}", at(minute), at(9))

    for minute in (3, 2):
        incidents.mark_taken("PD1", f"acknowledged at {minute}", at(minute))

    assert not incidents.take_in_order("PD1", "acknowledged at 3", at(3), at(9))


def test_a_record_says_where_its_message_is(incidents: Incidents, incident: Incident) -> None:
    incidents.save_slack_message(incident.incident_id, "C1", "1.2")
    record = record_of(incidents, incident)
    assert (record.slack_channel, record.slack_ts) == ("C1", "1.2")


def test_a_record_says_what_was_posted_last(incidents: Incidents, incident: Incident) -> None:
    incidents.save_post(incident.incident_id, "teams", "d1")
    incidents.save_post(incident.incident_id, "webhook", "d2")
    incidents.save_post(incident.incident_id, "teams", "d3")
    assert record_of(incidents, incident).posted == {"teams": "d3", "webhook": "d2"}


def test_open_and_closed_incidents_come_oldest_first(incidents: Incidents, opened: Open) -> None:
    late, early, middle = (opened(alert(group_key=f"at-{minutes}", timestamp=at(minutes))) for minutes in (9, 1, 5))

    def ids(records: Any) -> list[str]:
        return [record.incident.incident_id for record in records]

    assert ids(incidents.open_records()) == [early.incident_id, middle.incident_id, late.incident_id]

    for minutes, incident in ((30, early), (20, late)):
        close(incidents, incident, minutes)

    assert ids(incidents.open_records()) == [middle.incident_id]
    assert ids(incidents.closed_since(at(0))) == [late.incident_id, early.incident_id]
    assert ids(incidents.closed_since(at(25))) == [early.incident_id]
    assert [record.alert_count for record in incidents.closed_since(at(25))] == [1]


# --- verdicts --------------------------------------------------------------------------------------------------------


def test_a_verdict_is_stored_with_the_alerts_that_it_knew_of(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    seen = live_of(incidents, incident)
    join(groups, incident, 1, "critical")

    incidents.judge(incident, 1, HIGH, at(2), seen=seen)

    record, live = record_of(incidents, incident), live_of(incidents, incident)
    assert record.classification == HIGH
    assert (live.decided, live.judged, live.judged_loud) == (SEVERITY_RANK["high"], 1, Loud(high=1))
    assert live.started == 1
    assert (live.joined, live.rank, live.loud_since) == (2, SEVERITY_RANK["critical"], NOON), "with what joined since"


@pytest.mark.parametrize(("joins", "since"), [(False, None), (True, NOON)], ids=["nothing joined", "a critical joined"])
def test_a_verdict_below_paging_ends_the_wait_for_a_page_unless_something_joined(
    incidents: Incidents, groups: Groups, incident: Incident, joins: bool, since: Any
) -> None:
    seen = live_of(incidents, incident)
    if joins:
        join(groups, incident, 1, "critical")
    incidents.judge(incident, 1, MEDIUM, at(2), seen=seen)
    assert live_of(incidents, incident).loud_since == since


def test_a_verdict_of_paging_severity_begins_the_wait_for_a_page(incidents: Incidents, opened: Open) -> None:
    incident = opened(alert(severity="low"))
    incidents.judge(incident, 1, HIGH, at(2), seen=live_of(incidents, incident))
    assert live_of(incidents, incident).loud_since == at(2)


def test_a_verdict_of_an_earlier_execution_does_not_count(incidents: Incidents, incident: Incident) -> None:
    seen = live_of(incidents, incident)
    earlier = seen.generation
    assert incidents.begin_generation(seen, at(1)) is not None
    incidents.judge(incident, earlier, MEDIUM, at(2), seen=seen)
    live = live_of(incidents, incident)
    assert (live.started, live.decided, live.loud_since) == (0, None, NOON)


def test_a_verdict_without_a_look_at_the_alerts_leaves_the_earlier_one(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    join(groups, incident, 1, "critical")
    incidents.judge(incident, 1, HIGH, at(2), seen=live_of(incidents, incident))

    # When the next attempt of Classify cannot read the table
    incidents.judge(incident, 1, MEDIUM, at(3), seen=None)

    record, live = record_of(incidents, incident), live_of(incidents, incident)
    assert record.classification == HIGH
    assert (live.decided, live.judged, live.loud_since) == (SEVERITY_RANK["high"], 2, NOON)


def test_a_first_verdict_without_a_look_at_the_alerts_covers_none(incidents: Incidents, incident: Incident) -> None:
    incidents.judge(incident, 1, MEDIUM, at(2), seen=None)
    record, live = record_of(incidents, incident), live_of(incidents, incident)
    assert record.classification == MEDIUM
    assert (live.decided, live.judged, live.started, live.loud_since) == (SEVERITY_RANK["medium"], 0, 1, NOON)


def test_a_verdict_without_a_look_at_the_alerts_brings_to_live_an_earlier_one_that_only_the_record_has(
    incidents: Incidents, incident: Incident
) -> None:
    # As if the attempt had died between its two writes: LIVE takes no verdict of an execution that is not in charge.
    incidents.judge(incident, 2, HIGH, at(1), seen=live_of(incidents, incident))

    incidents.judge(incident, 1, MEDIUM, at(2), seen=None)

    assert record_of(incidents, incident).classification == HIGH
    assert live_of(incidents, incident).decided == SEVERITY_RANK["high"]


def test_an_execution_has_begun_when_it_judges_without_a_look_at_the_alerts(
    incidents: Incidents, incident: Incident
) -> None:
    seen = live_of(incidents, incident)
    incidents.judge(incident, 1, HIGH, at(1), seen=seen)
    assert incidents.begin_generation(live_of(incidents, incident), at(2)) is not None
    incidents.judge(incident, 2, MEDIUM, at(3), seen=None)
    live = live_of(incidents, incident)
    assert (live.started, live.decided) == (2, SEVERITY_RANK["high"])


def test_a_verdict_sets_the_hold_and_the_next_one_ends_it(incidents: Incidents, incident: Incident) -> None:
    seen = live_of(incidents, incident)
    incidents.judge(incident, 1, MEDIUM.model_copy(update={"hold": HOLD}), at(1), seen=seen)
    held = live_of(incidents, incident)
    incidents.judge(incident, 1, MEDIUM, at(2), seen=held)
    assert (held.held_until, live_of(incidents, incident).held_until) == (HELD_UNTIL, None)


def test_a_verdict_with_a_hold_does_not_revive_the_hold_that_a_person_ended_meanwhile(
    incidents: Incidents, incident: Incident
) -> None:
    seen = live_of(incidents, incident)
    incidents.end_hold(incident.incident_id, "ada", at(1))
    incidents.judge(incident, 1, MEDIUM.model_copy(update={"hold": HOLD}), at(2), seen=seen)
    live = live_of(incidents, incident)
    assert (live.decided, live.hold_ended_at) == (SEVERITY_RANK["medium"], at(1))


def test_a_new_hold_begins_after_one_that_ended(incidents: Incidents, incident: Incident) -> None:
    incidents.end_hold(incident.incident_id, "ada", at(1))
    seen = live_of(incidents, incident)
    incidents.judge(incident, 1, MEDIUM.model_copy(update={"hold": HOLD}), at(2), seen=seen)
    live = live_of(incidents, incident)
    assert (live.held_until, live.hold_ended_at) == (HELD_UNTIL, None)


# --- what happens to an open incident --------------------------------------------------------------------------------


def test_an_acknowledgement_is_stored_and_seen_by_the_wait(incidents: Incidents, incident: Incident) -> None:
    before = live_of(incidents, incident)
    taken = incidents.acknowledge(incident.incident_id, "ada", at(1))

    assert taken == record_of(incidents, incident)
    assert (taken.acknowledged_by, taken.acknowledged_at) == ("ada", at(1))
    live = live_of(incidents, incident)
    assert (live.acked_rank, live.loud_since, live.due_at) == (SEVERITY_RANK["high"], None, at(2))
    assert live.own.changes == before.own.changes + 1


def test_only_the_first_acknowledgement_counts_and_none_after_the_close(
    incidents: Incidents, incident: Incident
) -> None:
    assert incidents.acknowledge(incident.incident_id, "ada", at(1)) is not None
    assert incidents.acknowledge(incident.incident_id, "bob", at(2)) is None
    close(incidents, incident, 3)
    assert incidents.acknowledge(incident.incident_id, "cat", at(4)) is None


@pytest.mark.parametrize("what", ["acknowledge", "end_hold", "resolve"])
def test_a_write_that_is_repeated_after_a_lost_reply_changes_nothing(
    incidents: Incidents, incident: Incident, what: str
) -> None:
    before = live_of(incidents, incident).own.changes
    first, again = (getattr(incidents, what)(incident.incident_id, "ada", at(1)) for _ in range(2))
    assert first is not None
    assert first == again
    assert live_of(incidents, incident).own.changes == before + 1


def test_of_many_who_acknowledge_at_once_one_does(incidents: Incidents, incident: Incident, crowd: int) -> None:
    with ThreadPoolExecutor(crowd) as pool:
        people = [f"person-{number}" for number in range(crowd)]
        taken = list(pool.map(lambda by: incidents.acknowledge(incident.incident_id, by, at(1)), people))

    (record,) = [record for record in taken if record is not None]
    assert record.acknowledged_by == record_of(incidents, incident).acknowledged_by


def test_a_worse_alert_that_joins_after_an_acknowledgement_is_paged(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    incidents.acknowledge(incident.incident_id, "ada", at(1))
    join(groups, incident, 2, "critical")
    live = live_of(incidents, incident)
    assert (live.answered, live.acked_rank, live.loud_since) == (True, SEVERITY_RANK["high"], at(2))
    assert page_due(live, at(2)) == "worse"


def test_a_hold_ends_once(incidents: Incidents, incident: Incident) -> None:
    ended = incidents.end_hold(incident.incident_id, "ada", at(1))
    assert ended is not None
    assert (ended.hold_ended_at, ended.hold_ended_because) == (at(1), "ada")
    assert incidents.end_hold(incident.incident_id, "bob", at(2)) is None


def test_a_person_resolves_what_they_have_seen(incidents: Incidents, groups: Groups, incident: Incident) -> None:
    join(groups, incident, 1)

    with pytest.raises(JoinedSince) as since:
        incidents.resolve(incident.incident_id, "ada", at(2), seen=1)
    assert (since.value.seen, since.value.joined) == (1, 2)
    assert record_of(incidents, incident).resolved_at is None

    resolved = incidents.resolve(incident.incident_id, "ada", at(3), seen=2)
    assert resolved is not None
    assert (resolved.resolved_at, resolved.resolved_by, resolved.status) == (at(3), "ada", "OPEN")


def test_nobody_resolves_or_acknowledges_what_a_person_resolved(incidents: Incidents, incident: Incident) -> None:
    assert incidents.resolve(incident.incident_id, "ada", at(3), seen=1) is not None
    assert incidents.resolve(incident.incident_id, "bob", at(4), seen=1) is None
    assert incidents.acknowledge(incident.incident_id, "bob", at(4)) is None


def test_a_resolve_holds_only_for_what_had_joined(incidents: Incidents, groups: Groups, incident: Incident) -> None:
    assert incidents.resolve(incident.incident_id, "pagerduty", at(1)) is not None
    join(groups, incident, 2)

    assert record_of(incidents, incident).resolved_at is None
    assert incidents.acknowledge(incident.incident_id, "ada", at(3)) is not None
    assert incidents.resolve(incident.incident_id, "ada", at(4), seen=2) is not None


def test_a_resolve_can_be_withdrawn(incidents: Incidents, incident: Incident) -> None:
    incidents.resolve(incident.incident_id, "ada", at(1), seen=1)
    incidents.withdraw_resolve(incident, seen=live_of(incidents, incident))
    live = live_of(incidents, incident)
    assert (live.resolved_at, live.resolved_by, live.resolved_seen) == (None, None, None)


def test_a_verification_counts_the_first_time(incidents: Incidents, incident: Incident) -> None:
    incidents.mark_verified(incident, at(1))
    incidents.mark_verified(incident, at(2))
    assert live_of(incidents, incident).verified_at == at(1)


def test_an_older_version_that_is_shown_late_does_not_count(incidents: Incidents, incident: Incident) -> None:
    for version in (2, 5, 3):
        incidents.mark_shown(incident, version)
    assert live_of(incidents, incident).shown == 5


def test_a_quiet_incident_waits_for_no_page(incidents: Incidents, groups: Groups, incident: Incident) -> None:
    assert not incidents.begin_quiet(incident, at(1))
    assert live_of(incidents, incident).loud_since == NOON, "it fires"
    end_all(groups, incident, 2)
    assert incidents.begin_quiet(incident, at(3))
    assert live_of(incidents, incident).loud_since is None


@pytest.mark.parametrize("void", [True, False])
def test_the_wait_for_quiet_begins_with_its_token(
    incidents: Incidents, groups: Groups, incident: Incident, *, void: bool
) -> None:
    end_all(groups, incident, 2)
    assert incidents.await_quiet(incident, 1, "t-1", at(3), seen=live_of(incidents, incident), void=void)

    live = live_of(incidents, incident)
    assert (live.awaiting, live.task_token) == ("quiet", "t-1")
    assert (live.loud_since is None) == void


@pytest.mark.parametrize("happens", ["joins", "is acknowledged", "ends", "is paged", "is succeeded", "closes"])
def test_no_wait_for_quiet_begins_on_a_decision_that_something_overtook(
    incidents: Incidents, groups: Groups, incident: Incident, happens: str
) -> None:
    end_all(groups, incident, 2)
    seen = live_of(incidents, incident)
    match happens:
        case "joins":
            groups.apply(joining(seen, alert(fingerprint="fp-2"), now=at(3)))
        case "ends":
            groups.apply(joining(seen, alert(fingerprint="fp-2"), now=at(3)))
            end_all(groups, incident, 4)
        case "is acknowledged":
            assert incidents.acknowledge(incident.incident_id, "ada", at(3)) is not None
        case "is paged":  # by a process that read the incident while its alert still fired
            page = a_page(delivered_to=[], at=None)
            assert incidents.claim_page(incident, page, at(4), at(3), seen=seen)
        case "is succeeded":
            assert incidents.begin_generation(seen, at(3)) is not None
        case _:
            close(incidents, incident, 3)
    before = live_of(incidents, incident)

    assert not incidents.await_quiet(incident, 1, "t-1", at(5), seen=seen, void=True)
    assert live_of(incidents, incident) == before


def test_an_earlier_execution_begins_no_wait_for_quiet_whatever_it_has_seen(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    end_all(groups, incident, 2)
    successor = incidents.begin_generation(live_of(incidents, incident), at(3))
    assert successor is not None

    assert not incidents.await_quiet(incident, 1, "t-1", at(3), seen=successor, void=True)
    assert incidents.await_quiet(incident, 2, "t-2", at(3), seen=successor, void=True)


def test_an_attempt_that_comes_too_late_does_not_replace_the_token_of_the_next(
    incidents: Incidents, groups: Groups, incident: Incident, wait: Wait
) -> None:
    wait(incident, "resolution", "t-1")
    end_all(groups, incident, 2)
    seen = live_of(incidents, incident)
    assert incidents.await_quiet(incident, 1, "t-3", at(3), seen=seen, void=True)

    assert not incidents.await_quiet(incident, 1, "t-2", at(3), seen=seen, void=True), "nobody waits with it any more"
    assert incidents.await_quiet(incident, 1, "t-3", at(3), seen=seen, void=True), "the client repeats its write"
    assert live_of(incidents, incident).task_token == "t-3"
    assert incidents.await_quiet(incident, 1, "t-4", at(3), seen=live_of(incidents, incident), void=True)
    assert live_of(incidents, incident).task_token == "t-4", "an attempt that has seen it overwrites it"


# --- the end ---------------------------------------------------------------------------------------------------------


def test_closing_is_idempotent_and_leaves_evidence(incidents: Incidents, incident: Incident) -> None:
    incidents.judge(incident, 1, HIGH, at(1), seen=live_of(incidents, incident))

    first = incidents.close(incident, 1, "auto_resolved", "verified", [RESULT], at(9), joined=1)
    second = incidents.close(incident, 1, "expired", "later", [], at(99), joined=1)

    assert first is not None
    assert first == second == record_of(incidents, incident)
    assert (first.status, first.outcome, first.closed_at, first.results) == ("CLOSED", "auto_resolved", at(9), [RESULT])
    (earlier,) = incidents.earlier_incidents("group-1")
    assert (earlier.outcome, earlier.severity, earlier.outcome_reason) == ("auto_resolved", "high", "verified")
    assert incidents.earlier_incidents("group-2") == []


def test_a_closed_incident_waits_for_nothing(incidents: Incidents, incident: Incident, wait: Wait) -> None:
    wait(incident, "resolution")
    assert live_of(incidents, incident).task_token == "t-1"
    close(incidents, incident, 1)
    live = live_of(incidents, incident)
    assert (live.open, live.closed_at, live.task_token, live.awaiting, live.due_at) == (False, at(1), None, None, None)
    assert incidents.due(at(99), 10) == []


def test_a_task_token_shows_in_no_log(incidents: Incidents, incident: Incident, wait: Wait) -> None:
    wait(incident, "recovery", "secret-token")
    record = record_of(incidents, incident)
    assert record.live is not None
    assert record.live.task_token == "secret-token"
    assert "secret-token" not in repr(record)


def test_what_joined_since_the_decision_keeps_the_incident_open(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    join(groups, incident, 1)
    assert incidents.close(incident, 1, "suppressed", "noise", [], at(2), joined=1) is None
    assert incidents.close(incident, 1, "suppressed", "noise", [], at(2), joined=2) is not None


def test_an_incident_closed_for_its_quiet_is_closed_only_if_nothing_fires(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    assert incidents.close(incident, 1, "resolved", "quiet", [], at(1), joined=None) is None
    end_all(groups, incident, 2)
    closed = incidents.close(incident, 1, "resolved", "quiet", [], at(3), joined=None)
    assert closed is not None
    assert (closed.resolved_at, closed.resolved_by) == (at(2), None)


def test_an_execution_that_was_succeeded_closes_nothing(incidents: Incidents, incident: Incident) -> None:
    succeeded = live_of(incidents, incident).generation
    incidents.begin_generation(live_of(incidents, incident), at(1))
    assert incidents.close(incident, succeeded, "resolved", "", [], at(2), joined=1) is None
    assert incidents.close(incident, succeeded + 1, "resolved", "", [], at(2), joined=1) is not None


def test_of_many_who_close_at_once_one_decides(incidents: Incidents, incident: Incident, crowd: int) -> None:
    def end(number: int) -> Any:
        return incidents.close(incident, None, "resolved", f"because {number}", [], at(number), joined=1)

    with ThreadPoolExecutor(crowd) as pool:
        ends = list(pool.map(end, range(crowd)))

    assert all(record == ends[0] for record in ends)


def test_a_record_whose_live_half_is_gone_is_taken_out_of_the_open_ones(
    incidents: Incidents, ports: Ports, incident: Incident
) -> None:
    incidents.repair_index(incident.incident_id)
    assert [record.status for record in incidents.open_records()] == ["OPEN"], "with both halves nothing changes"
    key = {"pk": {"S": "GROUP#group-1"}, "sk": {"S": "LIVE"}}
    ports.table._client.delete_item(TableName=ports.table.name, Key=key)

    assert record_of(incidents, incident).live is None
    incidents.repair_index(incident.incident_id)

    assert list(incidents.open_records()) == []
    (record,) = incidents.closed_since(at(-1))
    assert (record.status, record.outcome, record.closed_at) == ("CLOSED", "expired", NOON)


# --- reconcile -------------------------------------------------------------------------------------------------------


def test_what_is_due_a_minute_after_its_opening_comes_oldest_first(incidents: Incidents, opened: Open) -> None:
    groups = [f"group-{number}" for number in range(6)]
    for number, group_key in enumerate(groups):
        opened(alert(group_key=group_key, timestamp=at(number)))

    assert [live.group_key for live in incidents.due(at(4), 50)] == groups[:4]
    assert [live.group_key for live in incidents.due(at(9), 2)] == groups[:2]
    assert incidents.due(at(0.5), 50) == []


def test_an_incident_is_postponed_unless_it_changed_since_it_was_read(
    incidents: Incidents, groups: Groups, incident: Incident
) -> None:
    (due,) = incidents.due(at(1), 10)
    incidents.postpone(due, at(11))
    assert live_of(incidents, incident).due_at == at(11)

    before = live_of(incidents, incident)
    join(groups, incident, 2)
    incidents.postpone(before, at(30))
    assert live_of(incidents, incident).due_at == at(3), "a minute after the alert joined"


def test_of_many_who_succeed_a_dead_execution_one_does(incidents: Incidents, incident: Incident, wait: Wait) -> None:
    wait(incident, "quiet")
    live = live_of(incidents, incident)

    with ThreadPoolExecutor(8) as pool:
        begun = [after for after in pool.map(lambda _: incidents.begin_generation(live, at(1)), range(8)) if after]

    (after,) = begun
    assert (after.generation, after.started, after.awaiting, after.own.changes) == (2, 0, None, live.own.changes + 1)
    assert after == live_of(incidents, incident)
