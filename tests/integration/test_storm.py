"""A storm through ingest: ten thousand alerts of fifty causes in five minutes, by the limits of the template."""

from collections import Counter
from datetime import timedelta

from firstline.incidents.store import Limits
from firstline.models import NormalizedAlert
from tests.simulation.storm import ALERTS, CRITICAL, Delivery, causes, storm
from tests.support.builders import NOON, alert
from tests.unit.ingest.door import Door

USUAL = Limits(per_minute=30, per_minute_and_alert=5)


def alerts_of(delivery: Delivery, *, group_by_host: bool = False) -> list[NormalizedAlert]:
    name, severity = delivery.cause
    return [
        alert(
            alert_name=name,
            severity=severity,
            host=host,
            fingerprint=f"{name}/{host}",
            group_key=f"{name}/{host}" if group_by_host else name,
            timestamp=NOON + timedelta(seconds=delivery.after),
        )
        for host in delivery.hosts
    ]


def taken(deliveries: list[Delivery], *, group_by_host: bool = False) -> Door:
    door = Door(limits=USUAL)
    for delivery in deliveries:
        alerts = alerts_of(delivery, group_by_host=group_by_host)
        door.accept(NOON + timedelta(seconds=delivery.after), *alerts)
    return door


def test_a_storm_becomes_a_few_incidents_and_each_critical_cause_has_its_own() -> None:
    door = taken(storm(0))

    lives = door.lives()
    assert len(door.starts) == len(lives) <= 55
    assert [live.is_storm for live in lives].count(True) == 1
    assert sum(live.joined for live in lives) == sum(live.firing for live in lives) == ALERTS
    critical = {cause.name: ALERTS // len(causes()) for cause in causes() if cause.severity == "critical"}
    assert len(critical) == CRITICAL
    assert {live.group_key: live.loud.critical for live in lives if live.loud.critical} == critical
    # Those counts are right: so many alerts of each incident are stored as firing.
    stored = Counter(each.incident_id for each in door.alerts() if each.firing)
    assert stored == {live.incident_id: live.firing for live in lives}


def test_a_storm_in_which_each_host_is_a_group_hides_no_critical_alert() -> None:
    deliveries = storm(1)
    door = taken(deliveries, group_by_host=True)

    lives = {live.incident_id: live for live in door.lives()}
    stored = door.alerts()
    sent = sum(len(delivery.hosts) for delivery in deliveries)
    assert len(stored) == sum(live.firing for live in lives.values()) == sent
    loud = Counter(each.incident_id for each in stored if each.alert.severity == "critical" and not each.held)
    assert loud.total() == sum(len(each.hosts) for each in deliveries if each.cause.severity == "critical")
    assert all(lives[incident].loud.critical == count for incident, count in loud.items() if incident)
    by_severity = Counter(door.store.records[incident].incident.alert.severity for incident, _ in door.starts)
    # Of those that do not page, only the first minute's tokens, and one storm.
    assert sum(count for severity, count in by_severity.items() if severity != "critical") <= USUAL.per_minute + 1
    # While a storm lasts, each critical name begins one incident of its own.
    named = {door.store.records[incident].incident.alert.alert_name for incident, _ in door.starts}
    assert {cause.name for cause in causes() if cause.severity == "critical"} <= named
    assert len(door.starts) <= 55
