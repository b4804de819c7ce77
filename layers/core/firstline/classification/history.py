"""The opinion of history on an incident, from how earlier incidents of its group ended and what people said of them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.classification.feedback import (
    called_noise,
    called_real,
    calls_real,
    last_words,
    said_wrong_cause,
    severity_said,
)
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

MEMORY = timedelta(days=30)
"""The age up to which an incident is evidence for a later one."""

MAX_VOICES = 20
"""The number of people whose last answers are kept as evidence."""

LAST = 5
"""The number of newest incidents of the group in which a pattern is looked for."""

ENOUGH = 3
"""The number of incidents among the `LAST` that makes a pattern."""

SOMETIMES = 2
"""The number of incidents that is too small for a pattern, but enough for `medium`, so that a person looks."""

ALIKE_FROM = 0.6
"""The least likeness (0 to 1) of an incident of another group that counts as a hint."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """The opinion of history: what earlier incidents say about this one. Each text is a reason; None is no opinion.

    Attributes
    ----------
    usually_nothing
        At least 3 of the group's last 5 incidents were noise, resolved by themselves, or expired at `low` or below.
        That is enough to drop an alert that its source calls `info`.
    clears_itself
        At least 3 of the group's last 5 incidents resolved by themselves. Only this lets a model take an alert
        that its source calls `high` below a page; incidents that Firstline itself suppressed do not count.
    at_least, because
        A severity above the source's, because people had to act on the group's incidents or called it right; and why.
    not_noise
        A person said that a suppressed incident of the group was real: for 30 days (`MEMORY`) only a declared rule
        may call an incident of the group noise.
    not_the_deployment, cause_instead
        When a deployment was last blamed and people answered, a person called that cause wrong. Deployments are then
        only a hint. `cause_instead` is the newest note on that incident, or else the reason of its outcome.
    cures, cures_elsewhere
        For each runbook, how many incidents of the group, and how many similar incidents of other groups, it cured.

    Similar incidents of other groups count only if the group has hardly any past. They may raise an incident to
    `medium`, never to a page, and never lower it.
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
    """Return a closed incident as evidence for the group's next incident; None if the incident is still open."""
    incident, verdict, alert = record.incident, record.classification, record.incident.alert
    if record.closed_at is None or record.outcome is None:
        return None
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
    """Form the opinion of history from the group's incidents of the last 30 days and similar ones of other groups.

    `source_severity` is the severity that the case begins with.
    """
    recent = [earlier for earlier in evidence.earlier if now - earlier.opened_at <= MEMORY]
    last = recent[:LAST]
    similar = [found.incident for found in evidence.similar if found.score >= ALIKE_FROM]
    alike = [earlier for earlier in similar if now - earlier.opened_at <= MEMORY]
    at_least, because = _floor(recent, alike, source_severity, now) or (None, None)
    not_noise = _not_noise(recent, now)
    not_the_deployment = cause_instead = None
    if (acquitted := _acquitted(recent)) is not None:
        who = _named(said_wrong_cause(acquitted.feedback))
        not_the_deployment = f"{who} said that the incident {ago(acquitted, now)} was not caused by a deployment"
        cause_instead = acquitted.note or acquitted.outcome_reason
    return Opinion(
        usually_nothing=None if not_noise else _pattern(last, _came_to_nothing, "came to nothing"),
        clears_itself=_pattern(last, _cleared_by_itself, "cleared by themselves"),
        at_least=at_least,
        because=because,
        not_noise=not_noise,
        not_the_deployment=not_the_deployment,
        cause_instead=cause_instead,
        cures=_cures(recent),
        cures_elsewhere=_cures(alike),
    )


type _Floor = tuple[Severity, str]
"""The lowest severity that the incident may get, and the reason."""


def _floor(
    recent: list[EarlierIncident], alike: list[EarlierIncident], source: SourceSeverity, now: datetime
) -> _Floor | None:
    """Return the lowest severity that history allows, and why, or None if it allows any.

    People's answers on the group's `recent` incidents decide first, else how these ended, else similar incidents of
    other groups (`alike`). `source` is the severity that the case begins with.
    """
    last = recent[:LAST]
    by_outcomes = _floor_by_outcomes(last, source)
    floor = _floor_by_words(last, by_outcomes[0] if by_outcomes else source, now) or by_outcomes
    if floor is None and len(recent) < ENOUGH:
        return _floor_by_likeness(alike, source)
    return floor


def _floor_by_outcomes(last: list[EarlierIncident], source: SourceSeverity) -> _Floor | None:
    """Return the least severity for the incident, and why, by how the group's `last` incidents (at most 5) ended.

    Those count that needed a human at a severity above the source's. If 3 or more do, the least severity is the lowest
    of theirs. If 2 do, it is `medium`, provided that both were at `medium` or above, and the source is below it. Else
    return None.
    """
    above = [earlier for earlier in last if _needed_a_human(earlier) and _rank(_severity(earlier)) > _rank(source)]
    if len(above) < SOMETIMES:
        return None
    lowest = min(map(_severity, above), key=_rank)
    needed = f"{len(above)} of the last {len(last)} incidents of this group needed a human"
    if len(above) >= ENOUGH:
        return lowest, f"{needed} at {lowest} or above"
    return ("medium", needed) if _rank(source) < _rank("medium") <= _rank(lowest) else None


def _floor_by_words(last: list[EarlierIncident], known: Severity | SourceSeverity, now: datetime) -> _Floor | None:
    """Return the severity that people called right last, and why; None if it is not above `known`.

    `known` is the severity without people's answers.
    """
    for earlier in last:
        if wanted := severity_said(earlier.feedback):
            because = f"{_who(earlier)} said that the incident {ago(earlier, now)} should have been {wanted}"
            return (wanted, because) if _rank(wanted) > _rank(known) else None
    return None


def _floor_by_likeness(alike: list[EarlierIncident], source: SourceSeverity) -> _Floor | None:
    """Return `medium`, and why, if two or more similar incidents of other groups needed a human at `medium` or above.

    Else return None, and also if the source itself says `medium` or more.
    """
    medium = _rank("medium")
    acted_on = sum(_needed_a_human(earlier) and _rank(_severity(earlier)) >= medium for earlier in alike)
    if _rank(source) >= medium or acted_on < SOMETIMES:
        return None
    return "medium", f"{acted_on} of {len(alike)} similar incidents needed a human"


def _not_noise(recent: list[EarlierIncident], now: datetime) -> str | None:
    """Say which suppressed incident a person called real, of several the newest; None if there is none.

    The sentence is `anna said that the incident suppressed 3 days ago was real`.
    """
    for earlier in recent:
        if earlier.outcome == "suppressed" and called_real(earlier.feedback):
            return f"{_who(earlier)} said that the incident suppressed {ago(earlier, now)} was real"
    return None


def _acquitted(recent: list[EarlierIncident]) -> EarlierIncident | None:
    """Return the newest incident whose verdict blamed a deployment and was answered by people.

    None if there is no such incident, or if none of its answers calls the cause wrong.
    """
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
    """Return True if the incident needed no person, by people's answers or else by its outcome."""
    if called_real(earlier.feedback):
        return False
    unheeded = earlier.outcome == "expired" and _rank(earlier.severity) <= _rank("low")
    return unheeded or called_noise(earlier.feedback) or earlier.outcome in ("suppressed", "self_cleared")


def _severity(earlier: EarlierIncident) -> Severity:
    return severity_said(earlier.feedback) or earlier.severity


def _rank(severity: Severity | SourceSeverity) -> int:
    return SEVERITY_RANK[severity]


def _pattern(last: list[EarlierIncident], holds: Callable[[EarlierIncident], bool], end: str) -> str | None:
    count = sum(map(holds, last))
    return f"{count} of the last {len(last)} incidents of this group {end}" if count >= ENOUGH else None


def _who(earlier: EarlierIncident) -> str:
    """Return the names of at most three people who called the incident real; if nobody did, of those who answered."""
    return _named([word for word in earlier.feedback if calls_real(word)] or earlier.feedback)


def _named(words: Sequence[Feedback]) -> str:
    return ", ".join(word.by for word in words[:3])


def ago(earlier: EarlierIncident, now: datetime) -> str:
    """Return how long ago an incident opened: `3 days ago`, `yesterday`, `within the last day`."""
    days = (now - earlier.opened_at).days
    return f"{days} days ago" if days > 1 else "yesterday" if days == 1 else "within the last day"
