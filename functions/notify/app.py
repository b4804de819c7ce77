"""Tell people what Firstline does by itself, ask for what it may not decide, close what is over."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from firstline.adapters.channels import connect
from firstline.adapters.history import TableIncidents
from firstline.adapters.remediations import TableRemediations
from firstline.adapters.secrets import Secrets
from firstline.adapters.silences import TableSilences
from firstline.adapters.table import Table
from firstline.adapters.trail import TableTrail
from firstline.announcing import NotifyInput, announce
from firstline.errors import HistoryUnavailable
from firstline.observability import logger, metrics
from firstline.runbooks.conclusion import conclude
from firstline.settings import NotifySettings

_INPUT: TypeAdapter[NotifyInput] = TypeAdapter(NotifyInput)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """States `Record Suppression`, `Announce Remediation`, `Request Approval`, `Notify Ops` and `Close Incident`."""
    request = _INPUT.validate_python(event)
    logger.append_keys(incident_id=request.incident.incident_id)
    now = datetime.now(UTC)
    output = announce(
        request,
        channels=connect(_settings(), _secrets(), _history().save_slack_message),
        history=_history(),
        now=now,
        resolve_within=timedelta(seconds=_settings().resolve_within_seconds),
        end_silence=lambda silence_id: _end_silence(silence_id, now),
    )
    conclude(
        request,
        records=_history(),
        remediations=TableRemediations(_table()),
        trail=TableTrail(_table()),
        now=now,
    )
    return output.model_dump(mode="json")


def _end_silence(silence_id: str, now: datetime) -> None:
    try:
        TableSilences(_table()).end_resolved(silence_id, now)
    except HistoryUnavailable:
        # The incident is closed; the silence runs out by itself in the end.
        logger.exception("The silence could not be ended", extra={"silence": silence_id})


@cache
def _settings() -> NotifySettings:
    return NotifySettings.from_environment()


@cache
def _secrets() -> Secrets:
    return Secrets(_settings().secrets_prefix)


@cache
def _table() -> Table:
    settings = _settings()
    return Table(boto3.client("dynamodb"), settings.table_name, keep_days=settings.history_days)


@cache
def _history() -> TableIncidents:
    return TableIncidents(_table())
