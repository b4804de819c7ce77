"""Remediation: it plans runbooks, and decides what an incident's Step Functions execution does next."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.contracts import NextMoveInput, PlanRemediationInput, WhatNowInput
from firstline.observability import logger, metrics
from firstline.remediation.states import RemediationStates
from firstline.remediation.targets import OwnAccount
from firstline.settings import RemediateSettings
from firstline.wiring import Wiring

wiring = Wiring(RemediateSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Serve the state machine's states `What Now?`, `Plan Remediation` and `Next Move`; return what each decided."""
    states = RemediationStates(
        incidents=wiring.incidents,
        trail=wiring.trail,
        times=wiring.times,
        planning=wiring.planning,
        permission=wiring.permission,
        clock=lambda: datetime.now(UTC),
    )
    region, account = context.invoked_function_arn.split(":")[3:5]
    here = OwnAccount(account, region)
    match event.get("state"):
        case "What Now?":
            return states.what_now(WhatNowInput.model_validate(event, extra="ignore")).model_dump(mode="json")
        case "Next Move":
            return states.next_move(NextMoveInput.model_validate(event, extra="ignore"), here).model_dump(mode="json")
    return states.plan(PlanRemediationInput.model_validate(event, extra="ignore"), here).model_dump(mode="json")
