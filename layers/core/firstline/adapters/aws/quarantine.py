"""SQS queues of ingest: the quarantine has unreadable deliveries, the backlog has alerts that are not written yet."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from firstline.adapters.aws.clients import raising
from firstline.errors import QuarantineUnavailable
from firstline.ingest.quarantine import Backlog, Quarantined, pack, pack_backlog

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class _Queue:
    def __init__(self, connect: Callable[[], "SQSClient"], queue_url: str) -> None:
        # Hardly any delivery ends here, so the client is built for the first one that does.
        self._connect = connect
        self._queue_url = queue_url

    def _send(self, messages: Iterable[Mapping[str, Any]]) -> None:
        with raising(QuarantineUnavailable, f"queue {self._queue_url} did not take a message"):
            client = self._connect()
            for message in messages:
                client.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message))


class Quarantine(_Queue):
    """The queue of unreadable deliveries, which a person can send to ingest again (redrive)."""

    def keep(self, delivery: Quarantined) -> None:
        """Send a delivery to the quarantine queue.

        Raises
        ------
        QuarantineUnavailable
            SQS did not take it; the sender should try again.
        """
        self._send(pack(delivery))


class BacklogQueue(_Queue):
    """The queue of alerts that ingest had no time to write; ingest writes them later."""

    def keep(self, backlog: Backlog) -> None:
        """Send alerts to the backlog queue.

        Raises
        ------
        QuarantineUnavailable
            SQS did not take all of them; the sender should send the delivery again.
        """
        self._send(pack_backlog(backlog))
