"""API Gateway on one machine: HTTP requests become HTTP API events (payload format 2.0) for functions, and back."""

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.emulator.runtime import Functions, Invocation, TooManyRequests

MAX_BODY_BYTES = 10_000_000
"""API Gateway's own limit; ingest has a lower one."""

MAX_EVENT_BYTES = 6_291_456
"""Lambda's limit for one synchronous event."""

_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 413: "Too Large"}
_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")


@dataclass(frozen=True)
class Route:
    """`POST /alerts/{source}` and the function that answers it. The method ANY takes every method."""

    method: str
    path: str
    function: str

    @property
    def key(self) -> str:
        """As `routeKey` in events."""
        return f"{self.method} {self.path}"

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path's parameters, or None when the request is not for this route."""
        if self.method not in (method, "ANY"):
            return None
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", _parameter, re.escape(self.path))
        found = re.fullmatch(pattern, path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


def _parameter(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>.+)" if match[2] else f"(?P<{match[1]}>[^/]+)"


class Front:
    """The WSGI application behind the api URL. `functions` is set before the first request."""

    def __init__(self) -> None:
        self.functions: Functions | None = None
        self.routes: list[Route] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self._handle(environ)
        reason = _REASONS.get(status, "Status")
        start_response(f"{status} {reason}", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _handle(self, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > MAX_BODY_BYTES:
            # Read and thrown away, so that the sender gets to see the answer instead of a broken pipe.
            while length > 0 and (piece := environ["wsgi.input"].read(min(length, 1_000_000))):
                length -= len(piece)
            return _message(413, "Request Entity Too Large")
        raw_path = environ.get("RAW_URI", environ["PATH_INFO"]).split("?")[0] or "/"
        method = environ["REQUEST_METHOD"]
        # Paths without parameters win over those with.
        for route in sorted(self.routes, key=lambda route: ("{" in route.path, route.method == "ANY")):
            parameters = route.match(method, raw_path)
            if parameters is not None and self.functions is not None:
                break
        else:
            return _message(404, "Not Found")
        body: bytes = environ["wsgi.input"].read(length) if length else b""
        event = json.dumps(_event(environ, route, raw_path, parameters, body)).encode()
        if len(event) > MAX_EVENT_BYTES:
            return _message(413, "Request Entity Too Large")
        try:
            return _response(self.functions.invoke(route.function, event))
        except TooManyRequests:
            return _message(503, "Service Unavailable")


def _event(
    environ: dict[str, Any], route: Route, raw_path: str, parameters: dict[str, str], body: bytes
) -> dict[str, Any]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if value != ""
    }
    cookies = headers.pop("cookie", "")
    now = time.time()
    query = environ.get("QUERY_STRING", "")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": environ.get("HTTP_HOST", "127.0.0.1"),
            "domainPrefix": "local",
            "http": {
                "method": environ["REQUEST_METHOD"],
                "path": raw_path,
                "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
                "sourceIp": environ.get("REMOTE_ADDR", "127.0.0.1"),
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route.key,
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
    if query:
        joined: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        event["queryStringParameters"] = joined
    if body:
        event["body"], event["isBase64Encoded"] = _encoded(body, headers.get("content-type", ""))
    return event


def _encoded(body: bytes, content_type: str) -> tuple[str, bool]:
    """Encode a body as API Gateway does: text types as they are, all else, forms included, in base64."""
    if not content_type or _TEXT.fullmatch(content_type.split(";")[0].strip().lower()):
        try:
            return body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), True


def _response(invocation: Invocation) -> tuple[int, list[tuple[str, str]], bytes]:
    if invocation.failed:
        return _message(500, "Internal Server Error")
    answer = json.loads(invocation.payload)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return 200, [("Content-Type", "application/json")], invocation.payload
    body = answer.get("body") or ""
    data = base64.b64decode(body) if answer.get("isBase64Encoded") else str(body).encode()
    headers = {str(name).lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    headers.setdefault("content-type", "text/plain; charset=utf-8")
    return int(answer["statusCode"]), [*headers.items(), *(("Set-Cookie", c) for c in answer.get("cookies", []))], data


def _message(status: int, text: str) -> tuple[int, list[tuple[str, str]], bytes]:
    return status, [("Content-Type", "application/json")], json.dumps({"message": text}).encode()
