"""One incident as the table stores it, from its opening to its end, with everything that people did about it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from firstline.models.classification import Classification
from firstline.models.frozen import Frozen, Name, Text
from firstline.models.incident import Incident
from firstline.models.live import Live
from firstline.models.plan import RemediationPlan, StepResult
from firstline.models.severity import Severity

type Decision = Literal["approved", "refused"]
"""People's decision on a plan."""

type Outcome = Literal["suppressed", "self_cleared", "auto_resolved", "resolved", "expired", "no_data"]
"""The end of an incident: noise; resolved before anybody acted; cured by a runbook; resolved after a human was paged;
closed because nobody resolved it in time; ended because its sender has no data any more, so nobody saw it recover."""

type NotificationKind = Literal[
    "suppressed", "remediating", "approval", "needs_human", "paged", "acknowledged", "changed", "quiet", "closed"
]
"""A moment in an incident's life that people may want to hear of. `changed`: alerts joined, or a message is out of
date; `quiet`: nothing fires any more, and the grouping window runs."""


class Page(Frozen):
    """A page: its number in the incident, its level and round, its channels, and how long to wait for an answer.

    `delivered_to` is empty and `at` is None while it is claimed and has not gone out yet.
    """

    seq: int = Field(default=1, ge=1)
    level: int = Field(ge=0)
    round: int = Field(default=0, ge=0)
    on_call: Text
    delivered_to: list[Name]
    acknowledge_within_seconds: int = Field(ge=1)
    at: AwareDatetime | None = None


class Member(Frozen):
    """An alert of an incident, as messages and plans name it. `message` is the beginning of what it says."""

    alert_name: Name
    severity: Severity
    host: Name | None = None
    service: Name | None = None
    firing: bool = True
    message: Text = ""


class Approval(Frozen):
    """One person's approval of a plan. `approver` is their name on the list of people, `by` the one in messages."""

    approver: Name
    by: Text
    at: AwareDatetime


class Feedback(Frozen):
    """One person's answer to "was this verdict right?". `severity` is the right one, if that was wrong.

    `word` says of all alerts of this name how bad they are (`Word`), right or wrong as this verdict was.

    `person` identifies the person: their name on the list of people, or `slack:<user id>` or `shell:<login>` of who is
    not on it. `by` is their name in messages.
    """

    person: Name
    by: Name
    said: Literal["real", "noise", "wrong_severity", "wrong_cause", "word"]
    severity: Severity | None = None
    at: AwareDatetime

    @model_validator(mode="after")
    def _severity_belongs_to_wrong_severity(self) -> Self:
        if (self.said in ("wrong_severity", "word")) != (self.severity is not None):
            raise ValueError("`severity` belongs to wrong_severity and word: it says which one is right")
        return self


class Note(Frozen):
    """A person's note on what fixed the incident. Redacted before it is stored."""

    by: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    at: AwareDatetime


class IncidentRecord(Frozen):
    """One incident as the table stores it, up to now. The truth for people, reports and evidence.

    What can change while alerts join is a copy from `live`, which has all of it. `pages` holds the newest ones, oldest
    first. `members` are its alerts, worst first, as far as they were asked for.
    """

    incident: Incident
    status: Literal["OPEN", "CLOSED"]
    live: Live | None = None
    alert_count: int
    last_alert_at: AwareDatetime
    classification: Classification | None = None
    plan: RemediationPlan | None = None
    plan_digest: str | None = None
    results: list[StepResult] = []
    pages: list[Page] = []
    members: list[Member] = []
    paged_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: str | None = None
    approvals: list[Approval] = []
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    resolved_by: str | None = None
    closed_at: AwareDatetime | None = None
    outcome: Outcome | None = None
    outcome_reason: str | None = None
    slack_channel: str | None = None
    slack_ts: str | None = None
    posted: dict[str, str] = {}
    """The digest of the newest post about this incident, by channel that cannot edit (`channels.posts`)."""
    feedback: list[Feedback] = []
    notes: list[Note] = []
    hold_ended_at: AwareDatetime | None = None
    hold_ended_because: str | None = None

    @property
    def sent_pages(self) -> list[Page]:
        """Return the pages that went out, oldest first, without those that were only claimed."""
        return [page for page in self.pages if page.at is not None]

    @property
    def waits_for_approval(self) -> bool:
        """Return True while the plan may be approved: until it is decided, or the incident is closed."""
        asks = self.plan is not None and self.plan.decision == "approve"
        return asks and self.decision is None and self.status == "OPEN"


class Notification(Frozen):
    """A message for people, which a channel renders. `kind` is the moment in the incident's life.

    `recovery` says whether the alarm's metric is back in its range at that moment; None if nobody looked.
    """

    kind: NotificationKind
    record: IncidentRecord
    reason: Text
    at: datetime
    recovery: Text | None = None
