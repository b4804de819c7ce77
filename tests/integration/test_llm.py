"""Every way in which the wire to a model fails, over real HTTP with the real client.

The bound on time is generous on purpose: it tells "a deadline" from "none", not a fast machine from a slow one. That it
is one deadline is told by the number of requests.
"""

import itertools
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import openai  # the import counts against the deadline; here it must not
import pytest

from firstline.adapters.llm.chat_model import ChatModel, Endpoint
from firstline.classification.classify import classify
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict
from firstline.models import Evidence, Incident
from firstline.policy.rules import NO_RULES
from tests.integration import chat_server
from tests.integration.chat_server import VERDICT, Script, Server, answer, completion, error
from tests.support import builders as alerts

assert openai.__version__

DEADLINE_SECONDS = 1.0
"""The deadline for a server that hangs."""

PATIENT_SECONDS = 30.0
"""The deadline for a server that fails at once: on a busy machine, too, its failure is no time-out."""

AT_MOST_SECONDS = 25.0
"""The bound is below the 30 seconds for which a server hangs."""

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
PROMPT = Prompt("1", "Judge.", '{"alert": {}}', ("low-disk",))


def _model(url: str, key: str | None = "test-key", deadline_seconds: float = PATIENT_SECONDS) -> ChatModel:
    return ChatModel(Endpoint(url, "test-model", lambda: key, 500), deadline_seconds=deadline_seconds)


HANGS = {"says nothing", "stops in the middle", "trickles", "trickles headers", "continues for ever"}

FAILURES: dict[str, tuple[Script, str, int]] = {
    "says nothing": (chat_server.says_nothing, "no answer within", 0),
    "stops in the middle": (chat_server.stops_in_the_middle, "no answer within", 0),
    "trickles": (chat_server.trickles, "no answer within", 0),
    "trickles headers": (chat_server.trickles_headers, "no answer within", 0),
    "continues for ever": (chat_server.continues_for_ever, "no answer within", 0),
    "resets the connection": (chat_server.resets, "cannot be reached", 0),
    "garbage instead of HTTP": (chat_server.garbage, "cannot be reached", 0),
    "closes in the middle": (chat_server.closes_in_the_middle, "cannot be reached", 0),
    "too many requests": (answer(429, error("slow down"), Retry_After="60"), "slow down (Retry-After: 60)", 0),
    "server error": (answer(500, b"oops", "text/plain"), "answered 500", 0),
    "unavailable": (answer(503, b"", Retry_After="1"), "answered 503", 0),
    "wrong key": (answer(401, error("Incorrect API key")), "answered 401: ", 0),
    "schema refused": (answer(400, error("response_format is not supported")), "response_format is not supported", 0),
    "prompt filtered": (answer(400, error("triggered the content filter")), "answered 400: Error code: 400", 0),
    "too long for it": (answer(413, error("context is 4,096 tokens")), "answered 413", 0),
    "redirect": (answer(307, b"", Location="http://127.0.0.1:1/"), "answered 307", 0),
    "50 MB": (chat_server.is_endless, "larger than 1,000,000 bytes", 0),
    "50 MB of error": (chat_server.fails_endlessly, "larger than 1,000,000 bytes", 0),
    "compressed": (answer(200, b"\x1f\x8b", Content_Encoding="gzip"), "compressed", 0),
    "gzip bomb": (answer(200, chat_server.bomb(), Content_Encoding="gzip"), "compressed", 0),
    "gzip bomb that does not say so": (answer(200, chat_server.bomb()), "not a chat completion", 0),
    "a stream of events": (answer(200, b'data: {"choices": []}\n\n', "text/event-stream"), "not a chat completion", 0),
    "empty": (answer(200, b""), "not a chat completion", 0),
    "not JSON": (answer(200, b"<html>Welcome</html>", "text/html"), "not a chat completion", 0),
    "not JSON, though it says so": (answer(200, b"welcome"), "not a chat completion", 0),
    "not UTF-8": (answer(200, b"\xff\xfe{}"), "not a chat completion", 0),
    "another JSON": (answer(200, b'{"object": "list"}'), "not a chat completion: choices", 0),
    "null": (answer(200, b"null"), "not a chat completion", 0),
    "deep JSON": (answer(200, b"[" * 100_000), "not a chat completion", 0),
    "no choice": (answer(200, b'{"choices": [], "usage": {"total_tokens": 9}}'), "list of choices is empty", 9),
    "refusal": (completion({"role": "assistant", "content": None, "refusal": "I won't."}), "refused: I won't.", 321),
    "cut short": (completion({"content": '{"severity": "cri'}, "length"), "ended early (length)", 321),
    "filtered": (completion({"content": ""}, "content_filter"), "ended early (content_filter)", 321),
    "truncated JSON": (completion({"content": '{"severity": "cri'}), "not of the schema", 321),
    "no content": (completion({"content": None}), "not of the schema", 321),
    "two verdicts": (
        completion({"content": f"{json.dumps(VERDICT)} or {json.dumps(VERDICT | {'severity': 'noise'})}"}),
        "not of the schema",
        321,
    ),
    "a million braces": (completion({"content": "{" * 500_000}), "not of the schema", 321),
    "prose": (completion({"content": "It looks bad."}), "not of the schema", 321),
    "wrong enum": (completion(severity="catastrophic"), "not of the schema: severity", 321),
    "missing key": (completion({"content": '{"severity": "low"}'}), "not of the schema: cause", 321),
    "wrong type": (completion(can_be_remediated="yes"), "not of the schema: can_be_remediated", 321),
    "confidence beyond 1": (completion(confidence=97), "not of the schema: confidence", 321),
    "unknown runbook": (completion(runbook_id="format-disk"), "runbook that was not offered", 321),
    "tool call": (completion({"content": None, "tool_calls": []}, "tool_calls"), "ended early (tool_calls)", 321),
}


REQUESTS = {"schema refused": 3}
"""One, but for a server that wants to be asked otherwise."""


@pytest.mark.parametrize(
    ("failure", "severity"), list(zip(FAILURES, itertools.cycle(["critical", "high"]), strict=False))
)
def test_whatever_the_server_does_an_incident_keeps_its_severity_within_one_deadline(
    failure: str, severity: str, serve: Callable[[Script], Server]
) -> None:
    script, reason, tokens = FAILURES[failure]
    server = serve(script)
    deadline = DEADLINE_SECONDS if failure in HANGS else PATIENT_SECONDS
    began = time.monotonic()
    verdict = classify(
        _incident(severity),
        evidence=Evidence(same_name_last_hour=1, earlier=[], deployments=[], local_time=NOW, business_hours=True),
        rules=NO_RULES,
        offered=[],
        model=_model(server.url, deadline_seconds=deadline),
        now=NOW,
    )
    assert time.monotonic() - began < (AT_MOST_SECONDS if failure in HANGS else PATIENT_SECONDS)
    assert verdict.severity == severity
    assert verdict.decided_by == "rules"
    assert "The model gave no verdict" in verdict.reasons[-1]
    assert reason in verdict.reasons[-1]
    assert len(verdict.reasons[-1]) < 700
    assert verdict.usage.tokens == tokens
    assert len(server.requests) == REQUESTS.get(failure, 1), "a hidden retry"


def test_where_nobody_listens_there_is_no_verdict() -> None:
    with pytest.raises(ModelGaveNoVerdict, match=r"cannot be reached"):
        _model("http://127.0.0.1:1/v1").verdict(PROMPT)


def test_tls_that_never_shakes_hands_costs_one_deadline(serve: Callable[[Script], Server]) -> None:
    """Count the handshake as part of the deadline: a plain server is behind an https address."""
    server = serve(chat_server.says_nothing)
    began = time.monotonic()
    with pytest.raises(ModelGaveNoVerdict):
        _model(server.url.replace("http:", "https:"), deadline_seconds=DEADLINE_SECONDS).verdict(PROMPT)
    assert time.monotonic() - began < AT_MOST_SECONDS


def test_a_server_that_speaks_no_tls_gives_no_verdict(serve: Callable[[Script], Server]) -> None:
    server = serve(answer(200, b"{}"))
    with pytest.raises(ModelGaveNoVerdict, match="cannot be reached"):
        _model(server.url.replace("http:", "https:")).verdict(PROMPT)


def test_an_address_that_is_none_gives_no_verdict() -> None:
    with pytest.raises(ModelGaveNoVerdict):
        _model("not a url").verdict(PROMPT)


def test_without_a_key_nothing_is_sent(serve: Callable[[Script], Server]) -> None:
    server = serve(completion())
    with pytest.raises(ModelGaveNoVerdict, match="no API key"):
        _model(server.url, key=None).verdict(PROMPT)
    assert server.requests == []


def test_a_key_that_takes_forever_counts_against_the_deadline() -> None:
    let_go = threading.Event()

    def key() -> str | None:
        let_go.wait(30)
        return None

    began = time.monotonic()
    with pytest.raises(ModelGaveNoVerdict, match="no answer within"):
        ChatModel(Endpoint("http://127.0.0.1:1/v1", "m", key, 500), deadline_seconds=0.2).verdict(PROMPT)
    assert time.monotonic() - began < AT_MOST_SECONDS
    let_go.set()


def test_a_key_that_cannot_be_read_is_no_verdict() -> None:
    def key() -> str | None:
        raise PermissionError("AccessDenied on ssm:GetParameter")

    with pytest.raises(ModelGaveNoVerdict, match="PermissionError: AccessDenied"):
        ChatModel(Endpoint("http://127.0.0.1:1/v1", "m", key, 500), deadline_seconds=30).verdict(PROMPT)


def test_the_connection_is_closed_when_time_is_up(serve: Callable[[Script], Server]) -> None:
    server = serve(chat_server.trickles)
    with pytest.raises(ModelGaveNoVerdict):
        _model(server.url, deadline_seconds=0.5).verdict(PROMPT)
    assert server.hung_up.wait(60)


def test_a_verdict_comes_with_its_model_and_its_tokens(serve: Callable[[Script], Server]) -> None:
    server = serve(completion())
    verdict = _model(server.url).verdict(PROMPT)
    assert verdict.judgement.model_dump() == VERDICT
    assert verdict.model == "test-model"
    assert (verdict.usage.prompt_tokens, verdict.usage.completion_tokens) == (300, 21)


def test_a_question_carries_the_key_the_prompt_the_limit_and_the_schema(serve: Callable[[Script], Server]) -> None:
    server = serve(completion())
    _model(server.url).verdict(PROMPT)
    sent = server.requests[0]
    assert sent["path"] == "/v1/chat/completions"
    assert server.headers[0]["authorization"] == "Bearer test-key"
    body = sent["body"]
    assert body["model"] == "test-model"
    assert [(message["role"], message["content"]) for message in body["messages"]] == [
        ("system", "Judge."),
        ("user", '{"alert": {}}'),
    ]
    assert body["max_completion_tokens"] == 500
    schema = body["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["properties"]["runbook_id"]["anyOf"][0]["enum"] == ["low-disk"]


@pytest.mark.parametrize(
    "extra",
    [
        {"usage": None},
        {"unheard_of": {"of": "it"}, "usage": {"total_tokens": 1, "prompt_tokens": 1}},
    ],
    ids=["no usage", "an unknown field and half a usage"],
)
def test_fields_that_a_server_adds_or_leaves_out_do_not_matter(
    extra: dict[str, Any], serve: Callable[[Script], Server]
) -> None:
    content = json.dumps(VERDICT | {"thoughts": "hm"})
    body = {"choices": [{"message": {"content": content, "reasoning": "hm"}, "finish_reason": "stop"}]} | extra
    assert _model(serve(answer(200, json.dumps(body).encode())).url).verdict(PROMPT).judgement.severity == "critical"


def _incident(severity: str) -> Incident:
    return alerts.incident(opened_at=NOW, alert=alerts.alert(severity=severity, timestamp=NOW).without_raw())
