"""The signals of a payload: whatever it says that is no alert, as plain values on which the front door acts."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SubscriptionConfirmation:
    """A topic's question whether it may deliver here; ConfirmSubscription with the token says yes."""

    topic_arn: str
    token: str


@dataclass(frozen=True, slots=True)
class OwnIncidentSignal:
    """A person's acknowledgement or resolution, at the sender, of what Firstline had paged about."""

    incident_id: str
    kind: Literal["acknowledged", "resolved"]
    by: str


@dataclass(frozen=True, slots=True)
class OwnIncidentSeen:
    """The sender's id of an incident that Firstline opened there: later notes name only this id."""

    sender_id: str
    incident_id: str


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """A person's note about one of the sender's incidents, which may be Firstline's."""

    sender_id: str
    text: str
    by: str


type Signal = SubscriptionConfirmation | OwnIncidentSignal | OwnIncidentSeen | IncidentNote
