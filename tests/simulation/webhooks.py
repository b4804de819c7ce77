"""Deliveries of alerts as Alertmanager and scripts send them, with every time given."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.clock import START
from tests.simulation.door import Key, Said


@dataclass(frozen=True)
class Alert:
    """An alert as a sender describes it. `began` is in seconds; None stands for the time when it is pushed."""

    name: str
    host: str = "web-1"
    severity: str = "critical"
    began: float | None = None
    ended: float | None = None
    environment: str = "prod"
    service: str = "shop"

    def resolved(self, at: float | None = None) -> "Alert":
        """Return the word that the alert is over, since a time; -1 stands for the time when it is pushed."""
        return replace(self, ended=-1 if at is None else at)


def time_of(seconds: float) -> datetime:
    """Return the time that is so many seconds after the begin."""
    return START + timedelta(seconds=seconds)


def payload(alerts: tuple[Alert, ...], source: str) -> Any:
    """Return the body of a delivery of these alerts, as their source sends it."""
    body = [(_prometheus if source == "prometheus" else _generic)(alert) for alert in alerts]
    if source == "prometheus":
        status = "resolved" if all(alert.ended is not None for alert in alerts) else "firing"
        return {"version": "4", "status": status, "receiver": "firstline", "alerts": body}
    return {"alerts": body}


def said(alerts: tuple[Alert, ...], source: str) -> list[Said]:
    """Return what a delivery says, for the witness."""
    return [
        Said(
            Key(source, alert.name, alert.host),
            alert.ended is None,
            alert.severity,
            time_of((alert.began or 0) if alert.ended is None else alert.ended),
            time_of(alert.began or 0),
            alert.environment,
        )
        for alert in alerts
    ]


def _iso(seconds: float) -> str:
    return time_of(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _prometheus(alert: Alert) -> Mapping[str, Any]:
    labels = {
        "alertname": alert.name,
        "severity": alert.severity,
        "instance": f"{alert.host}:9100",
        "env": alert.environment,
        "service": alert.service,
    }
    return {
        "status": "firing" if alert.ended is None else "resolved",
        "labels": labels,
        "annotations": {"summary": f"{alert.name} on {alert.host}"},
        "startsAt": _iso(alert.began or 0),
        "endsAt": "0001-01-01T00:00:00Z" if alert.ended is None else _iso(alert.ended),
        "generatorURL": "http://prometheus",
    }


def _generic(alert: Alert) -> Mapping[str, Any]:
    body = {
        "alert_name": alert.name,
        "severity": alert.severity,
        "status": "firing" if alert.ended is None else "resolved",
        "message": f"{alert.name} on {alert.host}",
        "host": alert.host,
        "environment": alert.environment,
        "service": alert.service,
        "timestamp": _iso(alert.began or 0),
    }
    return body if alert.ended is None else body | {"ends_at": _iso(alert.ended)}
