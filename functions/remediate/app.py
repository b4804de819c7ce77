"""Plan a remediation: which runbook, on which hosts, with which values, and may it run by itself?"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from firstline.adapters.documents import SsmDocuments
from firstline.adapters.releases import ReleaseRecords
from firstline.adapters.remediations import TableRemediations
from firstline.adapters.switch import RemediationSwitch
from firstline.adapters.table import Table
from firstline.adapters.targets import TaggedInstances
from firstline.adapters.trail import TableTrail
from firstline.contracts import PlanRemediationInput
from firstline.observability import logger, metrics
from firstline.runbooks import catalogue
from firstline.runbooks.plan import RemediationRules, plan
from firstline.runbooks.remediation_policy import load_remediation_policy
from firstline.settings import RemediateSettings

PATIENCE = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
"""While the table hangs nothing runs, and a human should hear so soon."""


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
        documents=_documents(),
        releases=_releases(),
        remediations=_remediations(),
        trail=_trail(),
        switch=_switch().read,
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
def _targets() -> TaggedInstances:
    settings = _settings()
    return TaggedInstances(boto3.client("ec2"), boto3.client("ssm"), settings.target_tag_key, settings.target_tag_value)


@cache
def _table() -> Table:
    settings = _settings()
    return Table(boto3.client("dynamodb", config=PATIENCE), settings.table_name, keep_days=settings.history_days)


@cache
def _documents() -> SsmDocuments:
    return SsmDocuments(boto3.client("ssm"))


@cache
def _releases() -> ReleaseRecords:
    return ReleaseRecords(
        cache(lambda: boto3.client("codedeploy", config=PATIENCE)),
        cache(lambda: boto3.client("appconfig", config=PATIENCE)),
    )


@cache
def _switch() -> RemediationSwitch:
    return RemediationSwitch(boto3.client("ssm"), f"{_settings().secrets_prefix}/remediation")


def _remediations() -> TableRemediations:
    return TableRemediations(_table())


def _trail() -> TableTrail:
    return TableTrail(_table())


@cache
def _rules() -> RemediationRules:
    settings = _settings()
    return RemediationRules(
        remediation_mode=settings.remediation_mode,
        environment=settings.environment_name,
        document_prefix=settings.document_prefix,
        approval_timeout_seconds=settings.approval_timeout_seconds,
        release_arns=settings.release_arns,
        policy=load_remediation_policy(Path(settings.runbooks_dir) / "policy" / "remediation.yaml"),
    )
