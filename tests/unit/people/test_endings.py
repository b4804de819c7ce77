"""The end of an incident: its outcome, its time, and the words for it."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.contracts import CloseIncidentInput
from firstline.incidents.message_facts import ended_at
from firstline.models import Counts, Hold, StepResult
from firstline.people.endings import EndedBy, end_in_words, outcome_of
from tests.support.builders import NOW, OPENED, a_classification, a_live, a_page, a_record, a_result, an_incident
from tests.support.changes import counts_for

LOW = a_classification(severity="low")
WORSE = a_live(own=counts_for(1, 4), decided=1)
"""A critical alert joined after the verdict."""


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
        ("worsened", {"classification": LOW, "live": WORSE}, "resolved", [], "resolved"),
        (
            "verified, but nothing was done",
            {"classification": LOW},
            "verified",
            [a_result(kind="verify")],
            "self_cleared",
        ),
        ("verified, but no act succeeded", {}, "verified", [a_result(status="Failed")], "resolved"),
        ("by a person", {"classification": LOW, "resolved_by": "ada"}, "person", [a_result()], "resolved"),
        ("nobody resolved it", {"pages": [a_page()]}, "expired", [], "expired"),
        ("nobody even acted", {"classification": LOW}, "expired", [a_result()], "expired"),
    ],
)
def test_the_outcome_follows_from_how_the_incident_ended(
    case: str,
    changes: dict[str, Any],
    ended_by: EndedBy,
    results: list[StepResult],
    expected: str,
) -> None:
    assert outcome_of(a_record(**changes), ended_by, results) == expected, case


@pytest.mark.parametrize(
    ("changes", "ended_by", "expected"),
    [
        ({}, "resolved", "no_data"),
        ({"pages": [a_page()]}, "resolved", "no_data"),
        ({"acknowledged_at": NOW}, "resolved", "no_data"),
        ({"resolved_by": "ada"}, "person", "resolved"),
        ({}, "expired", "expired"),
    ],
    ids=[
        "nobody was called",
        "paged",
        "acknowledged",
        "resolved by a person",
        "expired",
    ],
)
def test_an_end_without_data_counts_as_no_data_unless_a_person_resolved_it_or_it_expired(
    changes: dict[str, Any], ended_by: EndedBy, expected: str
) -> None:
    assert outcome_of(a_record(**changes), ended_by, [a_result()], without_data=True) == expected


def held(by: str, **changes: Any) -> dict[str, Any]:
    """A high incident that resolved in the minute before its wait would have been over."""
    hold = Hold(by=by, id="s-1", reason="It waited.", until=NOW, seconds=60)
    verdict = a_classification(severity="high").model_copy(update={"hold": hold})
    resolved = {"resolved_at": NOW - timedelta(minutes=1)}
    return {"classification": verdict} | resolved | changes


@pytest.mark.parametrize(
    ("case", "changes", "expected"),
    [
        ("a rule waited for exactly that", held("rule"), "self_cleared"),
        ("a silence proves nothing", held("silence"), "suppressed"),
        ("nor does maintenance", held("window"), "suppressed"),
        ("people were about to hear of it", held("rule", resolved_at=NOW), "resolved"),
        ("it had to go on", held("rule", hold_ended_at=NOW - timedelta(minutes=2)), "resolved"),
        ("it got worse", held("rule", live=WORSE), "resolved"),
        ("somebody took it", held("silence", acknowledged_at=NOW), "resolved"),
    ],
)
def test_an_incident_that_ends_during_its_hold_is_suppressed_or_cleared_unless_people_had_to_act(
    case: str, changes: dict[str, Any], expected: str
) -> None:
    assert outcome_of(a_record(**changes), "resolved", []) == expected, case


REASON = "Its verification holds."


def closing(ended_by: EndedBy, reason: str = REASON) -> CloseIncidentInput:
    return CloseIncidentInput(
        state="Close Incident", incident=an_incident(), results=[], ended_by=ended_by, joined=1, reason=reason
    )


@pytest.mark.parametrize(
    ("ended_by", "changes", "expected"),
    [
        ("person", {"resolved_by": "ada"}, "Resolved by ada."),
        ("verified", {}, REASON),
        ("expired", {}, "Nobody resolved it in time, and the alert did not either."),
        ("resolved", {}, "The alert resolved."),
        ("resolved", {"alert_count": 3}, "All 3 alerts resolved."),
        ("resolved", {"results": [a_result()]}, f"{REASON} The alert resolved."),
    ],
)
def test_the_reason_of_an_end_names_the_person_the_reason_of_the_machine_or_the_alerts(
    ended_by: EndedBy, changes: dict[str, Any], expected: str
) -> None:
    assert end_in_words(closing(ended_by), a_record(**changes)) == expected


def test_a_reason_that_says_that_the_alert_resolved_is_not_followed_by_the_same_words() -> None:
    event = closing("resolved", reason="Free disk space ran, and the alert resolved.")
    assert end_in_words(event, a_record(results=[a_result()])) == "Free disk space ran, and the alert resolved."


def test_an_incident_ended_with_its_last_alert_and_not_with_its_close() -> None:
    last = OPENED + timedelta(minutes=1)
    over = a_live(own=Counts(joined=1), last_end_at=last)
    closed = a_record(live=over, closed_at=NOW, resolved_by="ada", resolved_at=NOW)
    assert ended_at(closed, NOW) == last


def test_an_incident_that_still_fires_ended_when_a_person_resolved_it() -> None:
    said = OPENED + timedelta(minutes=2)
    assert ended_at(a_record(closed_at=NOW, resolved_by="ada", resolved_at=said), NOW) == said
