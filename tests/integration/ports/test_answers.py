"""People's answers: all of them are heard, and the evidence for the next incident learns of them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from firstline.classification import feedback_store
from firstline.incidents.store import Incidents
from firstline.models import Feedback, Incident, Note
from tests.integration.ports.conftest import Open, close, record_of
from tests.support.builders import alert, at


@pytest.fixture
def incident(opened: Open) -> Incident:
    """Open an incident."""
    return opened(alert())


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def test_what_people_say_before_and_after_the_end_is_in_the_evidence_from_the_end_on(
    incidents: Incidents, incident: Incident
) -> None:
    feedback_store.save_feedback(incident.incident_id, word("noise"), incidents=incidents)
    assert incidents.earlier_incidents("group-1") == []

    close(incidents, incident, 9)
    feedback_store.save_feedback(incident.incident_id, word("real", "slack:U2"), incidents=incidents)
    feedback_store.save_note(incident.incident_id, "ana", "restarted it", at(30), incidents=incidents)

    (earlier,) = incidents.earlier_incidents("group-1")
    assert [voice.said for voice in earlier.feedback] == ["noise", "real"]
    assert earlier.note == "restarted it"


def test_a_word_or_note_on_an_old_record_is_not_written(incidents: Incidents, incident: Incident) -> None:
    seen = record_of(incidents, incident)
    note = Note(by="ana", text="restarted it", at=at(1))

    assert incidents.append_feedback(incident.incident_id, word("real"), seen=seen) is not None
    assert incidents.append_feedback(incident.incident_id, word("noise"), seen=seen) is None
    noted = incidents.append_note(incident.incident_id, note, seen=seen)
    assert incidents.append_note(incident.incident_id, note, seen=seen) is None

    assert noted is not None
    assert ([word.said for word in noted.feedback], noted.notes) == (["real"], [note])


def test_people_who_speak_at_the_same_moment_are_all_heard(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 9)

    with ThreadPoolExecutor(6) as pool:
        people = [word("real", f"slack:U{number}") for number in range(6)]
        list(
            pool.map(lambda said: feedback_store.save_feedback(incident.incident_id, said, incidents=incidents), people)
        )

    record = record_of(incidents, incident)
    assert {word.person for word in record.feedback} == {word.person for word in people}
    (earlier,) = incidents.earlier_incidents("group-1")
    assert {word.person for word in earlier.feedback} == {word.person for word in people}


def test_an_older_record_that_is_written_late_takes_no_feedback_out_of_the_evidence(
    incidents: Incidents, incident: Incident
) -> None:
    without_feedback = close(incidents, incident, 9)
    feedback_store.save_feedback(incident.incident_id, word("real"), incidents=incidents)

    incidents.remember_the_end(without_feedback)
    close(incidents, incident, 9)  # a close that is repeated writes the end once more

    (earlier,) = incidents.earlier_incidents("group-1")
    assert [word.said for word in earlier.feedback] == ["real"]


def test_a_suppressed_incident_that_a_person_called_real_is_never_cut_off_even_if_the_word_changes(
    incidents: Incidents, incident: Incident
) -> None:
    closed = close(incidents, incident, 9, "suppressed")
    for number in range(30):
        later = closed.incident.model_copy(update={"incident_id": f"later-{number}"})
        incidents.remember_the_end(
            closed.model_copy(update={"incident": later, "closed_at": at(20 + number), "outcome": "suppressed"})
        )

    feedback_store.save_feedback(incident.incident_id, word("real"), incidents=incidents)

    earlier = incidents.earlier_incidents("group-1", limit=20)
    assert earlier[-1].incident_id == incident.incident_id
    assert [each.closed_at for each in earlier] == sorted((each.closed_at for each in earlier), reverse=True)

    feedback_store.save_feedback(incident.incident_id, word("noise"), incidents=incidents)

    assert [word.said for word in incidents.earlier_incidents("group-1")[-1].feedback] == ["noise"]
