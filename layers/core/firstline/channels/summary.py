"""The summary of an incident for a person at 3 am: what happens, what is affected, what was tried, what to do first.

The words come from the classification (the model's if it decided, else its templates') and from facts. Everything
returned is cleaned and bounded, but not yet escaped for a channel.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from firstline.models import (
    SEVERITY_RANK,
    Incident,
    IncidentRecord,
    Member,
    NormalizedAlert,
    Notification,
    NotificationKind,
    PlannedStep,
    Severity,
    StepResult,
)
from firstline.models.live import loudest_since
from firstline.models.severity import severity_of
from firstline.text import count, one_line, shorten, strip_invisible

MAX_HOSTS = 5
MAX_RESULTS = 20
MAX_LABELS = 50
MAX_UNSURE = 10
MAX_SHOWN = 5
MAX_ALERTS = 20

_STATUSES = {
    "suppressed": "Suppressed as noise",
    "remediating": "Running a runbook",
    "approval": "Approval needed",
    "needs_human": "Needs a human",
    "paged": "Paging on-call",
    "quiet": "Over, watching whether it comes back",
}
"""The status by the kind of a notification, where that is enough."""

ENDS = {
    "auto_resolved": "Fixed by a runbook",
    "self_cleared": "Cleared by itself",
    "expired": "Closed: nobody resolved it in time",
    "no_data": "Ended without data, please look",
    "suppressed": "Suppressed as noise",
}
"""The status of a closed incident by its outcome, unless a person resolved it."""


@dataclass(frozen=True)
class Summary:
    """One incident in a few lines.

    `tried` has a line for each command, and `evidence` each command's output. `unsure` has the reasons why a human
    should judge, and the known facts. `resource` tells what the affected resource shows. `alerts` names the alerts of
    an incident that has several, worst first.
    `judged` is the person whose word the severity is; empty if it is nobody's.
    `proposed` is the plan that waits for an approval; empty if none does.
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
    alerts: tuple[str, ...]
    proposed: str
    judged: str
    resource: tuple[str, ...]


def summarise(notification: Notification) -> Summary:
    """Put one notification into words."""
    record = notification.record
    incident, alert, classification = record.incident, record.incident.alert, record.classification
    page = record.pages[-1] if record.pages else None
    return Summary(
        title=headline(record),
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
            f"{_command(result, record)}\n{_paragraph(result.output, 500)}{_rest(result, record)}"
            for result in record.results[-MAX_RESULTS:]
            if result.output.strip()
        ),
        on_call=one_line(page.on_call, 200) if page else None,
        unsure=tuple(one_line(line, 300) for line in (classification.unsure if classification else [])[:MAX_UNSURE]),
        alerts=_alerts(record),
        proposed=_proposed(record),
        judged=judged_by(record),
        resource=tuple(one_line(line, 300) for line in (classification.evidence if classification else [])[:MAX_SHOWN]),
    )


def severity(record: IncidentRecord) -> Severity:
    """Return the worse of the decided severity and of what joined since; before a verdict, the worst that joined."""
    verdict, live = record.classification, record.live
    rank = SEVERITY_RANK[verdict.severity if verdict else record.incident.alert.severity]
    if live is not None:
        rank = max(rank, loudest_since(live, live.judged_loud) if verdict else live.worst)
    return "noise" if verdict and rank == 0 else severity_of(max(rank, 1))


def judged_by(record: IncidentRecord) -> str:
    """Return whose word the severity is, and since when; empty if it is nobody's."""
    word = record.classification.word if record.classification else None
    return "" if word is None else f"{one_line(word.by, 80)} on {word.at:%Y-%m-%d}: {word.severity}"


def member_line(member: Member) -> str:
    """Name an alert of an incident on one line: its severity, its name, and its host or service."""
    place = one_line(member.host or member.service or "", 80)
    over = "" if member.firing else " (over)"
    return f"{member.severity} {one_line(member.alert_name, 120)}{f' on {place}' if place else ''}{over}"


def where(incident: Incident) -> str:
    """Return the place in a few words: the host, the number of hosts, or the service; empty if none is known."""
    if len(incident.hosts) > 1:
        return f"{len(incident.hosts)} hosts"
    return one_line(incident.hosts[0] if incident.hosts else incident.alert.service or "", 80)


def labels(incident: Incident) -> dict[str, str]:
    """Return the alert's labels, cleaned and bounded."""
    some = list(incident.alert.labels.items())[:MAX_LABELS]
    return {one_line(name, 128): one_line(value, 300) for name, value in some}


def annotations(alert: NormalizedAlert) -> list[str]:
    """Return the alert's further texts, cleaned and bounded, a line each: `impact: no orders`."""
    return [f"{one_line(name, 80)}: {one_line(text, 300)}" for name, text in alert.annotations.items()]


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


def standing(record: IncidentRecord) -> NotificationKind:
    """Return the kind of message that says how an open incident stands: who has it, or whom it waits for."""
    if answered(record):
        return "acknowledged"
    if record.pages or record.paged_at:
        return "paged"
    if record.waits_for_approval:
        return "approval"
    return "remediating" if in_automated_feed(record) else "needs_human"


def answered(record: IncidentRecord) -> bool:
    """Return True if a person has the incident: nobody was paged after the newest acknowledgement."""
    return record.live.answered if record.live else record.acknowledged_at is not None


def in_automated_feed(record: IncidentRecord) -> bool:
    """Return True if the incident's message is in the channel for what Firstline does by itself."""
    return (record.slack_channel or "").startswith("automated:")


def headline(record: IncidentRecord) -> str:
    """Return the incident's title: what fires, and where."""
    incident = record.incident
    name = one_line(incident.first_alert, 120)
    if incident.storm:
        critical = record.live.counts.ranks[SEVERITY_RANK["critical"]] if record.live else 0
        if not critical:
            return f"Storm of {record.alert_count} alerts, first {name}"
        worst = member_line(record.members[0]).removeprefix("critical ") if record.members else ""
        return f"Storm of {record.alert_count} alerts, {critical} critical{f': {worst}' if worst else ''}"
    place = where(incident)
    return f"{name} on {place}" if place else name


def _status(notification: Notification) -> str:
    record = notification.record
    kind = standing(record) if notification.kind == "changed" else notification.kind
    if kind == "acknowledged":
        return f"Acknowledged by {one_line(record.acknowledged_by or 'somebody', 80)}"
    if kind == "closed":
        by_hand = f"Resolved by {one_line(record.resolved_by, 80)}" if record.resolved_by else "Resolved"
        return ENDS.get(record.outcome or "resolved", by_hand)
    return _STATUSES[kind]


def _affected(record: IncidentRecord) -> str:
    incident, alert = record.incident, record.incident.alert
    hosts = list(dict.fromkeys([*incident.hosts, *(member.host for member in record.members if member.host)]))
    shown = [one_line(host, 80) for host in hosts[:MAX_HOSTS]]
    if len(hosts) > MAX_HOSTS:
        shown.append(f"and {len(hosts) - MAX_HOSTS} more")
    parts = [", ".join(shown)] if shown else []
    named = {
        "service": alert.service,
        "environment": alert.environment,
        "account": alert.account,
        "region": alert.region,
    }
    parts += [f"{word} {one_line(value, 80)}" for word, value in named.items() if value]
    place = " · ".join(parts) or "the alert names no host or service"
    if record.alert_count <= 1:
        return place
    still = f", {record.live.firing} firing" if record.live and record.live.firing < record.alert_count else ""
    return f"{place} · {record.alert_count} alerts{still}"


def _alerts(record: IncidentRecord) -> tuple[str, ...]:
    """Return one line for each alert of an incident that has several, worst first."""
    if len(record.members) <= 1:
        return ()
    lines = [member_line(member) for member in record.members[:MAX_ALERTS]]
    more = record.alert_count - len(lines)
    return (*lines, f"and {count(more, 'more alert')}") if more > 0 else tuple(lines)


def _proposed(record: IncidentRecord) -> str:
    plan = record.plan
    if plan is None or not record.waits_for_approval:
        return ""
    places = ", ".join(plan.places.values())
    return f"{one_line(plan.title, 200)}, on {one_line(places, 300)} ({plan.risk.replace('_', ' ')}). Approve in Slack."


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


def _rest(result: StepResult, record: IncidentRecord) -> str:
    """Return where the whole output of a command is, if only a part of it is kept."""
    plan = record.plan
    if plan is None or len(result.output) < plan.most_output:
        return ""
    documents = (step.document.partition("_runbook-") for step in plan.steps if isinstance(step, PlannedStep))
    stack = next((stack for stack, ours, _ in documents if ours), None)
    if stack is None:
        return ""
    stream = f"{one_line(result.command_id, 40)}/{one_line(result.instance_id, 40)}"
    return f"\nAll of it: log group /firstline/{one_line(stack, 128)}/commands, streams {stream}/…"


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
