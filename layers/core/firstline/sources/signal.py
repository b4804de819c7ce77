"""The signals of a payload: messages that are no alerts, as plain values on which the front door acts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class SubscriptionConfirmation:
    """A topic's request to deliver here; ConfirmSubscription with the token accepts it."""

    topic_arn: str
    token: str


@dataclass(frozen=True, slots=True)
class OwnIncidentSignal:
    """A change, at the sender, of an incident that Firstline had opened there; `sender_id` is its id there.

    A person acknowledged it or resolved it; or its acknowledgement was taken back, by a person or by a timer. `said_at`
    is the sender's time of it.
    """

    incident_id: str
    kind: Literal["acknowledged", "taken back", "resolved"]
    by: str
    sender_id: str
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OwnIncidentSeen:
    """The sender's id of an incident that Firstline opened there: later notes name only this id.

    `over` is true when that one is over at the sender: the next page opens another one there.
    """

    sender_id: str
    incident_id: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class AlertSignal:
    """A person's acknowledgement, at the sender, of what the sender alerts of; or that it was taken back."""

    group_key: str
    kind: Literal["acknowledged", "taken back"]
    by: str
    sender_id: str
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """A person's note about one of the sender's incidents, which may be Firstline's."""

    sender_id: str
    text: str
    by: str


type Signal = SubscriptionConfirmation | OwnIncidentSignal | OwnIncidentSeen | AlertSignal | IncidentNote
