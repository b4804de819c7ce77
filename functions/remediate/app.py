"""Remediation: plans it, and after each of its states decides which state is next."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.contracts import NextMoveInput, PlanRemediationInput
from firstline.observability import logger, metrics
from firstline.remediation.next_move import OwnAccount, next_move
from firstline.remediation.plan import Planning, plan
from firstline.settings import RemediateSettings
from firstline.wiring import Wiring

wiring = Wiring(RemediateSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Serve the states `Plan Remediation` and `Next Move`."""
    if event.get("state") == "Next Move":
        return _next_move(NextMoveInput.model_validate(event), context)
    request = PlanRemediationInput.model_validate(event)
    logger.append_keys(incident_id=request.incident.incident_id)
    output = plan(
        Planning(
            incident=request.incident,
            classification=request.classification,
            catalogue=wiring.catalogue,
            targets=wiring.targets,
            documents=wiring.documents,
            releases=wiring.releases,
            remediations=wiring.remediations,
            switch=wiring.switch.read,
            rules=wiring.remediation_rules,
            now=datetime.now(UTC),
        ),
        trail=wiring.trail,
    )
    logger.info(output.reason, extra={"runbook_id": output.plan.runbook_id if output.plan else None})
    return output.model_dump(mode="json")


def _next_move(request: NextMoveInput, context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(incident_id=request.incident_id)
    region, account = context.invoked_function_arn.split(":")[3:5]
    output = next_move(request, OwnAccount(account, region))
    logger.info(output.move, extra={"observed": request.observed.state, "seconds": output.seconds})
    return output.model_dump(mode="json")
