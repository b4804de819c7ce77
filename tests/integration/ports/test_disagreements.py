"""A model's disagreement is stored with what is known of who was right, and again when people change their words."""

from typing import Any

import pytest

from firstline.classification import feedback_store
from firstline.classification.earned_say import earned_by
from firstline.incidents.store import Incidents
from firstline.models import Feedback, Incident, Stance
from tests.integration.ports.conftest import Open, close, live_of
from tests.support.builders import a_classification, alert, at

VERDICT = a_classification(
    severity="high",
    without_model=Stance(severity="high"),
    model_says=Stance(severity="low"),
    model="small",
    prompt_version="6",
)


@pytest.fixture
def incident(incidents: Incidents, opened: Open) -> Incident:
    """Open and classify an incident that a person acknowledges; return it."""
    incident = opened(alert())
    incidents.judge(incident, 1, VERDICT, at(1), seen=live_of(incidents, incident))
    incidents.acknowledge(incident.incident_id, "ada", at(1))
    return incident


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def labels(incidents: Incidents) -> list[Any]:
    return [found.label.severity for found in incidents.disagreements()]


def test_an_end_that_proves_the_model_wrong_is_stored_once_with_both_verdicts(
    incidents: Incidents, incident: Incident
) -> None:
    for _ in range(3):
        close(incidents, incident, 9)  # a person acknowledged it: high, as the rules said, and not low

    (found,) = incidents.disagreements()
    assert (found.decider, found.group) == ("llm:small:6", incident.group_key)
    assert (found.plain, found.judged) == (VERDICT.without_model, VERDICT.model_says)
    assert labels(incidents) == ["high"]


def test_a_model_that_was_wrong_has_lost_a_bet(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 9)
    at_first = 1
    standing = earned_by(incidents.disagreements()).standings["llm:small:6"]["page to tell"]
    assert standing.wealth < at_first


def test_an_expired_incident_proves_nobody_right_and_is_not_stored(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 9, "expired")
    assert labels(incidents) == []


def test_people_change_the_stored_label_and_may_change_it_back(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 9)
    for said, label in (("noise", "noise"), ("real", "high")):
        feedback_store.save_feedback(incident.incident_id, word(said), incidents=incidents)
        assert labels(incidents) == [label]
    feedback_store.save_feedback(incident.incident_id, word("noise", "slack:U2"), incidents=incidents)
    assert labels(incidents) == [None], "they do not agree"
