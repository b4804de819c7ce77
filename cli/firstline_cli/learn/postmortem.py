"""The draft of a postmortem: the timeline, and the questions that only people can answer, beside the evidence."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from firstline.channels.slack_feedback import said
from firstline.classification.feedback import last_words
from firstline.classification.texts_without_model import evidence_for
from firstline.incidents.audit_trail import Entry, happened_at
from firstline.incidents.message_facts import severity
from firstline.models import IncidentRecord
from firstline.reports.periods import acknowledged_after, resolved_after
from firstline.text import in_words
from firstline_cli.learn import causes
from firstline_cli.learn.story import Story
from firstline_cli.learn.templates import Verbatim, render
from firstline_cli.records import in_line


class Moment(NamedTuple):
    """One line of the timeline: when, in which phase, what happened, and through whom."""

    at: datetime
    phase: str
    what: str
    who: str


def page(story: Story) -> str:
    """Render the draft of the postmortem as Markdown; what alerts, models and hosts wrote is escaped to plain text."""
    record, found = story.record, causes.links(story)
    return render(
        "postmortem.md",
        incident_id=Verbatim(story.incident.incident_id),
        links=found,
        graph=causes.mermaid(found),
        record=record,
        incident=story.incident,
        severity=severity(record),
        time_to_acknowledge=in_words(acknowledged_after(record)),
        time_to_resolve=in_words(resolved_after(record)),
        timeline=[(moment, _offset(moment.at - story.incident.opened_at)) for moment in timeline(story)],
        broken=story.broken,
        whys=_whys(story),
        words=[(word.by, said(word)) for word in last_words(record.feedback)],
    )


def timeline(story: Story) -> list[Moment]:
    """Return all moments of the incident, oldest first, such as deployments, the alert, pages and the close."""
    return sorted(_moments(story), key=lambda moment: moment.at)


def _moments(story: Story) -> Iterator[Moment]:
    record = story.record
    alert, opened = record.incident.alert, record.incident.opened_at
    if alert.timestamp <= opened:
        yield Moment(alert.timestamp, "began", "the condition, by the sender's clock", alert.source)
    for deployment in story.evidence.deployments:
        happened = (deployment.state or "deployed").replace("_", " ")
        yield Moment(deployment.deployed_at, "change", f"{deployment.service} {deployment.version} {happened}", "CI/CD")
    yield Moment(opened, "detect", f"{alert.alert_name}: {alert.message}", alert.source)
    for entry in story.entries:
        what = _PHASES.get(entry.what, entry.what)
        yield Moment(happened_at(entry), what, in_line(entry, without="digest"), entry.who)
    if record.acknowledged_at:
        yield Moment(record.acknowledged_at, "acknowledge", "a person takes it", record.acknowledged_by or "unknown")
    mitigated = [entry.at for entry in story.entries if _acted(entry)]
    if mitigated:
        yield Moment(mitigated[-1], "mitigate", "the last act of a runbook that succeeded", "state machine")
    if record.resolved_at:
        yield Moment(record.resolved_at, "resolve", "the trouble is over", record.resolved_by or "the sender")
    if record.closed_at and not any(entry.what == "closed" for entry in story.entries):
        yield Moment(record.closed_at, "close", str(record.outcome), "state machine")


_PHASES = {"classified": "classify", "planned": "plan", "ran": "run", "paged": "page", "closed": "close"}


def _acted(entry: Entry) -> bool:
    return entry.what == "ran" and entry.facts.get("kind") == "act" and entry.facts.get("status") == "Success"


def _whys(story: Story) -> list[tuple[str, list[str]]]:
    record, deployments = story.record, story.evidence.deployments
    cause = record.classification.cause if record.classification else "there is no verdict."
    known = evidence_for("", story.incident, story.evidence, story.incident.opened_at)[1:]
    tried = [f"{result.step_id} ({result.kind}): {result.status}. {result.output}" for result in record.results]
    went_out = [f"{deployment.service} {deployment.version} went out before." for deployment in deployments]
    return [
        ("Why did it happen?", [f"The verdict's guess, no finding: {cause or 'it names no cause.'}", *known]),
        ("Why was that possible?", went_out),
        ("Why was it found when it was, and not before?", [_found(record)]),
        ("Why did it take as long as it took?", [*_slow(record), *tried]),
        ("Why will it not happen again? Or why would it?", _again(story)),
    ]


def _found(record: IncidentRecord) -> str:
    late = record.incident.opened_at - record.incident.alert.timestamp
    alerts = "one alert" if record.alert_count == 1 else f"{record.alert_count} alerts"
    return f"The alert came {in_words(max(late, timedelta()))} after its condition began, {alerts} in all."


def _slow(record: IncidentRecord) -> Iterator[str]:
    if record.paged_at:
        yield f"Paged {in_words(record.paged_at - record.incident.opened_at)} after it was detected."
    if (taken := acknowledged_after(record)) is not None:
        yield f"Taken {in_words(taken)} after that."
    elif record.pages:
        yield "Nobody acknowledged any page."


def _again(story: Story) -> list[str]:
    times = len(story.evidence.earlier)
    notes = [f"{note.by} wrote: {note.text}" for note in story.record.notes]
    return [f"{times} earlier incident{'s' if times != 1 else ''} of this group on record.", *notes]


def _offset(since: timedelta) -> str:
    return ("−" if since < timedelta() else "+") + in_words(abs(since))
