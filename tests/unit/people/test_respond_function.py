"""The respond function's routes: how each request is answered, and that only presses signed by Slack take effect."""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from firstline.adapters.dynamodb.sessions import TableSessions
from firstline.console.web import security_headers
from firstline.errors import HistoryUnavailable
from firstline.people.links import Link, sign
from firstline.people.press_handler import PressHandler
from firstline.settings import RespondSettings
from firstline.wiring import Wiring
from functions.respond import app as respond
from tests.support.builders import INCIDENT_ID, a_record, a_waiting_record
from tests.support.memory import MemoryChannel, MemoryDocuments, MemoryExecutions, MemoryStore, lasting
from tests.support.operating import people_of

SECRET = "signing-secret"
CONTEXT = SimpleNamespace(
    function_name="respond",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:respond",
    aws_request_id="request-1",
)


def wire(
    monkeypatch: pytest.MonkeyPatch,
    *,
    store: MemoryStore,
    executions: Any,
    approvers: tuple[str, ...],
    secret: str,
    channels: dict[str, MemoryChannel],
) -> None:
    """Give the handler parts that need no AWS."""
    wiring: Any = Wiring(RespondSettings)
    wiring.settings = SimpleNamespace(time_zone="UTC")
    wiring.incidents, wiring.remediations, wiring.trail = store.incidents, store.remediations, store.trail
    wiring.executions, wiring.documents = executions, MemoryDocuments()
    wiring.people, wiring.sessions = people_of(*approvers), TableSessions(store.table)
    wiring.secrets = SimpleNamespace(lines=lambda name: (secret,))
    wiring.channels = lambda *, interactive: channels
    monkeypatch.setattr(respond, "wiring", wiring)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    table, slack = MemoryStore(a_record()), MemoryChannel()
    wire(
        monkeypatch,
        store=table,
        executions=MemoryExecutions(),
        approvers=(),
        secret=SECRET,
        channels={"slack": slack},
    )
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
    return respond.handler(event, CONTEXT)


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
def test_a_signed_press_takes_effect_and_is_answered_200(table: MemoryStore, encoded: bool) -> None:
    event = press(ACKNOWLEDGE)
    if encoded:
        event |= {"body": b64encode(ACKNOWLEDGE.encode()).decode(), "isBase64Encoded": True}

    reply = answer(event)

    assert (reply["statusCode"], reply["body"]) == (200, "")
    assert table.only.acknowledged_by == "ana (Slack)"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        # Made when the test runs: a signature is good for five minutes, and the whole suite may take longer.
        (lambda: press(ACKNOWLEDGE, "wrong"), 401),
        (lambda: request("POST", "/respond/slack", ACKNOWLEDGE), 401),
        (lambda: request("POST", "/respond/slack"), 401),
        (lambda: press("payload=nonsense"), 400),
        (lambda: press("ssl_check=1"), 200),
        (lambda: request("GET", "/respond/slack"), 404),
        (lambda: request("POST", "/respond/teams"), 404),
        (lambda: request("GET", "/"), 404),
        (lambda: request("GET", "/approvals"), 404),
        (lambda: request("GET", "/approvals/one/two"), 404),
    ],
    ids=[
        "another secret",
        "no signature",
        "no signature and no body",
        "nonsense",
        "Slack's check of the certificate",
        "another method",
        "another tool",
        "the root",
        "no incident",
        "a longer path",
    ],
)
def test_an_unsigned_unreadable_or_unknown_request_reads_and_changes_nothing(
    table: MemoryStore, event: Callable[[], dict[str, Any]], status: int
) -> None:
    assert answer(event())["statusCode"] == status
    assert table.calls == []


def test_the_answer_to_a_bad_signature_does_not_say_why(table: MemoryStore) -> None:
    assert answer(press(ACKNOWLEDGE, "wrong"))["body"] == "Unauthorized"


def test_a_press_while_the_table_is_down_raises_so_that_slack_shows_an_error(table: MemoryStore) -> None:
    table.down = True
    with pytest.raises(HistoryUnavailable):
        answer(press(ACKNOWLEDGE))


# --- the approval page ---

KEY = "k" * 32
PATH = f"/approvals/{INCIDENT_ID}"
APPROVERS = ("U1", "U2")


@dataclass
class Visited:
    """An incident whose plan waits for people, and its execution."""

    store: MemoryStore
    executions: MemoryExecutions

    @property
    def signals(self) -> list[tuple[str, str]]:
        return self.executions.told


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Visited:
    """An incident whose plan waits, and wiring for the function that uses it."""
    executions = MemoryExecutions()
    store = MemoryStore(a_waiting_record())
    channels = {"slack": MemoryChannel(), "pagerduty": MemoryChannel(failures=[lasting()])}
    wire(
        monkeypatch,
        store=store,
        executions=executions,
        approvers=APPROVERS,
        secret=KEY,
        channels=channels,
    )
    return Visited(store, executions)


def token(key: str = KEY, **changes: Any) -> str:
    link = {
        "incident_id": INCIDENT_ID,
        "approver": "ana",
        "name": "ada",
        "plan_digest": a_waiting_record().plan_digest,
        "expires_at": datetime.now(UTC) + timedelta(hours=2),
    }
    return sign(Link.model_validate(link | changes), [key])


def look(text: str, path: str = PATH) -> dict[str, Any]:
    """Open the approval page with a token."""
    query = {"rawQueryString": f"token={text}", "queryStringParameters": {"token": text}}
    return answer(request("GET", path) | query)


def send(text: str, decision: str = "approve", path: str = PATH) -> dict[str, Any]:
    """Send the approval page's form, in base64 as API Gateway hands it on."""
    body = b64encode(urlencode({"token": text, "decision": decision}).encode()).decode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return answer(request("POST", path, body, headers) | {"isBase64Encoded": True})


def changed(desk: Visited) -> bool:
    return desk.signals != [] or desk.store.only != MemoryStore(a_waiting_record()).only


def test_opening_the_approval_page_many_times_changes_nothing(desk: Visited) -> None:
    text = token()
    pages = {look(text)["statusCode"] for _ in range(300)}
    assert pages == {200}
    assert set(desk.store.calls) == {"record", "runs_since"}
    assert not changed(desk)


def test_the_page_is_shown_decided_and_shown_again(desk: Visited) -> None:
    text = token()
    shown = look(text)
    assert "Approve and run" in shown["body"]
    assert shown["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert {name: shown["headers"][name] for name in security_headers()} == security_headers()

    decided = send(text)
    assert (decided["statusCode"], decided["body"]) == (303, "")
    assert decided["headers"]["Location"] == f"{INCIDENT_ID}?token={text}"
    assert desk.signals == [("approved", "ada (approval page)")]

    after = look(text)
    assert after["statusCode"] == 200
    assert "This plan was approved by ada (approval page)" in after["body"]
    assert "<form" not in after["body"]


def test_a_link_is_used_once(desk: Visited) -> None:
    text = token()
    send(text)
    for decision in ("approve", "refuse"):
        again = send(text, decision)
        assert again["statusCode"] == 409
        assert "was approved by ada" in again["body"]
    assert desk.signals == [("approved", "ada (approval page)")]


def test_a_refusal_on_the_approval_page_is_signalled_to_the_execution(desk: Visited) -> None:
    assert send(token(), "refuse")["statusCode"] == 303
    assert desk.signals == [("refused", "ada (approval page)")]


@pytest.mark.parametrize("visit", [look, send])
@pytest.mark.parametrize(
    ("case", "text", "status", "words"),
    [
        ("no link", lambda: "", 403, "not made by Firstline"),
        ("a forged link", lambda: token("f" * 32), 403, "not made by Firstline"),
        ("a link of another incident", lambda: token(incident_id="Other"), 403, "for another incident"),
        ("somebody who has left", lambda: token(approver="U9"), 403, "ada is no approver"),
        ("an expired link", lambda: token(expires_at=datetime.now(UTC)), 410, "This link expired "),
        ("a changed plan", lambda: token(plan_digest="b" * 64), 409, "plan has changed"),
    ],
)
def test_a_bad_link_is_refused_with_the_reason_and_shows_nothing_of_the_plan(
    desk: Visited, visit: Any, case: str, text: Any, status: int, words: str
) -> None:
    reply = visit(text())

    assert reply["statusCode"] == status
    assert words in reply["body"]
    assert "Traceback" not in reply["body"]
    assert "rotate-logs" not in reply["body"]
    assert {name: reply["headers"][name] for name in security_headers()} == security_headers()
    assert not changed(desk)


@pytest.mark.parametrize(
    ("case", "changes", "status", "words"),
    [
        (
            "resolved",
            {"resolved_at": datetime(2026, 3, 1, 3, 20, tzinfo=UTC), "resolved_by": "bo"},
            410,
            "The incident ended ",
        ),
        ("refused in Slack", {"decision": "refused", "decided_by": "bo (Slack)"}, 409, "refused by bo (Slack)"),
    ],
)
def test_a_plan_that_no_longer_waits_is_shown_and_not_decided(
    desk: Visited, case: str, changes: dict[str, Any], status: int, words: str
) -> None:
    desk.store.change(INCIDENT_ID, **changes)

    shown, sent = look(token()), send(token())

    assert (shown["statusCode"], sent["statusCode"]) == (200, status)
    assert words in shown["body"]
    assert words in sent["body"]
    assert "<form" not in shown["body"]
    assert ("save_answer" in desk.store.calls, desk.signals) == (False, [])


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "decision=approve",
        "token=x&decision=maybe",
        "token=x&decision=approve&decision=refuse",
        "token=x&token=y&decision=approve",
        '{"token": "x", "decision": "approve"}',
        "token=%FF%FE&decision=approve" * 2,
        "&".join(["token=x"] * 100),
        "token=x&decision=approve&more=" + "A" * 5_000,
        "é",
    ],
)
def test_a_body_that_is_not_the_approval_pages_form_is_refused(desk: Visited, body: str | None) -> None:
    assert answer(request("POST", PATH, body))["statusCode"] == 400
    assert not changed(desk)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_the_approval_page_allows_only_get_and_post(desk: Visited, method: str) -> None:
    reply = answer(request(method, PATH, f"token={token()}&decision=approve"))
    assert (reply["statusCode"], reply["headers"]["Allow"]) == (405, "GET, POST")
    assert not changed(desk)


def test_the_approval_page_answers_503_while_the_table_is_down(desk: Visited) -> None:
    desk.store.down = True
    for reply in (look(token()), send(token())):
        assert reply["statusCode"] == 503
        assert "Nothing was decided" in reply["body"]


def test_a_decision_on_the_page_is_stored_even_if_the_execution_cannot_be_told(desk: Visited) -> None:
    desk.executions.down = True
    reply = send(token())
    assert reply["statusCode"] == 202
    assert "within a minute or two" in reply["body"]
    assert desk.store.only.decision == "approved"


def test_a_decision_on_the_page_counts_although_the_execution_does_not_wait(desk: Visited) -> None:
    desk.executions.waiting = False
    assert send(token())["statusCode"] == 303
    assert desk.store.only.decision == "approved"


@pytest.mark.parametrize(
    ("domain", "address"),
    [("abc.execute-api.eu-west-1.amazonaws.com", "https://abc."), ("127.0.0.1:8000", "http://127.0.0.1:8000/")],
    ids=["AWS", "the local stack"],
)
def test_the_link_to_the_approval_page_has_the_address_to_which_slack_sent_the_press(
    desk: Visited, monkeypatch: pytest.MonkeyPatch, domain: str, address: str
) -> None:
    given: list[str] = []

    def take(handler: PressHandler, press: Any, now: datetime) -> None:
        link = Link(
            incident_id=INCIDENT_ID, approver="U1", name="ada", plan_digest="a" * 64, expires_at=datetime.now(UTC)
        )
        given.append(handler.address(link))

    monkeypatch.setattr(PressHandler, "handle", take)
    event = press(ACKNOWLEDGE, KEY)
    event["requestContext"]["domainName"] = domain

    assert answer(event)["statusCode"] == 200
    assert given[0].startswith(address)
