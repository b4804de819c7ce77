"""The quarantine: an SQS queue that keeps what was authenticated but could not be read, whole, until it can be."""

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import QuarantineUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


@dataclass(frozen=True)
class Quarantined:
    """A delivery as it came, and why it is here. It was authenticated when it came in."""

    source: str
    reason: str
    body: bytes
    content_type: str


class Quarantine:
    """Keep deliveries, and read them back when they are redriven."""

    def __init__(self, connect: Callable[[], "SQSClient"], queue_url: str) -> None:
        # Hardly any delivery ends here, so none pays for a client that it does not need.
        self._connect = connect
        self._queue_url = queue_url

    def keep(self, delivery: Quarantined) -> None:
        """Put a delivery away.

        Raises
        ------
        QuarantineUnavailable
            SQS did not take it; the sender should try again.
        """
        # Packed: a body may have 512 KiB, and base64 alone would bring it close to what a message may hold.
        packed = base64.b64encode(gzip.compress(delivery.body)).decode()
        message = {
            "firstline": "quarantine/1",
            "source": delivery.source,
            "reason": delivery.reason,
            "content_type": delivery.content_type,
            "body_gzip_base64": packed,
        }
        try:
            self._connect().send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message))
        except (ClientError, BotoCoreError) as error:
            raise QuarantineUnavailable(f"queue {self._queue_url}: {error}") from error


def unpack(message: Mapping[str, Any]) -> Quarantined | None:
    """A message of the queue as a delivery, or None when something else put it there (a failed event)."""
    if message.get("firstline") != "quarantine/1":
        return None
    body = gzip.decompress(base64.b64decode(message["body_gzip_base64"]))
    return Quarantined(message["source"], message["reason"], body, message["content_type"])
