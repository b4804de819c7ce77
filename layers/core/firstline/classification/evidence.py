"""Gather what is known around an incident. What cannot be read is said, and never stops the verdict."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from firstline.classification.redaction import safe_line
from firstline.errors import HistoryUnavailable
from firstline.models import Deployment, EarlierIncident, Evidence, Incident, NormalizedAlert

SAME_NAME_WINDOW = timedelta(hours=1)
DEPLOYMENT_WINDOW = timedelta(hours=4)
MAX_EARLIER = 20
MAX_DEPLOYMENTS = 20
BUSINESS_DAYS = range(5)
BUSINESS_HOURS = (time(9), time(18))


class HistoryReader(Protocol):
    """What classification reads from the table. Each may raise `HistoryUnavailable`."""

    def alerts_named(self, alert_name: str, since: datetime) -> int: ...

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]: ...

    def deployments_since(self, since: datetime) -> list[Deployment]: ...


def gather(incident: Incident, history: HistoryReader, *, time_zone: str, now: datetime) -> Evidence:
    """The evidence at `now`: three reads, each of which may fail on its own.

    Parameters
    ----------
    time_zone
        IANA name; hours and weekdays of rules and prompt are local to it.
    now
        Aware, UTC.
    """
    alert = incident.alert
    missing: list[str] = []

    def read[T](what: str, query: Callable[[], T], otherwise: T) -> T:
        try:
            return query()
        except HistoryUnavailable as error:
            missing.append(f"{what} could not be read: {safe_line(str(error), 300)}")
            return otherwise

    same_name = read(
        "alerts of the same name", lambda: history.alerts_named(alert.alert_name, now - SAME_NAME_WINDOW), 0
    )
    earlier = read(
        "earlier incidents",
        lambda: history.earlier_incidents(incident.group_key, limit=MAX_EARLIER),
        list[EarlierIncident](),
    )
    deployments = read("deployments", lambda: history.deployments_since(now - DEPLOYMENT_WINDOW), list[Deployment]())
    local = now.astimezone(ZoneInfo(time_zone))
    return Evidence(
        same_name_last_hour=same_name,
        earlier=[one for one in earlier if one.incident_id != incident.incident_id][:MAX_EARLIER],
        deployments=_suspects_first(deployments, alert),
        local_time=local,
        business_hours=local.weekday() in BUSINESS_DAYS and BUSINESS_HOURS[0] <= local.time() < BUSINESS_HOURS[1],
        missing=missing,
    )


def suspects(incident: Incident, evidence: Evidence) -> list[Deployment]:
    """Deployments of the incident's own service that went out before it, newest first."""
    return [
        one for one in evidence.deployments if _concerns(one, incident.alert) and one.deployed_at <= incident.opened_at
    ]


def _suspects_first(deployments: list[Deployment], alert: NormalizedAlert) -> list[Deployment]:
    newest_first = sorted(deployments, key=lambda one: one.deployed_at, reverse=True)
    return sorted(newest_first, key=lambda one: not _concerns(one, alert))[:MAX_DEPLOYMENTS]


def _concerns(deployment: Deployment, alert: NormalizedAlert) -> bool:
    """Same service, and not known to be another environment."""
    if alert.service is None or deployment.service.casefold() != alert.service.casefold():
        return False
    known = deployment.environment is not None and alert.environment is not None
    return not known or str(deployment.environment).casefold() == str(alert.environment).casefold()
