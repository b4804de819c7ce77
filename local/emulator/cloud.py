"""The AWS endpoint on one machine: moto, with functions and commands that really run in front of it."""

import json
import re
import threading
from collections.abc import Callable
from contextlib import nullcontext
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from local.emulator.access import caller
from local.emulator.commands import Commands
from local.emulator.events import put_event
from local.emulator.iam import ACCOUNT
from local.emulator.releases import Releases
from local.emulator.roles import Roles
from local.emulator.runtime import Functions, TooManyRequests
from local.emulator.server import ServiceError, aws_error, aws_response

FAIL_PATH = "/_local/fail"
"""The path to make AWS calls fail: after `POST {"operation": "AWSStepFunctions.StartExecution", "times": 3}` the next
three such calls are answered 500.

The operation is the beginning of a request's X-Amz-Target, so that `DynamoDB` means all of DynamoDB. `"times": 0` ends
the failures.
"""

_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_APP_CONFIG = "/appconfig/aws4_request"


class Cloud:
    """The WSGI application that answers for every AWS service.

    `functions` (Lambda), `commands` (Run Command), `releases` (CodeDeploy and AppConfig) and `roles` (IAM) may be set
    later. Without roles, every request is allowed. `on_text` is called with the number and the text of each text
    message, and `on_event` with each event that is put on an event bus. `bus` lists all these events, oldest first.
    """

    def __init__(self) -> None:
        self.functions: Functions | None = None
        self.commands: Commands | None = None
        self.releases: Releases | None = None
        self.roles: Roles | None = None
        self.on_text: Callable[[str, str], None] | None = None
        self.bus: list[dict[str, Any]] = []
        self.on_event: Callable[[dict[str, Any]], object] = lambda _: None
        self._moto = DomainDispatcherApplication(create_backend_app)
        # moto checks a condition and then writes, without a lock: two requests at once could both win.
        self._locks = {"DynamoDB_20120810": threading.Lock(), "AWSStepFunctions": threading.Lock()}
        # A transaction that is refused has left records in the stream until it is rolled back.
        self._locks["DynamoDBStreams_20120810"] = self._locks["DynamoDB_20120810"]
        self._failures: dict[str, int] = {}
        self._failing = threading.Lock()

    def __call__(self, request: Request) -> Response:
        """Answer a request to any AWS service."""
        if request.path == FAIL_PATH:
            return self._plan_failures(request)
        body = request.get_data()
        target = request.headers.get("X-Amz-Target", "")
        try:
            if self._fails(target):
                raise ServiceError("InternalServerError", f"{target} fails as planned with POST {FAIL_PATH}.", 500)
            if self.roles is not None:
                self.roles.check(request, body)
            return self._emulated(request, target, body) or self._from_moto(request, target, body)
        except ServiceError as error:
            return aws_error(error)

    def _plan_failures(self, request: Request) -> Response:
        try:
            wanted = json.loads(request.get_data())
            operation, times = str(wanted["operation"]), int(wanted["times"])
        except (ValueError, KeyError, TypeError):
            expected = f'POST {FAIL_PATH} needs JSON like {{"operation": "DynamoDB", "times": 3}}'
            return aws_response({"message": expected}, 400)
        with self._failing:
            self._failures[operation] = times
        return aws_response({"operation": operation, "times": times})

    def _fails(self, target: str) -> bool:
        with self._failing:
            for operation, times in self._failures.items():
                if times > 0 and target.startswith(operation):
                    self._failures[operation] = times - 1
                    return True
        return False

    def _emulated(self, request: Request, target: str, body: bytes) -> Response | None:
        """Answer a request that is not for moto; return None if it is. `target` is its header X-Amz-Target."""
        if "CloudTrail" in target:
            raise ServiceError("UnsupportedOperationException", "CloudTrail is not emulated on this machine.")
        if target == "AWSEvents.PutEvents":
            return aws_response(self._put_events(request, json.loads(body)))
        service, _, operation = target.partition(".")
        emulator = {"AmazonSSM": self.commands, "CodeDeploy_20141006": self.releases}.get(service)
        if emulator is not None and operation in emulator.operations:
            return aws_response(emulator.operations[operation](json.loads(body or b"{}")))
        if self.releases is not None and _APP_CONFIG in request.headers.get("Authorization", ""):
            status, answer = self.releases.rest(request.method, request.path, body)
            return aws_response(answer, status)
        if self.on_text is not None and body.startswith(b"Action=Publish&"):
            asked = dict(parse_qsl(body.decode()))
            if "PhoneNumber" in asked:
                self.on_text(asked["PhoneNumber"], asked["Message"])
        invoke = _INVOKE.fullmatch(request.path)
        if invoke and self.functions is not None:
            is_event = request.headers.get("X-Amz-Invocation-Type") == "Event"
            return _invoke(self.functions, unquote(invoke[1]), body or b"{}", is_event=is_event)
        return None

    def _put_events(self, request: Request, asked: dict[str, Any]) -> dict[str, Any]:
        signer = caller(request)
        events = [put_event(entry, signer.region if signer else "local", ACCOUNT) for entry in asked["Entries"]]
        self.bus += events
        for event in events:
            self.on_event(event)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": event["id"]} for event in events]}

    def _from_moto(self, request: Request, target: str, body: bytes) -> Response:
        environ = {**request.environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        with self._locks.get(target.partition(".")[0]) or nullcontext():
            return Response.from_app(self._moto, environ, buffered=True)


def _invoke(functions: Functions, which: str, body: bytes, *, is_event: bool) -> Response:
    name = functions.named(which)
    if name is None:
        raise ServiceError("ResourceNotFoundException", f"Function not found: {which}", 404)
    if is_event:
        functions.invoke_later(name, body)
        return aws_response(b"", 202)
    try:
        result = functions.invoke(name, body)
    except TooManyRequests as busy:
        raise ServiceError("TooManyRequestsException", str(busy), 429) from busy
    errors = {"X-Amz-Function-Error": "Unhandled"} if result.failed else {}
    return aws_response(result.payload, headers={"X-Amz-Executed-Version": "$LATEST", **errors})
