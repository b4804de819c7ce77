"""One incident for people: who has it, what it waits for, what the alert says, its plan, what ran, what happened."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.channels.incident_links import links_of
from firstline.console.timeline import timeline
from firstline.incidents.audit_trail import happened_at
from firstline.incidents.message_facts import annotations, why_idle
from firstline.incidents.status import Status, status_of
from firstline.models import IncidentRecord, RemediationPlan, StoredAlert
from firstline.people.members import member
from firstline.privacy.alert_redaction import as_people_see_it, without_personal_data
from firstline.text import local_time, one_line, short_duration, strip_invisible, visible
from firstline_cli.incident_ids import record_of

_MESSAGE_CHARS, _LINE_CHARS, _OUTPUT_CHARS = 1_500, 300, 500
_MEMBERS = 20


def as_json(table: Table, given: str) -> str:
    """Return the incident, its status and its trail as JSON, without Step Functions' task token, which is a secret.

    `given` is the incident's id, or the end of it; the command ends if none or several incidents fit.
    """
    record = record_of(table, given)
    now = datetime.now(UTC)
    status = status_of(record, now)
    stands = {
        "short_id": status.short_id,
        "severity": status.severity,
        "title": status.title,
        "holder": status.holder,
        "owner": status.owner,
        "who": status.who,
        "waits_for": status.waits_for,
        "until": status.until.isoformat() if status.until else None,
    }
    trail = TableTrail(table).entries(record.incident.incident_id)
    whole = {
        "id": record.incident.incident_id,
        "stands": stands,
        "record": record.model_dump(mode="json", exclude={"live": {"task_token"}}),
        "trail": [entry.model_dump(mode="json") for entry in trail],
    }
    return json.dumps(whole, indent=2)


def text(table: Table, given: str) -> Iterator[tuple[str, str]]:
    """Yield the lines on an incident in the order in which a person who was woken needs them, each with rich's style.

    The style is "" for plain text. `given` is the incident's id, or the end of it; the command ends if none or several
    incidents fit.
    """
    record = record_of(table, given)
    now, zone = datetime.now(UTC), datetime.now().astimezone().tzinfo or UTC
    status = status_of(record, now)
    yield f"{status.severity.upper()}  {status.title}", "bold"
    yield status.sentence(zone, now), ""
    if status.unowned:
        yield f"take it: firstline ack {status.short_id}", ""
    opened = "was open" if status.holder == "over" else "open"
    yield f"{record.incident.incident_id}, {opened} for {short_duration(status.age)}", "dim"
    for title, lines in _sections(table, record, status, zone, now):
        if lines:
            yield f"\n{title}", "bold"
            yield from ((f"  {line}", "") for line in lines)


def plan_lines(plan: RemediationPlan) -> Iterator[str]:
    """Yield lines on what a plan would do, for a person who decides on it."""
    yield f"{one_line(plan.title, _LINE_CHARS)} ({plan.runbook_id}, {plan.risk})"
    yield f"on {', '.join(map(visible, plan.places.values())) or 'no host'}"
    yield from map(visible, plan.parts)
    does = "runs by itself" if plan.decision == "auto" else "asks"
    yield f"{does} because: {one_line(plan.decision_reason, _LINE_CHARS)}"
    yield f"plan {plan.digest()[:12]}"


def _sections(
    table: Table, record: IncidentRecord, status: Status, zone: tzinfo, now: datetime
) -> Iterator[tuple[str, list[str]]]:
    record = as_people_see_it(record)
    alert, verdict = record.incident.alert, record.classification
    message = strip_invisible(alert.message)[:_MESSAGE_CHARS].strip()
    yield "What the alert says", [*message.splitlines(), *annotations(alert)]
    if verdict is not None:
        yield "What Firstline makes of it", [one_line(verdict.summary, _LINE_CHARS), *_reasons(verdict.reasons)]
    if record.plan is not None:
        lines = list(plan_lines(record.plan))
        if record.waits_for_approval:
            lines.append(f"approve it: firstline approve {status.short_id}")
        elif record.decision:
            lines.append(f"{record.decision} by {one_line(record.decided_by or 'somebody', 80)}")
        if idle := why_idle(record):
            lines.append(idle)
        yield "The plan", lines
    yield (
        "What ran",
        [
            f"{result.step_id} on {_place(record, result.instance_id)}: {result.status}  "
            f"{one_line(result.output, _OUTPUT_CHARS)}"
            for result in record.results
        ],
    )
    stored = TableIncidents(table).members(record.incident.incident_id, _MEMBERS)
    members = [member(alert) for alert in stored]
    if len(members) > 1:
        yield (
            f"Alerts ({status.alerts}, {status.firing} still fire)",
            [
                f"{alert.severity}  {one_line(alert.alert_name, 80)}  {one_line(alert.host or alert.service or '', 60)}"
                f"{'' if alert.firing else '  (over)'}"
                for alert in members
            ],
        )
    yield "Notes", [f"{one_line(note.by, 80)}: {one_line(note.text, _LINE_CHARS)}" for note in record.notes]
    yield "Links", list(_links(record, stored))
    entries = sorted(TableTrail(table).entries(record.incident.incident_id), key=happened_at)
    told = [f"{local_time(moment.at, zone, now)}  {moment.text}" for moment in timeline(record, entries)]
    yield "What happened", [*told, f"each fact of it: firstline audit {status.short_id}"]


def _links(record: IncidentRecord, stored: list[StoredAlert]) -> Iterator[str]:
    alerts = [without_personal_data(alert.alert) for alert in stored]
    yield from (f"{link.label}: {link.url}" for link in links_of(record, alerts))


def _place(record: IncidentRecord, instance_id: str) -> str:
    places = record.plan.places if record.plan else {}
    return one_line(places.get(instance_id, instance_id), 80)


def _reasons(reasons: list[str]) -> list[str]:
    return [f"· {one_line(reason, _LINE_CHARS)}" for reason in reasons]
