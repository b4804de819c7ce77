"""Evidence is gathered read by read; what cannot be read is said and stops nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from firstline.classification.evidence import gather, suspects
from firstline.errors import HistoryUnavailable
from firstline.models import Deployment, EarlierIncident, Evidence, Incident


@dataclass
class FakeHistory:
    same_name: int = 4
    earlier: list[EarlierIncident] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    asked: dict[str, object] = field(default_factory=dict)

    def _read[T](self, what: str, key: object, answer: T) -> T:
        self.asked[what] = key
        if what in self.broken:
            raise HistoryUnavailable(f"{what}: throttled")
        return answer

    def alerts_named(self, alert_name: str, since: datetime) -> int:
        return self._read("alerts", (alert_name, since), self.same_name)

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        return self._read("earlier", group_key, self.earlier)

    def deployments_since(self, since: datetime) -> list[Deployment]:
        return self._read("deployments", since, self.deployments)


def test_what_is_asked_for(incident: Callable[..., Incident], now: datetime) -> None:
    history = FakeHistory()
    found = gather(incident(), history, time_zone="UTC", now=now)
    assert history.asked == {
        "alerts": ("HighMemory", now - timedelta(hours=1)),
        "earlier": "prometheus:HighMemory:web-1",
        "deployments": now - timedelta(hours=4),
    }
    assert found.same_name_last_hour == 4
    assert found.missing == []


def test_a_table_that_cannot_be_read_leaves_empty_evidence_with_its_reason(
    incident: Callable[..., Incident], now: datetime
) -> None:
    history = FakeHistory(broken={"alerts", "earlier", "deployments"})
    found = gather(incident(), history, time_zone="UTC", now=now)
    assert (found.same_name_last_hour, found.earlier, found.deployments) == (0, [], [])
    assert found.missing == [
        "alerts of the same name could not be read: alerts: throttled",
        "earlier incidents could not be read: earlier: throttled",
        "deployments could not be read: deployments: throttled",
    ]


def test_one_broken_read_leaves_the_others(
    incident: Callable[..., Incident], ended: Callable[..., list[EarlierIncident]], now: datetime
) -> None:
    history = FakeHistory(earlier=ended("resolved"), broken={"deployments"})
    found = gather(incident(), history, time_zone="UTC", now=now)
    assert len(found.earlier) == 1
    assert len(found.missing) == 1


def test_an_incident_is_no_evidence_for_itself(
    incident: Callable[..., Incident], ended: Callable[..., list[EarlierIncident]], now: datetime
) -> None:
    this = incident(incident_id="earlier-0")
    found = gather(this, FakeHistory(earlier=ended("resolved", "resolved")), time_zone="UTC", now=now)
    assert [one.incident_id for one in found.earlier] == ["earlier-1"]


def test_deployments_of_the_service_come_first_then_the_newest(
    incident: Callable[..., Incident], deployment: Callable[..., Deployment], now: datetime
) -> None:
    history = FakeHistory(
        deployments=[
            deployment(minutes_ago=100),
            deployment(minutes_ago=5, service="search"),
            deployment(minutes_ago=50, service="Payments"),
            deployment(minutes_ago=1, service="mail"),
            deployment(minutes_ago=2, environment="staging"),
        ]
    )
    found = gather(incident(), history, time_zone="UTC", now=now).deployments
    assert [(one.service, one.environment) for one in found] == [
        ("Payments", "prod"),
        ("payments", "prod"),
        ("mail", "prod"),
        ("payments", "staging"),
        ("search", "prod"),
    ]


@pytest.mark.parametrize(
    ("minutes_ago", "changes", "suspected"),
    [
        (12, {}, True),
        (12, {"service": "PAYMENTS"}, True),
        (12, {"environment": None}, True),
        (12, {"environment": "staging"}, False),
        (12, {"service": "search"}, False),
        (-3, {}, False),  # after the incident began
    ],
)
def test_suspects(
    minutes_ago: int,
    changes: dict[str, object],
    suspected: bool,
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
    deployment: Callable[..., Deployment],
) -> None:
    found = suspects(incident(), evidence(deployments=[deployment(minutes_ago, **changes)]))
    assert bool(found) is suspected


def test_no_service_no_suspect(
    incident: Callable[..., Incident], evidence: Callable[..., Evidence], deployment: Callable[..., Deployment]
) -> None:
    assert suspects(incident(service=None), evidence(deployments=[deployment()])) == []


@pytest.mark.parametrize(
    ("moment", "time_zone", "business"),
    [
        (datetime(2026, 3, 4, 10, tzinfo=UTC), "UTC", True),
        (datetime(2026, 3, 4, 8, 30, tzinfo=UTC), "UTC", False),
        (datetime(2026, 3, 4, 8, 30, tzinfo=UTC), "Europe/Berlin", True),
        (datetime(2026, 3, 4, 18, tzinfo=UTC), "UTC", False),
        (datetime(2026, 3, 7, 10, tzinfo=UTC), "UTC", False),
        (datetime(2026, 3, 6, 23, 30, tzinfo=UTC), "Asia/Tokyo", False),  # already Saturday there
    ],
)
def test_business_hours_are_local(
    moment: datetime, time_zone: str, business: bool, incident: Callable[..., Incident]
) -> None:
    found = gather(incident(), FakeHistory(), time_zone=time_zone, now=moment)
    assert found.business_hours is business
    assert found.local_time == moment
