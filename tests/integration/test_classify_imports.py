"""Imports of Classify: the OpenAI client only to ask a question, a circuit breaker only where there is a model."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from firstline.adapters.dynamodb.table import stamp
from firstline.classification.case import Case
from firstline.classification.memory import evidence_class
from firstline.classification.templates import template_of
from firstline.models import EarlierIncident, Evidence, Incident
from firstline.policy.rules import NO_RULES
from tests.bench import imports
from tests.integration.conftest import declared_table
from tests.support import builders as alerts

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)
NOBODY = "http://127.0.0.1:1/v1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "eu-west-1"}

PROGRAM = """
import json, os, sys
sys.modules["OpenSSL"] = None  # the SAM CLI brings it; Lambda has none
import functions.classify.app as app

class Context:
    function_name, memory_limit_in_mb, aws_request_id = "classify", 512, "1"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:classify"

for line in sys.stdin:
    runbooks, event = json.loads(line)
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    os.environ["RUNBOOKS_DIR"] = runbooks
    verdict = app.handler(event, Context())["classification"]
    print(json.dumps({"reasons": verdict["reasons"], "modules": sorted(sys.modules)}), flush=True)
    os._exit(0)
"""
"""Classify as Lambda has it after its imports; each event is answered by a fork of that: the first call of each."""


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Provide a DynamoDB and an SSM for another process."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def table(aws: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    client = boto3.client("dynamodb", endpoint_url=aws, region_name="eu-west-1")
    client.create_table(TableName="imports", **declared_table())
    yield client
    client.delete_table(TableName="imports")


def _incident(alert_name: str) -> Incident:
    firing = alerts.alert(alert_name=alert_name, severity="high", labels={}, timestamp=NOW, raw_payload=None)
    return alerts.incident(incident_id="disk", opened_at=NOW, alert=firing, hosts=[])


@pytest.fixture
def runbooks(tmp_path: Path) -> Path:
    """Provide the shipped runbooks and policies, with a model that nobody serves."""
    folder = shutil.copytree(ROOT / "runbooks", tmp_path / "runbooks")
    policy = {"base_url": NOBODY, "model": "any", "deadline_seconds": 60, "daily_ceiling": {"tokens": 1_000_000}}
    (folder / "policy" / "model.yaml").write_text(json.dumps(policy))
    return folder


@pytest.fixture(scope="module")
def started(aws: str) -> Iterator[Popen[str]]:
    """Start the program, which is told the runbooks with each event."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}",
        "AWS_ENDPOINT_URL": aws,
        "POWERTOOLS_METRICS_NAMESPACE": "Firstline",
        "POWERTOOLS_SERVICE_NAME": "imports",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "STACK_NAME": "imports",
        "TABLE_NAME": "imports",
        "SECRETS_PREFIX": "/firstline/imports",
        "FLAP_QUIET_SECONDS": "600",
        "PAGE_AFTER_SECONDS": "300",
        "RESOLVE_WITHIN_SECONDS": "604800",
        "TIME_ZONE": "UTC",
        "HISTORY_DAYS": "90",
        "ERROR_LOG_GROUP_ARNS": "",
    }
    command, given = [sys.executable, "-c", PROGRAM], CREDENTIALS | environment
    with Popen(command, env=given, stdin=PIPE, stdout=PIPE, text=True, cwd=ROOT, bufsize=1) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _classify(started: Popen[str], runbooks: Path, alert_name: str = "DiskFull") -> dict[str, Any]:
    """Run one first call of Classify, with a rule for alerts called Watchdog."""
    assert started.stdin is not None
    assert started.stdout is not None
    event = {"incident": _incident(alert_name).model_dump(mode="json")}
    started.stdin.write(json.dumps([str(runbooks), event]) + "\n")
    said: dict[str, Any] = {}
    while "modules" not in said:  # metrics come before
        said = json.loads(started.stdout.readline())
    return said


def _imported(said: dict[str, Any], *packages: str) -> set[str]:
    return {module for module in said["modules"] if module.startswith(packages)}


CLIENT = ("openai", "httpx2")
OURS = ("firstline.", "aws_lambda_powertools.", "yaml")
BREAKER = "aws_lambda_powertools.utilities.circuit_breaker"


def test_without_a_model_neither_client_nor_breaker_is_imported(started: Popen[str], table: Any) -> None:
    said = _classify(started, ROOT / "runbooks")
    assert "The model is off: rules and history decide." in said["reasons"]
    assert _imported(said, *CLIENT, BREAKER) == set()


def test_what_the_bench_measures_is_what_a_first_call_imports(started: Popen[str], table: Any) -> None:
    said = _classify(started, ROOT / "runbooks")
    measured = {"modules": imports._modules(imports.CLASSIFY, "classify")}
    assert _imported(said, *OURS) == _imported(measured, *OURS)


def test_for_what_a_rule_decides_neither_client_nor_breaker_is_imported(
    started: Popen[str], table: Any, runbooks: Path
) -> None:
    said = _classify(started, runbooks, alert_name="Watchdog")
    assert any("Rule " in reason for reason in said["reasons"])
    assert _imported(said, *CLIENT, BREAKER) == set()


def test_for_what_is_known_from_earlier_neither_client_nor_breaker_is_imported(
    started: Popen[str], table: Any, runbooks: Path
) -> None:
    incident = _incident("DiskFull")
    known = Evidence(same_name_last_hour=0, earlier=[], deployments=[], local_time=NOW, business_hours=True)
    for days in (1, 2, 3):
        closed_at = NOW - timedelta(days=days)
        earlier = EarlierIncident(
            incident_id=f"earlier-{days}",
            opened_at=closed_at - timedelta(minutes=5),
            closed_at=closed_at,
            severity="high",
            outcome="self_cleared",
            group_key=incident.group_key,
            template=template_of(incident.alert),
            evidence_class=evidence_class(Case.of(incident, known, NO_RULES, NOW)),
        )
        table.put_item(
            TableName="imports",
            Item={
                "pk": {"S": f"GROUP#{incident.group_key}"},
                "sk": {"S": f"CLOSED#{stamp(closed_at)}#{earlier.incident_id}"},
                "earlier": {"S": earlier.model_dump_json()},
            },
        )
    said = _classify(started, runbooks)
    assert any(reason.startswith("Known: ") for reason in said["reasons"]), said["reasons"]
    assert _imported(said, *CLIENT, BREAKER) == set()


def test_under_an_open_circuit_the_client_is_not_imported(started: Popen[str], table: Any, runbooks: Path) -> None:
    opened = int(datetime.now(UTC).timestamp())
    table.put_item(
        TableName="imports",
        Item={
            "pk": {"S": "CIRCUITS"},
            "sk": {"S": "127.0.0.1:1/any"},
            "state": {"S": "OPEN"},
            "failure_count": {"N": "3"},
            "opened_at": {"N": str(opened)},
        },
    )
    said = _classify(started, runbooks)
    assert any("circuit open: " in reason for reason in said["reasons"]), said["reasons"]
    assert _imported(said, *CLIENT) == set()


def test_under_a_ceiling_that_is_reached_the_client_is_not_imported(
    started: Popen[str], table: Any, runbooks: Path
) -> None:
    # Today's usage, and tomorrow's: the test may run over midnight.
    for day in (NOW.date().toordinal(), NOW.date().toordinal() + 1):
        table.put_item(
            TableName="imports",
            Item={
                "pk": {"S": "SPENDING"},
                "sk": {"S": datetime.fromordinal(day).date().isoformat()},
                "held_tokens": {"N": "1000000"},
            },
        )
    said = _classify(started, runbooks)
    assert any("daily_ceiling.tokens (1,000,000)" in reason for reason in said["reasons"]), said["reasons"]
    assert _imported(said, *CLIENT) == set()


def test_for_a_question_the_client_is_imported(aws: str, started: Popen[str], table: Any, runbooks: Path) -> None:
    client = boto3.client("ssm", endpoint_url=aws, region_name="eu-west-1")
    client.put_parameter(Name="/firstline/imports/llm/api-key", Type="SecureString", Value="key", Overwrite=True)
    said = _classify(started, runbooks)
    assert any("cannot be reached" in reason for reason in said["reasons"]), said["reasons"]
    assert _imported(said, *CLIENT) != set()
