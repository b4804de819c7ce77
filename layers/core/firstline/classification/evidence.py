"""The gathering of evidence around an incident. Evidence that cannot be read is listed, and never stops the verdict."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from firstline.classification.owner_tags import with_tags
from firstline.classification.severity_words import nearest
from firstline.classification.similar import most_similar
from firstline.errors import HistoryUnavailable, MetricsUnavailable
from firstline.incidents.store import EvidenceSource
from firstline.models import (
    AlarmEvidence,
    AlertCount,
    Deployment,
    EarlierIncident,
    Evidence,
    Incident,
    NearWord,
    NormalizedAlert,
    OwnerTags,
    ServiceActivity,
    Word,
    kind_of,
)
from firstline.policy.rules import NO_RULES, Rules
from firstline.policy.schedule import begin_days
from firstline.privacy.safe_text import safe_line

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
"""The labels that may name each kind of place; the first of them that an alert has counts."""


class AlarmSource(Protocol):
    """A reader of the evidence around a monitor's alarm: its metric, the affected resource and its changes."""

    def covers(self, alert: NormalizedAlert) -> bool:
        """Return True if this reader can read the alarm behind the alert. No request is made."""
        ...

    def around(self, alert: NormalizedAlert, moment: datetime, now: datetime) -> AlarmEvidence | None:
        """Read the alarm's metric up to `moment`, and its resource as it is now; return None if there is no such alarm.

        Raises
        ------
        MetricsUnavailable
            The alarm exists, and could not be read.
        """
        ...


def gather(
    incident: Incident,
    incidents: EvidenceSource,
    *,
    time_zone: str,
    now: datetime,
    alarms: AlarmSource | None = None,
    rules: Rules = NO_RULES,
) -> Evidence:
    """Gather the evidence at `now`, with all reads in parallel. A read that fails is named in the evidence's `missing`.

    Parameters
    ----------
    time_zone
        The IANA name of the zone in which the hours and weekdays of rules and prompt are meant.
    now
        The time, aware, in UTC.
    alarms
        Reads the evidence around a monitor's alarm; None to leave that out.
    rules
        The rules that declare maintenance windows.
    """
    alert = incident.alert
    service = None if incident.storm else alert.service
    unstated = None if incident.storm or alert.severity_stated else alert
    missing: list[str] = []

    def answer[T](name: str, read: Future[T], otherwise: T) -> T:
        try:
            return read.result()
        except (HistoryUnavailable, MetricsUnavailable) as error:
            missing.append(f"{name} could not be read: {safe_line(str(error), 300)}")
            return otherwise

    def activity_of(known: str) -> ServiceActivity:
        return incidents.service_activity(known, now)

    with ThreadPoolExecutor(7) as pool:
        named = pool.submit(incidents.alerts_named, alert.alert_name, now)
        active = _submit(pool, service, activity_of)
        of_group = pool.submit(incidents.earlier_incidents, incident.group_key, limit=MAX_EARLIER)
        like = _submit(pool, None if incident.storm else alert, incidents.incidents_like)
        deployed = pool.submit(incidents.deployments_since, now - DEPLOYMENT_WINDOW)
        said = _submit(pool, unstated, lambda alert: _persons_word(alert, incidents))
        around = _submit(pool, alarms, lambda source: source.around(alert, incident.opened_at, now))

    count = answer("alerts of the same name", named, AlertCount(last_hour=0, last_day=0))
    activity = answer("the service's alerts and deployments", active, None)
    earlier = answer("earlier incidents", of_group, list[EarlierIncident]())
    candidates = answer("similar incidents", like, None) or []
    deployments = answer("deployments", deployed, list[Deployment]())
    word, near = answer("people's words on this alert", said, None) or (None, None)
    seen = answer("the alarm's metric", around, None) or AlarmEvidence()
    if service is None and not incident.storm and seen.tags.service is not None:
        with ThreadPoolExecutor(1) as pool:  # only the tags name the service: it could not be read with the others
            active = _submit(pool, seen.tags.service, activity_of)
        activity = answer("the service's alerts and deployments", active, None)
    of_service = activity.deployments if activity else []
    alert = with_tags(incident, seen.tags).alert
    local = now.astimezone(ZoneInfo(time_zone))
    return Evidence(
        same_name_last_hour=count.last_hour,
        same_name_last_day=count.last_day,
        same_service=activity.alerts if activity else None,
        earlier=[known for known in earlier if known.incident_id != incident.incident_id][:MAX_EARLIER],
        similar=most_similar(alert, candidates, group_key=incident.group_key, now=now),
        deployments=_suspects_first(deployments, alert, seen.tags),
        service_deployed_at=max((found.deployed_at for found in of_service if found.concerns(alert)), default=None),
        topology=_topology(alert.labels),
        metric=seen.metric,
        readings=seen.readings,
        resource=seen.resource,
        changes=seen.changes,
        log=seen.log,
        tags=seen.tags,
        local_time=local,
        business_hours=any(day.weekday() in BUSINESS_DAYS for day in begin_days([BUSINESS_HOURS], local)),
        missing=[*missing, *seen.missing],
        maintenance=rules.maintained(alert, now),
        word=word,
        near=near,
    )


def _submit[A, T](pool: ThreadPoolExecutor, argument: A | None, read: Callable[[A], T]) -> "Future[T | None]":
    """Run `read(argument)` in the pool; if the argument is None, the result is None without a read."""
    return pool.submit(lambda: None if argument is None else read(argument))


def _persons_word(alert: NormalizedAlert, incidents: EvidenceSource) -> tuple[Word | None, NearWord | None]:
    """Return what a person said on how bad this kind of alert is, and None.

    If nobody did, return None and what a person said on the most similar alert, if that may hold for this one.
    """
    word = incidents.word_on(kind_of(alert))
    return (word, None) if word is not None else (None, nearest(alert, incidents.words()))


def suspects(incident: Incident, evidence: Evidence) -> list[Deployment]:
    """Return those deployments in the evidence that are of the incident's service and from before the incident opened.

    They keep the order that they have in the evidence.
    """
    before = [found for found in evidence.deployments if found.deployed_at <= incident.opened_at]
    return [deployment for deployment in before if _concerns(deployment, incident.alert, evidence.tags)]


def _concerns(deployment: Deployment, alert: NormalizedAlert, tags: OwnerTags) -> bool:
    """Return True if the deployment is of the service that the alert names, or that the owner's tags name."""
    tagged = tags.service is not None and deployment.concerns(alert.model_copy(update={"service": tags.service}))
    return tagged or deployment.concerns(alert)


def _suspects_first(deployments: list[Deployment], alert: NormalizedAlert, tags: OwnerTags) -> list[Deployment]:
    newest_first = sorted(deployments, key=lambda found: found.deployed_at, reverse=True)
    return sorted(newest_first, key=lambda found: not _concerns(found, alert, tags))[:MAX_DEPLOYMENTS]


def _topology(labels: Mapping[str, str]) -> dict[str, str]:
    """Return an alert's cluster, node, team and so on, by its labels; values that begin with `AWS/` are left out."""
    found = {kind: next(filter(None, map(labels.get, names)), "") for kind, names in _TOPOLOGY.items()}
    return {kind: value for kind, value in found.items() if value and not value.startswith("AWS/")}
