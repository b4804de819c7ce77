"""Examples of a runbook: alerts that must match the runbook and alerts that must not, in the runbook's file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from firstline.models import Frozen, Measured, Name, NormalizedAlert, Text

HOST = "web-1"
"""The host of an example alert that names no host."""

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


class ExampleAlert(Frozen):
    """An example of an alert, with the fields that decide whether a runbook matches the alert."""

    alert: Name
    message: Text = ""
    source: Name = "prometheus"
    labels: dict[str, str] = Field(default={})
    host: Name = HOST
    service: Name | None = None
    environment: Name | None = None
    measured: list[Measured] = Field(default=[])
    """The metrics that the alert's rule compares with a threshold, as an alert source would report them."""
    why: Annotated[str, StringConstraints(max_length=200)] = ""
    """The reason, for people, why the runbook must match this alert, or must not."""

    def as_alert(self) -> NormalizedAlert:
        """Return the alert as if an alert source had sent it: firing, of high severity, with a fixed time."""
        fields = {"alert_name": self.alert, "severity": "high", "timestamp": _WHEN, "raw_payload": None}
        fields |= {"status": "firing", "fingerprint": "example", "group_key": "example"}
        return NormalizedAlert.model_validate(fields | self.model_dump(exclude={"alert", "why"}))


class Examples(Frozen):
    """Alerts that must match a runbook, and alerts that must not. Trial runs use the first alert of `match`."""

    match: list[ExampleAlert] = Field(default=[], max_length=20)
    no_match: list[ExampleAlert] = Field(default=[], max_length=20)

    def located(self) -> Iterator[tuple[tuple[str | int, ...], ExampleAlert, bool]]:
        """Yield the path to each example in the file, the example, and True if it must match.

        The path of the first is `("examples", "match", 0)`.
        """
        for key, examples in (("match", self.match), ("no_match", self.no_match)):
            for number, example in enumerate(examples):
                yield ("examples", key, number), example, key == "match"
