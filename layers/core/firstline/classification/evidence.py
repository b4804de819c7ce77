"""The evidence around an incident. What cannot be read is said, and never stops the verdict."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from firstline.classification.redaction import safe_line
from firstline.classification.similar import most_similar
from firstline.errors import HistoryUnavailable, MetricsUnavailable
from firstline.incidents.store import EvidenceSource
from firstline.models import (
    AlertCount,
    Deployment,
    EarlierIncident,
    Evidence,
    Incident,
    MetricSeries,
    NormalizedAlert,
)
from firstline.policy.rules import NO_RULES, Rules

DEPLOYMENT_WINDOW = timedelta(hours=4)
MAX_EARLIER = 20
MAX_DEPLOYMENTS = 20
BUSINESS_DAYS = range(5)
BUSINESS_HOURS = (time(9), time(18))

_TOPOLOGY: Mapping[str, tuple[str, ...]] = {
    "cluster": ("cluster", "cluster_name", "kube_cluster_name", "ClusterName"),
    "namespace": ("namespace", "kube_namespace", "kubernetes_namespace"),
    "workload": ("deployment", "statefulset", "daemonset", "kube_deployment", "workload"),
    "node": ("node", "kube_node", "nodename"),
    "zone": ("zone", "az", "availability_zone", "availability-zone", "AvailabilityZone", "topology_kubernetes_io_zone"),
    "datacenter": ("datacenter", "dc", "site"),
    "team": ("team", "owner", "squad"),
}
"""Where something stands, and the labels that say so: the first that is there counts."""


class MetricReader(Protocol):
    """The metric behind a monitor's alarm."""

    def around(self, alert: NormalizedAlert, moment: datetime) -> MetricSeries | None:
        """Read the metric before and at a moment; return None if the alert has none that can be read here.

        Raises
        ------
        MetricsUnavailable
            It has one, and it could not be read.
        """
        ...


def gather(
    incident: Incident,
    incidents: EvidenceSource,
    *,
    time_zone: str,
    now: datetime,
    metrics: MetricReader | None = None,
    rules: Rules = NO_RULES,
) -> Evidence:
    """Gather the evidence at `now`. All reads go out at once and take as long as the slowest; each may fail alone.

    Parameters
    ----------
    time_zone
        IANA name; hours and weekdays of rules and prompt are local to it.
    now
        Aware, UTC.
    rules
        Where maintenance windows are declared.
    """
    alert = incident.alert
    service = None if incident.storm else alert.service
    missing: list[str] = []

    def answer[T](what: str, asked: Future[T], otherwise: T) -> T:
        try:
            return asked.result()
        except (HistoryUnavailable, MetricsUnavailable) as error:
            missing.append(f"{what} could not be read: {safe_line(str(error), 300)}")
            return otherwise

    with ThreadPoolExecutor(6) as pool:
        named = pool.submit(incidents.alerts_named, alert.alert_name, now)
        active = _ask(pool, service, lambda known: incidents.service_activity(known, now))
        of_group = pool.submit(incidents.earlier_incidents, incident.group_key, limit=MAX_EARLIER)
        like = _ask(pool, None if incident.storm else alert, incidents.incidents_like)
        deployed = pool.submit(incidents.deployments_since, now - DEPLOYMENT_WINDOW)
        measured = _ask(pool, metrics, lambda reader: reader.around(alert, incident.opened_at))

    count = answer("alerts of the same name", named, AlertCount(last_hour=0, last_day=0))
    activity = answer("what goes on with the service", active, None)
    earlier = answer("earlier incidents", of_group, list[EarlierIncident]())
    candidates = answer("similar incidents", like, None) or []
    deployments = answer("deployments", deployed, list[Deployment]())
    local = now.astimezone(ZoneInfo(time_zone))
    return Evidence(
        same_name_last_hour=count.last_hour,
        same_name_last_day=count.last_day,
        same_service=activity.alerts if activity else None,
        earlier=[one for one in earlier if one.incident_id != incident.incident_id][:MAX_EARLIER],
        similar=most_similar(alert, candidates, group_key=incident.group_key, now=now),
        deployments=_suspects_first(deployments, alert),
        service_deployed_at=_last_deployed(activity.deployments if activity else [], alert),
        topology=_topology(alert.labels),
        metric=answer("the alarm's metric", measured, None),
        local_time=local,
        business_hours=local.weekday() in BUSINESS_DAYS and BUSINESS_HOURS[0] <= local.time() < BUSINESS_HOURS[1],
        missing=missing,
        maintenance=rules.maintained(alert, now),
    )


def _ask[A, T](pool: ThreadPoolExecutor, whom: A | None, question: Callable[[A], T]) -> "Future[T | None]":
    """Ask, unless there is nobody to ask."""
    return pool.submit(lambda: None if whom is None else question(whom))


def suspects(incident: Incident, evidence: Evidence) -> list[Deployment]:
    """Return the deployments of the incident's own service that went out before it, newest first."""
    return [
        one for one in evidence.deployments if _concerns(one, incident.alert) and one.deployed_at <= incident.opened_at
    ]


def _suspects_first(deployments: list[Deployment], alert: NormalizedAlert) -> list[Deployment]:
    newest_first = sorted(deployments, key=lambda one: one.deployed_at, reverse=True)
    return sorted(newest_first, key=lambda one: not _concerns(one, alert))[:MAX_DEPLOYMENTS]


def _last_deployed(deployments: list[Deployment], alert: NormalizedAlert) -> datetime | None:
    return max((one.deployed_at for one in deployments if _concerns(one, alert)), default=None)


def _topology(labels: Mapping[str, str]) -> dict[str, str]:
    """Read where it stands from labels. CloudWatch's namespace (`AWS/…`) is the kind of a metric, and no place."""
    found = {
        place: next((labels[name] for name in names if labels.get(name)), "") for place, names in _TOPOLOGY.items()
    }
    return {place: value for place, value in found.items() if value and not value.startswith("AWS/")}


def _concerns(deployment: Deployment, alert: NormalizedAlert) -> bool:
    """Tell whether it is the alert's service, and not known to be another environment."""
    if alert.service is None or deployment.service.casefold() != alert.service.casefold():
        return False
    known = deployment.environment is not None and alert.environment is not None
    return not known or str(deployment.environment).casefold() == str(alert.environment).casefold()
