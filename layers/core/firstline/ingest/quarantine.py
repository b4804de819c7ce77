"""The queue messages of the quarantine (unreadable bodies) and of the backlog (alerts that are not written yet).

An authenticated body that cannot be read goes to the quarantine as a whole. Alerts for which a delivery had no time go
to the backlog. Content that is too big for one message is split over several.
"""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from firstline.errors import UnreadablePayload
from firstline.models import NormalizedAlert
from firstline.observability import logger

QUARANTINE = "quarantine/1"
BACKLOG = "backlog/1"

QUARANTINE_MESSAGE_BYTES = 900_000
"""The largest part of a body in one message, compressed and in base64. SQS takes 1 MiB, so bodies are rarely split."""

BACKLOG_MESSAGE_BYTES = 240_000
"""The largest size of the alerts in one message, compressed and in base64; one invocation has to write all of them."""

ALERTS_A_MESSAGE = 500
"""The largest number of alerts in one message of the backlog."""

type Message = dict[str, Any]


@dataclass(frozen=True)
class Quarantined:
    """An authenticated delivery with its unchanged body, and the reason why it could not be read."""

    source: str
    reason: str
    body: bytes
    content_type: str
    received_at: datetime | None = None


@dataclass(frozen=True)
class Backlog:
    """Alerts of a delivery that are not written yet, and the time at which the delivery was received."""

    received_at: datetime
    alerts: Sequence[NormalizedAlert]


# --- quarantine -------------------------------------------------------------------------------------------------------


def pack(delivery: Quarantined) -> list[Message]:
    """Turn a delivery into one message for the queue, or into several if its compressed body is too big for one."""
    packed = _packed(delivery.body)
    size = QUARANTINE_MESSAGE_BYTES
    parts = [packed[start : start + size] for start in range(0, len(packed), size)]
    common = {
        "firstline": QUARANTINE,
        "source": delivery.source,
        "reason": delivery.reason,
        "content_type": delivery.content_type,
        "received_at": delivery.received_at.isoformat() if delivery.received_at is not None else None,
    }
    if len(parts) == 1:
        return [common | {"body_gzip_base64": parts[0]}]
    of = {"of": len(parts), "body_sha256": sha256(delivery.body).hexdigest()}
    return [common | of | {"part": number, "body_gzip_base64": part} for number, part in enumerate(parts, 1)]


def unpack(messages: Sequence[Mapping[str, Any]]) -> tuple[list[Quarantined], list[Mapping[str, Any]]]:
    """Return the deliveries in messages of the quarantine queue, and separately all messages that hold none.

    Those are failed Lambda events, which the quarantine queue holds too, and messages of the backlog queue.

    Raises
    ------
    UnreadablePayload
        A delivery is split over several messages, and some of them are missing.
    """
    whole: list[Quarantined] = []
    others: list[Mapping[str, Any]] = []
    parts: dict[str, dict[int, Mapping[str, Any]]] = {}
    for message in messages:
        if message.get("firstline") != QUARANTINE:
            others.append(message)
        elif "of" in message:
            parts.setdefault(message["body_sha256"], {})[message["part"]] = message
        else:
            whole.append(_unpacked(message, message["body_gzip_base64"]))
    for found in parts.values():
        any_part = next(iter(found.values()))
        if len(found) < any_part["of"]:
            raise UnreadablePayload(
                f"a quarantined delivery is in {any_part['of']} parts, and only {len(found)} came together: set the "
                f"redrive's batch size to {any_part['of']}, and its batching window to 5 seconds"
            )
        text = "".join(found[number]["body_gzip_base64"] for number in sorted(found))
        whole.append(_unpacked(any_part, text))
    return whole, others


def _unpacked(message: Mapping[str, Any], packed: str) -> Quarantined:
    body = gzip.decompress(base64.b64decode(packed))
    received = message.get("received_at")
    received_at = datetime.fromisoformat(received) if received else None
    return Quarantined(message["source"], message["reason"], body, message["content_type"], received_at)


# --- backlog ----------------------------------------------------------------------------------------------------------


def pack_backlog(backlog: Backlog) -> Iterator[Message]:
    """Yield the messages for the backlog queue, each with as many alerts as the limits of this module allow."""
    for start in range(0, len(backlog.alerts), ALERTS_A_MESSAGE):
        yield from _backlog_messages(backlog.received_at, backlog.alerts[start : start + ALERTS_A_MESSAGE])


def _backlog_messages(received_at: datetime, alerts: Sequence[NormalizedAlert]) -> Iterator[Message]:
    packed = _packed(json.dumps([alert.model_dump(mode="json") for alert in alerts]).encode())
    if len(packed) <= BACKLOG_MESSAGE_BYTES:
        yield {"firstline": BACKLOG, "received_at": received_at.isoformat(), "alerts_gzip_base64": packed}
    elif len(alerts) > 1:
        half = len(alerts) // 2
        yield from _backlog_messages(received_at, alerts[:half])
        yield from _backlog_messages(received_at, alerts[half:])
    else:
        logger.warning("an alert of %s goes to the backlog without its body, which is too big", alerts[0].source)
        yield from _backlog_messages(received_at, [alerts[0].without_raw()])


def unpack_backlog(message: Mapping[str, Any]) -> Backlog | None:
    """Return the alerts that wait in a message of the backlog queue to be written; None for any other message."""
    if message.get("firstline") != BACKLOG:
        return None
    alerts = json.loads(gzip.decompress(base64.b64decode(message["alerts_gzip_base64"])))
    received_at = datetime.fromisoformat(message["received_at"])
    return Backlog(received_at, [NormalizedAlert.from_stored(alert) for alert in alerts])


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, compresslevel=6)).decode()
