"""The end of a remediation after people were told: its outcome, its locks, and the incident's audit trail."""

from typing import Any

import pytest

from firstline.contracts import (
    AnnounceQuietInput,
    AnnounceRemediationInput,
    AwaitQuietInput,
    NotifyOpsInput,
    PageOnCallInput,
    RecordSuppressionInput,
)
from firstline.errors import HistoryUnavailable
from firstline.incidents.audit_trail import happened_at
from firstline.models import Hold, StepResult
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
)
from tests.support.changes import counts_for
from tests.support.memory import MemoryStore
from tests.unit.remediation.office import CLOSE, CLOSED, INCIDENT, PLAN, Office, an_office

OPS = NotifyOpsInput(state="Notify Ops", incident=INCIDENT, plan=PLAN, results=[a_result()], reason="It failed.")
PAGE = PageOnCallInput(
    incident=INCIDENT, classification=None, plan=PLAN, results=[a_result(status="Failed")], reason="It failed."
)
ASKS = a_plan(decision="approve")


@pytest.fixture
def office() -> Office:
    return an_office()


def test_a_cured_incident_settles_its_run_as_verified_and_releases_its_locks(office: Office) -> None:
    office.store.put(a_record(**CLOSED, outcome="auto_resolved", outcome_reason="It holds."))

    assert office.conclude(CLOSE) == ["ran", "over", "closed"]
    assert (office.run.outcome, office.run.ended_at) == ("verified", NOW)
    assert office.remediations.held == {}
    assert all(until <= NOW for _, until in office.remediations.locks.values())
    assert office.remediations.standing(PLAN.runbook_id).demoted is None


@pytest.mark.parametrize("event", [OPS, PAGE])
def test_a_run_that_did_not_help_releases_its_locks_and_demotes_the_runbook(
    office: Office, event: NotifyOpsInput | PageOnCallInput
) -> None:
    office.conclude(event)

    assert office.run.outcome == "failed"
    assert office.remediations.held == {}
    assert (
        office.remediations.standing(PLAN.runbook_id).demoted == f"it did not help in incident {INCIDENT.incident_id}"
    )


def test_a_run_keeps_its_first_outcome(office: Office) -> None:
    office.conclude(PAGE)
    office.store.put(a_record(**CLOSED, outcome="resolved", pages=[a_page()]))
    told = office.conclude(CLOSE)

    assert office.run.outcome == "failed"
    assert told.count("over") == 1, "its end is on the trail once"


def test_a_cure_by_a_person_does_not_count_for_the_runbook(office: Office) -> None:
    # A cure by the runbook ends as `auto_resolved`, and nobody has approved this plan.
    office.store.put(a_record(**CLOSED, outcome="resolved"))

    office.conclude(CLOSE)

    assert office.run.outcome == "failed"


RESOLVED = CLOSE.model_copy(update={"ended_by": "resolved"})


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ([a_result()], "verified"),
        ([a_result(), a_result(status="Failed")], "failed"),
        ([a_result(), a_result(kind="rollback")], "undone"),
        ([a_result(kind="diagnose")], "looked"),
    ],
)
def test_the_cure_of_an_approved_plan_counts_for_the_runbook(
    office: Office, results: list[StepResult], outcome: str
) -> None:
    """Let the incident end as `resolved`, because the approver has acknowledged it."""
    approved: dict[str, Any] = {"decision": "approved", "decided_by": "ada", "acknowledged_at": NOW}
    plan = PLAN.model_copy(update={"rollback": PLAN.steps[:1]})
    office.store.put(a_record(**CLOSED | approved | {"plan": plan}, outcome="resolved"))

    office.conclude(RESOLVED.model_copy(update={"results": results}))

    assert office.run.outcome == outcome
    assert (office.remediations.standing(PLAN.runbook_id).demoted is None) is (outcome in ("verified", "looked"))


def test_an_end_without_data_neither_verifies_nor_demotes_the_runbook(office: Office) -> None:
    approved: dict[str, Any] = {"decision": "approved", "decided_by": "ada", "acknowledged_at": NOW}
    office.store.put(a_record(**CLOSED | approved, outcome="no_data"))

    office.conclude(RESOLVED)

    assert office.run.outcome != "verified"
    assert office.remediations.standing(PLAN.runbook_id).demoted is None


def test_a_resolve_by_a_person_after_an_approved_plan_is_no_cure(office: Office) -> None:
    office.store.put(a_record(**CLOSED, decision="approved", decided_by="ada", outcome="resolved"))

    office.conclude(CLOSE.model_copy(update={"ended_by": "person"}))

    assert office.run.outcome == "failed"


@pytest.mark.parametrize("event", [OPS, PAGE.model_copy(update={"results": [a_result()]})])
def test_a_verified_run_has_helped_even_if_an_alert_still_fires(
    office: Office, event: NotifyOpsInput | PageOnCallInput
) -> None:
    office.store.put(a_record(live=a_live(verified_at=NOW), plan=PLAN))

    office.conclude(event)

    assert office.run.outcome == "verified"


@pytest.mark.parametrize(("decision", "accepted"), [("approved", True), ("refused", False), (None, None)])
def test_a_persons_decision_is_counted_and_on_the_trail(
    office: Office, decision: str | None, accepted: bool | None
) -> None:
    changes: dict[str, Any] = {"decision": decision, "decided_by": "ada" if decision else None}
    office.store.put(a_record(plan=PLAN, **changes))

    told = office.conclude(OPS.model_copy(update={"results": []}))

    assert (office.run.accepted, office.run.outcome) == (accepted, "not_run")
    assert ("decided" in told) is (decision is not None)
    assert office.remediations.standing(PLAN.runbook_id).demoted is None, "a run that was not sent did not fail"


@pytest.mark.parametrize(
    "event",  # they come before the end of a remediation
    [
        AnnounceRemediationInput(state="Announce Remediation", incident=INCIDENT, plan=PLAN),
        AnnounceQuietInput(state="Announce Quiet", incident=INCIDENT),
        AwaitQuietInput(state="Await Quiet", incident=INCIDENT, token="t"),
    ],
)
def test_an_announcement_settles_nothing(
    office: Office, event: AnnounceRemediationInput | AnnounceQuietInput | AwaitQuietInput
) -> None:
    office.conclude(event)

    assert office.run.outcome is None
    assert office.remediations.held


def test_a_page_is_on_the_trail_with_its_channels_and_its_time(office: Office) -> None:
    office.store.put(a_record(plan=PLAN, pages=[a_page()]))

    office.conclude(PAGE)

    facts = dict(office.store.told(INCIDENT.incident_id))["paged"]
    assert facts["through"] == a_page().delivered_to
    assert facts["paged_at"] == OPENED.isoformat()


@pytest.mark.parametrize("event", [PAGE, OPS])
def test_a_page_does_not_end_a_remediation_that_may_still_be_approved(
    office: Office, event: NotifyOpsInput | PageOnCallInput
) -> None:
    office.store.put(a_waiting_record(ASKS, pages=[a_page()]))

    office.conclude(event.model_copy(update={"plan": ASKS, "results": []}))

    assert office.run.outcome is None
    assert office.remediations.held


APPROVED: dict[str, Any] = {"decision": "approved", "decided_by": "ada", "decided_at": NOW}


@pytest.mark.parametrize(
    ("what", "event"),
    [
        ({}, {"results": [a_result(status="Failed")]}),
        ({"acted_at": NOW}, {"results": []}),
        # The approved plan may no longer act, because a freeze has begun.
        ({}, {"results": [], "remediation": "human"}),
    ],
    ids=["a step ran", "an act was sent", "it ended"],
)
def test_an_approved_plan_is_settled_when_its_remediation_has_acted_or_ended(
    office: Office, what: dict[str, Any], event: dict[str, Any]
) -> None:
    office.store.put(a_waiting_record(ASKS, **APPROVED, **what))

    office.conclude(PAGE.model_copy(update={"plan": ASKS, **event}))

    assert office.run.outcome is not None
    assert office.run.accepted
    assert office.remediations.held == {}


def test_a_plan_that_was_approved_during_a_page_keeps_its_locks(office: Office) -> None:
    office.store.put(a_waiting_record(ASKS, **APPROVED))

    office.conclude(PAGE.model_copy(update={"plan": ASKS, "results": []}))

    assert office.run.outcome is None
    assert office.remediations.held


@pytest.mark.parametrize(
    ("ends", "accepted"),
    [({"decision": "refused", "decided_at": NOW}, False), (CLOSED | {"plan": ASKS}, None)],
    ids=["refused", "closed without an answer"],
)
def test_a_plan_that_nobody_approved_leaves_a_run_that_was_never_sent(
    ends: dict[str, Any], accepted: bool | None
) -> None:
    office = Office(MemoryStore(a_record(plan=ASKS)))
    office.store.put(a_waiting_record(ASKS, pages=[a_page()]).model_copy(update={"live": None} | ends))

    office.conclude(PAGE.model_copy(update={"plan": ASKS, "results": []}))

    assert (office.run.outcome, office.run.accepted, office.run.ended_at) == ("not_run", accepted, NOW)
    assert office.remediations.held == {}


def test_a_close_that_was_refused_ends_nothing(office: Office) -> None:
    office.store.put(a_waiting_record(ASKS))

    assert "closed" not in office.conclude(CLOSE.model_copy(update={"plan": ASKS, "results": []}))

    assert office.remediations.held


def test_peoples_actions_are_on_the_trail_with_their_times(office: Office) -> None:
    hold = Hold(by="silence", id="s-1", reason="It waits.", until=NOW, seconds=60)
    verdict = a_classification().model_copy(update={"hold": hold})
    page = a_page(seq=1, at=OPENED)
    done: dict[str, Any] = {"acknowledged_at": NOW, "acknowledged_by": "ada", "resolved_at": NOW, "resolved_by": "bob"}
    ended: dict[str, Any] = {"hold_ended_at": OPENED, "hold_ended_because": "silence s-1 was ended"}
    office.store.put(a_record(**CLOSED, **done, **ended, classification=verdict, pages=[page], outcome="resolved"))

    for _ in range(2):
        office.conclude(CLOSE)

    entries = {entry.what: entry for entry in office.store.trail.entries(INCIDENT.incident_id)}
    assert len(office.store.trail.entries(INCIDENT.incident_id)) == len(entries), "nothing is on it twice"
    assert (entries["acknowledged"].who, entries["acknowledged"].facts["acknowledged_at"]) == ("ada", NOW.isoformat())
    assert entries["acknowledged"].facts["pages"] == 1
    assert (entries["resolved"].who, entries["resolved"].facts["seen"]) == ("bob", 1)
    assert (entries["held"].who, entries["held"].facts["because"]) == ("silence", "silence s-1 was ended")
    assert entries["paged"].facts["number"] == 1
    assert entries["closed"].facts["joined"] == 1


def test_alerts_that_joined_and_the_end_of_the_last_are_on_the_trail_with_their_times(office: Office) -> None:
    live = a_live(own=counts_for(2, 2), last_alert_at=NOW)
    office.store.put(a_record(live=live))
    office.conclude(OPS)
    office.conclude(OPS)
    over = live.model_copy(update={"own": live.own.model_copy(update={"firing": 0}), "last_end_at": OPENED})
    office.store.put(a_record(live=over))
    office.conclude(OPS)

    told = [(what, facts) for what, facts in office.store.told(INCIDENT.incident_id) if what in ("joined", "ended")]
    assert told == [
        ("joined", {"joined": 2, "last_at": NOW.isoformat()}),
        ("ended", {"ended_at": OPENED.isoformat()}),
    ]


def test_a_command_is_on_the_trail_with_its_time(office: Office) -> None:
    office.conclude(OPS.model_copy(update={"results": [a_result(at=OPENED)]}))

    (entry,) = [entry for entry in office.store.trail.entries(INCIDENT.incident_id) if entry.what == "ran"]
    assert (happened_at(entry), entry.at) == (OPENED, NOW)


def test_suppressed_noise_has_an_end_on_the_trail(office: Office) -> None:
    office.store.put(a_record(**CLOSED | {"plan": None}, outcome="suppressed", outcome_reason="a test"))
    noise = a_classification(severity="noise")

    event = RecordSuppressionInput(state="Record Suppression", incident=INCIDENT, classification=noise, joined=1)

    assert office.conclude(event) == ["closed"]


def test_an_output_is_on_the_trail_as_a_digest_only(office: Office) -> None:
    office.conclude(OPS.model_copy(update={"results": [a_result(output="the password is hunter2")]}))

    assert "hunter2" not in str(office.store.trail.entries(INCIDENT.incident_id))


def test_a_table_or_trail_that_fails_or_a_lost_record_raises_nothing_and_the_run_is_settled(office: Office) -> None:
    office.store.down = True
    office.conclude(PAGE)  # the whole table fails
    office.store.down, office.store.faults["append"] = False, HistoryUnavailable("no table")
    office.conclude(PAGE)  # only the trail fails
    office.store.records.clear()
    office.conclude(PAGE)  # the record of the incident is gone, too

    assert office.run.outcome == "failed", "the run is settled although the trail cannot be written"
