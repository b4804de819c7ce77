"""Remediation: plans it, and decides which state of the machine is next."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.contracts import NextMoveInput, PlanRemediationInput, WhatNowInput, WhatNowOutput
from firstline.incidents.following import following
from firstline.incidents.what_now import decide
from firstline.models import IncidentRecord, RemediationPlan
from firstline.observability import logger, metrics
from firstline.remediation.next_move import next_move, stop, with_times
from firstline.remediation.permission import Permission
from firstline.remediation.plan import Planning, plan
from firstline.remediation.targets import OwnAccount
from firstline.settings import RemediateSettings
from firstline.wiring import Wiring

wiring = Wiring(RemediateSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Serve the states `What Now?`, `Plan Remediation` and `Next Move`."""
    match event.get("state"):
        case "What Now?":
            return _what_now(WhatNowInput.model_validate(event, extra="ignore")).model_dump(mode="json")
        case "Next Move":
            return _next_move(NextMoveInput.model_validate(event, extra="ignore"), context)
    request = PlanRemediationInput.model_validate(event, extra="ignore")
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
            deployments=wiring.incidents.last_deployments,
            switch=wiring.switch.read,
            rules=wiring.remediation_rules,
            here=_here(context),
            now=datetime.now(UTC),
        ),
        trail=wiring.trail,
    )
    logger.info(output.reason, extra={"runbook_id": output.plan.runbook_id if output.plan else None})
    after = following("Plan Remediation", request, _what_now, notified=request.notified)
    reason = after.reason if after and after.reason else output.reason
    return output.model_copy(update={"next": after, "reason": reason}).model_dump(mode="json")


def _what_now(request: WhatNowInput) -> WhatNowOutput:
    logger.append_keys(incident_id=request.incident.incident_id)
    output = decide(
        request, incidents=wiring.incidents, now=datetime.now(UTC), times=wiring.times, withdrawn=_withdrawn
    )
    logger.info(output.go, extra={"happened": request.happened and request.happened.state, "seconds": output.seconds})
    return output


def _next_move(request: NextMoveInput, context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(incident_id=request.incident_id)
    output = with_times(next_move(request, _here(context)), datetime.now(UTC))
    if output.acts and (why := _withdrawn(request.plan, wiring.incidents.record(request.incident_id))):
        output = stop(request, output, why)
    logger.info(output.move, extra={"observed": request.observed.state, "seconds": output.seconds})
    if output.ended is not None and (after := following("Next Move", request, _what_now, remediation=output.ended)):
        ended, reason = after.remediation or output.ended, after.reason or output.reason
        output = output.model_copy(update={"ended": ended, "reason": reason, "next": after})
    return output.model_dump(mode="json")


def _withdrawn(plan: RemediationPlan, record: IncidentRecord | None) -> str | None:
    """Return why a plan may not act any more, or None if it may."""
    permission = Permission(
        catalogue=wiring.catalogue,
        standing=wiring.remediations.standing,
        holds_locks=wiring.remediations.holds_locks,
        deployments=wiring.incidents.last_deployments,
        rules=wiring.remediation_rules,
        now=datetime.now(UTC),
    )
    return permission.withdrawn(plan, record)


def _here(context: LambdaContext) -> OwnAccount:
    region, account = context.invoked_function_arn.split(":")[3:5]
    return OwnAccount(account, region)
