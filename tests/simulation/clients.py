"""Clients of AWS's services for the simulated functions and the state machine, and the stack's channels to people.

Each has the methods of boto3's client that the shipped code calls, and goes through `Calls`.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError

from tests.simulation.calls import Calls
from tests.simulation.faults import READ
from tests.simulation.hosts import Fleet
from tests.simulation.machine import TaskError
from tests.simulation.step_functions import StepFunctions
from tests.simulation.table import MemoryDynamoDB

INCIDENT_ID = re.compile(r"Incident (\S+-\d{8}T\d{6}Z-[0-9a-f]{8})")
REMEMBERED = timedelta(minutes=5)
"""The time for which a function remembers a secret."""


class Dynamo:
    """The table's client: conflicts and throttles come from the simulation."""

    _OPERATIONS = frozenset(
        {"get_item", "batch_get_item", "query", "put_item", "update_item", "delete_item"}
        | {"transact_write_items", "transact_get_items"}
    )

    def __init__(self, calls: Calls, memory: MemoryDynamoDB) -> None:
        self._calls = calls
        self._memory = memory
        self.exceptions = memory.exceptions
        self.meta = memory.meta

    def __getattr__(self, operation: str) -> Any:
        if operation not in self._OPERATIONS:
            raise AttributeError(operation)
        method = getattr(self._memory, operation)

        def call(**request: Any) -> Any:
            return self._calls.make(
                "dynamodb",
                operation,
                request,
                lambda: method(**request),
                refuse=self._refused,
                conflict=lambda: self._conflict(operation, request),
            )

        setattr(self, operation, call)
        return call

    def _refused(self, _service: str, operation: str) -> Exception:
        return self._memory.error("ProvisionedThroughputExceededException", "Simulated", operation)

    def _conflict(self, operation: str, request: Mapping[str, Any]) -> Exception:
        """Return what DynamoDB raises when another transaction has an item at this moment."""
        if operation != "transact_write_items":
            return self._memory.error("TransactionConflictException", "Simulated", operation)
        reasons = [{"Code": "None"} for _ in request["TransactItems"]]
        reasons[-1] = {"Code": "TransactionConflict", "Message": "Simulated"}
        return self._memory.cancelled(reasons)


class Executions:
    """Step Functions' client for functions."""

    def __init__(self, calls: Calls, service: StepFunctions) -> None:
        self._calls = calls
        self._service = service
        self.exceptions = service.exceptions

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._service, operation)
        return lambda **request: self._calls.make("states", operation, request, lambda: method(**request))


class Published(NamedTuple):
    """A message that reached people: when, through which channel, about which incident, and who sent it."""

    at: datetime
    channel: str
    kind: str
    incident_id: str
    actor: str
    content: Mapping[str, Any]


type Publish = Callable[[str, str, str, Mapping[str, Any]], object]
"""Delivers a message to people: channel, kind, incident id, content."""


class Topic:
    """SNS's client: the page topic, with one subscriber."""

    def __init__(self, calls: Calls, publish: Publish) -> None:
        self._calls = calls
        self._publish = publish
        self.exceptions = SimpleNamespace(ClientError=ClientError)

    def publish(self, **request: Any) -> dict[str, Any]:
        """Publish a page, or news about Firstline itself."""

        def do() -> dict[str, Any]:
            text = request["Message"]
            if request.get("MessageStructure") == "json":
                text = json.loads(text)["default"]
            found = INCIDENT_ID.search(text)
            incident = found[1] if found else ""
            is_page = found or request.get("MessageStructure") == "json"
            self._publish("sns", "page" if is_page else "news", incident, {"text": text})
            return {"MessageId": "1"}

        answer: dict[str, Any] = self._calls.make("sns", "publish", request, do)
        return answer

    def list_subscriptions_by_topic(self, **request: Any) -> dict[str, Any]:
        """Return the subscriber."""
        answer: dict[str, Any] = self._calls.make(
            "sns",
            "list_subscriptions_by_topic",
            request,
            lambda: {"Subscriptions": [{"SubscriptionArn": "arn:aws:sns:eu-central-1:123456789012:page:1"}]},
        )
        return answer


class Queues:
    """SQS's client: the quarantine, and the backlog, which gives its messages back to ingest."""

    def __init__(self, calls: Calls, work: Callable[[str], bool]) -> None:
        self._calls = calls
        self._work = work
        self.quarantined: list[str] = []
        self.waiting: dict[int, datetime] = {}
        """Since when nothing keeps ingest from taking each message of the backlog, by the message's number."""
        self._number = 0

    def send_message(self, **request: Any) -> dict[str, Any]:
        """Keep a message."""

        def do() -> dict[str, Any]:
            if "acklog" in request["QueueUrl"]:
                self._number += 1
                self.waiting[self._number] = self._calls.clock.now()
                self._later(self._number, request["MessageBody"], 1)
            else:
                self.quarantined.append(request["MessageBody"])
            return {"MessageId": "1"}

        answer: dict[str, Any] = self._calls.make("sqs", "send_message", request, do)
        return answer

    def _later(self, number: int, body: str, seconds: float) -> None:
        def receive() -> None:
            met = len(self._calls.faults.happened)
            if self._work(body):
                del self.waiting[number]
                return
            if len(self._calls.faults.happened) > met:
                self.waiting[number] = self._calls.clock.now()
            self._later(number, body, 180)

        self._calls.clock.after(seconds, receive, "the backlog is worked off")


class Secrets:
    """The stack's secrets, as a function reads and remembers them."""

    def __init__(self, calls: Calls, values: Mapping[str, str]) -> None:
        self._calls = calls
        self._values = values
        self._read: dict[str, tuple[datetime, str | None]] = {}

    def get(self, name: str) -> str | None:
        """Return a secret, or None if it is not set."""
        known, now = self._read.get(name), self._calls.clock.now()
        if known and now - known[0] < REMEMBERED:
            return known[1]
        try:
            found: str | None = self._calls.make(
                "ssm", "GetParameter", {"Name": name}, lambda: self._values.get(name), kinds=READ
            )
        except (ClientError, BotoCoreError) as error:
            raise GetParameterError(str(error)) from error
        self._read[name] = now, found
        return found

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the values of a secret that has one value per line."""
        return tuple((self.get(name) or "").splitlines())


class _Pages:
    def __init__(self, read: Callable[..., dict[str, Any]]) -> None:
        self._read = read

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        return [self._read(**request)]


class _NoParameter(ClientError):
    """The parameter does not exist."""


class _NoDocument(ClientError):
    """The document does not exist."""


class Inventory:
    """The clients of Systems Manager and EC2, over a fleet of hosts."""

    exceptions = SimpleNamespace(
        ParameterNotFound=_NoParameter, InvalidDocument=_NoDocument, InvalidDocumentVersion=_NoDocument
    )

    def __init__(self, calls: Calls, fleet: Fleet) -> None:
        self._calls = calls
        self._fleet = fleet

    def get_document(self, **request: Any) -> dict[str, Any]:
        """Return a document of the stack."""

        def do() -> dict[str, Any]:
            if request["Name"] not in self._fleet.documents:
                raise _NoDocument({"Error": {"Code": "InvalidDocument", "Message": request["Name"]}}, "GetDocument")
            return {"DocumentVersion": "1", "Content": json.dumps(self._fleet.documents[request["Name"]])}

        answer: dict[str, Any] = self._calls.make("ssm", "get_document", request, do)
        return answer

    def describe_document(self, **request: Any) -> dict[str, Any]:
        """Return what Systems Manager knows of a document: its hash."""
        answer: dict[str, Any] = self._calls.make(
            "ssm", "describe_document", request, lambda: {"Document": {"Name": request["Name"], "Hash": "0" * 64}}
        )
        return answer

    def get_parameter(self, **request: Any) -> dict[str, Any]:
        """Return the switch for remediation."""

        def do() -> dict[str, Any]:
            if self._fleet.switch is None:
                raise _NoParameter({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")
            return {"Parameter": {"Name": request["Name"], "Value": self._fleet.switch}}

        answer: dict[str, Any] = self._calls.make("ssm", "get_parameter", request, do)
        return answer

    def get_paginator(self, operation: str) -> _Pages:
        """Return the pages of a list: instances, or what Systems Manager knows of them."""
        read = {
            "describe_instances": self._fleet.describe_instances,
            "describe_instance_information": self._fleet.describe_instance_information,
        }[operation]
        service = "ec2" if operation == "describe_instances" else "ssm"
        return _Pages(lambda **request: self._calls.make(service, operation, request, lambda: read(**request)))


class Alarms:
    """CloudWatch's client: the state of alarms; it has no metrics."""

    def __init__(self, calls: Calls, state_of: Callable[[str], str | None]) -> None:
        self._calls = calls
        self._state_of = state_of
        self.meta = SimpleNamespace(region_name="eu-central-1", partition="aws")

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        """Return the alarms of these names."""

        def do() -> dict[str, Any]:
            states = {name: self._state_of(name) for name in request["AlarmNames"]}
            found = [
                {"AlarmName": name, "StateValue": state, "MetricName": "Errors", "Namespace": "Shop", "Period": 60}
                for name, state in states.items()
                if state is not None
            ]
            return {"MetricAlarms": found, "CompositeAlarms": []}

        answer: dict[str, Any] = self._calls.make("cloudwatch", "describe_alarms", request, do)
        return answer

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """Return no values."""
        answer: dict[str, Any] = self._calls.make(
            "cloudwatch", "get_metric_data", request, lambda: {"MetricDataResults": []}
        )
        return answer


# --- the state machine's integrations ---------------------------------------------------------------------------------

_PREFIXES = {"dynamodb": "DynamoDb", "ssm": "Ssm", "sns": "Sns", "cloudwatch": "CloudWatch"}


def task_error(service: str, error: Exception) -> TaskError:
    """Return the error as Step Functions names it."""
    prefix = _PREFIXES[service]
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"].removesuffix("Exception")
        return TaskError(f"{prefix}.{code}Exception", str(error))
    return TaskError(f"{prefix}.SdkClientException", str(error))


class Integrations:
    """The services that the state machine calls directly: DynamoDB, Run Command, the switch, SNS and CloudWatch."""

    def __init__(self, calls: Calls, memory: MemoryDynamoDB, fleet: Fleet, topic: Topic, alarms: Alarms) -> None:
        self._calls = calls
        self._dynamo = Dynamo(calls, memory)
        self._inventory = Inventory(calls, fleet)
        self._fleet = fleet
        self._topic = topic
        self._alarms = alarms

    def update_item(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Update an item, also for a state that then waits for a signal."""
        return self._do("dynamodb", lambda: self._dynamo.update_item(**arguments))

    def transact(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Write a transaction."""
        return self._do("dynamodb", lambda: self._dynamo.transact_write_items(**arguments))

    def get_item(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Read an item."""
        return self._do("dynamodb", lambda: self._dynamo.get_item(**arguments))

    def get_parameter(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Read the switch."""
        return self._do("ssm", lambda: self._inventory.get_parameter(**arguments))

    def send_command(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Send a command to hosts."""
        return self._do("ssm", lambda: self._run("send_command", arguments))

    def list_invocations(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Read how a command goes."""
        return self._do("ssm", lambda: self._run("list_command_invocations", arguments))

    def cancel_command(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Cancel a command."""
        return self._do("ssm", lambda: self._run("cancel_command", arguments))

    def publish(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Publish to the page topic."""
        return self._do("sns", lambda: self._topic.publish(**arguments))

    def describe_alarms(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Read alarms."""
        return self._do("cloudwatch", lambda: self._alarms.describe_alarms(**arguments))

    def _run(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        method = getattr(self._fleet, operation)
        return self._calls.make("ssm", operation, arguments, lambda: method(self._calls.clock.now(), **arguments))

    def _do(self, service: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            raise task_error(service, error) from error

    def resources(self) -> dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Any]]:
        """Return the integrations by patterns of the ARNs in the definition."""
        return {
            "arn:aws:states:::aws-sdk:dynamodb:updateItem*": self.update_item,
            "arn:aws:states:::aws-sdk:dynamodb:transactWriteItems": self.transact,
            "arn:aws:states:::aws-sdk:dynamodb:getItem": self.get_item,
            "arn:aws:states:::aws-sdk:ssm:getParameter": self.get_parameter,
            "arn:aws:states:::aws-sdk:ssm:sendCommand": self.send_command,
            "arn:aws:states:::aws-sdk:ssm:listCommandInvocations": self.list_invocations,
            "arn:aws:states:::aws-sdk:ssm:cancelCommand": self.cancel_command,
            "arn:aws:states:::aws-sdk:sns:publish": self.publish,
            "arn:aws:states:::aws-sdk:cloudwatch:describeAlarms": self.describe_alarms,
        }
