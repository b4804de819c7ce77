"""The emulator's other ways to invoke functions than routes and schedules: rules about executions, and queues."""

import json
import threading
from typing import Any

import pytest

from local.emulator.events import QueueReader, Rule, command_ended, execution_ended, fits, read_queue, send
from local.emulator.runtime import Invocation

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:incident"
PATTERN = {
    "source": ["aws.states"],
    "detail-type": ["Step Functions Execution Status Change"],
    "detail": {"stateMachineArn": [MACHINE], "status": ["SUCCEEDED", "FAILED"]},
}
DETAIL = {"executionArn": f"{MACHINE}:one", "stateMachineArn": MACHINE, "name": "one", "status": "FAILED"}


@pytest.mark.parametrize(
    ("change", "fitting"),
    [
        ({}, True),
        ({"status": "SUCCEEDED"}, True),
        ({"status": "RUNNING"}, False),
        ({"stateMachineArn": f"{MACHINE}-release"}, False),
    ],
)
def test_a_rule_takes_what_fits_its_pattern(change: dict[str, str], fitting: bool) -> None:
    assert fits(PATTERN, execution_ended(DETAIL | change)) is fitting


def test_a_pattern_with_a_filter_that_the_emulator_does_not_know_takes_nothing() -> None:
    filtered = {"source": ["aws.states"], "detail": {"name": [{"anything-but": "two"}]}}
    assert not fits(filtered, execution_ended(DETAIL))


@pytest.mark.parametrize(("document", "fitting"), [("shop_runbook-ro-look", True), ("AWS-RunShellScript", False)])
def test_a_pattern_may_exclude_a_prefix(document: str, fitting: bool) -> None:
    pattern = {"source": ["aws.ssm"], "detail": {"document-name": [{"anything-but": {"prefix": "AWS-"}}]}}
    event = command_ended({"document-name": document}, "eu-central-1", "123456789012")

    assert fits(pattern, event) is fitting


class Functions:
    """Functions that fail as often as they are told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stopping = threading.Event()

    def invoke(self, name: str, payload: bytes) -> Invocation:
        self.events.append((name, json.loads(payload)))
        self.failures -= 1
        return Invocation(b"null", failed=self.failures >= 0)

    def invoke_later(self, name: str, payload: bytes) -> None:
        self.invoke(name, payload)


def test_only_the_functions_of_fitting_rules_are_invoked() -> None:
    functions, other = Functions(), {"source": ["aws.cloudwatch"]}
    rules = [Rule(PATTERN, "reconcile"), Rule(other, "ingest")]

    send(execution_ended(DETAIL), rules, functions)  # type: ignore[arg-type]

    ((name, event),) = functions.events
    assert name == "reconcile"
    assert event["detail"]["name"] == "one"


class Queue:
    """A queue of one message, which stays until it is deleted; it stops its reader when it is empty or has been asked
    three times."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping, self.asked, self.deleted = stopping, 0, False

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:
        return {"QueueUrl": f"http://local/{QueueName}"}

    def receive_message(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        if self.deleted or self.asked == 3:
            self.stopping.set()
        message = {"MessageId": "1", "ReceiptHandle": "r", "Body": "{}", "MD5OfBody": "m"}
        return {} if self.deleted else {"Messages": [message]}

    def delete_message(self, **_: Any) -> None:
        self.deleted = True


def test_a_message_stays_until_the_function_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.emulator.events.POLL_SECONDS", 0)
    functions = Functions(failures=1)
    queue = Queue(functions.stopping)
    reader = QueueReader("arn:aws:sqs:eu-west-1:123456789012:backlog", "ingest")

    read_queue(reader, queue, functions, functions.stopping)  # type: ignore[arg-type]

    assert queue.deleted
    assert [name for name, _ in functions.events] == ["ingest", "ingest"]
    (record,) = functions.events[0][1]["Records"]
    assert (record["eventSource"], record["eventSourceARN"], record["body"]) == ("aws:sqs", reader.queue_arn, "{}")
