"""The alerts that a runbook is for, and those that it must leave alone, written down beside it and checked with it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from firstline.models import Frozen, Name, NormalizedAlert, Text

HOST = "web-1"
"""The host of an example that names none."""

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


class ExampleAlert(Frozen):
    """As much of an alert as matters to a runbook; whatever is left out is what an alert from Prometheus has."""

    alert: Name
    message: Text = ""
    source: Name = "prometheus"
    labels: dict[str, str] = Field(default={})
    host: Name = HOST
    service: Name | None = None
    environment: Name | None = None
    why: Annotated[str, StringConstraints(max_length=200)] = ""
    """For people: why this alert is, or is not, one for the runbook."""

    def as_alert(self) -> NormalizedAlert:
        """The alert as a source would have read it."""
        return NormalizedAlert(
            source=self.source,
            alert_name=self.alert,
            severity="high",
            message=self.message,
            labels=self.labels,
            timestamp=_WHEN,
            raw_payload=None,
            status="firing",
            fingerprint="example",
            group_key="example",
            host=self.host,
            service=self.service,
            environment=self.environment,
        )


class Examples(Frozen):
    """Alerts that must match, of which the first is the one to try the runbook with, and alerts that must not."""

    match: list[ExampleAlert] = Field(default=[], max_length=20)
    no_match: list[ExampleAlert] = Field(default=[], max_length=20)

    def located(self) -> Iterator[tuple[tuple[str | int, ...], ExampleAlert, bool]]:
        """Every example with its place in the file and whether it must match."""
        for number, example in enumerate(self.match):
            yield ("examples", "match", number), example, True
        for number, example in enumerate(self.no_match):
            yield ("examples", "no_match", number), example, False
