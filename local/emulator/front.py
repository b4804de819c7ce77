"""API Gateway on one machine: it turns HTTP requests into events for functions (payload format 2.0), and answers."""

import base64
import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from local.emulator.runtime import Functions, Invocation, TooManyRequests

MAX_BODY_BYTES = 10_000_000
"""API Gateway's limit for a request's body."""

MAX_EVENT_BYTES = 6_291_456
"""Lambda's limit for the event of a synchronous invocation."""

_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")


@dataclass(frozen=True)
class Route:
    """A method and path such as `POST /alerts/{source}`, and the function that answers. ANY means every method.

    A `signed` route has the authorizer AWS_IAM.
    """

    method: str
    path: str
    function: str
    signed: bool = False

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the values of the path's parameters, or None if the request is not for this route."""
        if self.method not in (method, "ANY"):
            return None
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", _parameter, re.escape(self.path))
        found = re.fullmatch(pattern, path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


def _parameter(match: re.Match[str]) -> str:
    # A route's path cannot end with a slash; a request's may, which the greedy route below that path takes.
    return f"(?P<{match[1]}>.*)" if match[2] else f"(?P<{match[1]}>[^/]+)"


class Front:
    """The WSGI application behind the api URL. `functions` and `routes` must be set before the first request.

    `caller` returns the ARN of the user who signed a request and may invoke the API, or None to refuse the request.
    """

    def __init__(self) -> None:
        self.functions: Functions | None = None
        self.routes: list[Route] = []
        self.caller: Callable[[Request, bytes], str | None] = lambda _request, _body: None

    def __call__(self, request: Request) -> Response:
        """Answer a request by invoking its route's function."""
        if (request.content_length or 0) > MAX_BODY_BYTES:
            # Read and thrown away, so that the sender gets to see the answer instead of a broken pipe.
            while request.stream.read(1_000_000):
                pass
            return _message(413, "Request Entity Too Large")
        raw_path = request.environ.get("RAW_URI", request.path).split("?")[0] or "/"
        # Paths without parameters win over those with.
        for route in sorted(self.routes, key=lambda route: ("{" in route.path, route.method == "ANY")):
            parameters = route.match(request.method, raw_path)
            if parameters is not None and self.functions is not None:
                break
        else:
            return _message(404, "Not Found")
        made = _event(request, f"{route.method} {route.path}", raw_path, parameters)
        if route.signed:
            arn = self.caller(request, request.get_data())
            if arn is None:
                return _message(403, "Forbidden")
            made["requestContext"]["authorizer"] = {"iam": {"userArn": arn, "callerId": arn.rpartition("/")[2]}}
        event = json.dumps(made).encode()
        if len(event) > MAX_EVENT_BYTES:
            return _message(413, "Request Entity Too Large")
        try:
            return _response(self.functions.invoke(route.function, event))
        except TooManyRequests:
            return _message(503, "Service Unavailable")


def _event(request: Request, route_key: str, raw_path: str, parameters: dict[str, str]) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in request.headers.items() if value}
    cookies = headers.pop("cookie", "")
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": raw_path,
        "rawQueryString": request.query_string.decode(),
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": request.environ.get("HTTP_HOST", "127.0.0.1"),
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": raw_path,
                "protocol": request.environ["SERVER_PROTOCOL"],
                "sourceIp": request.remote_addr,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route_key,
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if parameters:
        event["pathParameters"] = parameters
    if request.args:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in request.args.lists()}
    if body := request.get_data():
        event["body"], event["isBase64Encoded"] = _encoded(body, request.mimetype)
    return event


def _encoded(body: bytes, mimetype: str) -> tuple[str, bool]:
    """Return a body as API Gateway passes it on, and True if it is in base64, as every body but text and JSON is."""
    if not mimetype or _TEXT.fullmatch(mimetype):
        try:
            return body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), True


def _response(invocation: Invocation) -> Response:
    if invocation.failed:
        return _message(500, "Internal Server Error")
    answer = json.loads(invocation.payload)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return Response(invocation.payload, 200, content_type="application/json")
    body = answer.get("body") or ""
    data = base64.b64decode(body) if answer.get("isBase64Encoded") else str(body)
    response = Response(data, int(answer["statusCode"]), answer.get("headers"))
    for cookie in answer.get("cookies", []):
        response.headers.add("Set-Cookie", cookie)
    return response


def _message(status: int, text: str) -> Response:
    return Response(json.dumps({"message": text}), status, content_type="application/json")
