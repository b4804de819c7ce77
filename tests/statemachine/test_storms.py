"""A storm: one incident that people are paged for, and nothing is remediated automatically."""

from typing import Any

from tests.statemachine.incident import Incident
from tests.statemachine.requests import alert
from tests.statemachine.world import World

DISK: dict[str, Any] = {"severity": "high", "labels": {"mountpoint": "/var"}}


def in_one_minute(world: World) -> None:
    """Let a minute begin, because the limits start again each minute."""
    world.passes(60 - world.now().timestamp() % 60)


def test_alerts_beyond_the_limit_of_a_minute_become_one_storm_that_is_paged_and_not_remediated(world: World) -> None:
    in_one_minute(world)
    world.restart_functions(INCIDENTS_PER_MINUTE="2", INCIDENTS_PER_MINUTE_AND_ALERT="2")
    alerts = [alert("DiskFull", host=f"web-{i}", service=f"service-{i}", **DISK) for i in range(1, 6)]
    for first in alerts[:2]:
        world.send(first)
    storms = {incident_id for late in alerts[2:] for incident_id in world.send(late)}

    (storm_id,) = storms
    storm = Incident(world, storm_id)
    storm.stands_in("Await Acknowledgement")

    # An alert that joins just before the wait is refused it.
    assert [state for state in storm.path if state != "Pause"][:3] == [
        "Classify",
        "Page On-Call",
        "Await Acknowledgement",
    ]
    assert set(storm.path[3:]) <= {"Pause", "Await Acknowledgement"}
    record = storm.record
    assert record.incident.storm
    assert record.alert_count == 3
    assert all(sent.comment != storm_id for sent in world.commands.sent)
    (page,) = [message for message in world.woken() if message.incident == storm_id]
    assert "Storm of" in page.text
    assert "first Alert storm" not in page.text, "the name of the storm itself is the name of no alert"
    storm.is_acknowledged()
    storm.stands_in("Await Resolution")
    for late in alerts[2:]:
        world.send(late | {"status": "resolved"})
    assert storm.ends()[-1] == "Close Incident"
    assert storm.record.outcome == "resolved"
