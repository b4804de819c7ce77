"""The quarantine: an SQS queue that keeps what was authenticated but could not be read, whole, until it can be."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import QuarantineUnavailable
from firstline.ingest.quarantine import Quarantined, pack

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class Quarantine:
    """Keep deliveries until somebody redrives them."""

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
        try:
            self._connect().send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(pack(delivery)))
        except (ClientError, BotoCoreError) as error:
            raise QuarantineUnavailable(f"queue {self._queue_url}: {error}") from error
