"""The messages of a payload that are no alerts, as plain values; `ingest/front_door.py` acts on them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class SubscriptionConfirmation:
    """The request of an SNS topic to confirm its subscription; ConfirmSubscription with `token` accepts it."""

    topic_arn: str
    token: str


@dataclass(frozen=True, slots=True)
class OwnIncidentSignal:
    """A change in PagerDuty of an incident that Firstline had opened there.

    A person acknowledged or resolved the incident, or a person or timer took the acknowledgement back. `sender_id` is
    PagerDuty's id of the incident, `said_at` PagerDuty's time of the change.
    """

    incident_id: str
    kind: Literal["acknowledged", "taken back", "resolved"]
    by: str
    sender_id: str
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OwnIncidentSeen:
    """PagerDuty's id (`sender_id`) of an incident that Firstline opened there; later notes name only this id.

    `over` is true when the incident is resolved in PagerDuty; the next page then opens a new incident there.
    """

    sender_id: str
    incident_id: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class AlertSignal:
    """An acknowledgement that was given or taken back in PagerDuty for an incident that others opened there.

    Firstline got that incident as an alert, whose group key is `group_key`. `sender_id` is PagerDuty's id of the
    incident, `said_at` PagerDuty's time.
    """

    group_key: str
    kind: Literal["acknowledged", "taken back"]
    by: str
    sender_id: str
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """A person's note in PagerDuty about an incident there, which Firstline may have opened."""

    sender_id: str
    text: str
    by: str


type Signal = SubscriptionConfirmation | OwnIncidentSignal | OwnIncidentSeen | AlertSignal | IncidentNote
