"""The calls to AWS that an alert costs, counted on their way from ingest's own handler to moto."""

import importlib.util
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from local.demo.senders import proof
from tests.bench.table import create_table

ROOT = Path(__file__).parents[2]
SECRET = "bench"
END = "2026-02-11T08:20:00Z"
MACHINE = json.dumps({"StartAt": "Any", "States": {"Any": {"Type": "Succeed"}}})
ENVIRONMENT = {
    "STACK_NAME": "bench",
    "TABLE_NAME": "bench",
    "QUARANTINE_QUEUE_URL": "https://sqs.example.com/bench",
    "BACKLOG_QUEUE_URL": "https://sqs.example.com/backlog",
    "TIME_ZONE": "UTC",
    "SECRETS_PREFIX": "/bench",
    "RUNBOOKS_DIR": str(ROOT / "runbooks"),
    "HISTORY_DAYS": "90",
    "INCIDENTS_PER_MINUTE": "1000",
    "INCIDENTS_PER_MINUTE_AND_ALERT": "1000",
}


class Ingest:
    """The handler of ingest, and its calls by service and operation."""

    def __init__(self, handler: Any, calls: Counter[str]) -> None:
        self._handler = handler
        self.calls = calls

    def send(self, *alerts: dict[str, Any]) -> Counter[str]:
        """Send a batch to the generic source and return the calls that it caused."""
        body = json.dumps({"alerts": alerts}).encode()
        event = {
            "rawPath": "/alerts/generic",
            "requestContext": {"http": {"method": "POST"}},
            "headers": {name.lower(): value for name, value in proof("generic", body, SECRET).items()},
            "body": body.decode(),
        }
        self.calls.clear()
        answer = self._handler(event, Context())
        if answer["statusCode"] != 202 or '"accepted"' not in answer["body"]:
            raise RuntimeError(f"ingest did not accept the bench's alerts; it answered {answer}")
        return Counter(self.calls)


class Context:
    """A Lambda context with the fields that the logger reads."""

    function_name = "ingest"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:ingest"
    aws_request_id = "bench"


@contextmanager
def ingest() -> Iterator[Ingest]:
    """Yield ingest's handler in front of moto."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        calls[f"{model.service_model.service_name}:{model.name}"] += 1

    with mock_aws(), patch.dict(os.environ, ENVIRONMENT):
        boto3.setup_default_session()
        session = boto3.DEFAULT_SESSION
        assert session is not None
        create_table(boto3.client("dynamodb"))
        role = "arn:aws:iam::123456789012:role/bench"
        machine = boto3.client("stepfunctions").create_state_machine(name="bench", definition=MACHINE, roleArn=role)
        boto3.client("ssm").put_parameter(Name="/bench/sources/generic", Type="SecureString", Value=SECRET)
        os.environ["STATE_MACHINE_ARN"] = machine["stateMachineArn"]
        session.events.register("before-call", count)
        spec = importlib.util.spec_from_file_location("bench_ingest", ROOT / "functions" / "ingest" / "app.py")
        assert spec is not None
        assert spec.loader is not None
        app = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(app)
        yield Ingest(app.handler, calls)
        boto3.DEFAULT_SESSION = None


def alert(name: str, host: str, status: str = "firing", at: str = "2026-02-11T08:14:00Z") -> dict[str, Any]:
    """Return an alert of the generic shape. Its time makes one sent again the same episode."""
    what = {"alert_name": name, "severity": "high", "message": "it is down"}
    return what | {"status": status, "host": host, "timestamp": at}


def dynamodb(calls: Counter[str]) -> int:
    """Return the number of calls to DynamoDB among all calls."""
    return sum(count for call, count in calls.items() if call.startswith("dynamodb:"))


NEW = "a new alert, its incident opened and started"
AGAIN = "the same alert again"
ENDS = "its end, nobody waiting yet"
ENDS_AGAIN = "the end again"
LIMITS = {NEW: 3, AGAIN: 1, ENDS: 3, ENDS_AGAIN: 1}
"""The most requests to DynamoDB that each thing that happens to an alert may take."""


def measure() -> dict[str, Counter[str]]:
    """Return the calls for each thing that can happen to an alert."""
    with ingest() as handler:
        handler.send(alert("Warm", "up"))
        return {
            NEW: handler.send(alert("HostDown", "web-1")),
            AGAIN: handler.send(alert("HostDown", "web-1")),
            ENDS: handler.send(alert("HostDown", "web-1", "resolved", END)),
            ENDS_AGAIN: handler.send(alert("HostDown", "web-1", "resolved", END)),
        }


def rows() -> list[tuple[str, str, str]]:
    """Count requests to DynamoDB and started executions, and return the rows of a table."""
    found = []
    for what, calls in measure().items():
        started = calls["stepfunctions:StartExecution"]
        measured = f"{dynamodb(calls)}" + (f" and {started} StartExecution" if started else "")
        found.append((what, measured, f"≤ {LIMITS[what]}" if what in LIMITS else ""))
    return found
