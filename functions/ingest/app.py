"""Take alerts and deployments in: over HTTP, from EventBridge, from SNS, and out of the quarantine."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from firstline.adapters.certificates import Certificates
from firstline.adapters.executions import StepFunctions
from firstline.adapters.groups import TableGroups
from firstline.adapters.heartbeats import TableHeartbeats
from firstline.adapters.history import TableIncidents
from firstline.adapters.quarantine import Quarantine
from firstline.adapters.secrets import Secrets
from firstline.adapters.silences import RememberedSilences, TableSilences
from firstline.adapters.table import Table
from firstline.adapters.topics import confirm_subscription
from firstline.classification.quiet import Quiet
from firstline.errors import ConfigurationError
from firstline.grouping import Limits
from firstline.ingestion import Ingestion
from firstline.intake import Intake
from firstline.observability import logger, metrics
from firstline.settings import IngestSettings
from firstline.waiting import Waiting

if TYPE_CHECKING:
    from firstline.classification.rules import Rules

PATIENCE = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
"""PagerDuty waits five seconds for an answer; boto3 would try a failing DynamoDB for 25. Senders try again."""


@cache
def _intake() -> Intake:
    settings = IngestSettings.from_environment()
    table = Table(boto3.client("dynamodb", config=PATIENCE), settings.table_name, keep_days=settings.history_days)
    executions = StepFunctions(boto3.client("stepfunctions", config=PATIENCE), settings.state_machine_arn)
    limits = Limits(settings.incidents_per_minute, settings.incidents_per_minute_and_alert)
    history, silences = TableIncidents(table), RememberedSilences(TableSilences(table))
    waiting = Waiting(
        history=history,
        executions=executions,
        quiet=lambda now: Quiet(_rules().maintenance, silences.at(now)),
        rules_hold=lambda: _rules().may_hold,
    )
    return Intake(
        ingestion=Ingestion(TableGroups(table), executions, limits, waiting=waiting),
        history=history,
        executions=executions,
        secrets=Secrets(settings.secrets_prefix).lines,
        quarantine=Quarantine(lambda: boto3.client("sqs", config=PATIENCE), settings.quarantine_queue_url).keep,
        certificates=Certificates().get,
        confirm_subscription=confirm_subscription,
        own_stack=settings.stack_name,
        heartbeats=TableHeartbeats(table),
        is_heartbeat=lambda alert: _rules().is_heartbeat(alert),
    )


@cache
def _rules() -> "Rules":
    """Read with the first alert. A broken file keeps nothing back and knows no heartbeats; Classify is loud then."""
    from firstline.classification.rules import NO_RULES, load

    try:
        return load(Path(IngestSettings.from_environment().runbooks_dir) / "policy" / "rules.yaml")
    except ConfigurationError as error:
        logger.error("no maintenance window and no heartbeat of yours is known: %s", error)
        return NO_RULES


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """API Gateway (HTTP API, format 2.0), EventBridge, SNS and SQS events; see `firstline.intake`."""
    return _intake().handle(event, datetime.now(UTC))
