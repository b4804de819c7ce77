"""Reconciliation: it starts, signals, pages and shows what the other functions missed, and checks heartbeats.

It runs each minute over what is due, copies schedules that are kept elsewhere and tells of hand-overs; it also runs for
each execution and each command that ends.
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
    """Take the schedule's event, and EventBridge's about the end of an execution or of a command."""
    now = datetime.now(UTC)
    if event.get("detail-type") == EXECUTION_ENDED:
        return {"succeeded": wiring.reconciler.mend(event["detail"], now)}
    if event.get("detail-type") == COMMAND_ENDED:
        told = command_ended(event["detail"], now, end=wiring.commands.end, executions=wiring.executions)
        return {"told": told}
    return {"looked_at": wiring.reconciler.run(now)}
