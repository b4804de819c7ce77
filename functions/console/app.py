"""The console's pages: it reads the table and renders. Every form goes to the respond function."""

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
    """Serve `GET /console/…`; see `firstline.console.site`."""
    return wiring.site.handle(event, datetime.now(UTC))
