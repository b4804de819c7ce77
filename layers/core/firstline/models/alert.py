"""One alert, in the same shape from every source."""

from typing import Any, Literal

from pydantic import AwareDatetime

from firstline.models.frozen import Frozen, Name, Text, Url
from firstline.models.severity import SourceSeverity


class NormalizedAlert(Frozen):
    """One alert, in the same shape from every source. Everything in it is untrusted text, within bounds.

    `timestamp` is when this state began (fired, or was resolved) by the sender's clock. `fingerprint` names the alert
    and is the same for its firing and its resolved; `group_key` names the incident that it belongs to.
    `severity_stated` is false when the sender stated no severity: then `severity` is only a default.

    `timestamp_orders` is true if the source sends the time of each change of state, so that of two messages about one
    alert the one with the later `timestamp` is right. `began_at` is when the episode began that a firing or a resolved
    alert belongs to, where the sender says it.

    `nothing_known` is the sender's word for why an alert ended although nobody saw it recover (its data is missing, its
    rule is paused), and None for every other one.
    """

    source: Name
    alert_name: Name
    severity: SourceSeverity
    message: Text
    labels: dict[str, str]
    timestamp: AwareDatetime
    raw_payload: Any
    status: Literal["firing", "resolved"]
    fingerprint: Name
    group_key: Name
    host: Name | None = None
    ends_at: AwareDatetime | None = None
    url: Url | None = None
    account: Name | None = None
    region: Name | None = None
    environment: Name | None = None
    service: Name | None = None
    severity_stated: bool = True
    timestamp_orders: bool = False
    began_at: AwareDatetime | None = None
    nothing_known: Name | None = None

    def without_raw(self) -> "NormalizedAlert":
        """Return the alert without the sender's body, small enough to travel through a state machine."""
        return self.model_copy(update={"raw_payload": None})
