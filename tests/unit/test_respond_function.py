"""The respond function's routes: what each request is answered, and that only Slack's own presses do anything."""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from firstline.errors import HistoryUnavailable
from firstline.models import IncidentRecord
from functions.respond import app as respond
from tests.channel_fakes import FakeChannel
from tests.notifications import INCIDENT_ID, a_record

SECRET = "signing-secret"
CONTEXT = SimpleNamespace(
    function_name="respond",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:respond",
    aws_request_id="request-1",
)


class Table:
    """Keeps who acknowledged; is down on demand."""

    def __init__(self) -> None:
        self.acknowledged: list[tuple[str, str]] = []
        self.down = False

    def acknowledge(self, incident_id: str, by: str, now: Any) -> IncidentRecord | None:
        if self.down:
            raise HistoryUnavailable("the table is down")
        self.acknowledged.append((incident_id, by))
        return a_record(acknowledged_at=now, acknowledged_by=by)

    def save_slack_message(self, incident_id: str, channel: str, ts: str) -> None:
        raise AssertionError("nothing is posted here")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    table = Table()
    slack = FakeChannel()
    monkeypatch.setattr(respond, "_history", lambda: table)
    monkeypatch.setattr(respond, "_executions", lambda: None)
    monkeypatch.setattr(respond, "_settings", lambda: SimpleNamespace(approvers=()))
    monkeypatch.setattr(respond, "_secrets", lambda: SimpleNamespace(lines=lambda name: (SECRET,)))
    monkeypatch.setattr(respond, "connect", lambda *_, hurried: {"slack": slack})
    return table


def request(method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """An event of API Gateway's HTTP API, payload version 2.0."""
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers or {},
        "requestContext": {
            "domainName": "api.example",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "requestId": "r1",
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def press(body: str, secret: str = SECRET) -> dict[str, Any]:
    timestamp = str(int(time.time()))
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": f"v0={digest}",
    }
    return request("POST", "/respond/slack", body, headers)


def answer(event: dict[str, Any]) -> dict[str, Any]:
    return respond.handler(event, CONTEXT)  # type: ignore[arg-type]


ACKNOWLEDGE = urlencode(
    {
        "payload": json.dumps(
            {
                "type": "block_actions",
                "user": {"id": "U1", "name": "ana"},
                "channel": {"id": "C1"},
                "actions": [{"action_id": "acknowledge", "value": INCIDENT_ID}],
            }
        )
    }
)


@pytest.mark.parametrize("encoded", [False, True])
def test_a_press_is_done_and_answered(table: Table, encoded: bool) -> None:
    event = press(ACKNOWLEDGE)
    if encoded:
        event |= {"body": b64encode(ACKNOWLEDGE.encode()).decode(), "isBase64Encoded": True}

    reply = answer(event)

    assert (reply["statusCode"], reply["body"]) == (200, "")
    assert table.acknowledged == [(INCIDENT_ID, "ana (Slack)")]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (press(ACKNOWLEDGE, "wrong"), 401),
        (request("POST", "/respond/slack", ACKNOWLEDGE), 401),
        (request("POST", "/respond/slack"), 401),
        (press("payload=nonsense"), 400),
        (press("ssl_check=1"), 200),
        (request("GET", "/respond/slack"), 404),
        (request("POST", "/respond/teams"), 404),
        (request("GET", "/"), 404),
    ],
)
def test_anything_else_does_nothing(table: Table, event: dict[str, Any], status: int) -> None:
    assert answer(event)["statusCode"] == status
    assert table.acknowledged == []


def test_why_a_signature_failed_is_not_told(table: Table) -> None:
    assert answer(press(ACKNOWLEDGE, "wrong"))["body"] == "Unauthorized"


def test_a_table_that_is_down_is_an_error(table: Table) -> None:
    table.down = True
    with pytest.raises(HistoryUnavailable):
        answer(press(ACKNOWLEDGE))
