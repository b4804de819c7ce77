"""Reconciliation: it makes up for executions, signals, pages and messages that were lost, and checks heartbeats.

It runs each minute, and when a Step Functions execution or a Systems Manager command has ended. In the run of each
minute it also copies schedules that other tools keep, and announces hand-overs.
"""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.observability import logger, metrics
from firstline.remediation.command_end import command_ended
from firstline.settings import ReconcileSettings
from firstline.wiring import Wiring

EXECUTION_ENDED = "Step Functions Execution Status Change"
COMMAND_ENDED = "EC2 Command Status-change Notification"

wiring = Wiring(ReconcileSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Serve the event of each minute, and EventBridge's events that an execution or a Systems Manager command ended."""
    now = datetime.now(UTC)
    if event.get("detail-type") == EXECUTION_ENDED:
        return {"succeeded": wiring.reconciler.mend(event["detail"], now)}
    if event.get("detail-type") == COMMAND_ENDED:
        told = command_ended(event["detail"], now, end=wiring.commands.end, executions=wiring.executions)
        return {"told": told}
    return {"looked_at": wiring.reconciler.run(now)}
