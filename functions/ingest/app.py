"""Ingest of alerts and deployments from HTTP, EventBridge and SNS, and from the queues that kept them for later.

The backlog is the queue of alerts that are not written yet, the quarantine that of bodies that could not be read.
"""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.adapters.aws.clients import SENDER_WAITS
from firstline.ingest.front_door import Response
from firstline.observability import logger, metrics
from firstline.settings import IngestSettings
from firstline.wiring import Wiring

wiring = Wiring(IngestSettings, SENDER_WAITS)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Response | None:
    """Take API Gateway (HTTP API, format 2.0), EventBridge, SNS and SQS events; see `firstline.ingest.front_door`."""
    return wiring.front_door.handle(event, datetime.now(UTC))
