"""Incidents: what each write promises, whatever keeps them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import Classification, Deployment, Feedback, Note, Page, StepResult
from firstline.people import feedback_store
from tests.integration.ports.conftest import Change, Open
from tests.support.builders import NOON, alert, at

VERDICT = Classification(
    severity="high",
    cause="the disk is full",
    is_deployment_related=False,
    can_be_remediated=True,
    runbook_id="low-disk",
    confidence=0.9,
    summary="web-1 is out of space",
    first_steps=["look at /data"],
    decided_by="rules",
    reasons=["rule disk"],
)


RESULT = StepResult(
    step_id="free", kind="act", instance_id="i-0123456789abcdef0", command_id="c-1", status="Success", output="ok"
)


PAGE = Page(
    level=0,
    on_call="primary",
    delivered_to=["sns"],
    acknowledge_within_seconds=300,
    has_next_level=True,
    resolve_within_seconds=3_600,
)


@pytest.fixture
def incident_id(opened: Open) -> str:
    """Open an incident and return its id."""
    return opened(alert()).incident_id


def test_an_unknown_incident_has_no_record_and_cannot_be_touched(incidents: Incidents) -> None:
    assert incidents.record("nobody") is None
    assert incidents.acknowledge("nobody", "ada", NOON) is None
    assert incidents.resolve("nobody", "ada", NOON) is None
    with pytest.raises(HistoryUnavailable, match="nobody is not in"):
        incidents.close("nobody", "resolved", "", [], NOON)
    assert incidents.record("nobody") is None


def test_the_record_keeps_what_happened(incidents: Incidents, incident_id: str) -> None:
    incidents.save_classification(incident_id, VERDICT)
    incidents.save_slack_message(incident_id, "C1", "1.2")
    incidents.save_page(incident_id, PAGE, at(1))
    incidents.save_page(incident_id, PAGE.model_copy(update={"level": 1}), at(6))
    incidents.acknowledge(incident_id, "ada", at(7))

    record = incidents.record(incident_id)

    assert record is not None
    assert record.classification == VERDICT
    assert (record.slack_channel, record.slack_ts) == ("C1", "1.2")
    assert [page.level for page in record.pages] == [0, 1]
    assert record.paged_at == at(1)
    assert (record.acknowledged_by, record.acknowledged_at) == ("ada", at(7))


def test_only_the_first_acknowledgement_counts_and_none_after_the_end(incidents: Incidents, incident_id: str) -> None:
    assert incidents.acknowledge(incident_id, "ada", at(1)) is not None
    assert incidents.acknowledge(incident_id, "bob", at(2)) is None
    assert incidents.resolve(incident_id, "bob", at(3)) is not None
    assert incidents.resolve(incident_id, "ada", at(4)) is None


def test_closing_is_idempotent_and_leaves_evidence(incidents: Incidents, incident_id: str) -> None:
    incidents.save_classification(incident_id, VERDICT)

    first = incidents.close(incident_id, "auto_resolved", "verified", [RESULT], at(9))
    second = incidents.close(incident_id, "expired", "later", [], at(99))

    assert first == second
    assert (first.status, first.outcome, first.closed_at, first.results) == ("CLOSED", "auto_resolved", at(9), [RESULT])
    assert list(incidents.open_records()) == []
    assert [record.incident.incident_id for record in incidents.closed_since(at(0))] == [incident_id]
    assert list(incidents.closed_since(at(10))) == []
    (earlier,) = incidents.earlier_incidents("group-1")
    assert (earlier.outcome, earlier.severity, earlier.outcome_reason) == ("auto_resolved", "high", "verified")
    assert incidents.earlier_incidents("group-2") == []


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def test_what_people_say_reaches_the_evidence_before_and_after_the_end(incidents: Incidents, incident_id: str) -> None:
    incidents.save_classification(incident_id, VERDICT.model_copy(update={"is_deployment_related": True}))
    feedback_store.save_feedback(incident_id, word("noise"), incidents=incidents)
    assert incidents.earlier_incidents("group-1") == []

    incidents.close(incident_id, "resolved", "", [], at(9))
    feedback_store.save_feedback(incident_id, word("real", "slack:U2"), incidents=incidents)
    feedback_store.save_note(incident_id, "ana", "restarted it", at(30), incidents=incidents)

    (earlier,) = incidents.earlier_incidents("group-1")
    assert [(word.person, word.said) for word in earlier.feedback] == [("slack:U1", "noise"), ("slack:U2", "real")]
    assert earlier.note == "restarted it"
    assert earlier.blamed_deployment


def test_people_who_speak_at_the_same_moment_are_all_heard(incidents: Incidents, incident_id: str) -> None:
    incidents.close(incident_id, "resolved", "", [], at(9))

    with ThreadPoolExecutor(6) as pool:
        people = [word("real", f"slack:U{number}") for number in range(6)]
        list(pool.map(lambda one: feedback_store.save_feedback(incident_id, one, incidents=incidents), people))

    record = incidents.record(incident_id)
    assert record is not None
    assert {word.person for word in record.feedback} == {word.person for word in people}
    (earlier,) = incidents.earlier_incidents("group-1")
    assert {word.person for word in earlier.feedback} == {word.person for word in people}


def test_whoever_knows_less_and_writes_later_takes_nothing_back(incidents: Incidents, incident_id: str) -> None:
    before = incidents.close(incident_id, "resolved", "", [], at(9))
    feedback_store.save_feedback(incident_id, word("real"), incidents=incidents)

    incidents.remember_the_end(before)
    incidents.close(incident_id, "resolved", "", [], at(9))

    (earlier,) = incidents.earlier_incidents("group-1")
    assert [word.said for word in earlier.feedback] == ["real"]


def test_a_hidden_one_that_was_real_is_found_however_many_came_since(
    incidents: Incidents, change: Change, incident_id: str
) -> None:
    incidents.close(incident_id, "suppressed", "noise", [], at(9))
    closed = incidents.record(incident_id)
    assert closed is not None
    for number in range(30):
        later = closed.incident.model_copy(update={"incident_id": f"later-{number}"})
        incidents.remember_the_end(
            closed.model_copy(update={"incident": later, "closed_at": at(20 + number), "outcome": "suppressed"})
        )

    feedback_store.save_feedback(incident_id, word("real"), incidents=incidents)

    earlier = incidents.earlier_incidents("group-1", limit=20)
    assert [incident.incident_id for incident in earlier][-1] == incident_id
    assert [incident.closed_at for incident in earlier] == sorted(
        (incident.closed_at for incident in earlier), reverse=True
    )

    feedback_store.save_feedback(incident_id, word("noise"), incidents=incidents)

    assert [word.said for word in incidents.earlier_incidents("group-1")[-1].feedback] == ["noise"]


def test_a_task_token_does_not_survive_the_end_and_never_shows_in_a_log(
    incidents: Incidents, change: Change, incident_id: str
) -> None:
    change(incident_id, task_token="secret-token", awaiting="recovery")
    record = incidents.record(incident_id)

    closed = incidents.close(incident_id, "resolved", "", [], at(1))

    assert record is not None
    assert record.task_token == "secret-token"
    assert "secret-token" not in repr(record)
    assert closed.task_token is None


def test_deployments_are_found_by_time_newest_first_and_once(incidents: Incidents) -> None:
    for minutes in (-300, -30, -10, -10):
        deployed = Deployment(service="shop", version=f"v{minutes}", deployed_at=at(minutes))
        incidents.save_deployment(deployed)

    assert [deployment.version for deployment in incidents.deployments_since(at(-240))] == ["v-10", "v-30"]


def test_a_page_keeps_the_time_of_the_first_and_unknown_incidents_are_left_alone(
    incidents: Incidents, incident_id: str
) -> None:
    incidents.mark_paged(incident_id, at(1))
    incidents.mark_paged(incident_id, at(2))
    incidents.save_page(incident_id, PAGE, at(3))
    for write in (incidents.mark_paged, lambda name, when: incidents.save_page(name, PAGE, when)):
        write("nobody", at(4))

    record = incidents.record(incident_id)
    assert record is not None
    assert (record.paged_at, record.pages) == (at(1), [PAGE])
    assert incidents.record("nobody") is None


def test_a_hold_ends_once_and_not_after_the_end(incidents: Incidents, incident_id: str, opened: Open) -> None:
    over = opened(alert(group_key="group-2")).incident_id
    incidents.resolve(over, "ada", at(1))

    ended = incidents.end_hold(incident_id, "somebody joined", at(2))

    assert ended is not None
    assert (ended.hold_ended_at, ended.hold_ended_because) == (at(2), "somebody joined")
    assert incidents.end_hold(incident_id, "again", at(3)) is None
    assert incidents.end_hold(over, "late", at(3)) is None
    assert incidents.end_hold("nobody", "late", at(3)) is None


def test_the_worst_severity_that_is_held_back_stands(incidents: Incidents, incident_id: str) -> None:
    seen = []
    for severity in ("info", "high", "low", "critical", "medium"):
        incidents.hold_back(incident_id, severity)
        record = incidents.record(incident_id)
        assert record is not None
        seen.append(record.held_back)
    assert seen == ["info", "high", "high", "critical", "critical"]


def test_what_is_over_holds_nothing_back(incidents: Incidents, incident_id: str) -> None:
    incidents.resolve(incident_id, "ada", at(1))
    incidents.hold_back(incident_id, "critical")
    record = incidents.record(incident_id)
    assert record is not None
    assert record.held_back is None


def test_a_pagerduty_incident_leads_to_ours(incidents: Incidents, incident_id: str) -> None:
    assert incidents.incident_paged_as("PD1") is None
    incidents.remember_page("PD1", incident_id, at(1))
    assert incidents.incident_paged_as("PD1") == incident_id


def test_open_and_closed_incidents_come_oldest_first(incidents: Incidents, opened: Open) -> None:
    late, early, middle = (
        opened(alert(group_key=f"at-{minutes}", timestamp=at(minutes))).incident_id for minutes in (9, 1, 5)
    )

    assert [record.incident.incident_id for record in incidents.open_records()] == [early, middle, late]

    for minutes, incident_id in ((30, early), (20, late)):
        incidents.close(incident_id, "resolved", "", [], at(minutes))

    assert [record.incident.incident_id for record in incidents.open_records()] == [middle]
    assert [record.incident.incident_id for record in incidents.closed_since(at(0))] == [late, early]
    assert [record.incident.incident_id for record in incidents.closed_since(at(25))] == [early]


def test_a_word_or_note_that_comes_after_another_is_not_written(incidents: Incidents, incident_id: str) -> None:
    seen = incidents.record(incident_id)
    assert seen is not None
    note = Note(by="ana", text="restarted it", at=at(1))

    assert incidents.append_feedback(incident_id, word("real"), seen=seen) is not None
    assert incidents.append_feedback(incident_id, word("noise"), seen=seen) is None
    noted = incidents.append_note(incident_id, note, seen=seen)
    assert incidents.append_note(incident_id, note, seen=seen) is None

    assert noted is not None
    assert ([word.said for word in noted.feedback], noted.notes) == (["real"], [note])
