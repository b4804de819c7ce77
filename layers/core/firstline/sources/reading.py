"""What became of one payload: the alerts in it, what was left out and why, and what could not be read.

A source's `read` tells a `Reading` about each thing it finds; one bad alert among fifty is then rejected alone.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from firstline.models import NormalizedAlert, SourceSeverity
from firstline.sources import severity, values
from firstline.sources.severity import UNSTATED

# A child of Firstline's one logger, so that its lines come out in the same shape; importing the logger itself would
# make every importer of a normaliser pay for it.
_log = logging.getLogger("firstline.sources")

_set = object.__setattr__


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of a payload that could not be read, to be kept as it came."""

    reason: str
    payload: Any


@dataclass(slots=True)
class Batch:
    """A payload, read. `ignored` holds a reason for each thing that was understood and is no alert.

    `heartbeats` are `ignored` as alerts, too: dead man's switches and what else is not meant for people. Which of them
    count is declared in rules.yaml.

    `unknown_severities` are the words that no scale knows; they count as `high`. `truncated` is how many alerts the
    sender says it left out: those are neither new nor resolved.
    """

    alerts: list[NormalizedAlert] = field(default_factory=list)
    heartbeats: list[NormalizedAlert] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    unknown_severities: list[str] = field(default_factory=list)
    truncated: int = 0


class Reading:
    """Collects a `Batch` while a source reads a payload, and holds what the source may need to know.

    Parameters
    ----------
    source
        The name under which the payload came in.
    received_at
        Stands in for a time that the sender did not give.
    headers
        The request's headers, names in any case.
    own_stack
        Firstline's own stack: its CloudWatch alarms, named `<own_stack>-…`, are no alerts.
    """

    def __init__(
        self, source: str, *, received_at: datetime, headers: Mapping[str, str], own_stack: str | None
    ) -> None:
        self.source = source
        self.received_at = received_at
        self._headers = headers
        self.own_stack = own_stack
        self.batch = Batch()

    def add(
        self,
        *,
        alert_name: str,
        severity: SourceSeverity | None,
        message: str,
        labels: dict[str, str],
        at: datetime | None,
        status: Literal["firing", "resolved"],
        fingerprint: str,
        group_key: str,
        raw_payload: Any,
        host: str | None = None,
        ends_at: datetime | None = None,
        url: str | None = None,
        account: str | None = None,
        region: str | None = None,
        environment: str | None = None,
        service: str | None = None,
        heartbeat: bool = False,
    ) -> None:
        """Add an alert, or a heartbeat; its severity is None when the sender said nothing.

        All texts and times in it must have gone through `firstline.sources.values`.
        """
        # To validate again what those functions made would cost more than the rest of reading an alert. So this is
        # `model_construct` without its slow way with aliases and defaults; the tests validate whatever comes out.
        alert = object.__new__(NormalizedAlert)
        fields = {
            "source": self.source,
            "alert_name": alert_name,
            "severity": severity or UNSTATED,
            "severity_stated": severity is not None,
            "message": message or alert_name,
            "labels": labels,
            "timestamp": at or self.received_at,
            "raw_payload": raw_payload,
            "status": status,
            "fingerprint": fingerprint,
            "group_key": group_key,
            "host": host,
            "ends_at": ends_at,
            "url": url,
            "account": account,
            "region": region,
            "environment": environment,
            "service": service,
        }
        _set(alert, "__dict__", fields)
        _set(alert, "__pydantic_fields_set__", set(fields))
        _set(alert, "__pydantic_extra__", None)
        _set(alert, "__pydantic_private__", None)
        (self.batch.heartbeats if heartbeat else self.batch.alerts).append(alert)

    def header(self, name: str) -> str | None:
        """The value of a header; `name` in lower case."""
        return next((value for key, value in self._headers.items() if key.lower() == name), None)

    def ignore(self, reason: str) -> None:
        """This was understood, and it is no alert."""
        self.batch.ignored.append(reason)

    def reject(self, reason: str, payload: Any) -> None:
        """This part makes no sense, the others may."""
        self.batch.rejected.append(Rejected(reason, payload))

    def severity(self, word: Any, default: SourceSeverity | None = None) -> SourceSeverity | None:
        """The severity that the sender's word stands for; `default` when it said nothing, high when nobody knows it."""
        known = severity.WORDS.get(word) if type(word) is str else None
        if known is not None:
            return known
        said = values.name(word, 64)
        if said is None:
            return default
        known = severity.from_word(said)
        if known is not None:
            return known
        unknown = self.batch.unknown_severities
        if said not in unknown:
            unknown.append(said)
            quoted = values.quoted(word)
            _log.warning("%s calls an alert %s, which no severity scale knows: it counts as high", self.source, quoted)
        return severity.UNKNOWN
