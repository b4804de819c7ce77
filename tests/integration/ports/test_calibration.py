"""Outcomes are counted once each, whoever says them and however often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from firstline.incidents.store import Incidents
from firstline.models import Feedback, Incident
from firstline.people import feedback_store
from tests.integration.ports.conftest import Open, close, live_of
from tests.support.builders import NOON, a_classification, alert, at

VERDICT = a_classification(severity="high", decided_by="history", confidence=0.4, raw_confidence=0.75)


@pytest.fixture
def incident(incidents: Incidents, opened: Open) -> Incident:
    """Open and classify an incident that a person acknowledges; return it."""
    incident = opened(alert())
    incidents.judge(incident, 1, VERDICT, at(1), seen=live_of(incidents, incident))
    incidents.acknowledge(incident.incident_id, "ada", at(1))
    return incident


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def counted(incidents: Incidents) -> tuple[int, int]:
    """(right, in all) of what history claimed at 0.75."""
    tally = incidents.calibration(NOON).tallies.get("history")
    return (tally.right[7], tally.count[7]) if tally else (0, 0)


def test_an_end_counts_once_under_what_was_claimed(incidents: Incidents, incident: Incident) -> None:
    for _ in range(3):
        close(incidents, incident, 9)
    assert counted(incidents) == (1, 1)


def test_an_end_that_says_nothing_is_not_counted(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 9, "expired")
    assert counted(incidents) == (0, 0)


def test_people_change_what_was_counted_and_may_change_it_back(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 9)

    feedback_store.save_feedback(incident.incident_id, word("noise"), incidents=incidents)
    assert counted(incidents) == (0, 1)
    feedback_store.save_feedback(incident.incident_id, word("noise", "slack:U2"), incidents=incidents)
    assert counted(incidents) == (0, 1)
    feedback_store.save_feedback(incident.incident_id, word("real"), incidents=incidents)
    feedback_store.save_feedback(incident.incident_id, word("real", "slack:U2"), incidents=incidents)
    assert counted(incidents) == (1, 1)


def test_many_at_once_are_each_counted_once(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 9, "expired")
    with ThreadPoolExecutor(4) as pool:
        people = [word("real", f"slack:U{number}") for number in range(4)]
        list(pool.map(lambda one: feedback_store.save_feedback(incident.incident_id, one, incidents=incidents), people))
    close(incidents, incident, 9, "expired")
    assert counted(incidents) == (1, 1)


def test_only_this_month_and_the_one_before_count(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 9)
    assert incidents.calibration(NOON + timedelta(days=31)).tallies
    assert not incidents.calibration(NOON + timedelta(days=62)).tallies
