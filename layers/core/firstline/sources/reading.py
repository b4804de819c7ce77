"""The result of reading one payload: its alerts, the reasons for ignored parts, and the unreadable parts.

A source's `read` reports each part of a payload to a `Reading` separately, so that one bad alert of 50 does not cost
the other 49.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from firstline.models import NormalizedAlert, SourceSeverity
from firstline.sources import severity, values
from firstline.sources.links import bounded, links_in_fields, links_in_text
from firstline.sources.severity import UNSTATED, Presumed

if TYPE_CHECKING:
    from firstline.models import AlertLink, Location, Measured
    from firstline.sources.meanings import Subject

# A child of Firstline's one logger, so that its lines come out in the same shape; importing the logger itself would
# make every importer of a normaliser pay for it.
_log = logging.getLogger("firstline.sources")

_TEMPLATES_SHOWN = 5
"""The largest number of unfilled template values that a message lists."""

_set = object.__setattr__


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of a payload that could not be read, as the sender sent it, with the reason."""

    reason: str
    payload: Any


@dataclass(slots=True)
class Batch:
    """The alerts of one payload, and its other parts.

    Attributes
    ----------
    heartbeats
        Dead man's switches and other alerts that are not meant for people; each also has a reason in `ignored`.
        rules.yaml declares which heartbeats are watched.
    ends_elsewhere
        Copies of resolved alerts, each with another group key and fingerprint under which the alert may have fired. A
        copy that matches no stored alert changes nothing.
    ignored
        The reason for each part that was understood and is no alert.
    unknown_severities
        The senders' words for a severity that no scale has; each counts as `high`.
    truncated
        The number of alerts that the sender says it left out of the payload.
    envelope
        The payload whose list `parts` holds the alerts.
    parts
        The key in `envelope` of the list that holds the alerts; None if the payload has no such list.
    """

    alerts: list[NormalizedAlert] = field(default_factory=list)
    heartbeats: list[NormalizedAlert] = field(default_factory=list)
    ends_elsewhere: list[NormalizedAlert] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    unknown_severities: list[str] = field(default_factory=list)
    truncated: int = 0
    envelope: Mapping[str, Any] = field(default_factory=dict)
    parts: str | None = None

    @property
    def unread(self) -> Any:
        """The payload with only its rejected parts, to be read again when the source's code can read them."""
        parts = [part.payload for part in self.rejected]
        return {**self.envelope, self.parts: parts} if self.parts is not None else parts


@dataclass(slots=True)
class Reading:
    """The collector to which a source reports the parts of one payload; the result is its `batch`.

    Parameters
    ----------
    source
        The name of the source to which the payload was sent.
    received_at
        The time of an alert whose sender states no time.
    headers
        The request's headers; names in any case.
    """

    source: str
    received_at: datetime
    headers: Mapping[str, str]
    batch: Batch = field(default_factory=Batch)

    def add(
        self,
        *,
        alert_name: str,
        severity: SourceSeverity | Presumed | None,
        message: str,
        labels: dict[str, str],
        subject: "Subject",
        at: datetime | None,
        status: Literal["firing", "resolved"],
        fingerprint: str,
        group_key: str,
        raw_payload: Any,
        host: str | None = None,
        began_at: datetime | None = None,
        ends_at: datetime | None = None,
        timestamp_orders: bool = False,
        url: str | None = None,
        heartbeat: bool = False,
        nothing_known: str | None = None,
        location: "Location | None" = None,
        measured: "list[Measured] | None" = None,
        links: "Iterable[AlertLink]" = (),
        annotations: dict[str, str] | None = None,
        or_as: "Iterable[tuple[str, str]]" = (),
    ) -> None:
        """Add an alert to the batch; `firstline.sources.values` must have cleaned all texts and times.

        Parameters
        ----------
        severity
            None if the sender stated no severity, `Presumed` if its state suggests one.
        subject
            The account, region, environment and service that the alert is about.
        at
            When the alert got its present status; None if the sender does not say: then the time of receipt counts.
        fingerprint, group_key
            The names of the alert, the same when it fires and when it is resolved, and of its incident.
        raw_payload
            The alert as the sender sent it.
        host
            The best hint to the alert's host for people; None without one.
        began_at
            When the alert began to fire, also on a resolved alert; None if the sender does not say.
        ends_at
            When a resolved alert ended; None if the sender does not say.
        timestamp_orders
            True if `at` is the sender's time of this change of state, so that changes can be ordered by it.
        heartbeat
            True if the alert is not meant for people.
        nothing_known
            The sender's reason why an alert ended without a recovery, such as missing data; None for every other alert.
        measured
            The metrics that the alert's rule compares.
        links
            Links beside those that the labels and the message contain.
        or_as
            Further pairs of group key and fingerprint under which a resolved alert may have fired.
        """
        # To validate again what those functions made would cost more than the rest of reading an alert. So this is
        # `model_construct` without its slow way with aliases and defaults; the tests validate whatever comes out.
        alert = object.__new__(NormalizedAlert)
        stated, presumed = (None, severity) if isinstance(severity, Presumed) else (severity, None)
        fields = {
            "source": self.source,
            "alert_name": alert_name,
            "severity": stated or (presumed.severity if presumed else UNSTATED),
            "severity_stated": stated is not None,
            "presumed_from": presumed.state if presumed else None,
            "message": _with_templates(message or alert_name, labels, raw_payload),
            "labels": labels,
            "timestamp": at or self.received_at,
            "raw_payload": raw_payload,
            "status": status,
            "fingerprint": fingerprint,
            "group_key": group_key,
            "host": host,
            "began_at": began_at,
            "ends_at": ends_at,
            "timestamp_orders": timestamp_orders and at is not None,
            "url": url,
            "nothing_known": nothing_known,
            "location": location,
            "measured": measured or [],
            "links": bounded((*links, *links_in_fields(labels), *links_in_text(message)), url),
            "annotations": annotations or {},
            "account": subject.account,
            "region": subject.region,
            "environment": subject.environment,
            "service": subject.service,
        }
        _set(alert, "__dict__", fields)
        _set(alert, "__pydantic_fields_set__", set(fields))
        _set(alert, "__pydantic_extra__", None)
        _set(alert, "__pydantic_private__", None)
        (self.batch.heartbeats if heartbeat else self.batch.alerts).append(alert)
        for group, own in dict.fromkeys(or_as):
            if (group, own) != (group_key, fingerprint):
                other = {"group_key": group, "fingerprint": own}
                self.batch.ends_elsewhere.append(alert.model_copy(update=other))

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None; `name` in lower case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), None)

    def split(self, payload: Mapping[str, Any], parts: str) -> list[Any]:
        """Return the list under the key `parts` of a payload, and keep the payload and the key for `Batch.unread`."""
        self.batch.envelope, self.batch.parts = payload, parts
        return list(payload[parts])

    def ignore(self, reason: str) -> None:
        """Record the reason why a part that was understood is no alert."""
        self.batch.ignored.append(reason)

    def reject(self, reason: str, payload: Any) -> None:
        """Record an unreadable part with the reason; the source goes on with the other parts."""
        self.batch.rejected.append(Rejected(reason, payload))

    def severity(self, word: Any, default: SourceSeverity | Presumed | None = None) -> SourceSeverity | Presumed | None:
        """Return the severity that the sender's `word` means; high if the word is unknown.

        Return `default` for no word, a placeholder such as `n/a`, and a bare number: 1 is the worst for some senders
        and the least for others. (A source that knows its sender's scale, one of `firstline.sources.severity.SCALES`,
        reads a number by it before it calls this.) A `Presumed` severity is returned unchanged.
        """
        if isinstance(word, Presumed):
            return word
        stated = values.name(word, 64)
        if stated is None or values.has_template(stated) or not severity.states_any(stated):
            return default
        known = severity.from_word(stated)
        if known is not None:
            return known
        quoted = values.quoted(word)
        if severity.is_number(stated):
            _log.warning(
                "%s sent the severity %s, a number on an unknown scale, so the alert counts as without a severity: "
                "send a word such as critical or warning",
                self.source,
                quoted,
            )
            return default
        if stated not in self.batch.unknown_severities:
            self.batch.unknown_severities.append(stated)
            _log.warning(
                "%s sent the unknown severity %s, so the alert counts as high: send a word such as critical or warning",
                self.source,
                quoted,
            )
        return severity.UNKNOWN


def _with_templates(message: str, labels: Mapping[str, str], raw_payload: Any) -> str:
    """Return a message below a line that names the labels and fields with an unfilled template such as `{{ host }}`.

    Fields are those at the top of `raw_payload`. A template that the message itself shows is not named. Return the
    message unchanged if no template is left to name.
    """
    said = {**raw_payload, **labels} if type(raw_payload) is dict else labels
    found = [key for key, value in said.items() if values.has_template(value) and value not in message]
    if not found:
        return message
    shown = ", ".join(f"{values.name(key, 40)} is {values.quoted(said[key])}" for key in found[:_TEMPLATES_SHOWN])
    return values.prose(f"Its sender's template is not filled in, so these state nothing: {shown}.", message)
