"""Publication of each change of an incident on EventBridge."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.observability import logger, metrics
from firstline.settings import PublishSettings
from firstline.wiring import Wiring

wiring = Wiring(PublishSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish a batch of the table's stream; the answer names the record from which Lambda must send it again."""
    again = wiring.publisher.publish(event["Records"])
    return {"batchItemFailures": [] if again is None else [{"itemIdentifier": again}]}
