"""The draft of a postmortem: what happened when, and questions that only people can answer, beside the evidence."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from firstline.channels.slack_judging import said
from firstline.channels.summary import severity
from firstline.classification.asking import evidence_for
from firstline.classification.redaction import safe_line, safe_text
from firstline.feedback import last_words
from firstline.models import IncidentRecord
from firstline.reporting import acknowledged_after, resolved_after
from firstline.trail import Entry
from local.durations import span
from local.learning.story import Story

MAX_CHARS = 500
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#|~!])")


class Moment(NamedTuple):
    """One line of the timeline."""

    at: datetime
    phase: str
    what: str
    who: str


def render(story: Story) -> str:
    """The whole page, as Markdown. Whatever an alert, a model or a host said stands in it as plain text."""
    record = story.record
    incident = record.incident
    parts = [
        f"# Postmortem: {plain(incident.alert.alert_name)}",
        "A draft, written from the records. Questions and blanks are yours.",
        _facts(story),
        "## Impact\n\n- Who was hurt, and how: …\n- How many, for how long: …\n- What was lost: …",
        f"## Timeline\n\n{_timeline(story)}",
        f"## Five whys\n\n{_whys(story)}",
        f"## What people said\n\n{_words(record)}",
        "## Action items\n\n| what | owner | due |\n|---|---|---|\n| … | … | … |\n| … | … | … |",
        "## What went well, what was luck\n\n- …",
    ]
    return "\n\n".join(parts) + "\n"


def plain(text: str, limit: int = MAX_CHARS) -> str:
    """Text of strangers on one line: redacted, and neither markup, link nor mention to Markdown."""
    return _MARKUP.sub(r"\\\1", safe_line(text, limit)).replace("://", r":\/\/").replace("@", "@\u2060")


def timeline(story: Story) -> list[Moment]:
    """What happened when, oldest first: detect, classify, page, acknowledge, mitigate, resolve, and all in between."""
    return sorted(_moments(story), key=lambda moment: moment.at)


def _facts(story: Story) -> str:
    record = story.record
    rows = {
        "Incident": f"`{record.incident.incident_id}`",
        "Severity": f"{severity(record)} decided; its source said {record.incident.alert.severity}",
        "Affected": plain(", ".join(record.incident.hosts) or record.incident.alert.service or "…"),
        "Ended": plain(f"{record.outcome}: {record.outcome_reason or ''}"),
        "Time to acknowledge": span(acknowledged_after(record)),
        "Time to resolve": span(resolved_after(record)),
    }
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def _moments(story: Story) -> Iterator[Moment]:
    record = story.record
    alert, opened = record.incident.alert, record.incident.opened_at
    if alert.timestamp <= opened:
        yield Moment(alert.timestamp, "began", "the condition, by the sender's clock", alert.source)
    for deployment in story.evidence.deployments:
        yield Moment(deployment.deployed_at, "change", f"{deployment.service} {deployment.version} deployed", "CI/CD")
    yield Moment(opened, "detect", f"{alert.alert_name}: {alert.message}", alert.source)
    for entry in story.entries:
        yield Moment(entry.at, _PHASES.get(entry.what, entry.what), _told(entry), entry.who)
    if record.acknowledged_at:
        yield Moment(record.acknowledged_at, "acknowledge", "somebody takes it", record.acknowledged_by or "somebody")
    mitigated = [entry.at for entry in story.entries if _acted(entry)]
    if mitigated:
        yield Moment(mitigated[-1], "mitigate", "the last act of a runbook that succeeded", "state machine")
    if record.resolved_at:
        yield Moment(record.resolved_at, "resolve", "it is over", record.resolved_by or "the sender")
    if record.closed_at and not any(entry.what == "closed" for entry in story.entries):
        yield Moment(record.closed_at, "close", str(record.outcome), "state machine")


_PHASES = {"classified": "classify", "planned": "plan", "ran": "run", "paged": "page", "closed": "close"}


def _acted(entry: Entry) -> bool:
    return entry.what == "ran" and entry.facts.get("kind") == "act" and entry.facts.get("status") == "Success"


def _told(entry: Entry) -> str:
    shown = {name: value for name, value in entry.facts.items() if value not in ("", []) and "digest" not in name}
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in shown.items()
    )


def _timeline(story: Story) -> str:
    opened = story.incident.opened_at
    rows = [
        f"| {one.at:%Y-%m-%d %H:%M:%S} | {_offset(one.at - opened)} | {plain(one.phase, 40)} | {plain(one.what)} "
        f"| {plain(one.who, 80)} |"
        for one in timeline(story)
    ]
    if story.broken:
        rows.append(f"\nThe trail is broken: {plain(story.broken.problem)}. From there on nothing is proven.")
    return "| UTC | | phase | what | who |\n|---|---|---|---|---|\n" + "\n".join(rows)


def _whys(story: Story) -> str:
    record = story.record
    verdict = record.classification
    cause = verdict.cause if verdict else "Nobody classified it."
    known = evidence_for("", story.incident, story.evidence, story.incident.opened_at)[1:]
    tried = [f"{result.step_id} ({result.kind}): {result.status}. {result.output}" for result in record.results]
    questions = (
        ("Why did it happen?", [f"The verdict's guess, no finding: {cause}", *known]),
        (
            "Why was that possible?",
            [f"{one.service} {one.version} went out before." for one in story.evidence.deployments],
        ),
        ("Why was it found when it was, and not before?", [_found(record)]),
        ("Why did it take as long as it took?", [*_slow(record), *tried]),
        ("Why will it not happen again? Or why would it?", _again(story)),
    )
    parts = []
    for number, (question, evidence) in enumerate(questions, 1):
        beside = "\n".join(f"   - Evidence: {plain(line)}" for line in evidence) or "   - Evidence: none on record."
        parts.append(f"{number}. **{question}**\n{beside}\n   - Answer: …")
    return "\n".join(parts)


def _found(record: IncidentRecord) -> str:
    late = record.incident.opened_at - record.incident.alert.timestamp
    alerts = "one alert" if record.alert_count == 1 else f"{record.alert_count} alerts"
    return f"The alert came {span(max(late, timedelta()))} after its condition began, {alerts} in all."


def _slow(record: IncidentRecord) -> Iterator[str]:
    if record.paged_at:
        yield f"Paged {span(record.paged_at - record.incident.opened_at)} after it was detected."
    if (taken := acknowledged_after(record)) is not None:
        yield f"Taken {span(taken)} after that."
    elif record.pages:
        yield "Nobody acknowledged any page."


def _again(story: Story) -> list[str]:
    times = len(story.evidence.earlier)
    notes = [f"{note.by} wrote: {note.text}" for note in story.record.notes]
    return [f"{times} earlier incident{'s' if times != 1 else ''} of this group on record.", *notes]


def _words(record: IncidentRecord) -> str:
    words = [f"- {plain(word.by, 80)}: {said(word)}" for word in last_words(record.feedback)]
    notes = [
        f"- {plain(note.by, 80)}, {note.at:%Y-%m-%d %H:%M} UTC, wrote:\n\n"
        + "\n".join(f"      {line}" for line in safe_text(note.text, 2_000).splitlines())
        for note in record.notes
    ]
    return "\n".join([*words, *notes]) or "Nobody said whether the verdict was right: `python -m local judge` does."


def _offset(since: timedelta) -> str:
    return ("−" if since < timedelta() else "+") + span(abs(since))
