"""Escalation: it pages the person on call and fails if no channel took the page."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.contracts import PageOnCallInput
from firstline.incidents.following import asked_after, following
from firstline.incidents.reasons import with_its_reason
from firstline.observability import logger, metrics
from firstline.people.page import page_on_call
from firstline.settings import EscalateSettings
from firstline.wiring import Wiring

wiring = Wiring(EscalateSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Page the next escalation level for the state machine's state `Page On-Call`, and return the page."""
    request = with_its_reason(PageOnCallInput.model_validate(event, extra="ignore"))
    logger.append_keys(incident_id=request.incident.incident_id)
    now = datetime.now(UTC)
    output = page_on_call(
        request,
        policy=wiring.paging_policy,
        channels={**wiring.channels(), "sns": wiring.page_topic},
        incidents=wiring.incidents,
        now=now,
        on_call=wiring.on_call,
        text=wiring.text_messages,
    )
    # After the page: nothing may delay it.
    record = wiring.conclude(request, now)
    asked = asked_after(
        "Page On-Call",
        request,
        result={"sent": output.page and output.page.seq},
        classification=request.classification,
        paged=request.paged or output.page is not None,
        notified=request.notified,
    )
    now, plan = datetime.now(UTC), request.plan
    after = following(asked, incidents=wiring.incidents, now=now, times=wiring.times, plan=plan, record=record)
    return output.model_copy(update={"next": after}).model_dump(mode="json")
