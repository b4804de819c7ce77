"""Console: it renders the console's pages and the calendar feeds from the table. Forms go to the function respond."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.console.web import Response
from firstline.observability import logger
from firstline.settings import ConsoleSettings
from firstline.wiring import Wiring

wiring = Wiring(ConsoleSettings)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Response:
    """Serve `GET /console/…` and `GET /oncall/…`; see `firstline.console.site` and `calendar_feed`."""
    feed = event["rawPath"].startswith("/oncall/")
    return (wiring.calendar_feed if feed else wiring.site).handle(event, datetime.now(UTC))
