"""Evidence around an incident: what is read, and that a read which fails is named and stops nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from firstline.classification.evidence import gather, suspects
from firstline.errors import HistoryUnavailable, MetricsUnavailable
from firstline.models import (
    AlarmEvidence,
    AlertCount,
    AlertKind,
    Deployment,
    EarlierIncident,
    Evidence,
    Incident,
    MetricReading,
    MetricSeries,
    NormalizedAlert,
    Resource,
    ResourceChange,
    ServiceActivity,
    Word,
    kind_of,
)

SAME_NAME = AlertCount(last_hour=4, last_day=9)
ACTIVITY = ServiceActivity(alerts=AlertCount(last_hour=5, last_day=7), deployments=[])


@dataclass
class FakeHistory:
    """A source of evidence that returns the given answers, fails the reads in `broken`, and records what was asked."""

    same_name: AlertCount = SAME_NAME
    service: ServiceActivity = ACTIVITY
    earlier: list[EarlierIncident] = field(default_factory=list)
    like: list[EarlierIncident] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    word: Word | None = None
    all_words: list[Word] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    asked: dict[str, object] = field(default_factory=dict)

    def _read[T](self, what: str, key: object, answer: T) -> T:
        self.asked[what] = key
        if what in self.broken:
            raise HistoryUnavailable(f"{what}: throttled")
        return answer

    def alerts_named(self, alert_name: str, now: datetime) -> AlertCount:
        return self._read("alerts", (alert_name, now), self.same_name)

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        return self._read("service", (service, now), self.service)

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        return self._read("earlier", group_key, self.earlier)

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        return self._read("like", (alert.alert_name, alert.service), self.like)

    def deployments_since(self, since: datetime) -> list[Deployment]:
        return self._read("deployments", since, self.deployments)

    def word_on(self, subject: AlertKind) -> Word | None:
        return self._read("word", subject.key, self.word)

    def words(self) -> list[Word]:
        return self._read("words", "all", self.all_words)


def test_evidence_is_read_by_alert_name_service_group_and_recent_deployments(
    incident: Callable[..., Incident], now: datetime
) -> None:
    of_the_service = AlertCount(last_hour=5, last_day=7)
    history = FakeHistory(
        same_name=AlertCount(last_hour=4, last_day=9), service=ServiceActivity(alerts=of_the_service, deployments=[])
    )
    found = gather(incident(), history, time_zone="UTC", now=now)
    assert history.asked == {
        "alerts": ("HighMemory", now),
        "service": ("payments", now),
        "earlier": "prometheus:HighMemory:web-1",
        "like": ("HighMemory", "payments"),
        "deployments": now - timedelta(hours=4),
    }
    assert (found.same_name_last_hour, found.same_name_last_day) == (4, 9)
    assert found.same_service == of_the_service
    assert found.missing == []


def test_no_service_is_read_if_the_alert_names_none(incident: Callable[..., Incident], now: datetime) -> None:
    history = FakeHistory()
    found = gather(incident(service=None), history, time_zone="UTC", now=now)
    assert "service" not in history.asked
    assert history.asked["like"] == ("HighMemory", None)
    assert found.same_service is None


def test_neither_service_nor_similar_incidents_are_read_for_a_storm(
    incident: Callable[..., Incident], now: datetime
) -> None:
    history = FakeHistory()
    gather(incident(storm=True), history, time_zone="UTC", now=now)
    assert set(history.asked) == {"alerts", "earlier", "deployments"}


def test_a_table_that_cannot_be_read_leaves_empty_evidence_with_its_reason(
    incident: Callable[..., Incident], now: datetime
) -> None:
    history = FakeHistory(broken={"alerts", "service", "earlier", "like", "deployments"})
    found = gather(incident(), history, time_zone="UTC", now=now)
    assert (found.same_name_last_hour, found.earlier, found.similar, found.deployments) == (0, [], [], [])
    assert found.missing == [
        "alerts of the same name could not be read: alerts: throttled",
        "the service's alerts and deployments could not be read: service: throttled",
        "earlier incidents could not be read: earlier: throttled",
        "similar incidents could not be read: like: throttled",
        "deployments could not be read: deployments: throttled",
    ]


def test_a_metric_that_cannot_be_read_is_named_as_missing(incident: Callable[..., Incident], now: datetime) -> None:
    class Broken:
        def covers(self, alert: NormalizedAlert) -> bool:
            return True

        def around(self, alert: NormalizedAlert, moment: datetime, now: datetime) -> AlarmEvidence | None:
            raise MetricsUnavailable("CloudWatch throttled")

    found = gather(incident(), FakeHistory(), time_zone="UTC", now=now, alarms=Broken())
    assert found.metric is None
    assert found.missing == ["the alarm's metric could not be read: CloudWatch throttled"]


def test_the_alarms_evidence_is_read_around_the_opening_and_kept_whole(
    incident: Callable[..., Incident], now: datetime
) -> None:
    asked: list[tuple[datetime, datetime]] = []
    series = MetricSeries(label="CPUUtilization, Average", period_seconds=60, values=[1, 2], ends_at=now)

    seen = AlarmEvidence(
        metric=series,
        readings=[MetricReading(name="CPUUtilization", now=97)],
        resource=Resource(kind="EC2", namespace="AWS/EC2", id="i-1"),
        changes=[ResourceChange(at=now, what="RebootInstances")],
        missing=["the resource's state could not be read: denied"],
    )

    class Alarms:
        def covers(self, alert: NormalizedAlert) -> bool:
            return True

        def around(self, alert: NormalizedAlert, moment: datetime, now: datetime) -> AlarmEvidence | None:
            asked.append((moment, now))
            return seen

    late = now + timedelta(minutes=9)
    found = gather(incident(), FakeHistory(), time_zone="UTC", now=late, alarms=Alarms())
    assert (found.metric, found.readings, found.resource, found.changes) == (
        series,
        seen.readings,
        seen.resource,
        seen.changes,
    )
    assert found.missing == seen.missing
    assert asked == [(now, late)]


def test_the_services_last_deployment_is_of_the_incidents_environment(
    incident: Callable[..., Incident], deployment: Callable[..., Deployment], now: datetime
) -> None:
    """Take a deployment that names no environment for one of the incident's."""
    older, newer = 90_000, 80_000  # minutes ago
    activity = ServiceActivity(
        alerts=AlertCount(last_hour=0, last_day=0),
        deployments=[deployment(older), deployment(10, environment="staging"), deployment(newer, environment=None)],
    )
    found = gather(incident(), FakeHistory(service=activity), time_zone="UTC", now=now)
    assert found.service_deployed_at == now - timedelta(minutes=newer)


@pytest.mark.parametrize(
    ("labels", "topology"),
    [
        (
            {"namespace": "prod", "az": "eu-west-1a", "team": "shop", "other": "x"},
            {"namespace": "prod", "zone": "eu-west-1a", "team": "shop"},
        ),
        ({"namespace": "AWS/EC2", "ClusterName": "blue"}, {"cluster": "blue"}),
        ({"cluster": "", "node": "n1"}, {"node": "n1"}),
    ],
)
def test_the_place_of_an_alert_is_read_from_its_labels(
    labels: dict[str, str], topology: dict[str, str], incident: Callable[..., Incident], now: datetime
) -> None:
    assert gather(incident(labels=labels), FakeHistory(), time_zone="UTC", now=now).topology == topology


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
    assert [incident.incident_id for incident in found.earlier] == ["earlier-1"]


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
    assert [(deployment.service, deployment.environment) for deployment in found] == [
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
        (12, {"environment": "Production"}, True),
        (12, {"environment": "production-eu"}, False),
        (12, {"service": "search"}, False),
        (-3, {}, False),  # after the incident began
    ],
)
def test_only_an_earlier_deployment_of_the_same_service_and_environment_is_a_suspect(
    minutes_ago: int,
    changes: dict[str, object],
    suspected: bool,
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
    deployment: Callable[..., Deployment],
) -> None:
    found = suspects(incident(), evidence(deployments=[deployment(minutes_ago, **changes)]))
    assert bool(found) is suspected


def test_an_alert_without_a_service_has_no_suspect(
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
        (datetime(2026, 3, 7, 10, tzinfo=UTC), "UTC", False),  # a Saturday
        (datetime(2026, 3, 6, 23, 30, tzinfo=UTC), "Asia/Tokyo", False),  # already Saturday there
    ],
)
def test_business_hours_are_local(
    moment: datetime, time_zone: str, business: bool, incident: Callable[..., Incident]
) -> None:
    found = gather(incident(), FakeHistory(), time_zone=time_zone, now=moment)
    assert found.business_hours is business
    assert found.local_time == moment


def test_the_word_on_an_alert_without_a_stated_severity_is_read_and_no_other_words(
    incident: Callable[..., Incident], now: datetime
) -> None:
    unstated = incident(severity_stated=False)
    word = Word(subject=kind_of(unstated.alert), severity="low", person="slack:U1", by="Ann", at=now)
    history = FakeHistory(word=word)

    assert gather(unstated, history, time_zone="UTC", now=now).word == word
    assert "words" not in history.asked


def test_the_words_on_other_alerts_are_read_if_there_is_none_on_an_alert_without_a_stated_severity(
    incident: Callable[..., Incident], now: datetime
) -> None:
    history = FakeHistory(word=None)
    gather(incident(severity_stated=False), history, time_zone="UTC", now=now)

    assert "words" in history.asked


def test_peoples_words_are_not_read_for_a_stated_severity_or_a_storm(
    incident: Callable[..., Incident], now: datetime
) -> None:
    history = FakeHistory()
    gather(incident(), history, time_zone="UTC", now=now)
    gather(incident(severity_stated=False, storm=True), history, time_zone="UTC", now=now)

    assert "word" not in history.asked
