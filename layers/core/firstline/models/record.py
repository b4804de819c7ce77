"""One incident as the table knows it, from its opening to its end."""

from typing import Literal

from pydantic import AwareDatetime, Field

from firstline.models.approval import Approval, Decision
from firstline.models.feedback import Feedback, Note
from firstline.models.frozen import Frozen
from firstline.models.incident import Incident
from firstline.models.page import Page
from firstline.models.plan import RemediationPlan
from firstline.models.severity import SourceSeverity
from firstline.models.step_result import StepResult
from firstline.models.verdict import Classification

type Outcome = Literal["suppressed", "self_cleared", "auto_resolved", "resolved", "expired"]
"""How an incident ended: noise; resolved before anybody acted; cured by a runbook; resolved after a human was called;
closed because nobody resolved it in time."""


class IncidentRecord(Frozen):
    """One incident as the table knows it: what has happened so far. The truth for people, reports and evidence."""

    incident: Incident
    status: Literal["PENDING", "STARTED", "CLOSED"]
    alert_count: int
    last_alert_at: AwareDatetime
    classification: Classification | None = None
    plan: RemediationPlan | None = None
    plan_digest: str | None = None
    results: list[StepResult] = []
    pages: list[Page] = []
    paged_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: str | None = None
    decide_by: AwareDatetime | None = None
    approvals: list[Approval] = []
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at: AwareDatetime | None = None
    worsened_to: SourceSeverity | None = None
    held_back: SourceSeverity | None = None
    quiet_since: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    resolved_by: str | None = None
    closed_at: AwareDatetime | None = None
    outcome: Outcome | None = None
    outcome_reason: str | None = None
    slack_channel: str | None = None
    slack_ts: str | None = None
    feedback: list[Feedback] = []
    notes: list[Note] = []
    hold_ended_at: AwareDatetime | None = None
    hold_ended_because: str | None = None
    awaiting: Literal["hold", "approval", "recovery", "acknowledgement", "resolution"] | None = None
    task_token: str | None = Field(default=None, repr=False)
