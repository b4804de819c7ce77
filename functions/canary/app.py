"""Canary: it sends an alert that is marked as a canary's to the stack's API, waits for its page, and resolves it."""

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
    """Send a canary alert and store the seconds until its page as a metric; raise if the alert is lost.

    An alarm fires if the metric is missing.
    """
    seconds = wiring.canary.fly(datetime.now(UTC))
    metrics.add_metric(name="CanaryRoundTrip", unit="Seconds", value=seconds)
    return {"seconds": seconds}
