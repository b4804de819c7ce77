"""The summary of an incident for a person at 3 am: what happens, what is affected, what was tried, what to do first.

The words come from the classification (the model's if it decided, else its templates') and from facts. Everything
returned is cleaned and bounded, but not yet escaped for a channel.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from firstline.models import SEVERITY_RANK, Incident, IncidentRecord, Notification, Severity, SourceSeverity, StepResult
from firstline.text import one_line, shorten, strip_invisible

MAX_HOSTS = 5
MAX_RESULTS = 20
MAX_LABELS = 50
MAX_UNSURE = 10

_STATUSES = {
    "suppressed": "Suppressed as noise",
    "remediating": "Running a runbook",
    "approval": "Approval needed",
    "needs_human": "Needs a human",
    "paged": "Paging on-call",
}
"""The status by the kind of a notification, where that is enough."""

_ENDS = {
    "auto_resolved": "Fixed by a runbook",
    "self_cleared": "Cleared by itself",
    "expired": "Closed: nobody resolved it in time",
    "suppressed": "Suppressed as noise",
}
"""The status of a closed incident by its outcome, unless a person resolved it."""


@dataclass(frozen=True)
class Summary:
    """One incident in a few lines.

    `tried` has a line for each command, and `evidence` each command's output. `unsure` has the reasons why a human
    should judge, and the known facts.
    """

    title: str
    status: str
    severity: Severity
    happening: str
    cause: str
    affected: str
    since: str
    why: str
    tried: tuple[str, ...]
    first_steps: tuple[str, ...]
    evidence: tuple[str, ...]
    on_call: str | None
    unsure: tuple[str, ...]


def summarise(notification: Notification) -> Summary:
    """Put one notification into words."""
    record = notification.record
    incident, alert, classification = record.incident, record.incident.alert, record.classification
    page = record.pages[-1] if record.pages else None
    return Summary(
        title=_title(record),
        status=_status(notification),
        severity=severity(record),
        happening=_paragraph(classification.summary if classification else "")
        or _paragraph(alert.message)
        or one_line(alert.alert_name, 256),
        cause=_paragraph(classification.cause, 1_000) if classification else "",
        affected=_affected(record),
        since=utc(incident.opened_at),
        why=_paragraph(notification.reason, 1_000),
        tried=_tried(record),
        first_steps=_first_steps(record),
        evidence=tuple(
            f"{_command(result, record)}\n{_paragraph(result.output, 500)}"
            for result in record.results[-MAX_RESULTS:]
            if result.output.strip()
        ),
        on_call=one_line(page.on_call, 200) if page else None,
        unsure=tuple(one_line(line, 300) for line in (classification.unsure if classification else [])[:MAX_UNSURE]),
    )


def severity(record: IncidentRecord) -> Severity:
    """Return the worse of the decided severity and of what the source has said since."""
    decided = record.classification.severity if record.classification else record.incident.alert.severity
    known: list[SourceSeverity | Severity] = [decided, record.worsened_to or "noise"]
    worst = max(known, key=SEVERITY_RANK.__getitem__)
    return "low" if worst == "info" else worst


def where(incident: Incident) -> str:
    """Return the place in a few words: the host, the number of hosts, or the service; empty if none is known."""
    if len(incident.hosts) > 1:
        return f"{len(incident.hosts)} hosts"
    return one_line(incident.hosts[0] if incident.hosts else incident.alert.service or "", 80)


def labels(incident: Incident) -> dict[str, str]:
    """Return the alert's labels, cleaned and bounded."""
    some = list(incident.alert.labels.items())[:MAX_LABELS]
    return {one_line(name, 128): one_line(value, 300) for name, value in some}


def web_link(url: str | None) -> str | None:
    """Return an address if it may be offered as a link (http or https, no spaces or control characters), else None."""
    if not url or not url.lower().startswith(("https://", "http://")):
        return None
    return url if url.isprintable() and not any(character in url for character in ' <>|"') else None


def execution_link(console_url: str, incident: Incident) -> str | None:
    """Return the address where the incident's execution can be watched; None if no console is configured.

    `console_url` is the console's page of the state machine's executions, up to the colon before an execution's name;
    that name is the incident's id.
    """
    return f"{console_url}:{incident.incident_id}" if console_url else None


def _title(record: IncidentRecord) -> str:
    incident = record.incident
    name = one_line(incident.first_alert, 120)
    if incident.storm:
        return f"Storm of {record.alert_count} alerts, first {name}"
    place = where(incident)
    return f"{name} on {place}" if place else name


def _status(notification: Notification) -> str:
    record = notification.record
    if notification.kind == "acknowledged":
        return f"Acknowledged by {one_line(record.acknowledged_by or 'somebody', 80)}"
    if notification.kind == "closed":
        by_hand = f"Resolved by {one_line(record.resolved_by, 80)}" if record.resolved_by else "Resolved"
        return _ENDS.get(record.outcome or "resolved", by_hand)
    return _STATUSES[notification.kind]


def _affected(record: IncidentRecord) -> str:
    incident, alert = record.incident, record.incident.alert
    shown = [one_line(host, 80) for host in incident.hosts[:MAX_HOSTS]]
    if len(incident.hosts) > MAX_HOSTS:
        shown.append(f"and {len(incident.hosts) - MAX_HOSTS} more")
    parts = [", ".join(shown)] if shown else []
    named = {
        "service": alert.service,
        "environment": alert.environment,
        "account": alert.account,
        "region": alert.region,
    }
    parts += [f"{word} {one_line(value, 80)}" for word, value in named.items() if value]
    place = " · ".join(parts) or "the alert names no host or service"
    return f"{place} · {record.alert_count} alerts" if record.alert_count > 1 else place


def _tried(record: IncidentRecord) -> tuple[str, ...]:
    """Return one line for each command; a long queue keeps its end, where it went wrong."""
    lines = [f"{_command(result, record)}: {one_line(result.status, 60)}" for result in record.results[-MAX_RESULTS:]]
    if len(record.results) > MAX_RESULTS:
        lines.insert(0, f"({len(record.results) - MAX_RESULTS} earlier commands left out)")
    if lines and record.plan:
        lines.insert(0, f"Runbook: {one_line(record.plan.title, 200)}")
    return tuple(lines)


def _command(result: StepResult, record: IncidentRecord) -> str:
    names = record.plan.places if record.plan else {}
    host = one_line(names.get(result.instance_id, result.instance_id), 80)
    return f"{one_line(result.step_id, 80)} ({result.kind}) on {host}"


def _first_steps(record: IncidentRecord) -> tuple[str, ...]:
    given = record.classification.first_steps if record.classification else []
    if steps := tuple(one_line(step, 300) for step in given[:6] if step.strip()):
        return steps
    place = where(record.incident)
    look = f"Look at {place}: is it still happening?" if place else "Find what is affected: the alert names no host."
    tried = ["Read below what the runbook did before doing it again."] if record.results else []
    return ("Acknowledge, so that nobody else is woken.", look, *tried, "Resolve it when it is over.")


def _paragraph(text: str, limit: int = 2_500) -> str:
    return shorten(strip_invisible(text[: 4 * limit]).strip(), limit)


def utc(moment: datetime) -> str:
    """Return a moment as people read it: `2026-03-01 03:12 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
