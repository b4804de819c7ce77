"""News of an incident for other systems: events on a bus, and the bodies of signed webhooks.

Both have a published schema (`docs/schemas`). Within a version fields are only added; listeners ignore unknown ones.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from firstline.models.classification import DecidedBy
from firstline.models.frozen import Frozen, Name, Text
from firstline.models.plan import RunOutcome
from firstline.models.record import NotificationKind, Outcome
from firstline.models.severity import Severity

SCHEMA_VERSION: Literal["1"] = "1"

type ShortText = Annotated[str, StringConstraints(max_length=1_000)]

type EventType = Literal[
    "opened",
    "classified",
    "paged",
    "escalated",
    "acknowledged",
    "acknowledgement_withdrawn",
    "planned",
    "approved",
    "refused",
    "remediated",
    "resolved",
    "reopened",
    "closed",
]
"""A change of an incident. `paged` is the first page, and the first one after everything had been over; `escalated` is
every page after it. `resolved` says that nothing fires any more or that a person resolved it; `reopened` takes that
back."""


class EventVerdict(Frozen):
    """A verdict: how bad it is and who says so. `held_until` is the end of the hold, if one delays the incident."""

    severity: Severity
    decided_by: DecidedBy
    confidence: float = Field(ge=0, le=1)
    runbook_id: Name | None = None
    held_until: AwareDatetime | None = None


class EventPage(Frozen):
    """A page that went out: its number in the incident, its level and round, who was paged, through which channels."""

    number: int = Field(ge=1)
    level: int = Field(ge=0)
    round: int = Field(ge=0)
    on_call: ShortText
    channels: list[Name]


class EventPlan(Frozen):
    """A plan: its runbook, its risk, whether it waits for a person, and its targets by the names that people know."""

    runbook_id: Name
    title: ShortText
    risk: Literal["read_only", "safe", "disruptive", "destructive"]
    decision: Literal["auto", "approve"]
    digest: Name
    targets: list[ShortText] = Field(max_length=50)


class IncidentFacts(Frozen):
    """An incident as its record stands when this is sent, which may be later than the event that it comes with.

    `title` and `standing` are the words of every message: what fires and where, and how it stands. Of two states of an
    incident, the newer one has no lower `revision`. The texts come from alerts and models: show them as plain text.
    Personal data is removed.
    """

    id: Name
    title: ShortText
    status: Literal["OPEN", "CLOSED"]
    standing: ShortText
    severity: Severity
    summary: Text
    cause: ShortText
    source: ShortText
    alert_name: ShortText
    service: ShortText | None = None
    environment: ShortText | None = None
    account: ShortText | None = None
    region: ShortText | None = None
    hosts: list[ShortText] = Field(max_length=20)
    revision: int = Field(ge=0)
    alerts: int = Field(ge=1)
    firing: int = Field(ge=0)
    opened_at: AwareDatetime
    paged_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: ShortText | None = None
    resolved_at: AwareDatetime | None = None
    resolved_by: ShortText | None = None
    closed_at: AwareDatetime | None = None
    outcome: Outcome | None = None
    runbook_id: Name | None = None
    link: str | None = None
    alert_url: str | None = None


class IncidentEvent(Frozen):
    """One change of an incident, told at least once. The same change always has the same `id`.

    Events of one incident may arrive in another order than they happened: sort by `at`. `by` is the person or the part
    that made the change. Of `verdict`, `page`, `plan`, `run` and `outcome`, an event has those that belong to its type.
    """

    version: Literal["1"] = SCHEMA_VERSION
    id: Annotated[str, StringConstraints(max_length=200)]
    type: EventType
    at: AwareDatetime
    stack: Name
    by: ShortText | None = None
    reason: Text | None = None
    verdict: EventVerdict | None = None
    page: EventPage | None = None
    plan: EventPlan | None = None
    run: RunOutcome | None = None
    outcome: Outcome | None = None
    incident: IncidentFacts


class WebhookMessage(Frozen):
    """The body of a signed webhook: a moment that people are told of. `type` is `incident.` and the kind of moment.

    The header `webhook-id` is the same for the same message, however often it is sent.
    """

    version: Literal["1"] = SCHEMA_VERSION
    type: str
    timestamp: AwareDatetime
    stack: Name
    kind: NotificationKind
    reason: Text
    page: EventPage | None = None
    plan: EventPlan | None = None
    incident: IncidentFacts
