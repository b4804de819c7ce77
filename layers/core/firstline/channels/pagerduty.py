"""PagerDuty Events API v2: trigger, acknowledge and resolve under one dedup key.

https://developer.pagerduty.com/docs/send-alert-event: summary at most 1,024 characters, the whole event 512 KB.
"""

from typing import Any

from firstline.channels.summary import Summary, answered, execution_link, labels, severity, summarise, web_link
from firstline.models import PAGING_RANK, SEVERITY_RANK, Incident, IncidentRecord, Notification
from firstline.text import one_line, shorten

MAX_SUMMARY = 1_024
MAX_EVENT_BYTES = 512_000

_SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info", "noise": "info"}


def dedup_key(incident: Incident) -> str:
    """Return the incident's name in PagerDuty; Firstline recognises its own incidents by it in PagerDuty's webhooks."""
    return f"firstline:{incident.incident_id}"


def rings_by_itself(incident: Incident) -> bool:
    """Return True if PagerDuty itself sent the alert: it has paged its on-call, and must not be asked to again.

    An incident of low urgency wakes nobody there, however bad its priority or a rule says that it is.
    """
    return incident.alert.source == "pagerduty" and incident.alert.labels.get("urgency") != "low"


def render(notification: Notification, *, console_url: str = "") -> dict[str, Any] | None:
    """Return the event without its routing key, or None if PagerDuty need not hear of this notification."""
    key, record = dedup_key(notification.record.incident), notification.record
    if rings_by_itself(record.incident):
        return None
    match notification.kind:
        case "paged":
            return {"event_action": "trigger", "dedup_key": key, **_trigger(notification, console_url)}
        case "acknowledged" if _may_know(record):
            return {"event_action": "acknowledge", "dedup_key": key}
        case "quiet" if _may_know(record) and not answered(record):
            return {"event_action": "resolve", "dedup_key": key}  # whom it still rings, it need not wake any more
        # Of what ended without data nobody knows that it is over: whom it rang should look.
        case "closed" if _may_know(record) and not _still_fires(record) and record.outcome != "no_data":
            return {"event_action": "resolve", "dedup_key": key}
    return None


def _may_know(record: IncidentRecord) -> bool:
    """Return True if PagerDuty may have an incident open: a page is on record, or its record may have got lost."""
    return bool(record.pages or record.paged_at) or SEVERITY_RANK[severity(record)] >= PAGING_RANK


def _still_fires(record: IncidentRecord) -> bool:
    """Return True if alerts of the incident fire, and no person has said that it is over."""
    return record.live is not None and record.live.firing > 0 and record.resolved_by is None


def _trigger(notification: Notification, console_url: str) -> dict[str, Any]:
    summary = summarise(notification)
    incident, alert = notification.record.incident, notification.record.incident.alert
    link = execution_link(console_url, incident)
    body: dict[str, Any] = {
        "payload": {
            "summary": shorten(f"{summary.title}: {' '.join(summary.happening.split())}", MAX_SUMMARY),
            "source": one_line((incident.hosts or [alert.service or alert.source])[0], 256),
            "severity": _SEVERITIES[summary.severity],
            "timestamp": incident.opened_at.isoformat(),
            "class": one_line(alert.alert_name, 256),
            "custom_details": _details(summary, incident),
        },
        "client": "Firstline",
        "links": _links(link, alert.url),
    }
    # Absent is fine for PagerDuty, null is not.
    for name, value in (("component", alert.service), ("group", alert.environment)):
        if value:
            body["payload"][name] = one_line(value, 256)
    return body | ({"client_url": link} if link else {})


def _details(summary: Summary, incident: Incident) -> dict[str, Any]:
    return {
        "what happens": summary.happening,
        **({"likely cause": summary.cause} if summary.cause else {}),
        **({"what the resource shows": list(summary.resource)} if summary.resource else {}),
        "affected": summary.affected,
        "since": summary.since,
        "why a human": summary.why,
        "alerts, worst first": list(summary.alerts),
        "proposed": summary.proposed or "nothing waits for an approval",
        "not sure, please judge": list(summary.unsure),
        "what was tried": list(summary.tried) or "nothing was run",
        "first steps": list(summary.first_steps),
        "output": list(summary.evidence),
        "labels": labels(incident),
        "incident": incident.incident_id,
    }


def _links(execution: str | None, alert_url: str | None) -> list[dict[str, str]]:
    links = [{"href": execution, "text": "Watch the execution"}] if execution else []
    if alert := web_link(alert_url):
        # The sender wrote this link, so show where it leads, not what it claims to be.
        links.append({"href": alert, "text": shorten(f"The alert, at {alert.split('/')[2]}", 200)})
    return links
