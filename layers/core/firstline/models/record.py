"""One incident as the table stores it, from its opening to its end, with everything that people did about it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from firstline.models.classification import Classification
from firstline.models.frozen import Frozen, Name, Text
from firstline.models.incident import Incident
from firstline.models.live import Live
from firstline.models.plan import RemediationPlan, StepResult
from firstline.models.severity import SEVERITY_RANK, Severity

type Decision = Literal["approved", "refused"]
"""A person's decision on a plan that waits for approval."""

type Outcome = Literal["suppressed", "self_cleared", "auto_resolved", "resolved", "expired", "no_data"]
"""The end of an incident. `suppressed`: it was noise. `self_cleared`: it resolved before anybody acted.
`auto_resolved`: a runbook cured it. `resolved`: it resolved after a person was paged. `expired`: nobody resolved it in
time. `no_data`: its sender has no data any more, so nobody saw it recover."""

type NotificationKind = Literal[
    "suppressed", "remediating", "approval", "needs_human", "paged", "acknowledged", "changed", "quiet", "closed"
]
"""The kind of a message to people. `changed`: alerts joined, or the last message is out of date. `quiet`: no alert
fires any more, and the grouping window runs."""


class Page(Frozen):
    """A page: its number in the incident (`seq`), its level, its round through all levels, and its channels.

    Levels and rounds are counted from 0. While the page is claimed and has not gone out yet, `delivered_to` is empty
    and `at` is None.
    """

    seq: int = Field(default=1, ge=1)
    level: int = Field(ge=0)
    round: int = Field(default=0, ge=0)
    on_call: Text
    delivered_to: list[Name]
    acknowledge_within_seconds: int = Field(ge=1)
    at: AwareDatetime | None = None


class Member(Frozen):
    """An alert of an incident, as messages and plans show it. `message` is the beginning of the alert's message."""

    alert_name: Name
    severity: Severity
    host: Name | None = None
    service: Name | None = None
    firing: bool = True
    message: Text = ""


class Approval(Frozen):
    """One person's approval of a plan: the person's name on the list of people (`approver`), and in messages (`by`)."""

    approver: Name
    by: Text
    at: AwareDatetime


def _in_order(answers: "list[Feedback]") -> "list[Feedback]":
    return sorted(answers, key=lambda answer: (answer.at, answer.person))


class Feedback(Frozen):
    """One person's answer to "was this verdict right?".

    `said` is `word` if the person sets the severity of all later alerts of this kind (`Word`), whether or not this
    verdict was right. `severity` is the right severity, for `wrong_severity` and `word` only.

    `person` identifies the person: the name on the list of people, or for others `slack:<user id>` or `shell:<login>`.
    `by` is the name in messages.
    """

    person: Name
    by: Name
    said: Literal["real", "noise", "wrong_severity", "wrong_cause", "word"]
    severity: Severity | None = None
    at: AwareDatetime

    @model_validator(mode="after")
    def _severity_belongs_to_wrong_severity(self) -> Self:
        if (self.said in ("wrong_severity", "word")) != (self.severity is not None):
            raise ValueError(f"give `severity` with wrong_severity and word, and only with them; `said` is {self.said}")
        return self


class Note(Frozen):
    """A person's note on what fixed the incident. Secrets are redacted before it is stored."""

    by: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    at: AwareDatetime


class IncidentRecord(Frozen):
    """One incident as the table stores it, up to now, for people, reports and evidence.

    Fields that `Live` has, too, such as `resolved_by`, are copied from `live`, which is always up to date. `pages`
    holds only the newest pages, oldest first. `members` are the incident's alerts, worst first; empty unless the reader
    asked for them.
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
    """The digest of the newest post about this incident, by channel that cannot edit its posts."""
    feedback: Annotated[list[Feedback], AfterValidator(_in_order)] = []
    """People's answers in the order in which they were given, whatever order they were written in. Of answers of the
    same moment the people's keys decide, as they do for words (`save_word`), so that both end with the same answer."""
    notes: list[Note] = []
    hold_ended_at: AwareDatetime | None = None
    hold_ended_because: str | None = None

    def verdict(self, carried: Classification | None) -> Classification | None:
        """Return the worse of two verdicts: the stored one, and the one that an execution carries (`carried`).

        If they are equally bad, return the carried one. The two differ if the carried one could not be stored, or if it
        knew less: an attempt of Classify may have been killed after it stored its verdict, and the next one may have
        been unable to read the incident's alerts.
        """
        stored = self.classification
        if carried is None or stored is None:
            return carried or stored
        return stored if SEVERITY_RANK[stored.severity] > SEVERITY_RANK[carried.severity] else carried

    @property
    def sent_pages(self) -> list[Page]:
        """The pages that went out, oldest first, without those that were only claimed."""
        return [page for page in self.pages if page.at is not None]

    @property
    def waits_for_approval(self) -> bool:
        """True if the plan needs an approval, nobody has decided, and the incident is open."""
        asks = self.plan is not None and self.plan.decision == "approve"
        return asks and self.decision is None and self.status == "OPEN"


class Notification(Frozen):
    """A message for people about an incident, before a channel renders it. `kind` is the reason for sending it.

    `recovery` says in words whether the alarm's metric is back in range; None if the metric was not read.
    """

    kind: NotificationKind
    record: IncidentRecord
    reason: Text
    at: datetime
    recovery: Text | None = None
