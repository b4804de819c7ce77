"""Classification of an incident: its severity, the reasons, and the runbook that may fix it."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.adapters.aws.clients import EVIDENCE
from firstline.classification.classify import assess
from firstline.contracts import ClassifyInput, ClassifyOutput
from firstline.incidents.audit_trail import append_or_log, classified
from firstline.incidents.following import asked_after, following
from firstline.observability import logger, metrics
from firstline.runbooks.match import offered
from firstline.settings import ClassifySettings
from firstline.wiring import Wiring

wiring = Wiring(ClassifySettings, EVIDENCE)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Classify an incident for the state machine's states `Classify` and `Classify Again`; return the verdict."""
    account = context.invoked_function_arn.split(":")[4]
    request = ClassifyInput.model_validate(event, extra="ignore")
    incident = request.incident
    logger.append_keys(incident_id=incident.incident_id)
    now = datetime.now(UTC)
    verdict, new = assess(
        incident,
        request.generation,
        incidents=wiring.incidents,
        declared=wiring.declared(now),
        offered=partial(offered, wiring.catalogue),
        model=None if incident.is_canary else wiring.model,
        time_zone=wiring.settings.time_zone,
        now=now,
        say=wiring.model_say(now),
        alarms=wiring.alarms(account),
    )
    if new:
        append_or_log(wiring.trail, incident.incident_id, [classified(verdict)], now)
        metrics.add_metric(name="Classified", unit="Count", value=1)
    logger.info("classified", extra={"severity": verdict.severity, "reasons": verdict.reasons})
    asked = asked_after("Classify", request, classification=verdict, notified=request.notified)
    after = following(asked, incidents=wiring.incidents, now=datetime.now(UTC), times=wiring.times)
    return ClassifyOutput(classification=verdict, next=after).model_dump(mode="json")
