"""AWS as the state machine's tests see it: moto, the simulation's table, and the faults that a test asks for.

`tests/integration/test_simulated_table.py` compares the simulation's table with DynamoDB Local.
"""

import json
import re
from collections.abc import Callable
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk
from samtranslator.yaml_helper import yaml_parse
from werkzeug.wrappers import Request, Response

from local.emulator.cloud import Cloud
from local.emulator.runtime import TooManyRequests
from local.emulator.server import aws_response
from tests.simulation.table import MemoryDynamoDB
from tests.statemachine.run_command import RunCommand

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

_INVENTORY = re.compile(r"/(ec2|ssm)/aws4_request")
_READ = re.compile(rb"Action=Describe|AmazonSSM\.(GetDocument|DescribeDocument|GetParameter)$")
"""Requests to EC2 and Systems Manager that change nothing: the beginning of a body, or a target."""
_SCRIPTED = re.compile(rb"AmazonSSM\.((Send|Cancel)Command|ListCommandInvocations|DescribeInstanceInformation)$")
"""Requests that are answered by scripts."""


class FaultyAws:
    """All of AWS behind one address.

    Attributes
    ----------
    down
        The services that answer nothing but 503, as their requests are signed: `sns`, `dynamodb`.
    """

    def __init__(self, cloud: Cloud, commands: Callable[[], RunCommand]) -> None:
        self._cloud = cloud
        self._commands = commands
        self._conflicts: dict[str, int] = {}
        self._known: dict[tuple[bytes, bytes], tuple[bytes, dict[str, str]]] = {}
        self.down: set[str] = set()
        self.table = _empty_table()

    def begin(self) -> None:
        """Empty the table, and let everything work."""
        self.work_again()
        self.table = _empty_table()

    def work_again(self) -> None:
        """Let everything work."""
        self.down.clear()
        self._conflicts.clear()

    def conflicts(self, part: str, times: int) -> None:
        """Let DynamoDB refuse the next writes with this text: a transaction of an alert has their item just then."""
        self._conflicts[part] = times

    def answer(self, request: Request) -> Response:
        """Answer a request to AWS. The table is the simulation's: moto takes ten times as long."""
        signed = request.headers.get("Authorization", "")
        if any(f"/{service}/aws4_request" in signed for service in self.down):
            return Response(b"", 503, {"x-amzn-RequestId": "1"})
        service, _, operation = request.headers.get("X-Amz-Target", "").partition(".")
        asked = getattr(self.table, xform_name(operation), None) if service == "DynamoDB_20120810" else None
        if asked is None:
            return self._of_inventory(request) if _INVENTORY.search(signed) else self._cloud(request)
        body = request.get_data(as_text=True)
        for part, times in self._conflicts.items():
            if times > 0 and part in body:
                self._conflicts[part] -= 1
                return _conflict(json.loads(body))
        try:
            return aws_response(self.ask(xform_name(operation), **json.loads(body)))
        except ClientError as error:
            response: dict[str, Any] = {**error.response}
            said = response.pop("Error")
            return aws_response(response | {"__type": said["Code"], "message": said["Message"]}, 400)

    def _of_inventory(self, request: Request) -> Response:
        """Answer what EC2 and Systems Manager are asked: what moto said since the last change, without asking it anew.

        Each plan reads every document that it may run, and each host's instance.
        """
        target, body = request.headers.get("X-Amz-Target", "").encode(), request.get_data()
        if _SCRIPTED.match(target):
            return self._cloud(request)
        if not (_READ.match(target) or _READ.match(body)):
            self._known.clear()
            return self._cloud(request)
        if (target, body) not in self._known:
            answer = self._cloud(request)
            if answer.status_code != 200:
                return answer
            self._known[target, body] = answer.get_data(), dict(answer.headers)
        data, headers = self._known[target, body]
        return Response(data, 200, headers)

    def ask(self, operation: str, **request: Any) -> Any:
        """Ask the table, and let a command know that an execution awaits it."""
        answer = getattr(self.table, operation)(**request)
        if operation == "update_item" and ":token" in request.get("ExpressionAttributeValues", {}):
            kind, _, command_id = request["Key"]["pk"]["S"].partition("#")
            if kind == "COMMAND":
                self._commands().awaited(command_id)
        return answer

    def near(self, service: str, client: Any) -> Any:
        """Return the client, or one of DynamoDB that asks the table itself: half of a function's time is the way."""
        return _Near(self, client) if service == "dynamodb" else client

    def serve_the_machine(self) -> None:
        """Let the state machine's clients of DynamoDB and Lambda take the short way, too, while nothing is down."""
        for caller in (state_task_service_aws_sdk, lambda_eval_utils):
            vars(caller)["boto_client_for"] = self._nearer(vars(caller)["boto_client_for"])

    def _nearer(self, client_for: Callable[..., Any]) -> Callable[..., Any]:
        def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
            client = client_for(region, service, state_credentials)
            return _NearLambda(self, client) if service == "lambda" else self.near(service, client)

        return boto_client_for

    def invoke(self, client: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function as Lambda's client does, and answer or raise as it does."""
        functions: Any = self._cloud.functions
        try:
            result = functions.invoke(functions.named(request["FunctionName"]), request["Payload"])
        except TooManyRequests as busy:
            error = {"Code": "TooManyRequestsException", "Message": str(busy)}
            response = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 429, "RequestId": "1"}}
            raise client.exceptions.TooManyRequestsException(response, "Invoke") from busy
        failed = {"FunctionError": "Unhandled"} if result.failed else {}
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": BytesIO(result.payload), **failed}

    @property
    def works(self) -> bool:
        """Return True if no test asked for a fault."""
        return not self.down and not any(times > 0 for times in self._conflicts.values())


class _Near:
    """A client of DynamoDB whose requests take the long way, as bytes, only while there is a fault on it."""

    def __init__(self, aws: FaultyAws, client: Any) -> None:
        self._aws, self._client = aws, client

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        is_answered = callable(real) and self._aws.works and hasattr(self._aws.table, name)
        return partial(self._aws.ask, name) if is_answered else real


class _NearLambda:
    """A client of Lambda that calls the functions themselves, and takes the long way only while something is down."""

    def __init__(self, aws: FaultyAws, client: Any) -> None:
        self._aws, self._client = aws, client

    def invoke(self, **request: Any) -> Any:
        """Invoke a function."""
        return self._aws.invoke(self._client, request) if self._aws.works else self._client.invoke(**request)


@cache
def _table_properties() -> Any:
    return yaml_parse((TEMPLATE).read_text())["Resources"]["Table"]["Properties"]


def _empty_table() -> MemoryDynamoDB:
    """Return the table that template.yaml declares."""
    return MemoryDynamoDB.from_template(_table_properties())


def _conflict(request: dict[str, Any]) -> Response:
    """Return DynamoDB's answer to a write, or to a transaction's first write, whose item is in a transaction."""
    codes = ["TransactionConflict", *["None"] * (len(request.get("TransactItems", [])) - 1)]
    answer: dict[str, Any] = {"message": "Transaction is ongoing for the item"}
    error = "TransactionConflictException"
    if "TransactItems" in request:
        message = "Transaction cancelled, please refer cancellation reasons for specific reasons"
        error = "TransactionCanceledException"
        answer = {
            "Message": f"{message} [{', '.join(codes)}]",
            "CancellationReasons": [{"Code": code} for code in codes],
        }
    answer["__type"] = f"com.amazonaws.dynamodb.v20120810#{error}"
    return Response(json.dumps(answer), 400, {"x-amzn-RequestId": "1"}, content_type="application/x-amz-json-1.0")
