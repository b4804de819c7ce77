"""Classify an incident: how bad is it, why, and can a runbook fix it?"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from firstline.adapters.circuit import SharedCircuit
from firstline.adapters.history import TableIncidents
from firstline.adapters.llm import ChatModel, Endpoint
from firstline.adapters.metrics_of_alarm import AlarmMetrics
from firstline.adapters.secrets import Secrets
from firstline.adapters.silences import TableSilences
from firstline.adapters.spending import Ceiling, Spending
from firstline.adapters.table import Table
from firstline.adapters.tallies import Outcomes
from firstline.adapters.trail import TableTrail
from firstline.classification import rules
from firstline.classification.model import Price
from firstline.classification.second_look import look_again
from firstline.classification.verdict import assess
from firstline.contracts import ClassifyInput, ClassifyOutput, SecondLookInput, SecondLookOutput
from firstline.models import Classification, Incident
from firstline.observability import logger, metrics
from firstline.runbooks import catalogue
from firstline.runbooks.match import offered
from firstline.settings import ClassifySettings
from firstline.trail import classified, witness

PATIENCE = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
"""Evidence is worth some seconds: a table that hangs must not keep an incident from its verdict."""

BRIEF = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
"""For the model's circuit and account, which count against its deadline, and for an alarm's metric."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """States `Classify` and `Second Look`."""
    if event.get("state") == "Second Look":
        return _second_look(SecondLookInput.model_validate(event)).model_dump(mode="json")
    account = context.invoked_function_arn.split(":")[4]
    return _classify(ClassifyInput.model_validate(event), account).model_dump(mode="json")


def _classify(asked: ClassifyInput, account: str) -> ClassifyOutput:
    logger.append_keys(incident_id=asked.incident.incident_id)
    now = datetime.now(UTC)
    verdict = assess(
        asked.incident,
        history=_history(),
        rules=_rules(),
        silences=lambda: TableSilences(_table()).since(now),
        offered=offered(_catalogue(), asked.incident.alert),
        model=_model(),
        time_zone=_settings().time_zone,
        now=now,
        calibration=_outcomes().at(now),
        monitor=_alarm_metrics(account),
    )
    _tell(asked.incident, verdict, now)
    return ClassifyOutput(classification=verdict)


def _second_look(asked: SecondLookInput) -> SecondLookOutput:
    logger.append_keys(incident_id=asked.incident.incident_id)
    now = datetime.now(UTC)
    verdict = look_again(
        asked.incident,
        asked.classification,
        asked.observations,
        history=_history(),
        rules=_rules(),
        model=_model(),
        time_zone=_settings().time_zone,
        now=now,
    )
    _tell(asked.incident, verdict, now)
    return SecondLookOutput(classification=verdict)


def _tell(incident: Incident, verdict: Classification, now: datetime) -> None:
    witness(TableTrail(_table()), incident.incident_id, [classified(verdict)], now)
    metrics.add_metric(name="Classified", unit="Count", value=1)
    logger.info("classified", extra={"severity": verdict.severity, "reasons": verdict.reasons})


@cache
def _settings() -> ClassifySettings:
    return ClassifySettings.from_environment()


@cache
def _table() -> Table:
    settings = _settings()
    client = boto3.client("dynamodb", config=PATIENCE)
    return Table(client, settings.table_name, keep_days=settings.history_days)


@cache
def _history() -> TableIncidents:
    return TableIncidents(_table())


@cache
def _alarm_metrics(account: str) -> AlarmMetrics:
    client = boto3.client("cloudwatch", config=BRIEF)
    return AlarmMetrics(client, account=account, region=client.meta.region_name)


@cache
def _outcomes() -> Outcomes:
    return Outcomes(_history())


@cache
def _rules() -> rules.Rules:
    return rules.load(Path(_settings().runbooks_dir) / "policy" / "rules.yaml")


@cache
def _catalogue() -> catalogue.Catalogue:
    return catalogue.load(Path(_settings().runbooks_dir))


@cache
def _model() -> ChatModel | None:
    settings = _settings()
    if not settings.llm_base_url or not settings.llm_model:
        return None
    secrets = Secrets(settings.secrets_prefix)
    endpoints = [
        Endpoint(
            base_url=settings.llm_base_url,
            model=settings.llm_model,
            api_key=lambda: secrets.get("llm/api-key"),
            max_output_tokens=settings.llm_max_output_tokens,
            price=Price(prompt=settings.llm_input_price, completion=settings.llm_output_price),
        )
    ]
    if settings.llm_fallback_base_url and settings.llm_fallback_model:
        endpoints.append(
            Endpoint(
                base_url=settings.llm_fallback_base_url,
                model=settings.llm_fallback_model,
                api_key=lambda: secrets.get("llm/fallback-api-key"),
                max_output_tokens=settings.llm_max_output_tokens,
                price=Price(prompt=settings.llm_fallback_input_price, completion=settings.llm_fallback_output_price),
                key_name="llm/fallback-api-key",
            )
        )
    client = boto3.client("dynamodb", config=BRIEF)
    table = Table(client, settings.table_name, keep_days=settings.history_days)
    return ChatModel(
        endpoints,
        deadline_seconds=settings.llm_deadline_seconds,
        circuit=SharedCircuit(client, settings.table_name),
        account=Spending(table, Ceiling(settings.llm_daily_tokens, settings.llm_daily_cost)),
    )
