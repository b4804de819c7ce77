"""Every minute: start, tell and page what everything else may have missed, and give the heartbeat."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.adapters.executions import StepFunctions
from firstline.adapters.groups import TableGroups
from firstline.adapters.heartbeats import TableHeartbeats
from firstline.adapters.history import TableIncidents
from firstline.adapters.paging import PATIENCE, PageTopic
from firstline.adapters.silences import RememberedSilences, TableSilences
from firstline.adapters.table import Table
from firstline.auditing import Audit
from firstline.classification.quiet import Quiet
from firstline.classification.rules import Rules, load
from firstline.grouping import Limits
from firstline.ingestion import Ingestion
from firstline.observability import logger, metrics
from firstline.settings import AuditSettings
from firstline.waiting import Waiting
from firstline.watching import Watch


@cache
def _audit() -> Audit:
    settings = AuditSettings.from_environment()
    table = Table(boto3.client("dynamodb"), settings.table_name, keep_days=settings.history_days)
    sns = boto3.client("sns", config=PATIENCE)
    return Audit(
        history=TableIncidents(table),
        groups=TableGroups(table),
        executions=StepFunctions(boto3.client("stepfunctions"), settings.state_machine_arn),
        topic=PageTopic(settings.page_topic_arn, client=sns, console_url=settings.console_url),
        page_after=timedelta(seconds=settings.page_after_seconds),
        flap_quiet=timedelta(seconds=settings.flap_quiet_seconds),
        silences=TableSilences(table).since,
        watch=lambda now: _watch(table).look(now),
    )


def _watch(table: Table) -> Watch:
    settings = AuditSettings.from_environment()
    executions = StepFunctions(boto3.client("stepfunctions"), settings.state_machine_arn)
    limits = Limits(settings.incidents_per_minute, settings.incidents_per_minute_and_alert)
    silences = RememberedSilences(TableSilences(table))
    waiting = Waiting(
        history=TableIncidents(table),
        executions=executions,
        quiet=lambda now: Quiet(_rules().maintenance, silences.at(now)),
        rules_hold=lambda: _rules().may_hold,
    )
    return Watch(
        declared=lambda: _rules().heartbeats,
        heartbeats=TableHeartbeats(table),
        accept=Ingestion(TableGroups(table), executions, limits, waiting=waiting).accept,
    )


@cache
def _rules() -> Rules:
    return load(Path(AuditSettings.from_environment().runbooks_dir) / "policy" / "rules.yaml")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Called by the schedule; what the event says does not matter."""
    return {"open_incidents": _audit().run(datetime.now(UTC))}
