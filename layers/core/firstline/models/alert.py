"""One alert, whoever sent it."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, StringConstraints

from firstline.models.frozen import Frozen, Name, Text
from firstline.models.severity import SourceSeverity


class NormalizedAlert(Frozen):
    """One alert, whoever sent it. Everything in it is untrusted text, within bounds.

    `timestamp` is when this state began (fired, or was resolved) by the sender's clock. `fingerprint` names the alert
    and is the same for its firing and its resolved; `group_key` names the incident that it belongs to.
    `severity_stated` is false when the sender said nothing about how bad it is: then `severity` is only a default.
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
    url: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    account: Name | None = None
    region: Name | None = None
    environment: Name | None = None
    service: Name | None = None
    severity_stated: bool = True

    def without_raw(self) -> "NormalizedAlert":
        """The same alert without the sender's body, small enough to travel through a state machine."""
        return self.model_copy(update={"raw_payload": None})
