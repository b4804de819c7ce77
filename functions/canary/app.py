"""Canary: it sends a marked alert through the public door, waits until it would have been paged, and ends it."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.observability import logger, metrics
from firstline.settings import CanarySettings
from firstline.wiring import Wiring

wiring = Wiring(CanarySettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take the schedule's event. A canary that is lost raises, so that its metric is missing."""
    seconds = wiring.canary.fly(datetime.now(UTC))
    metrics.add_metric(name="CanaryRoundTrip", unit="Seconds", value=seconds)
    return {"seconds": seconds}
