"""What the past of an alert says about its present: most incidents have been here before."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.models import SEVERITY_RANK, EarlierIncident, Evidence, Severity, SourceSeverity

MEMORY = timedelta(days=30)
"""Older incidents are no evidence: systems change."""

LAST = 5
ENOUGH = 3
"""So many of the last `LAST` make a pattern."""


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
        People had to act on the group, at this severity or above: more than the source said.
    cures
        How often each runbook cured the group.
    """

    usually_nothing: str | None
    clears_itself: str | None
    at_least: Severity | None
    because: str | None
    cures: Mapping[str, int]


def opinion(evidence: Evidence, source_severity: SourceSeverity, now: datetime) -> Opinion:
    """Read the group's earlier incidents of the last 30 days (newest first)."""
    recent = [one for one in evidence.earlier if now - one.opened_at <= MEMORY]
    last = recent[:LAST]
    quiet = [one for one in last if one.outcome in ("suppressed", "self_cleared") or _unheeded(one)]
    cleared = [one for one in last if one.outcome == "self_cleared"]
    needed = [
        one
        for one in last
        if one.outcome == "resolved" and SEVERITY_RANK[one.severity] > SEVERITY_RANK[source_severity]
    ]
    at_least: Severity | None = None
    if len(needed) >= ENOUGH:
        at_least = min(needed, key=lambda one: SEVERITY_RANK[one.severity]).severity
    return Opinion(
        usually_nothing=_pattern(quiet, last, "came to nothing"),
        clears_itself=_pattern(cleared, last, "cleared by themselves"),
        at_least=at_least,
        because=_pattern(needed, last, f"needed a human at {at_least} or above"),
        cures=Counter(one.runbook_id for one in recent if one.outcome == "auto_resolved" and one.runbook_id),
    )


def _unheeded(one: EarlierIncident) -> bool:
    """It woke nobody, nobody did anything about it until its time was over, and it was never more than `low`."""
    return one.outcome == "expired" and SEVERITY_RANK[one.severity] <= SEVERITY_RANK["low"]


def _pattern(found: list[EarlierIncident], last: list[EarlierIncident], what: str) -> str | None:
    return f"{len(found)} of the last {len(last)} incidents of this group {what}" if len(found) >= ENOUGH else None
