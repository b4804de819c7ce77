"""PagerDuty Events API v2: trigger, acknowledge and resolve under one dedup key.

https://developer.pagerduty.com/docs/send-alert-event: summary at most 1,024 characters, the whole event 512 KB.
"""

from typing import Any

from firstline.channels.incident_links import PageLink
from firstline.channels.summary import StackInfo, Summary, in_one_line, labels, summarise
from firstline.incidents.message_facts import answered, severity
from firstline.models import PAGING_RANK, SEVERITY_RANK, Incident, IncidentRecord, Notification
from firstline.text import one_line, shorten

MAX_SUMMARY = 1_024
MAX_EVENT_BYTES = 512_000

_SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info", "noise": "info"}


def dedup_key(incident: Incident) -> str:
    """Return the incident's key in PagerDuty, by which Firstline knows its own incidents in PagerDuty's webhooks."""
    return f"firstline:{incident.incident_id}"


def rings_by_itself(incident: Incident) -> bool:
    """Return True if PagerDuty sent the incident's alert with high urgency: it has paged, so Firstline must not again.

    Otherwise return False: for low urgency PagerDuty wakes nobody, and an alert with source `pagerduty` but no urgency
    is Firstline's own, about a message of PagerDuty's that it could not read.
    """
    return incident.alert.source == "pagerduty" and incident.alert.labels.get("urgency") == "high"


def render(notification: Notification, stack: StackInfo | None = None) -> dict[str, Any] | None:
    """Return the event for PagerDuty, without its routing key, or None if this notification sends PagerDuty nothing.

    Without `stack`, times are in UTC, and the links to the console and to the execution are missing.
    """
    key, record = dedup_key(notification.record.incident), notification.record
    if rings_by_itself(record.incident):
        return None
    match notification.kind:
        case "paged":
            return {"event_action": "trigger", "dedup_key": key, **_trigger(notification, stack)}
        case "acknowledged" if _may_know(record):
            return {"event_action": "acknowledge", "dedup_key": key}
        case "quiet" if _may_know(record) and not answered(record):
            return {"event_action": "resolve", "dedup_key": key}  # nobody has answered yet, and nobody needs to
        # Nobody saw an alert recover that ended without data, so the person who was paged should look.
        case "closed" if _may_know(record) and not _still_fires(record) and record.outcome != "no_data":
            return {"event_action": "resolve", "dedup_key": key}
    return None


def _may_know(record: IncidentRecord) -> bool:
    """Return True if PagerDuty may have an incident open: a page is on record, or the severity pages people."""
    return bool(record.pages or record.paged_at) or SEVERITY_RANK[severity(record)] >= PAGING_RANK


def _still_fires(record: IncidentRecord) -> bool:
    """Return True if alerts of the incident fire, and no person has resolved it."""
    return record.live is not None and record.live.firing > 0 and record.resolved_by is None


def _trigger(notification: Notification, stack: StackInfo | None) -> dict[str, Any]:
    summary = summarise(notification, stack)
    incident, alert = notification.record.incident, notification.record.incident.alert
    body: dict[str, Any] = {
        "payload": {
            "summary": shorten(one_line(in_one_line(summary), MAX_SUMMARY), MAX_SUMMARY),
            "source": one_line((incident.hosts or [alert.service or alert.source])[0], 256),
            "severity": _SEVERITIES[summary.severity],
            "timestamp": incident.opened_at.isoformat(),
            "class": one_line(alert.alert_name, 256),
            "custom_details": _details(summary, incident),
        },
        "client": "Firstline",
        "links": [_link(link) for link in (summary.console, *summary.links, summary.execution) if link],
    }
    # Absent is fine for PagerDuty, null is not.
    for name, value in (("component", alert.service), ("group", alert.environment)):
        if value:
            body["payload"][name] = one_line(value, 256)
    page = summary.console or summary.execution
    return body | ({"client_url": page.url} if page else {})


def _details(summary: Summary, incident: Incident) -> dict[str, Any]:
    """Return what a page in PagerDuty shows of an incident, in the order in which people read it; no empty entries."""
    details = {
        "why you": summary.news,
        "what happens": summary.happening or summary.title,
        "what the alert says": list(summary.says),
        "do first": list(summary.first_steps),
        "proposed": summary.proposed,
        "affected": summary.affected,
        "since": f"{summary.since}, {summary.age} before this page",
        "alerts, worst first": list(summary.alerts),
        "not sure, please judge": list(summary.unsure),
        "likely cause": summary.cause,
        "what the resource shows": list(summary.resource),
        "what was tried": list(summary.tried) or "nothing was run",
        "output": list(summary.evidence),
        "severity by": summary.judged,
        "labels": labels(incident),
        "incident": incident.incident_id,
    }
    return {name: value for name, value in details.items() if value}


def _link(link: PageLink) -> dict[str, str]:
    # The sender may have written the address, so show where it leads.
    return {"href": link.url, "text": shorten(link.text, 200)}
