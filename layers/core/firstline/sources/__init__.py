"""The sources of alerts: one module per source, which authenticates its sender and reads its payloads.

Read `canary.py` first, the shortest source; `grafana.py` also reads labels and a host. No module here does I/O. To add
a source, write a module with `read` and `authenticate` (see `Source`), and add its name to `SOURCES`. A module is
imported when its source is first used: ingest's start must stay cheap.

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
"""All source modules: those that people connect, and Firstline's own canary."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Source(Protocol):
    """The functions that the module of a source has.

    A module may also have `signals(payload, secrets)`, which yields the messages of a payload that are no alerts, such
    as a person's acknowledgement in PagerDuty.
    """

    def read(self, payload: Any, reading: Reading) -> None:
        """Report every alert in the payload to `reading`; raise UnreadablePayload if the payload makes no sense."""

    def authenticate(self, request: Request) -> None:
        """Raise Unauthenticated unless the request proves who sent it."""


def normalize(
    source: str, payload: Any, *, headers: Mapping[str, str] = _NO_HEADERS, received_at: datetime | None = None
) -> list[NormalizedAlert]:
    """Return the alerts in a payload; `normalize_batch` also returns the parts that are unreadable or no alerts.

    The parameters are those of `normalize_batch`.
    """
    return normalize_batch(source, payload, headers=headers, received_at=received_at).alerts


def normalize_batch(
    source: str,
    payload: Any,
    *,
    headers: Mapping[str, str] = _NO_HEADERS,
    received_at: datetime | None = None,
) -> Batch:
    """Read a payload into a batch: its alerts, its unreadable parts, and the reasons for the parts that are no alerts.

    Parameters
    ----------
    payload
        Parsed JSON or the fields of a form, as `firstline.sources.body.parse_body` returns them.
    headers
        The request's headers; names in any case.
    received_at
        The time of an alert whose sender states no time, with a time zone; now by default.

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
    """Raise unless a request proves that its sender may send: by a secret of the source, or by SNS's signature.

    `source` is the name of a source, or `deployments`.

    Parameters
    ----------
    headers
        The request's headers; names in any case.
    body
        The raw bytes of the request, with only base64 decoded.
    secrets
        All active secrets; with none, every request is refused. For `cloudwatch` also the ARNs of the topics that may
        send.
    now
        The time against which a signed time stamp is judged, with a time zone; now by default.
    certificate
        A function that fetches a signing certificate of SNS from its address, as PEM text. Without it, SNS's signature
        is refused.

    Raises
    ------
    UnknownSource
        No source of that name is known.
    Unauthenticated
        The request proves nothing; the message says what is missing, and never which secret was expected.
    CertificateUnavailable
        The certificate could not be fetched; the sender should try again.
    UnreadablePayload
        The signature is right but too old to be trusted: a person has to look at the message.
    """
    module = import_module("firstline.sources.deployments") if source == "deployments" else _module(source)
    active = [secret for secret in secrets if secret and not secret.isspace()]
    if not active:
        raise Unauthenticated(
            f"{source} has no secret configured, so nobody can send to it: "
            f"run `firstline secret set sources/{source} --make`"
        )
    lowered = {name.lower(): value for name, value in headers.items()}
    request = Request(source, lowered, body, active, now or datetime.now(UTC))
    if certificate is not None:
        request.certificate = certificate
    module.authenticate(request)


def signals(source: str, payload: Any, secrets: Sequence[str] = ()) -> list["Signal"]:
    """Return the messages of a payload that are no alerts, such as a person's acknowledgement in PagerDuty.

    `secrets` are the source's active secrets; those of `cloudwatch` also hold the ARNs of the topics whose
    subscription may be confirmed.

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
        raise UnknownSource(f"there is no source {source[:64]!r}; known are {', '.join(SOURCES)}: correct the address")
    return cast(Source, import_module(f"firstline.sources.{source}"))
