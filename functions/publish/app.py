"""Publication of incidents' changes as events on EventBridge, from the stream of the DynamoDB table."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.observability import logger, metrics
from firstline.settings import PublishSettings
from firstline.wiring import Wiring

wiring = Wiring(PublishSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish a batch of the table's stream; after a failure, answer with the record from which Lambda is to repeat."""
    again = wiring.publisher.publish(event["Records"])
    return {"batchItemFailures": [] if again is None else [{"itemIdentifier": again}]}
