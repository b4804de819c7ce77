"""Evidence: what is counted, what is remembered, and what counts as alike."""

from functools import partial
from typing import Any

import pytest

from firstline.classification.feedback_store import save_feedback
from firstline.incidents.groups import Groups
from firstline.incidents.store import Incidents
from firstline.models import AlertCount, Deployment, Feedback, Incident, Outcome, Word, kind_of
from tests.integration.ports.conftest import Open, Ports, close
from tests.support.builders import alert, at, open_for, receive_into


@pytest.fixture
def receive(groups: Groups) -> Open:
    """Take in a new alert at a minute after noon, as ingest does, and return its incident."""
    return partial(receive_into, groups)


@pytest.fixture
def closed(incidents: Incidents, receive: Open) -> Open:
    """Open an incident at a minute after noon and close it a minute later."""

    def run(minutes: float = 0, outcome: Outcome = "resolved", **what: Any) -> Incident:
        opened = receive(minutes, **what)
        close(incidents, opened, minutes + 1, outcome)
        return opened

    return run


def test_alerts_are_counted_by_name_and_by_service_for_an_hour_and_a_day(incidents: Incidents, receive: Open) -> None:
    receive(0, service="Shop", alert_name="DiskFull")
    receive(10 * 60, service="shop", alert_name="HighCpu", group_key="group-2")
    receive(10 * 60 + 30, service="mail", alert_name="HighCpu", group_key="group-3")

    later = at(10 * 60 + 59)
    assert incidents.alerts_named("HighCpu", later) == AlertCount(last_hour=2, last_day=2)
    assert incidents.alerts_named("DiskFull", later) == AlertCount(last_hour=0, last_day=1)
    assert incidents.service_activity("SHOP", later).alerts == AlertCount(last_hour=1, last_day=2)
    assert incidents.service_activity("shop", at(36 * 60)).alerts == AlertCount(last_hour=0, last_day=0)


def test_a_services_last_deployment_is_known_however_long_ago(incidents: Incidents) -> None:
    for version, minutes, environment in (("2", -90_000, "prod"), ("1", -95_000, "prod"), ("9", -5, "staging")):
        deployed = Deployment(service="Shop", version=version, environment=environment, deployed_at=at(minutes))
        incidents.save_deployment(deployed)

    found = incidents.service_activity("shop", at(1)).deployments

    assert {(deployment.environment, deployment.version) for deployment in found} == {("prod", "2"), ("staging", "9")}
    assert len(incidents.deployments_since(at(-100_000))) == 3, "the older one is kept, too"


def test_incidents_of_the_same_name_or_service_are_candidates_newest_first(incidents: Incidents, closed: Open) -> None:
    same_name = closed(0, alert_name="disk-full-web-1", service="mail", group_key="a")
    same_service = closed(1, alert_name="Crashing", service="SHOP", group_key="b")
    both = closed(2, alert_name="DiskFull", service="shop", group_key="c")
    closed(3, alert_name="Crashing", service="mail", group_key="d")

    found = incidents.incidents_like(alert(alert_name="DiskFull", service="shop"))
    of_the_name = incidents.incidents_like(alert(alert_name="DiskFull", service=None))

    assert [earlier.incident_id for earlier in found] == [
        both.incident_id,
        same_service.incident_id,
        same_name.incident_id,
    ]
    assert [earlier.incident_id for earlier in of_the_name] == [both.incident_id, same_name.incident_id]


def test_a_candidate_brings_its_outcome_and_the_template_of_its_alert(incidents: Incidents, closed: Open) -> None:
    closed(0, alert_name="DiskFull", message="disk is full")
    (found,) = incidents.incidents_like(alert(alert_name="DiskFull"))
    assert (found.outcome, found.template) == ("resolved", "disk full: disk is full")


def test_a_group_has_one_place_a_day_and_the_newest_takes_it(incidents: Incidents, closed: Open) -> None:
    for minutes in range(0, 100, 10):
        last = closed(minutes, group_key="chatty", outcome="self_cleared")
    other = closed(5, group_key="quiet")
    next_day = closed(24 * 60, group_key="chatty")

    found = [earlier.incident_id for earlier in incidents.incidents_like(alert())]

    assert found == [next_day.incident_id, last.incident_id, other.incident_id]


def test_what_was_suppressed_is_evidence_for_other_groups_once_a_person_spoke_of_it(
    incidents: Incidents, closed: Open
) -> None:
    proven, hidden = closed(0, group_key="mixed"), closed(40, group_key="mixed", outcome="suppressed")

    def alike() -> list[str]:
        return [earlier.incident_id for earlier in incidents.incidents_like(alert())]

    assert alike() == [proven.incident_id]
    assert incidents.earlier_incidents("mixed")[0].incident_id == hidden.incident_id, "its own group knows it"

    word = Feedback(person="slack:U1", by="ana", said="real", at=at(60))
    save_feedback(hidden.incident_id, word, incidents=incidents)
    assert alike() == [hidden.incident_id]


def test_an_older_end_that_is_written_late_does_not_take_the_place_of_its_groups_newer_one(
    incidents: Incidents, closed: Open
) -> None:
    older, newer = closed(0), closed(40)
    record = incidents.record(older.incident_id)
    assert record is not None

    incidents.remember_the_end(record)

    assert [earlier.incident_id for earlier in incidents.incidents_like(alert())] == [newer.incident_id]


def test_a_storm_is_no_candidate(incidents: Incidents, groups: Groups) -> None:
    storm = open_for(groups, alert(group_key="storm:generic", service="shop"), storm=True)
    close(incidents, storm, 1)
    assert incidents.incidents_like(alert(service="shop")) == []
    assert len(incidents.earlier_incidents("storm:generic")) == 1


def test_what_a_person_says_of_an_alert_never_expires(incidents: Incidents, ports: Ports) -> None:
    said = Word(subject=kind_of(alert()), severity="low", person="slack:U1", by="ana", at=at(1))
    assert incidents.save_word(said)

    stored = ports.table.get("WORDS", said.subject.key)

    assert stored is not None
    assert "expires_at" not in stored
    assert incidents.word_on(said.subject) == said
