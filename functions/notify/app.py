"""Notification: it tells people what Firstline does, what needs a person, and how an incident ended."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from firstline.contracts import NotifyInput, NotifyOpsInput, ReasonedInput
from firstline.incidents.following import asked_after, following
from firstline.incidents.reasons import with_its_reason
from firstline.observability import logger, metrics
from firstline.people.announce import announce, ensure_ended
from firstline.settings import NotifySettings
from firstline.wiring import Wiring

_INPUT: TypeAdapter[NotifyInput] = TypeAdapter(NotifyInput)

wiring = Wiring(NotifySettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Tell people about an incident, and close it, as the state in the event asks.

    The state machine's states are `Record Suppression`, `Announce Remediation`, `Notify Ops`, `Await Quiet` and
    `Close Incident`; machines of checkouts before 0.1.0 also have `Announce Quiet`.
    """
    request = _INPUT.validate_python(event, extra="ignore")
    if isinstance(request, ReasonedInput):
        request = with_its_reason(request)
    logger.append_keys(incident_id=request.incident.incident_id)
    now = datetime.now(UTC)
    output, record = announce(
        request,
        channels=wiring.channels(),
        incidents=wiring.incidents,
        now=now,
        end_silence=wiring.silences.end_resolved,
        look=wiring.look(context.invoked_function_arn),
        times=wiring.times,
    )
    record = wiring.conclude(request, now, record)
    ensure_ended(request, output)
    if isinstance(request, NotifyOpsInput):
        asked = asked_after("Notify Ops", request, notified=True)
        now, plan = datetime.now(UTC), request.plan
        after = following(asked, incidents=wiring.incidents, now=now, times=wiring.times, plan=plan, record=record)
        output = output.model_copy(update={"next": after})
    return output.model_dump(mode="json")
