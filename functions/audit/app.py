"""Every minute: start, tell and page what everything else may have missed, and give the heartbeat."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.adapters.executions import Executions
from firstline.adapters.groups import Groups
from firstline.adapters.history import History
from firstline.adapters.paging import PATIENCE, PageTopic
from firstline.adapters.silences import TableSilences
from firstline.adapters.table import Table
from firstline.auditing import Audit
from firstline.observability import logger, metrics
from firstline.settings import AuditSettings


@cache
def _audit() -> Audit:
    settings = AuditSettings.from_environment()
    table = Table(boto3.client("dynamodb"), settings.table_name, keep_days=settings.history_days)
    sns = boto3.client("sns", config=PATIENCE)
    return Audit(
        history=History(table),
        groups=Groups(table),
        executions=Executions(boto3.client("stepfunctions"), settings.state_machine_arn),
        topic=PageTopic(settings.page_topic_arn, client=sns, console_url=settings.console_url),
        page_after=timedelta(seconds=settings.page_after_seconds),
        flap_quiet=timedelta(seconds=settings.flap_quiet_seconds),
        silences=TableSilences(table).since,
    )


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Called by the schedule; what the event says does not matter."""
    return {"open_incidents": _audit().run(datetime.now(UTC))}
