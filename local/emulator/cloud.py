"""The AWS endpoint on one machine: moto, with real functions and real commands in front of it."""

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from local.emulator.commands import Commands, SsmError
from local.emulator.releases import ReleaseError, Releases
from local.emulator.runtime import Functions, TooManyRequests

type Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

FAIL_PATH = "/_local/fail"
"""`POST {"operation": "AWSStepFunctions.StartExecution", "times": 3}`: the next three such calls are answered 500.

The operation is the beginning of a request's X-Amz-Target, so that `DynamoDB` means all of DynamoDB; 0 times mends it.
For trying what Firstline does when a service of AWS fails.
"""

_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_CODE_DEPLOY = "CodeDeploy_20141006"
_APP_CONFIG = "/appconfig/aws4_request"
_STATUS = {
    200: "200 OK",
    201: "201 Created",
    202: "202 Accepted",
    400: "400 Bad Request",
    404: "404 Not Found",
    409: "409 Conflict",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
}


class Cloud:
    """A WSGI application for every service. `functions`, `commands` and `releases` may be set later than it starts."""

    def __init__(self) -> None:
        self.functions: Functions | None = None
        self.commands: Commands | None = None
        self.releases: Releases | None = None
        self._moto: Wsgi = DomainDispatcherApplication(create_backend_app)
        # moto checks a condition and then writes, without a lock: two requests at once could both win.
        self._locks = {"DynamoDB_20120810": threading.Lock(), "AWSStepFunctions": threading.Lock()}
        self._failures: dict[str, int] = {}
        self._failing = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == FAIL_PATH:
            return self._plan_failures(environ, start_response)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if self._fails(target):
            _body(environ)
            error = {"__type": "InternalServerError", "message": f"{target} fails because POST {FAIL_PATH} said so."}
            return _answer(start_response, 500, error)
        service, _, operation = target.partition(".")
        if service == "AmazonSSM" and self.commands is not None and operation in self.commands.operations:
            return self._ssm(self.commands, operation, _body(environ), start_response)
        if self.releases is not None and service == _CODE_DEPLOY and operation in self.releases.operations:
            return self._codedeploy(self.releases, operation, _body(environ), start_response)
        if self.releases is not None and _APP_CONFIG in environ.get("HTTP_AUTHORIZATION", ""):
            return self._appconfig(self.releases, environ, start_response)
        invoke = _INVOKE.fullmatch(environ["PATH_INFO"])
        if invoke and self.functions is not None:
            return self._lambda(self.functions, unquote(invoke[1]), environ, start_response)
        with self._locks.get(service) or nullcontext():
            body = _body(environ)
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
            return list(self._moto(environ, start_response))

    def _plan_failures(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            wanted = json.loads(_body(environ))
            operation, times = str(wanted["operation"]), int(wanted["times"])
        except (ValueError, KeyError, TypeError):
            return _answer(
                start_response, 400, {"message": f'{FAIL_PATH} takes {{"operation": "DynamoDB", "times": 3}}'}
            )
        with self._failing:
            self._failures[operation] = times
        return _answer(start_response, 200, {"operation": operation, "times": times})

    def _fails(self, target: str) -> bool:
        with self._failing:
            for operation, times in self._failures.items():
                if times > 0 and target.startswith(operation):
                    self._failures[operation] = times - 1
                    return True
        return False

    def _ssm(
        self, commands: Commands, operation: str, body: bytes, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        try:
            return _answer(start_response, 200, commands.operations[operation](json.loads(body or b"{}")))
        except SsmError as error:
            return _answer(start_response, 400, {"__type": error.code, "message": str(error)})

    def _codedeploy(
        self, releases: Releases, operation: str, body: bytes, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        try:
            return _answer(start_response, 200, releases.operations[operation](json.loads(body or b"{}")))
        except ReleaseError as error:
            return _answer(start_response, error.status, {"__type": error.code, "message": str(error)})

    def _appconfig(
        self, releases: Releases, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        try:
            return _answer(
                start_response, *releases.rest(environ["REQUEST_METHOD"], environ["PATH_INFO"], _body(environ))
            )
        except ReleaseError as error:
            kind = [("x-amzn-errortype", error.code)]
            return _answer(start_response, error.status, {"Message": str(error)}, kind)

    def _lambda(
        self, functions: Functions, which: str, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        body = _body(environ) or b"{}"
        name = functions.named(which)
        if name is None:
            error = {"Type": "User", "Message": f"Function not found: {which}"}
            return _answer(start_response, 404, error, [("x-amzn-errortype", "ResourceNotFoundException")])
        if environ.get("HTTP_X_AMZ_INVOCATION_TYPE") == "Event":
            functions.invoke_later(name, body)
            return _answer(start_response, 202, None)
        try:
            result = functions.invoke(name, body)
        except TooManyRequests as busy:
            error = {"Type": "User", "message": str(busy)}
            return _answer(start_response, 429, error, [("x-amzn-errortype", "TooManyRequestsException")])
        headers = [("X-Amz-Executed-Version", "$LATEST")]
        if result.failed:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        return _answer(start_response, 200, result.payload, headers)


class QuietHandler(WSGIRequestHandler):
    """Requests are not logged: the story tells what matters."""

    def log_request(self, *_: Any) -> None:
        pass


class Server:
    """A WSGI application on a loopback port, served by threads.

    Parameters
    ----------
    port
        0 takes any free one.
    """

    def __init__(self, application: Any, port: int = 0) -> None:
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, application, threaded=True, request_handler=QuietHandler
        )
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    data: bytes = environ["wsgi.input"].read(length) if length else b""
    return data


def _answer(
    start_response: Callable[..., Any], status: int, body: Any, headers: list[tuple[str, str]] | None = None
) -> Iterable[bytes]:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    start_response(
        _STATUS[status],
        [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("Content-Length", str(len(data))),
            ("x-amzn-RequestId", str(uuid.uuid4())),  # moto's Step Functions puts it into the cause of an error
            *(headers or []),
        ],
    )
    return [data]
