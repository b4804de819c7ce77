"""Plan a remediation: which runbook, on which hosts, with which values, and may it run by itself?"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.adapters.history import History
from firstline.adapters.table import Table
from firstline.adapters.targets import Targets
from firstline.contracts import PlanRemediationInput
from firstline.observability import logger, metrics
from firstline.runbooks import catalogue
from firstline.runbooks.plan import Rules, plan
from firstline.settings import RemediateSettings


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """State `Plan Remediation`."""
    request = PlanRemediationInput.model_validate(event)
    logger.append_keys(incident_id=request.incident.incident_id)
    output = plan(
        request.incident,
        request.classification,
        catalogue=_catalogue(),
        targets=_targets(),
        history=_history(),
        rules=_rules(),
        now=datetime.now(UTC),
    )
    logger.info(output.reason, extra={"runbook_id": output.plan.runbook_id if output.plan else None})
    return output.model_dump(mode="json")


@cache
def _settings() -> RemediateSettings:
    return RemediateSettings.from_environment()


@cache
def _catalogue() -> catalogue.Catalogue:
    return catalogue.load(Path(_settings().runbooks_dir))


@cache
def _targets() -> Targets:
    settings = _settings()
    return Targets(boto3.client("ec2"), boto3.client("ssm"), settings.target_tag_key, settings.target_tag_value)


@cache
def _history() -> History:
    settings = _settings()
    return History(Table(boto3.client("dynamodb"), settings.table_name, keep_days=settings.history_days))


@cache
def _rules() -> Rules:
    settings = _settings()
    return Rules(
        remediation_mode=settings.remediation_mode,
        environment=settings.environment_name,
        document_prefix=settings.document_prefix,
        approval_timeout_seconds=settings.approval_timeout_seconds,
    )
