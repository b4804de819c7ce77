"""Something people should read."""

from datetime import datetime
from typing import Literal

from firstline.models.frozen import Frozen, Text
from firstline.models.record import IncidentRecord

type NotificationKind = Literal[
    "suppressed", "remediating", "approval", "needs_human", "paged", "acknowledged", "closed"
]
"""A moment in an incident's life that people may want to hear of."""


class Notification(Frozen):
    """Something people should read: what a channel renders. `kind` is the moment in the incident's life."""

    kind: NotificationKind
    record: IncidentRecord
    reason: Text
    at: datetime
