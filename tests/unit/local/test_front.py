"""Requests become API Gateway's HTTP API events, and answers become responses."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from werkzeug.wrappers import Request

from local.emulator.front import MAX_BODY_BYTES, Front, Route
from local.emulator.runtime import Invocation


class Echo:
    """A stand-in for the functions that records each event and always gives the same answer."""

    def __init__(self, answer: Any, *, failed: bool = False) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._invocation = Invocation(json.dumps(answer).encode(), failed)

    def invoke(self, name: str, payload: bytes) -> Invocation:
        self.events.append((name, json.loads(payload)))
        return self._invocation


ROUTES = [
    Route("POST", "/alerts/{source}", "ingest"),
    Route("POST", "/alerts/special", "special"),
    Route("ANY", "/files/{path+}", "files"),
]


def call(
    echo: Echo, method: str, target: str, body: bytes = b"", content_type: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Send a request through a front door with these ROUTES; return status, headers and body of the answer."""
    front = Front()
    front.functions = echo  # type: ignore[assignment]
    front.routes = ROUTES
    path, _, query = target.partition("?")
    seen: dict[str, Any] = {}

    def start_response(
        status: str, answered: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        seen["status"], seen["headers"] = int(status.split()[0]), {name.lower(): value for name, value in answered}
        return len

    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": target,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": content_type,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    answer = b"".join(Request.application(front)(environ, start_response))
    return seen["status"], seen["headers"], answer


OK = {"statusCode": 202, "headers": {"Content-Type": "application/json"}, "body": "{}"}


def test_a_request_becomes_an_event() -> None:
    echo = Echo(OK)

    status, headers, body = call(
        echo, "POST", "/alerts/data%2Fdog?a=1&a=2&b=", b'{"x": 1}', "application/json", x_token="s", cookie="k=v; l=w"
    )

    ((function, event),) = echo.events
    assert (status, headers["content-type"], body) == (202, "application/json", b"{}")
    assert function == "ingest"
    assert event["version"] == "2.0"
    assert event["routeKey"] == "POST /alerts/{source}"
    assert event["rawPath"] == "/alerts/data%2Fdog"
    assert event["pathParameters"] == {"source": "data/dog"}
    assert event["queryStringParameters"] == {"a": "1,2", "b": ""}
    assert event["headers"]["x-token"] == "s"
    assert event["cookies"] == ["k=v", "l=w"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"x": 1}', False)
    assert event["requestContext"]["http"]["method"] == "POST"


@pytest.mark.parametrize(
    ("body", "content_type", "encoded"),
    [
        (b"plain", "text/plain; charset=utf-8", False),
        (b'{"a": 1}', "application/json", False),
        (b"payload=x", "application/x-www-form-urlencoded", True),
        (b"\xff\xfe", "application/json", True),
        (b"GIF89a", "image/gif", True),
    ],
)
def test_bodies_that_are_no_text_are_encoded(body: bytes, content_type: str, encoded: bool) -> None:
    echo = Echo(OK)

    call(echo, "POST", "/alerts/x", body, content_type)

    event = echo.events[0][1]
    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) == body


def test_a_literal_route_wins_over_one_with_a_parameter() -> None:
    echo = Echo(OK)
    call(echo, "POST", "/alerts/special")
    assert [name for name, _ in echo.events] == ["special"]


def test_a_greedy_parameter_takes_a_path_that_ends_with_its_slash() -> None:
    echo = Echo({"statusCode": 204})
    assert call(echo, "GET", "/files/")[0] == 204
    ((_, event),) = echo.events
    assert (event["rawPath"], event["pathParameters"]) == ("/files/", {"path": ""})


def test_a_greedy_parameter_takes_the_rest_of_a_path_by_any_method() -> None:
    echo = Echo(OK)
    call(echo, "DELETE", "/files/a/b.txt")
    ((name, event),) = echo.events
    assert (name, event["pathParameters"]) == ("files", {"path": "a/b.txt"})


@pytest.mark.parametrize(("method", "path"), [("GET", "/alerts/x"), ("POST", "/alerts/x/y"), ("POST", "/nothing")])
def test_a_request_without_a_route_is_answered_404(method: str, path: str) -> None:
    echo = Echo(OK)
    assert call(echo, method, path)[0] == 404
    assert echo.events == []


def test_too_much_is_413_before_any_function_sees_it() -> None:
    echo = Echo(OK)
    assert call(echo, "POST", "/alerts/x", b"x" * (MAX_BODY_BYTES + 1), "text/plain")[0] == 413
    # API Gateway takes ten megabytes, but the event that it makes of them must fit into Lambda's six.
    assert call(echo, "POST", "/alerts/x", b"x" * (MAX_BODY_BYTES - 1), "text/plain")[0] == 413
    assert echo.events == []


def test_a_failed_function_is_500_and_says_nothing_of_why() -> None:
    status, _, body = call(Echo({"errorType": "KeyError", "errorMessage": "secret"}, failed=True), "POST", "/alerts/x")
    assert status == 500
    assert json.loads(body) == {"message": "Internal Server Error"}


def test_answers_without_a_status_are_the_body_and_binary_ones_are_decoded() -> None:
    assert call(Echo({"fine": True}), "POST", "/alerts/x")[::2] == (200, b'{"fine": true}')
    picture = {"statusCode": 200, "body": base64.b64encode(b"\x00\x01").decode(), "isBase64Encoded": True}
    assert call(Echo(picture), "POST", "/alerts/x")[2] == b"\x00\x01"
