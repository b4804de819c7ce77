"""Quarantine: an SQS queue that keeps authenticated deliveries that could not be read, whole, until they can be."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from firstline.adapters.aws.clients import raising
from firstline.errors import QuarantineUnavailable
from firstline.ingest.quarantine import Quarantined, pack

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class Quarantine:
    """The queue, from which a person redrives deliveries."""

    def __init__(self, connect: Callable[[], "SQSClient"], queue_url: str) -> None:
        # Hardly any delivery ends here, so the client is built for the first one that does.
        self._connect = connect
        self._queue_url = queue_url

    def keep(self, delivery: Quarantined) -> None:
        """Send a delivery to the quarantine queue.

        Raises
        ------
        QuarantineUnavailable
            SQS did not take it; the sender should try again.
        """
        with raising(QuarantineUnavailable, f"queue {self._queue_url}"):
            self._connect().send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(pack(delivery)))
