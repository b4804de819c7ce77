"""Plan a remediation: which runbook, on which hosts, with which values, and may it run by itself?"""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.contracts import PlanRemediationInput
from firstline.observability import logger, metrics
from firstline.runbooks.plan import Planning, plan
from firstline.settings import RemediateSettings
from firstline.wiring import Wiring

wiring = Wiring(RemediateSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Serve the state `Plan Remediation`."""
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
