"""Page the person on call, and make sure that somebody was woken."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.adapters.channels import connect, on_call_now
from firstline.adapters.history import TableIncidents
from firstline.adapters.paging import PATIENCE, PageTopic
from firstline.adapters.remediations import TableRemediations
from firstline.adapters.secrets import Secrets
from firstline.adapters.table import Table
from firstline.adapters.trail import TableTrail
from firstline.channels.delivery import Channel
from firstline.channels.paging_policy import Level, PagingPolicy, load_paging_policy
from firstline.contracts import PageOnCallInput
from firstline.escalation import page_on_call
from firstline.observability import logger, metrics
from firstline.runbooks.conclusion import conclude
from firstline.settings import EscalateSettings


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """State `Page On-Call`."""
    request = PageOnCallInput.model_validate(event)
    logger.append_keys(incident_id=request.incident.incident_id)
    now = datetime.now(UTC)
    output = page_on_call(
        request,
        policy=_policy(),
        channels=_channels(),
        history=_history(),
        now=now,
        resolve_within=timedelta(seconds=_settings().resolve_within_seconds),
        on_call=_on_call,
    )
    # Only now: nothing may delay a page.
    conclude(
        request,
        records=_history(),
        remediations=TableRemediations(_table()),
        trail=TableTrail(_table()),
        now=now,
    )
    return output.model_dump(mode="json")


@cache
def _settings() -> EscalateSettings:
    return EscalateSettings.from_environment()


@cache
def _policy() -> PagingPolicy:
    return load_paging_policy(Path(_settings().runbooks_dir) / "policy" / "paging.yaml")


@cache
def _secrets() -> Secrets:
    return Secrets(_settings().secrets_prefix)


@cache
def _table() -> Table:
    settings = _settings()
    client = boto3.client("dynamodb", config=PATIENCE)
    return Table(client, settings.table_name, keep_days=settings.history_days)


@cache
def _history() -> TableIncidents:
    return TableIncidents(_table())


@cache
def _page_topic() -> PageTopic:
    return PageTopic(
        _settings().page_topic_arn, client=boto3.client("sns", config=PATIENCE), console_url=_settings().console_url
    )


def _channels() -> dict[str, Channel]:
    # Built for each page: a rotated secret counts from the next one on.
    return {**connect(_settings(), _secrets(), _history().save_slack_message), "sns": _page_topic()}


def _on_call(level: Level) -> str | None:
    return on_call_now(level, _settings(), _secrets())
