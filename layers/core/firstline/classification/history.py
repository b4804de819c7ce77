"""What the past of an alert says about its present: most incidents have been here before."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.classification.templates import template_of
from firstline.feedback import called_noise, called_real, calls_real, last_words, said_wrong_cause, severity_said
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
    """A closed incident as evidence for the next; None when it is not closed."""
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
    """Read the group's earlier incidents of the last 30 days (newest first)."""
    recent = [one for one in evidence.earlier if now - one.opened_at <= MEMORY]
    last = recent[:LAST]
    quiet = [one for one in last if _came_to_nothing(one)]
    cleared = [one for one in last if one.outcome == "self_cleared" and not called_real(one.feedback)]
    needed = [one for one in last if _needed_a_human(one)]
    above = [one for one in needed if SEVERITY_RANK[_severity(one)] > SEVERITY_RANK[source_severity]]
    at_least, because = None, None
    if len(above) >= ENOUGH:
        at_least = min(map(_severity, above), key=SEVERITY_RANK.__getitem__)
        because = _pattern(above, last, f"needed a human at {at_least} or above")
    elif len(above) >= SOMETIMES:
        lowest = min(map(_severity, above), key=SEVERITY_RANK.__getitem__)
        if SEVERITY_RANK[source_severity] < SEVERITY_RANK["medium"] <= SEVERITY_RANK[lowest]:
            at_least, because = "medium", f"{len(above)} of the last {len(last)} incidents of this group needed a human"
    said = next((one for one in last if severity_said(one.feedback)), None)
    wanted = severity_said(said.feedback) if said else None
    if said and wanted and SEVERITY_RANK[wanted] > SEVERITY_RANK[at_least or source_severity]:
        at_least, because = wanted, f"{_who(said)} said of the one {ago(said, now)} that it should have been {wanted}"
    alike = [
        one.incident for one in evidence.similar if one.score >= ALIKE_FROM and now - one.incident.opened_at <= MEMORY
    ]
    if at_least is None and len(recent) < ENOUGH and SEVERITY_RANK[source_severity] < SEVERITY_RANK["medium"]:
        acted_on = [
            one for one in alike if _needed_a_human(one) and SEVERITY_RANK[_severity(one)] >= SEVERITY_RANK["medium"]
        ]
        if len(acted_on) >= SOMETIMES:
            at_least, because = "medium", f"{len(acted_on)} of {len(alike)} similar incidents needed a human"
    hidden = next((one for one in recent if one.outcome == "suppressed" and called_real(one.feedback)), None)
    acquitted = _acquitted(recent)
    doubt = None
    if acquitted:
        who = _named(said_wrong_cause(acquitted.feedback))
        doubt = f"{who} said of the one {ago(acquitted, now)} that a deployment was blamed wrongly"
    return Opinion(
        usually_nothing=None if hidden else _pattern(quiet, last, "came to nothing"),
        clears_itself=_pattern(cleared, last, "cleared by themselves"),
        at_least=at_least,
        because=because,
        not_noise=f"{_who(hidden)} said that the one suppressed {ago(hidden, now)} was real" if hidden else None,
        not_the_deployment=doubt,
        cause_instead=(acquitted.note or acquitted.outcome_reason) if acquitted else None,
        cures=_cures(recent),
        cures_elsewhere=_cures(alike),
    )


def _acquitted(recent: list[EarlierIncident]) -> EarlierIncident | None:
    """The last incident where a deployment was blamed and anybody spoke, if somebody said that it was not the cause."""
    last = next((one for one in recent if one.blamed_deployment and one.feedback), None)
    return last if last is not None and said_wrong_cause(last.feedback) else None


def _cures(incidents: list[EarlierIncident]) -> Mapping[str, int]:
    return Counter(one.runbook_id for one in incidents if one.outcome == "auto_resolved" and one.runbook_id)


def _needed_a_human(one: EarlierIncident) -> bool:
    return one.outcome == "resolved" and not called_noise(one.feedback)


def _came_to_nothing(one: EarlierIncident) -> bool:
    """What people say of it goes before how it ended."""
    if called_real(one.feedback):
        return False
    return called_noise(one.feedback) or one.outcome in ("suppressed", "self_cleared") or _unheeded(one)


def _severity(one: EarlierIncident) -> Severity:
    return severity_said(one.feedback) or one.severity


def _unheeded(one: EarlierIncident) -> bool:
    """It woke nobody, nobody did anything about it until its time was over, and it was never more than `low`."""
    return one.outcome == "expired" and SEVERITY_RANK[one.severity] <= SEVERITY_RANK["low"]


def _pattern(found: list[EarlierIncident], last: list[EarlierIncident], what: str) -> str | None:
    return f"{len(found)} of the last {len(last)} incidents of this group {what}" if len(found) >= ENOUGH else None


def _who(one: EarlierIncident) -> str:
    """Who called it real; or, of what should have been something else, who said so."""
    return _named([word for word in one.feedback if calls_real(word)] or one.feedback)


def _named(words: Sequence[Feedback]) -> str:
    return ", ".join(word.by for word in words[:3])


def ago(one: EarlierIncident, now: datetime) -> str:
    """How long ago an incident began, in days."""
    days = (now - one.opened_at).days
    return f"{days} days ago" if days > 1 else "yesterday" if days == 1 else "within the last day"
