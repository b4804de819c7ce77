"""The facts of an incident for other systems, cleaned and bounded: the part that events and webhooks share."""

from firstline.channels.incident_links import execution_link, safe_link
from firstline.channels.summary import summarise
from firstline.incidents.message_facts import message_kind
from firstline.models import IncidentRecord, Notification, Page, RemediationPlan
from firstline.models.event import EventPage, EventPlan, IncidentFacts
from firstline.text import one_line, shorten

MAX_HOSTS = 20
MAX_NAME = 256


def facts_of(record: IncidentRecord, *, execution_url: str) -> IncidentFacts:
    """Return the facts of an incident from its record. Personal data must be removed from the record before.

    `execution_url` is the AWS console's page of the state machine's executions, up to the colon before an execution's
    name; empty for no link.
    """
    kind = "closed" if record.status == "CLOSED" else message_kind(record)
    summary = summarise(Notification(kind=kind, record=record, reason="", at=record.last_alert_at))
    incident, alert, live = record.incident, record.incident.alert, record.live
    places = {name: getattr(alert, name) for name in ("service", "environment", "account", "region")}
    alert_link = safe_link("The alert", alert.url)
    return IncidentFacts(
        id=incident.incident_id,
        title=shorten(summary.title, 1_000),
        status=record.status,
        standing=shorten(summary.sentence, 1_000),
        severity=summary.severity,
        summary=summary.happening or summary.title,
        cause=summary.cause,
        source=one_line(alert.source, MAX_NAME),
        alert_name=one_line(incident.first_alert, MAX_NAME),
        **{name: one_line(said, MAX_NAME) if said else None for name, said in places.items()},
        hosts=[one_line(host, MAX_NAME) for host in incident.hosts[:MAX_HOSTS]],
        revision=live.version if live else 0,
        alerts=max(1, record.alert_count),
        firing=max(0, live.firing) if live else 0,
        opened_at=incident.opened_at,
        paged_at=record.paged_at,
        acknowledged_at=record.acknowledged_at,
        acknowledged_by=_name(record.acknowledged_by),
        resolved_at=record.resolved_at,
        resolved_by=_name(record.resolved_by),
        closed_at=record.closed_at,
        outcome=record.outcome,
        runbook_id=record.plan.runbook_id if record.plan else None,
        link=execution_link(execution_url, incident),
        alert_url=alert_link.url if alert_link else None,
    )


def page_of(page: Page) -> EventPage:
    """Return a page in the form that events and webhooks send."""
    return EventPage(
        number=page.seq,
        level=page.level,
        round=page.round,
        on_call=one_line(page.on_call, 1_000),
        channels=page.delivered_to,
    )


def plan_of(plan: RemediationPlan) -> EventPlan:
    """Return a plan in the form that events and webhooks send, with at most 50 targets."""
    return EventPlan(
        runbook_id=plan.runbook_id,
        title=one_line(plan.title, 1_000),
        risk=plan.risk,
        decision=plan.decision,
        digest=plan.digest(),
        targets=[one_line(name, MAX_NAME) for name in list(plan.places.values())[:50]],
    )


def _name(person: str | None) -> str | None:
    return None if person is None else one_line(person, MAX_NAME)
