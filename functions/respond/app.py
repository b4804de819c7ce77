"""Responses of people: Slack's buttons, commands at a terminal, the console's forms, decisions on the approval page."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

import firstline.adapters.channels.connect  # noqa: F401 - Slack waits three seconds, and imports are fastest in Lambda's init
from firstline.console.front import Response
from firstline.observability import logger, metrics
from firstline.settings import RespondSettings
from firstline.wiring import Wiring

wiring = Wiring(RespondSettings)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Response:
    """Serve `POST /respond/slack`, `POST /operate/…` and `/approvals/{incident_id}`; see `firstline.console.front`."""
    return wiring.people_front.handle(event, datetime.now(UTC))
