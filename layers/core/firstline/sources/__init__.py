"""The sources of alerts: one module per source, which authenticates its sender and reads its payloads.

Read `generic.py` first, a whole source. Everything here is pure. To add a source, write a module with `read` and
`authenticate` (see `Source`), and add its name to `SOURCES`. A module is imported when its source is first used:
ingest's start must stay cheap.

`authentication.py` proves who sent a payload; `identity.py` says which alerts are the same and which are one group.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

from firstline.errors import Unauthenticated, UnknownSource, UnreadablePayload
from firstline.models import NormalizedAlert
from firstline.sources.authentication import Request
from firstline.sources.reading import Batch, Reading, Rejected

if TYPE_CHECKING:
    from firstline.sources.signal import Signal

__all__ = [
    "READERS", "SOURCES", "Batch", "Rejected", "Source", "authenticate", "normalize", "normalize_batch", "signals",
]  # fmt: skip

SOURCES = ("cloudwatch", "datadog", "generic", "grafana", "pagerduty", "prometheus")
"""The sources that people connect."""

READERS = (*SOURCES, "canary")
"""All modules that read."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Source(Protocol):
    """A source's module.

    One function is optional: `signals(payload, secrets)` yields the messages of a payload that are no alerts.
    """

    def read(self, payload: Any, reading: Reading) -> None:
        """Report everything in the payload to `reading`; raise UnreadablePayload if there is nothing to find."""

    def authenticate(self, request: Request) -> None:
        """Return if the sender proved its identity, else raise Unauthenticated."""


def normalize(
    source: str, payload: Any, *, headers: Mapping[str, str] = _NO_HEADERS, received_at: datetime | None = None
) -> list[NormalizedAlert]:
    """Return the alerts in a payload, as `normalize_batch` does, without its other parts."""
    return normalize_batch(source, payload, headers=headers, received_at=received_at).alerts


def normalize_batch(
    source: str,
    payload: Any,
    *,
    headers: Mapping[str, str] = _NO_HEADERS,
    received_at: datetime | None = None,
) -> Batch:
    """Read a payload: its alerts, the parts that make no sense, and why others were ignored.

    Parameters
    ----------
    payload
        Parsed JSON or the fields of a form, as from `firstline.sources.body.parse_body`.
    headers
        The request's headers; names in any case.
    received_at
        Aware; the time of an alert whose sender gave none. By default the present.

    Raises
    ------
    UnknownSource
        No source of that name is known.
    UnreadablePayload
        Nothing in the payload makes sense.
    """
    reading = Reading(source, received_at or datetime.now(UTC), headers)
    _module(source).read(payload, reading)
    batch = reading.batch
    if batch.rejected and not batch.alerts and not batch.ignored:
        raise UnreadablePayload("; ".join(dict.fromkeys(part.reason for part in batch.rejected))[:1_000])
    return batch


def authenticate(
    source: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    now: datetime | None = None,
    certificate: Callable[[str], str] | None = None,
) -> None:
    """Authenticate the sender of a request. A source without a secret is closed. `deployments` is a source here.

    Parameters
    ----------
    headers
        Names in any case.
    body
        The raw bytes, after base64 and before anything else.
    secrets
        All active ones, so that one can be rotated. For `cloudwatch` also the ARNs of the topics that may send.
    now
        Aware; judges the age of a signed time stamp. By default the present.
    certificate
        Returns a signing certificate of SNS as PEM text, by its address. By default none can be fetched.

    Raises
    ------
    UnknownSource
        No source of that name is known.
    Unauthenticated
        The sender could not prove itself; the message says what was missing and never what was expected.
    CertificateUnavailable
        The certificate could not be fetched; the sender should try again.
    UnreadablePayload
        The sender proved itself, with something that is too old to be taken without a look.
    """
    module = import_module("firstline.sources.deployments") if source == "deployments" else _module(source)
    active = [secret for secret in secrets if secret and not secret.isspace()]
    if not active:
        raise Unauthenticated(f"{source} has no secret configured, so nobody can send to it")
    lowered = {name.lower(): value for name, value in headers.items()}
    request = Request(source, lowered, body, active, now or datetime.now(UTC))
    if certificate is not None:
        request.certificate = certificate
    module.authenticate(request)


def signals(source: str, payload: Any, secrets: Sequence[str] = ()) -> list["Signal"]:
    """Return the messages of a payload that are no alerts.

    Raises
    ------
    UnknownSource
        No source of that name is known.
    UnreadablePayload
        Nothing in the payload makes sense.
    """
    hook = getattr(_module(source), "signals", None)
    return list(hook(payload, secrets)) if hook else []


@cache
def _module(source: str) -> Source:
    if source not in READERS:
        raise UnknownSource(f"there is no source {source[:64]!r}; known are {', '.join(SOURCES)}")
    return cast(Source, import_module(f"firstline.sources.{source}"))
