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
"""The kind of an incident's change. `paged` is the first page, or the first after all alerts had resolved; `escalated`
is every later page. `resolved`: no alert fires any more, or a person resolved the incident; `reopened` takes that back.
"""


class EventVerdict(Frozen):
    """The verdict on an incident. `held_until` is the end of the hold that delays the incident; None without a hold."""

    severity: Severity
    decided_by: DecidedBy
    confidence: float = Field(ge=0, le=1)
    runbook_id: Name | None = None
    held_until: AwareDatetime | None = None


class EventPage(Frozen):
    """A page that went out: its number in the incident, who was on call, and the channels that took it.

    `level` is the escalation level and `round` the round through all levels, both counted from 0.
    """

    number: int = Field(ge=1)
    level: int = Field(ge=0)
    round: int = Field(ge=0)
    on_call: ShortText
    channels: list[Name]


class EventPlan(Frozen):
    """A remediation plan. `decision` is `approve` if it waits for a person; `targets` are names that people know."""

    runbook_id: Name
    title: ShortText
    risk: Literal["read_only", "safe", "disruptive", "destructive"]
    decision: Literal["auto", "approve"]
    digest: Name
    targets: list[ShortText] = Field(max_length=50)


class IncidentFacts(Frozen):
    """An incident at the time of sending, which may be later than the event that carries these facts.

    `title` says what fires and where, `standing` what is being done about it. `revision` never falls: of two copies of
    an incident's facts, the one with the lower `revision` is older. The texts come from alerts and models: show them as
    plain text. Personal data is removed.
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
    """One change of an incident, sent at least once. The same change always has the same `id`.

    Events of an incident may arrive out of order: sort them by `at`. `by` is the person or the part of Firstline that
    made the change. `verdict`, `page`, `plan`, `run` and `outcome` are set only for the types that they belong to.
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
    """The body of a signed webhook about one message to people.

    `kind` is the reason for the message, such as `paged`, and `type` is `incident.` followed by `kind`. The header
    `webhook-id` is the same for the same message, however often it is sent.
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
