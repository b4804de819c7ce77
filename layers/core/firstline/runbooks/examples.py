"""Examples of a runbook: alerts that must match it and alerts that must not, kept and checked with the runbook."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from firstline.models import Frozen, Measured, Name, NormalizedAlert, Text

HOST = "web-1"
"""The host of an example that names none."""

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


class ExampleAlert(Frozen):
    """The part of an alert that matters to a runbook; a field that is left out is as in an alert from Prometheus."""

    alert: Name
    message: Text = ""
    source: Name = "prometheus"
    labels: dict[str, str] = Field(default={})
    host: Name = HOST
    service: Name | None = None
    environment: Name | None = None
    measured: list[Measured] = Field(default=[])
    """The metrics that the alert's rule compares, as a source would have read them."""
    why: Annotated[str, StringConstraints(max_length=200)] = ""
    """The reason, for people, why this alert is, or is not, one for the runbook."""

    def as_alert(self) -> NormalizedAlert:
        """Return the alert as a source would have read it."""
        fields = {"alert_name": self.alert, "severity": "high", "timestamp": _WHEN, "raw_payload": None}
        fields |= {"status": "firing", "fingerprint": "example", "group_key": "example"}
        return NormalizedAlert.model_validate(fields | self.model_dump(exclude={"alert", "why"}))


class Examples(Frozen):
    """Alerts that must match, and alerts that must not. The first that matches is used to try the runbook."""

    match: list[ExampleAlert] = Field(default=[], max_length=20)
    no_match: list[ExampleAlert] = Field(default=[], max_length=20)

    def located(self) -> Iterator[tuple[tuple[str | int, ...], ExampleAlert, bool]]:
        """Return every example with its place in the file, and True if it must match."""
        for key, examples in (("match", self.match), ("no_match", self.no_match)):
            for number, example in enumerate(examples):
                yield ("examples", key, number), example, key == "match"
