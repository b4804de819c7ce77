"""A Watchdog that stays away pages, once, and its return resolves that: the same pipeline as for every alert."""

from datetime import UTC, datetime, timedelta
from typing import Any

from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.table import Table
from firstline.sources import normalize_batch
from tests.statemachine.incident import Incident
from tests.statemachine.world import World


def watchdog(cluster: str) -> dict[str, Any]:
    return {"alert_name": "Watchdog", "severity": "info", "message": "alive", "labels": {"cluster": cluster}}


def hours_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def beat(world: World, cluster: str, at: datetime) -> None:
    """Let the heartbeat arrive at this time."""
    (alert,) = normalize_batch("generic", watchdog(cluster), received_at=at).alerts
    heartbeats(world).beat(alert, at)


def heartbeats(world: World) -> TableHeartbeats:
    return TableHeartbeats(Table(world.client("dynamodb"), world.created.table_name))


def reconcile_has_watched_for_two_days(world: World) -> None:
    """Record that reconcile looked every minute: a gap in its own watch would excuse a silent heartbeat."""
    watch = {"pk": "HEARTBEATS", "sk": "WATCH", "since": hours_ago(48).isoformat()}
    Table(world.client("dynamodb"), world.created.table_name).put(watch | {"looked_at": hours_ago(0).isoformat()})


def open_incidents(world: World) -> list[str]:
    return [record.incident.incident_id for record in world.history.open_records()]


def test_a_silent_heartbeat_pages_once_and_its_return_resolves_the_incident(world: World) -> None:
    beat(world, "eu", hours_ago(9))
    beat(world, "us", hours_ago(1))
    reconcile_has_watched_for_two_days(world)
    world.reconciles()
    world.reconciles()

    (incident_id,) = open_incidents(world)
    incident = Incident(world, incident_id)
    incident.stands_in("Await Acknowledgement")
    (page,) = world.told("pagerduty")
    assert "The heartbeat Watchdog of cluster eu has been silent for 9 h" in page.text
    incident.is_acknowledged()
    incident.stands_in("Await Resolution")

    answer = world.send_anyway(watchdog("eu"))
    assert answer["incidents"] == []
    world.reconciles()

    assert incident.ends()[-1] == "Close Incident"
    assert "The alert resolved" in (incident.record.outcome_reason or "")
    assert open_incidents(world) == []


def test_forgetting_a_heartbeat_whose_sender_is_gone_ends_its_incident(world: World) -> None:
    beat(world, "eu", hours_ago(9))
    reconcile_has_watched_for_two_days(world)
    world.reconciles()
    incident = Incident(world, open_incidents(world)[0])
    incident.stands_in("Await Acknowledgement")

    ((pulse,), _) = heartbeats(world).pulses()
    heartbeats(world).forget(pulse.key, "ana", hours_ago(0))
    world.reconciles()
    incident.ends()
    world.reconciles()

    assert "The alert resolved" in (incident.record.outcome_reason or "")
    assert open_incidents(world) == []


def test_heartbeats_open_no_incident(world: World) -> None:
    answer = world.send_anyway(watchdog("eu"))
    world.reconciles()

    assert answer["incidents"] == []
    assert open_incidents(world) == []
    assert [pulse.alert.labels["cluster"] for pulse in heartbeats(world).pulses()[0]] == ["eu"]


def test_an_absence_whose_incident_a_human_closed_is_not_paged_again(world: World) -> None:
    beat(world, "eu", hours_ago(9))
    reconcile_has_watched_for_two_days(world)
    world.reconciles()
    incident = Incident(world, open_incidents(world)[0])
    incident.stands_in("Await Acknowledgement")
    incident.is_resolved()
    incident.ends()
    world.reconciles()

    assert open_incidents(world) == []
