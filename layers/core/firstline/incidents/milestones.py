"""The milestones of an incident's life, derived from changes of its items in the table.

Every change is first written to the table (`lifecycle`), whoever makes it: a function, the state machine or a person.
So the table's stream shows every milestone. It delivers each change at least once, and the changes of one item in
order. The same change always gives the same milestone with the same id.

Alerts that join or end are not milestones, because a storm has thousands of them.
"""

from dataclasses import dataclass
from datetime import datetime

from firstline.models import Classification, Decision, Incident, Live, Outcome, Page, RemediationPlan, RunbookRun
from firstline.models.event import EventType


@dataclass(frozen=True)
class Milestone:
    """One milestone of an incident's life, such as a page. `key` tells it from others of its type in the incident."""

    incident_id: str
    type: EventType
    at: datetime
    key: str = ""
    by: str | None = None
    reason: str | None = None
    verdict: Classification | None = None
    page: Page | None = None
    plan: RemediationPlan | None = None
    run: RunbookRun | None = None
    outcome: Outcome | None = None

    @property
    def id(self) -> str:
        """The milestone's id: the same each time that the stream delivers the same change."""
        return f"{self.incident_id}/{self.type}" + (f"/{self.key}" if self.key else "")


@dataclass(frozen=True)
class Write:
    """A write to the table: its time, and its number in the stream, which stays the same in a second delivery."""

    at: datetime
    number: str


@dataclass(frozen=True)
class Head:
    """The fields of an incident's main item in the table from which milestones are derived."""

    incident: Incident
    open: bool = True
    verdict: Classification | None = None
    closed_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str | None = None


def of_head(before: Head | None, after: Head, write: Write) -> list[Milestone]:
    """Return which of the milestones `opened`, `classified` and `closed` a change of an incident's main item shows.

    `before` is None if the change is the item's first write.
    """
    me = after.incident.incident_id
    milestones = []
    if before is None:
        milestones.append(Milestone(me, "opened", after.incident.opened_at, by=after.incident.alert.source))
    if after.verdict is not None and (before is None or after.verdict != before.verdict):
        by, reason = after.verdict.model or after.verdict.decided_by, "; ".join(after.verdict.reasons)
        milestones.append(Milestone(me, "classified", write.at, write.number, by, reason, verdict=after.verdict))
    if not after.open and (before is None or before.open):
        at = after.closed_at or write.at
        milestones.append(Milestone(me, "closed", at, reason=after.reason, outcome=after.outcome))
    return milestones


def of_live(before: Live | None, after: Live, write: Write) -> list[Milestone]:
    """Return the milestones that a change of a `Live` item shows: acknowledged or resolved, or one of these taken back.

    There are none if the item was written for the first time (`before` is None) or was about another incident before.
    An incident is resolved by a person, or when its execution begins to wait for quiet after the last alert ended. The
    latter does not count if an alert ended without data, because nobody knows whether it recovered.
    """
    if before is None or before.incident_id != after.incident_id:
        return []
    me = after.incident_id
    milestones = []
    if after.acked_at is not None and after.acked_at != before.acked_at:
        milestones.append(Milestone(me, "acknowledged", after.acked_at, after.acked_at.isoformat(), after.acked_by))
    elif before.acked_at is not None and after.acked_at is None:
        milestones.append(Milestone(me, "acknowledgement_withdrawn", write.at, write.number))
    if after.resolved_at is not None and after.resolved_at != before.resolved_at:
        milestones.append(
            Milestone(me, "resolved", after.resolved_at, after.resolved_at.isoformat(), after.resolved_by)
        )
    elif before.resolved_at is not None and after.resolved_at is None:
        milestones.append(Milestone(me, "reopened", write.at, write.number))
    if after.open and after.resolved_at is None:
        if after.awaiting == "quiet" != before.awaiting and after.lost <= 0:
            at = after.last_end_at or write.at
            milestones.append(Milestone(me, "resolved", at, at.isoformat()))
        elif before.awaiting == "quiet" and after.awaiting not in ("quiet", None):
            milestones.append(Milestone(me, "reopened", write.at, write.number))
    return milestones


def of_page(incident_id: str, before: Page | None, after: Page, write: Write) -> list[Milestone]:
    """Return the milestone of a page, once the page went out; a page that is only claimed gives none.

    `before` is the page as it was before this write, None if it was not stored. If it had gone out by then, there is no
    milestone.
    """
    if after.at is None or (before is not None and before.at is not None):
        return []
    kind: EventType = "paged" if (after.level, after.round) == (0, 0) else "escalated"
    return [Milestone(incident_id, kind, after.at or write.at, str(after.seq), page=after)]


def of_plan(incident_id: str, plan: RemediationPlan) -> list[Milestone]:
    """Return the milestone of an incident's plan, which is written once."""
    return [Milestone(incident_id, "planned", plan.planned_at, by="policy", reason=plan.decision_reason, plan=plan)]


def of_decision(incident_id: str, decision: Decision, by: str, at: datetime) -> list[Milestone]:
    """Return the milestone of a person's decision on the plan."""
    return [Milestone(incident_id, decision, at, by=by)]


def of_run(before: RunbookRun | None, after: RunbookRun, write: Write) -> list[Milestone]:
    """Return the milestone of a remediation's end; none if this write is not what ended it.

    A run that is written for the first time (`before` is None) has no milestone.
    """
    if before is None or before.outcome is not None or after.outcome is None:
        return []
    at = after.ended_at or write.at
    return [Milestone(after.incident_id, "remediated", at, after.runbook_id, by="state machine", run=after)]
