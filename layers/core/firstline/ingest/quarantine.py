"""A delivery that was authenticated but could not be read, whole, and the message that keeps it until it can be."""

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "quarantine/1"


@dataclass(frozen=True)
class Quarantined:
    """A delivery as it came, and why it is here. It was authenticated when it came in."""

    source: str
    reason: str
    body: bytes
    content_type: str


def pack(delivery: Quarantined) -> dict[str, str]:
    """A delivery as a message."""
    return {
        "firstline": FORMAT,
        "source": delivery.source,
        "reason": delivery.reason,
        "content_type": delivery.content_type,
        # Packed: a body may have 512 KiB, and base64 alone would bring it close to what a message may hold.
        "body_gzip_base64": base64.b64encode(gzip.compress(delivery.body)).decode(),
    }


def unpack(message: Mapping[str, Any]) -> Quarantined | None:
    """A message as a delivery, or None when something else put it there (a failed event)."""
    if message.get("firstline") != FORMAT:
        return None
    body = gzip.decompress(base64.b64decode(message["body_gzip_base64"]))
    return Quarantined(message["source"], message["reason"], body, message["content_type"])
