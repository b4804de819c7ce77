"""The opinion of history: how earlier incidents of an alert ended, as a hint for the present one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.classification.templates import template_of
from firstline.models import (
    SEVERITY_RANK,
    EarlierIncident,
    Evidence,
    Feedback,
    IncidentRecord,
    Severity,
    SourceSeverity,
)
from firstline.people.feedback import called_noise, called_real, calls_real, last_words, said_wrong_cause, severity_said

MEMORY = timedelta(days=30)
"""Older incidents are no evidence: systems change."""

MAX_VOICES = 20
"""Of so many people the last word is kept as evidence."""

LAST = 5
ENOUGH = 3
"""So many of the last `LAST` make a pattern."""
ALIKE_FROM = 0.6
"""As alike as this a similar incident counts: the same trouble of the same service, in nearly the same words."""

SOMETIMES = 2
"""So many make none, but are too many for nobody to look."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What history says, each with its reason in words; None where it says nothing.

    Attributes
    ----------
    usually_nothing
        The group usually ended as noise, by itself, or unheeded below a page. Enough to drop what the source called
        `info`.
    clears_itself
        The group usually ended by itself. A fact, unlike `suppressed`, which is Firstline's own earlier opinion and
        must not prove itself: only this can back a model that calls a paging alert less than that.
    at_least, because
        People had to act on the group, at this severity or above, or say that it should have been: more than the source
        said.
    not_noise
        Somebody said that a suppressed incident of the group was real. Then nothing but a declared rule makes noise of
        the next one, and only time takes that back.
    not_the_deployment
        The last time that a deployment was blamed for an incident of the group, and people spoke of it, somebody said
        that this was the wrong cause. Then the next deployment is only a hint. How bad it is does not depend on it.
        `cause_instead` is what was written of that incident.
    cures
        How often each runbook cured the group. `cures_elsewhere` is the same of similar incidents of other groups.

    Of a group with hardly any past, similar incidents are a weaker hint: where they needed a human, they bring it
    before one in working hours (`medium`), never out of bed; and they make nothing less than the source says.
    """

    usually_nothing: str | None
    clears_itself: str | None
    at_least: Severity | None
    because: str | None
    not_noise: str | None
    not_the_deployment: str | None
    cause_instead: str | None
    cures: Mapping[str, int]
    cures_elsewhere: Mapping[str, int]


def ended(record: IncidentRecord) -> EarlierIncident | None:
    """Return a closed incident as evidence for the next; None if it is not closed."""
    incident, verdict = record.incident, record.classification
    if record.closed_at is None or record.outcome is None:
        return None
    alert = incident.alert
    return EarlierIncident(
        incident_id=incident.incident_id,
        opened_at=incident.opened_at,
        closed_at=record.closed_at,
        severity=verdict.severity if verdict else "low" if alert.severity == "info" else alert.severity,
        outcome=record.outcome,
        runbook_id=record.plan.runbook_id if record.plan else None,
        outcome_reason=record.outcome_reason,
        group_key=incident.group_key,
        alert_name=alert.alert_name,
        service=alert.service,
        environment=alert.environment,
        template=template_of(alert),
        cause=verdict.cause if verdict else None,
        blamed_deployment=verdict.is_deployment_related if verdict else False,
        chosen_runbook_id=verdict.runbook_id if verdict else None,
        decided_by=verdict.decided_by if verdict else None,
        evidence_class=verdict.evidence_class if verdict else None,
        taken_by=record.acknowledged_by,
        feedback=last_words(record.feedback)[-MAX_VOICES:],
        note=record.notes[-1].text if record.notes else None,
    )


def opinion(evidence: Evidence, source_severity: SourceSeverity, now: datetime) -> Opinion:
    """Read the group's earlier incidents of the last 30 days (newest first), and the similar ones of other groups."""
    recent = [earlier for earlier in evidence.earlier if now - earlier.opened_at <= MEMORY]
    last = recent[:LAST]
    alike = _alike(evidence, now)
    floor = _floor(recent, alike, source_severity, now)
    not_noise = _not_noise(recent, now)
    acquitted = _acquitted(recent)
    return Opinion(
        usually_nothing=None if not_noise else _pattern(last, _came_to_nothing, "came to nothing"),
        clears_itself=_pattern(last, _cleared_by_itself, "cleared by themselves"),
        at_least=floor[0] if floor else None,
        because=floor[1] if floor else None,
        not_noise=not_noise,
        not_the_deployment=_not_the_deployment(acquitted, now),
        cause_instead=(acquitted.note or acquitted.outcome_reason) if acquitted else None,
        cures=_cures(recent),
        cures_elsewhere=_cures(alike),
    )


type _Floor = tuple[Severity, str]
"""A severity that the incident has at least, and why."""


def _floor(
    recent: list[EarlierIncident], alike: list[EarlierIncident], source: SourceSeverity, now: datetime
) -> _Floor | None:
    """Return what people's words say, else how incidents of the group ended, else how similar ones did."""
    last = recent[:LAST]
    by_outcomes = _floor_by_outcomes(last, source)
    floor = _floor_by_words(last, by_outcomes[0] if by_outcomes else source, now) or by_outcomes
    if floor is None and len(recent) < ENOUGH:
        return _floor_by_likeness(alike, source)
    return floor


def _floor_by_outcomes(last: list[EarlierIncident], source: SourceSeverity) -> _Floor | None:
    """Return the severity at which the group usually needed a human; `medium` if that was only sometimes so."""
    above = [earlier for earlier in last if _needed_a_human(earlier) and _rank(_severity(earlier)) > _rank(source)]
    if len(above) < SOMETIMES:
        return None
    lowest = min(map(_severity, above), key=_rank)
    needed = f"{len(above)} of the last {len(last)} incidents of this group needed a human"
    if len(above) >= ENOUGH:
        return lowest, f"{needed} at {lowest} or above"
    return ("medium", needed) if _rank(source) < _rank("medium") <= _rank(lowest) else None


def _floor_by_words(last: list[EarlierIncident], known: Severity | SourceSeverity, now: datetime) -> _Floor | None:
    """Return the severity that people last said it should have been, if that is above what is known."""
    for earlier in last:
        if wanted := severity_said(earlier.feedback):
            because = f"{_who(earlier)} said of the one {ago(earlier, now)} that it should have been {wanted}"
            return (wanted, because) if _rank(wanted) > _rank(known) else None
    return None


def _floor_by_likeness(alike: list[EarlierIncident], source: SourceSeverity) -> _Floor | None:
    """Return `medium` if similar incidents needed a human at that severity or above."""
    acted_on = [
        earlier for earlier in alike if _needed_a_human(earlier) and _rank(_severity(earlier)) >= _rank("medium")
    ]
    if _rank(source) >= _rank("medium") or len(acted_on) < SOMETIMES:
        return None
    return "medium", f"{len(acted_on)} of {len(alike)} similar incidents needed a human"


def _alike(evidence: Evidence, now: datetime) -> list[EarlierIncident]:
    return [
        similar.incident
        for similar in evidence.similar
        if similar.score >= ALIKE_FROM and now - similar.incident.opened_at <= MEMORY
    ]


def _not_noise(recent: list[EarlierIncident], now: datetime) -> str | None:
    """Return who called a suppressed incident real."""
    for earlier in recent:
        if earlier.outcome == "suppressed" and called_real(earlier.feedback):
            return f"{_who(earlier)} said that the one suppressed {ago(earlier, now)} was real"
    return None


def _not_the_deployment(acquitted: EarlierIncident | None, now: datetime) -> str | None:
    if acquitted is None:
        return None
    who = _named(said_wrong_cause(acquitted.feedback))
    return f"{who} said of the one {ago(acquitted, now)} that a deployment was blamed wrongly"


def _acquitted(recent: list[EarlierIncident]) -> EarlierIncident | None:
    """Return the last incident where a deployment was blamed and people spoke, if they said that this was wrong."""
    last = next((earlier for earlier in recent if earlier.blamed_deployment and earlier.feedback), None)
    return last if last is not None and said_wrong_cause(last.feedback) else None


def _cures(incidents: list[EarlierIncident]) -> Mapping[str, int]:
    cured = (earlier for earlier in incidents if earlier.outcome == "auto_resolved")
    return Counter(earlier.runbook_id for earlier in cured if earlier.runbook_id)


def _needed_a_human(earlier: EarlierIncident) -> bool:
    return earlier.outcome == "resolved" and not called_noise(earlier.feedback)


def _cleared_by_itself(earlier: EarlierIncident) -> bool:
    return earlier.outcome == "self_cleared" and not called_real(earlier.feedback)


def _came_to_nothing(earlier: EarlierIncident) -> bool:
    """Tell whether it was nothing; what people say of it goes before how it ended."""
    if called_real(earlier.feedback):
        return False
    return called_noise(earlier.feedback) or earlier.outcome in ("suppressed", "self_cleared") or _unheeded(earlier)


def _unheeded(earlier: EarlierIncident) -> bool:
    """Tell whether it woke nobody, and expired without anybody doing something about it."""
    return earlier.outcome == "expired" and _rank(earlier.severity) <= _rank("low")


def _severity(earlier: EarlierIncident) -> Severity:
    return severity_said(earlier.feedback) or earlier.severity


def _rank(severity: Severity | SourceSeverity) -> int:
    return SEVERITY_RANK[severity]


def _pattern(last: list[EarlierIncident], holds: Callable[[EarlierIncident], bool], what: str) -> str | None:
    count = sum(map(holds, last))
    return f"{count} of the last {len(last)} incidents of this group {what}" if count >= ENOUGH else None


def _who(earlier: EarlierIncident) -> str:
    """Name the people who called it real; without any, all who said something."""
    return _named([word for word in earlier.feedback if calls_real(word)] or earlier.feedback)


def _named(words: Sequence[Feedback]) -> str:
    return ", ".join(word.by for word in words[:3])


def ago(earlier: EarlierIncident, now: datetime) -> str:
    """Say how long ago an incident began, in days."""
    days = (now - earlier.opened_at).days
    return f"{days} days ago" if days > 1 else "yesterday" if days == 1 else "within the last day"
