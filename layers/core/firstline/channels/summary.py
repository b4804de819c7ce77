"""What a human needs at 3 am: what happens, what is affected, what was tried, what to do first.

The words come from the classification (the model's, when it decided; else from its templates) and from facts; nothing
here waits for anybody. Everything returned is cleaned and bounded, but not yet escaped for a channel.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from firstline.models import SEVERITY_RANK, Incident, IncidentRecord, Notification, Severity, SourceSeverity, StepResult
from firstline.text import one_line, shorten, strip_invisible

MAX_HOSTS = 5
MAX_RESULTS = 20
MAX_LABELS = 50
MAX_UNSURE = 10


@dataclass(frozen=True)
class Summary:
    """One incident in a few lines. `tried` has a line for each command, `evidence` each command's output, and `unsure`
    says why a human should judge, with what is known.
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
    incident, classification = record.incident, record.classification
    alert = incident.alert
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
        since=_clock(incident.opened_at),
        why=_paragraph(notification.reason, 1_000),
        tried=_tried(record),
        first_steps=_first_steps(record),
        evidence=tuple(_evidence(result, record) for result in record.results[-MAX_RESULTS:] if result.output.strip()),
        on_call=one_line(page.on_call, 200) if page else None,
        unsure=tuple(one_line(line, 300) for line in (classification.unsure if classification else [])[:MAX_UNSURE]),
    )


def severity(record: IncidentRecord) -> Severity:
    """How bad it is by now: what was decided, or what the source has said since, whichever is worse."""
    first: SourceSeverity | Severity = (
        record.classification.severity if record.classification else record.incident.alert.severity
    )
    later: SourceSeverity | Severity = record.worsened_to or "noise"
    worst = first if SEVERITY_RANK[first] >= SEVERITY_RANK[later] else later
    return "low" if worst == "info" else worst


def where(incident: Incident) -> str:
    """The place in a few words: the host, or how many of them, or the service; empty when nobody said."""
    match incident.hosts:
        case []:
            return one_line(incident.alert.service or "", 80)
        case [host]:
            return one_line(host, 80)
        case hosts:
            return f"{len(hosts)} hosts"


def labels(incident: Incident) -> dict[str, str]:
    """The alert's labels, cleaned and bounded."""
    some = list(incident.alert.labels.items())[:MAX_LABELS]
    return {one_line(name, 128): one_line(value, 300) for name, value in some}


def web_link(url: str | None) -> str | None:
    """An address that may be offered as a link: http or https, without spaces or control characters; else None."""
    if not url or not url.lower().startswith(("https://", "http://")):
        return None
    return url if url.isprintable() and not any(character in url for character in ' <>|"') else None


def execution_link(console_url: str, incident: Incident) -> str | None:
    """Where the incident's execution can be watched; None when no console is configured.

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
    match notification.kind:
        case "suppressed":
            return "Suppressed as noise"
        case "remediating":
            return "Running a runbook"
        case "approval":
            return "Approval needed"
        case "needs_human":
            return "Needs a human"
        case "paged":
            return "Paging on-call"
        case "acknowledged":
            return f"Acknowledged by {_person(record.acknowledged_by)}"
        case "closed":
            return _closing(record)


def _closing(record: IncidentRecord) -> str:
    match record.outcome:
        case "auto_resolved":
            return "Fixed by a runbook"
        case "self_cleared":
            return "Cleared by itself"
        case "expired":
            return "Closed: nobody resolved it in time"
        case "suppressed":
            return "Suppressed as noise"
        case "resolved" | None:
            return f"Resolved by {_person(record.resolved_by)}" if record.resolved_by else "Resolved"


def _person(name: str | None) -> str:
    return one_line(name or "somebody", 80)


def _affected(record: IncidentRecord) -> str:
    incident = record.incident
    alert = incident.alert
    shown = [one_line(host, 80) for host in incident.hosts[:MAX_HOSTS]]
    if len(incident.hosts) > MAX_HOSTS:
        shown.append(f"and {len(incident.hosts) - MAX_HOSTS} more")
    parts = [", ".join(shown)] if shown else []
    parts += [
        f"{word} {one_line(value, 80)}"
        for word, value in (
            ("service", alert.service),
            ("environment", alert.environment),
            ("account", alert.account),
            ("region", alert.region),
        )
        if value
    ]
    place = " · ".join(parts) or "the alert names no host or service"
    return f"{place} · {record.alert_count} alerts" if record.alert_count > 1 else place


def _tried(record: IncidentRecord) -> tuple[str, ...]:
    """One line for each command; a long queue keeps its end, which is where it went wrong."""
    results = record.results[-MAX_RESULTS:]
    lines = [f"{_what(result)} on {_host(result, record)}: {one_line(result.status, 60)}" for result in results]
    if len(record.results) > MAX_RESULTS:
        lines.insert(0, f"({len(record.results) - MAX_RESULTS} earlier commands left out)")
    if lines and record.plan:
        lines.insert(0, f"Runbook: {one_line(record.plan.title, 200)}")
    return tuple(lines)


def _what(result: StepResult) -> str:
    return f"{one_line(result.step_id, 80)} ({result.kind})"


def _host(result: StepResult, record: IncidentRecord) -> str:
    names = record.plan.places if record.plan else {}
    name = names.get(result.instance_id, result.instance_id)
    return one_line(name, 80)


def _evidence(result: StepResult, record: IncidentRecord) -> str:
    return f"{_what(result)} on {_host(result, record)}\n{_paragraph(result.output, 500)}"


def _first_steps(record: IncidentRecord) -> tuple[str, ...]:
    given = record.classification.first_steps if record.classification else []
    steps = tuple(one_line(step, 300) for step in given[:6] if step.strip())
    return steps or _template_steps(record)


def _template_steps(record: IncidentRecord) -> tuple[str, ...]:
    place = where(record.incident)
    look = f"Look at {place}: is it still happening?" if place else "Find what is affected: the alert names no host."
    tried = "Read below what the runbook did before doing it again." if record.results else ""
    return tuple(
        filter(None, ("Acknowledge, so that nobody else is woken.", look, tried, "Resolve it when it is over."))
    )


def _paragraph(text: str, limit: int = 2_500) -> str:
    return shorten(strip_invisible(text[: 4 * limit]).strip(), limit)


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
