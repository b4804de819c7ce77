"""Reconciliation, every minute: it starts, signals and pages what the other functions missed, and checks heartbeats."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.observability import logger, metrics
from firstline.settings import ReconcileSettings
from firstline.wiring import Wiring

wiring = Wiring(ReconcileSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run reconcile once; the schedule's event is not used."""
    return {"open_incidents": wiring.reconciler.run(datetime.now(UTC))}
