"""The summary of an incident for a person at 3 am: what it is, who has it, what to do first, and what is known.

The words come from the classification, which a model or fixed texts wrote, and from facts. All texts are cleaned and
bounded, but not yet escaped for a channel, and no line repeats another one.
"""

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo

from firstline.channels.incident_links import PageLink, execution_link, links_of, safe_link
from firstline.classification.evidence_lines import plot_line
from firstline.incidents.first_sentence import kind_of_message, sentence_of
from firstline.incidents.message_facts import annotations, answered, headline, member_line, place_name, severity, where
from firstline.models import (
    Incident,
    IncidentRecord,
    Notification,
    NotificationKind,
    PlannedStep,
    Severity,
    StepResult,
)
from firstline.text import count, one_line, short_duration, shorten, strip_invisible, zoned_time

MAX_HOSTS = 10
MAX_RESULTS = 20
MAX_LABELS = 50
MAX_UNSURE = 10
MAX_SHOWN = 8
MAX_ALERTS = 10
MAX_LINKS = 6

_ENDED = {"no_data": "No data any more", "expired": "Closed", "suppressed": "Suppressed"}
"""The first words about a closed incident, by its outcome; for the other outcomes it is `Over`."""

_REPEATED = ("acknowledged by ", "resolved by ", "the alert resolved.", "all its alerts ended.")
"""The beginnings of reasons that the first sentence of the message says already."""

_NOTHING = frozenset({"", "unknown", "not known", "unclear", "none", "n/a"})
_OFTEN = re.compile(r"\d+ alerts of this name in the last hour\.$")

FOR_PEOPLE: tuple[NotificationKind, ...] = ("paged", "needs_human", "acknowledged", "approval")
"""The kinds of messages about an incident that people have to deal with."""

THE_ALERT_SAYS = "The alert says: "
"""The beginning of the line with the alert's own text."""


@dataclass(frozen=True)
class StackInfo:
    """The values of a stack that its messages show.

    Parameters
    ----------
    zone
        The time zone in which people read times.
    execution_url
        The AWS console's page of the state machine's executions, up to the colon before an execution's name; empty for
        no link.
    address
        The address of the stack's console, without a slash at the end; empty if it is not known.
    """

    zone: tzinfo = UTC
    execution_url: str = ""
    address: str = ""


@dataclass(frozen=True)
class Summary:
    """One incident in a few lines, in the order in which a person who was woken needs them.

    Parameters
    ----------
    headline, title
        What happens and where, with and without how bad it is.
    sentence
        Who has the incident, what it waits for, and until when.
    news
        Why people read this now; empty if the sentence says it.
    happening
        What happens, in a model's words or else the alert's own; empty if the title says the same.
    says
        What else the alert says, a line each.
    links
        Where to read on, besides the incident's page in the `console` and its `execution`.
    proposed
        The plan that waits for an approval; empty if none does.
    alerts
        The alerts of an incident that has several, worst first.
    resource
        What the affected resource shows.
    unsure
        Why Firstline is not sure, and the facts by which a person can judge; empty if it is sure.
    tried, evidence
        A line for each command, and each command's output.
    since
        When the incident began, in the stack's time zone; `age` is how long it has lasted.
    judged
        Who set the alert's severity, when and to what: `ada on 2026-03-01: low`; empty if no person did.
    """

    severity: Severity
    headline: str
    title: str
    sentence: str
    news: str
    happening: str
    says: tuple[str, ...]
    first_steps: tuple[str, ...]
    links: tuple[PageLink, ...]
    console: PageLink | None
    execution: PageLink | None
    proposed: str
    alerts: tuple[str, ...]
    resource: tuple[str, ...]
    unsure: tuple[str, ...]
    cause: str
    tried: tuple[str, ...]
    evidence: tuple[str, ...]
    affected: str
    since: str
    age: str
    judged: str

    @property
    def lead(self) -> str:
        """The texts `news` (why people read this now) and `happening` (what happens), on one line."""
        return " ".join(" ".join(part.split()) for part in (self.news, self.happening) if part)


def summarise(notification: Notification, stack: StackInfo | None = None) -> Summary:
    """Return the summary of the incident in a notification.

    `stack` gives the time zone and the links to the console and to the execution: without it, UTC and no such links.
    """
    stack = stack or StackInfo()
    record, at = notification.record, notification.at
    incident, classification = record.incident, record.classification
    kind, title = kind_of_message(notification), headline(record)
    happening = _happening(record, title)
    bad = severity(record)
    return Summary(
        severity=bad,
        headline=f"{_first_word(kind, record, bad)}: {title}",
        title=title,
        sentence=sentence_of(notification, stack.zone),
        news=_news(notification, happening),
        happening=happening,
        says=_says(record, happening),
        first_steps=_first_steps(record),
        links=tuple(links_of(record, most=MAX_LINKS)),
        console=safe_link("Open in Firstline", _console_link(stack.address, incident)),
        execution=safe_link("Watch the execution", execution_link(stack.execution_url, incident)),
        proposed=_proposed(record),
        alerts=_alerts(record),
        resource=_resource(notification),
        unsure=_lines(classification.unsure if classification else (), MAX_UNSURE),
        cause=_cause(classification.cause) if classification else "",
        tried=_tried(record),
        evidence=tuple(
            f"{_command(result, record)}\n{_paragraph(result.output, 500)}{_rest(result, record)}"
            for result in record.results[-MAX_RESULTS:]
            if result.output.strip()
        ),
        affected=_affected(record),
        since=zoned_time(incident.opened_at, stack.zone, at),
        age=short_duration((record.closed_at or at) - incident.opened_at),
        judged=judged_by(record),
    )


def _resource(notification: Notification) -> tuple[str, ...]:
    """Return lines on the affected resource: first whether its metric is back in range, then the evidence."""
    verdict = notification.record.classification
    lines = [notification.recovery or "", *(verdict.evidence[:MAX_SHOWN] if verdict else [])]
    if verdict is not None and verdict.series is not None:
        lines.append(plot_line(verdict.series))
    return tuple(one_line(line, 300) for line in lines if line)


def judged_by(record: IncidentRecord) -> str:
    """Return who set the alert's severity, as `ada on 2026-03-01: low`; empty if no person did."""
    word = record.classification.word if record.classification else None
    return "" if word is None else f"{one_line(word.by, 80)} on {word.at:%Y-%m-%d}: {word.severity}"


def labels(incident: Incident) -> dict[str, str]:
    """Return at most 50 labels of the incident's first alert, cleaned and shortened."""
    some = list(incident.alert.labels.items())[:MAX_LABELS]
    return {one_line(name, 128): one_line(value, 300) for name, value in some}


def _console_link(address: str, incident: Incident) -> str | None:
    """Return the address of the incident's page in the console; None if `address`, the console's own, is empty."""
    return f"{address}/console/incidents/{incident.incident_id}" if address else None


def in_one_line(summary: Summary) -> str:
    """Return a summary's title and what happens, on one line: `DiskFull on web-1: /var is 97% full`."""
    return f"{summary.title}: {summary.lead}" if summary.lead else summary.title


def _first_word(kind: NotificationKind, record: IncidentRecord, bad: Severity) -> str:
    if kind in ("closed", "suppressed"):
        return _ENDED.get(record.outcome or "", "Over" if kind == "closed" else "Suppressed")
    return bad.upper()


def _folded(text: str) -> str:
    """Return a text for comparison: its words in lower case, without the punctuation around them."""
    return " ".join(word.strip(".,;:!?…\"'()“”") for word in text.casefold().split())


def _happening(record: IncidentRecord, title: str) -> str:
    """Return a model's words on what happens, or else the alert's own; empty if they only repeat the title."""
    verdict, alert = record.classification, record.incident.alert
    # Without a model, the summary is made of the title, the alert's words, and how often it came.
    written = _paragraph(verdict.summary) if verdict and verdict.prompt_version is not None else ""
    text = written or _paragraph(alert.message)
    return "" if _folded(text) in ("", _folded(title), _folded(alert.alert_name)) else text


def _says(record: IncidentRecord, happening: str) -> tuple[str, ...]:
    """Return what else the alert says: its text if `happening` is a model's, its annotations, how often it came."""
    alert, verdict = record.incident.alert, record.classification
    often = _OFTEN.search(verdict.summary) if verdict else None
    own = _paragraph(alert.message, 600)
    said, shown = _folded(own), _folded(happening)
    new = bool(said) and said not in shown and said not in (_folded(alert.alert_name), _folded(headline(record)))
    lines = [f"{THE_ALERT_SAYS}{own}" if new else "", *annotations(alert)[:MAX_SHOWN]]
    lines += [often[0]] if often and often[0] not in happening else []
    return tuple(filter(None, lines))


def _news(notification: Notification, happening: str) -> str:
    """Return the notification's reason, or an empty text if the summary says the same elsewhere.

    `happening` is the summary's line on what happens.
    """
    record, reason = notification.record, _paragraph(notification.reason, 1_000)
    verdict, plan = record.classification, record.plan
    for said in (_paragraph(verdict.summary) if verdict else "", "no runbook chosen"):
        reason = reason.removesuffix(said).strip()
    if not reason or reason.casefold().startswith(_REPEATED):
        return ""
    if _folded(reason) in _folded(f"{happening} {verdict.summary if verdict else ''}"):
        return ""
    if not reason[0].islower():
        return reason
    # A reason in lower case is the policy's: why a plan asks, which stands beside the plan, or why there is no plan.
    return f"No runbook runs: {reason.rstrip('.')}." if plan is None else ""


def _cause(text: str) -> str:
    cause = _paragraph(text, 1_000)
    return "" if cause.rstrip(".").casefold() in _NOTHING else cause


def _lines(lines: "tuple[str, ...] | list[str]", most: int) -> tuple[str, ...]:
    return tuple(one_line(line, 300) for line in lines[:most])


def _affected(record: IncidentRecord) -> str:
    incident, alert = record.incident, record.incident.alert
    hosts = list(dict.fromkeys([*incident.hosts, *(member.host for member in record.members if member.host)]))
    shown = [place_name(host) for host in hosts[:MAX_HOSTS]]
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
    firing = record.live.firing if record.live else 0
    still = f", {firing} firing" if 0 < firing < record.alert_count else ""
    return f"{place} · {record.alert_count} alerts{still}"


def _alerts(record: IncidentRecord) -> tuple[str, ...]:
    """Return a line for each alert, worst first, with its text; none if the incident has only one alert."""
    if len(record.members) <= 1:
        return ()
    lines = []
    for member in record.members[:MAX_ALERTS]:
        said = one_line(member.message, 120)
        told = said and _folded(said) != _folded(member.alert_name)
        lines.append(f"{member_line(member)}: {said}" if told else member_line(member))
    more = record.alert_count - len(lines)
    return (*lines, f"and {count(more, 'more alert')}") if more > 0 else tuple(lines)


def _proposed(record: IncidentRecord) -> str:
    plan = record.plan
    if plan is None or not record.waits_for_approval:
        return ""
    places = ", ".join(plan.places.values())
    return f"{one_line(plan.title, 200)}, on {one_line(places, 300)} ({plan.risk.replace('_', ' ')}). Approve in Slack."


def _tried(record: IncidentRecord) -> tuple[str, ...]:
    """Return a line for each of the last 20 commands, after a line with the runbook's title."""
    lines = [
        f"{_command(result, record)}: {one_line(result.status, 60)}{_effect(result)}"
        for result in record.results[-MAX_RESULTS:]
    ]
    if len(record.results) > MAX_RESULTS:
        lines.insert(0, f"({len(record.results) - MAX_RESULTS} earlier commands left out)")
    if lines and record.plan:
        lines.insert(0, f"Runbook: {one_line(record.plan.title, 200)}")
    return tuple(lines)


def _effect(result: StepResult) -> str:
    """Return `, nothing to change` if a command that may change a host succeeded without a change; else ""."""
    return ", nothing to change" if result.kind == "act" and result.status == "Success" and not result.changed else ""


def _command(result: StepResult, record: IncidentRecord) -> str:
    names = record.plan.places if record.plan else {}
    host = one_line(names.get(result.instance_id, result.instance_id), 80)
    return f"{one_line(result.step_id, 80)} ({result.kind}) on {host}"


def _rest(result: StepResult, record: IncidentRecord) -> str:
    """Return a line that names the log with a command's whole output if the record holds only a part of it, else ""."""
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
    take = () if answered(record) else ("Acknowledge, so that nobody else is woken.",)
    tried = ("Read below what the runbook did before doing it again.",) if record.results else ()
    return (*take, look, *tried, "Resolve the incident when it is over.")


def _paragraph(text: str, limit: int = 2_500) -> str:
    return shorten(strip_invisible(text[: 4 * limit]).strip(), limit)
