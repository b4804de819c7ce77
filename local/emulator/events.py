"""Triggers of functions: EventBridge's rules and schedules, queues, and the table's stream."""

import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.emulator.runtime import Functions, TooManyRequests

POLL_SECONDS = 1.0
BATCH = 100
"""The most records of a stream in one invocation."""


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule, which invokes a function for the events that fit its pattern."""

    pattern: Mapping[str, Any]
    function: str


@dataclass(frozen=True)
class QueueReader:
    """A function that is invoked for each message of a queue."""

    queue_arn: str
    function: str


@dataclass(frozen=True)
class StreamReader:
    """A function that is invoked for the records of a table's stream that fit one of the filters."""

    stream_arn: str
    function: str
    filters: tuple[Mapping[str, Any], ...]


def fits(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return True if an event fits an EventBridge pattern of plain values, `prefix`, and `anything-but` with a prefix.

    Any other operator fits no value.
    """
    for name, wanted in pattern.items():
        given = event.get(name)
        if isinstance(wanted, Mapping):
            if not isinstance(given, Mapping) or not fits(wanted, given):
                return False
        elif not any(_fits(value, given) for value in wanted):
            return False
    return True


def _fits(wanted: Any, given: Any) -> bool:
    match wanted:
        case str():
            return bool(wanted == given)
        case {"prefix": str(prefix)}:
            return isinstance(given, str) and given.startswith(prefix)
        case {"anything-but": {"prefix": str(prefix)}}:
            return isinstance(given, str) and not given.startswith(prefix)
    return False


def end_of(execution: Any) -> dict[str, Any]:
    """Return the `detail` of EventBridge's event for one of moto's executions that has ended."""
    times = {"startDate": execution.start_date, "stopDate": execution.stop_date}
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": str(execution.status),
        **{name: int(at.timestamp() * 1_000) if isinstance(at, datetime) else None for name, at in times.items()},
        "input": _text(execution.input_data),
        "inputDetails": {"included": True},
        "output": None if execution.output is None else _text(execution.output),
    }


def execution_ended(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event that Step Functions sends when an execution has ended."""
    region, account = detail["stateMachineArn"].split(":")[3:5]
    kind = ("aws.states", "Step Functions Execution Status Change")
    return _event(*kind, detail, region, account, [detail["executionArn"]])


def command_ended(detail: Mapping[str, Any], region: str, account: str) -> dict[str, Any]:
    """Return the event that Systems Manager sends when a command has ended on all its hosts."""
    return _event("aws.ssm", "EC2 Command Status-change Notification", detail, region, account)


def scheduled(region: str, account: str) -> dict[str, Any]:
    """Return the event with which EventBridge Scheduler invokes a function."""
    return _event("aws.scheduler", "Scheduled Event", {}, region, account)


def put_event(entry: Mapping[str, Any], region: str, account: str) -> dict[str, Any]:
    """Return an entry of PutEvents as the event that listeners get."""
    detail, resources = json.loads(entry["Detail"]), entry.get("Resources", [])
    return _event(entry["Source"], entry["DetailType"], detail, region, account, resources)


def _event(
    source: str, kind: str, detail: Mapping[str, Any], region: str, account: str, resources: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": source,
        "account": account,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": list(resources),
        "detail": dict(detail),
    }


def send(event: Mapping[str, Any], rules: list[Rule], functions: Functions) -> None:
    """Invoke, in the background, the function of every rule that the event fits."""
    for rule in rules:
        if fits(rule.pattern, event):
            functions.invoke_later(rule.function, json.dumps(event).encode())


def read_queue(reader: QueueReader, sqs: Any, functions: Functions, stopping: threading.Event) -> None:
    """Invoke a function for each message of its queue, one at a time, until `stopping` is set.

    A message is deleted if the function succeeds; otherwise it comes again after its visibility time-out.
    """
    url = sqs.get_queue_url(QueueName=reader.queue_arn.rsplit(":", 1)[-1])["QueueUrl"]
    while not stopping.wait(POLL_SECONDS):
        try:
            received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
            for message in received.get("Messages", []):
                record = _record(message, reader.queue_arn)
                if not functions.invoke(reader.function, json.dumps({"Records": [record]}).encode()).failed:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        except TooManyRequests:
            continue
        except Exception:
            if not stopping.is_set():
                raise


def read_stream(reader: StreamReader, streams: Any, functions: Functions, stopping: threading.Event) -> None:
    """Invoke a function for the records of a stream, a batch at a time and in order, until `stopping` is set.

    If the function fails, the batch comes again; if it names a failed record, the batch comes again from that one on.
    `streams` is a client of DynamoDB Streams.
    """
    shards = streams.describe_stream(StreamArn=reader.stream_arn)["StreamDescription"]["Shards"]
    place = {"StreamArn": reader.stream_arn, "ShardId": shards[0]["ShardId"]}
    iterator = streams.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    waiting: list[dict[str, Any]] = []
    while not stopping.wait(POLL_SECONDS):
        try:
            answer = streams.get_records(ShardIterator=iterator, Limit=1_000)
            iterator = answer["NextShardIterator"]
            waiting += [
                record for record in map(_told, answer["Records"]) if any(fits(f, record) for f in reader.filters)
            ]
            while batch := waiting[:BATCH]:
                result = functions.invoke(reader.function, json.dumps({"Records": batch}).encode())
                again = None if result.failed else _first_of_failed(result.payload)
                taken = 0 if result.failed else _place(batch, again)
                waiting = waiting[taken:]
                if taken < len(batch):
                    break
        except TooManyRequests:
            continue
        except Exception:
            if not stopping.is_set():
                raise


def _told(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stream's record as a function gets it from Lambda, with times in seconds since the epoch."""
    told = {
        name: value.timestamp() if isinstance(value, datetime) else value for name, value in record["dynamodb"].items()
    }
    return {**record, "dynamodb": told}


def _first_of_failed(payload: bytes) -> str | None:
    failures = json.loads(payload)["batchItemFailures"]
    return failures[0]["itemIdentifier"] if failures else None


def _place(batch: list[dict[str, Any]], number: str | None) -> int:
    """Return how many records of a batch come before that with this sequence number; all if it is None or unknown."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    return numbers.index(number) if number in numbers else len(batch)


def _record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """Return a message of SQS as a function gets it from Lambda."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": message.get("MessageAttributes", {}),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
