"""Quarantined deliveries, authenticated but unreadable, and the messages that keep them until they can be read."""

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "quarantine/1"


@dataclass(frozen=True)
class Quarantined:
    """A delivery as it came, already authenticated, and the reason why it could not be read."""

    source: str
    reason: str
    body: bytes
    content_type: str


def pack(delivery: Quarantined) -> dict[str, str]:
    """Turn a delivery into a message."""
    return {
        "firstline": FORMAT,
        "source": delivery.source,
        "reason": delivery.reason,
        "content_type": delivery.content_type,
        # Compressed: a body may have 512 KiB, and base64 alone would bring it close to what a message may hold.
        "body_gzip_base64": base64.b64encode(gzip.compress(delivery.body)).decode(),
    }


def unpack(message: Mapping[str, Any]) -> Quarantined | None:
    """Return the delivery in a message, or None if the message is something else (a failed event)."""
    if message.get("firstline") != FORMAT:
        return None
    body = gzip.decompress(base64.b64decode(message["body_gzip_base64"]))
    return Quarantined(message["source"], message["reason"], body, message["content_type"])
