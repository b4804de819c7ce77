"""A second model, asked inside the same deadline, and only where another server may help."""

import time
from collections.abc import Callable

import pytest

from firstline.adapters.llm import ChatModel, Endpoint
from firstline.classification.model import Price
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict
from tests.integration import chat_server
from tests.integration.chat_server import Script, Server, answer, completion, error

PROMPT = Prompt("1", "Judge.", '{"alert": {}}', ("low-disk",))
DEADLINE_SECONDS = 3.0


def _model(first: Server, second: Server, deadline_seconds: float = 30) -> ChatModel:
    return ChatModel(
        [
            Endpoint(first.url, "first", lambda: "one", 500, Price(prompt=10, completion=100)),
            Endpoint(second.url, "second", lambda: "two", 500, Price(prompt=1, completion=2)),
        ],
        deadline_seconds=deadline_seconds,
    )


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (answer(503, b""), "answered 503"),
        (answer(429, error("slow down"), Retry_After="60"), "answered 429"),
        (answer(401, error("wrong key")), "answered 401"),
        (answer(404, error("no such model")), "answered 404"),
        (answer(200, b"<html>"), "not a chat completion"),
        (chat_server.closes_in_the_middle, "cannot be reached"),
    ],
)
def test_another_server_may_help(broken: Script, reason: str, serve: Callable[[Script], Server]) -> None:
    first, second = serve(broken), serve(completion())
    verdict = _model(first, second).verdict(PROMPT)
    assert verdict.model == "second"
    assert verdict.notes[0].startswith("Another model was asked, because of first: ")
    assert reason in verdict.notes[0]
    assert second.headers[0]["authorization"] == "Bearer two"
    assert second.requests[0]["body"]["model"] == "second"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (completion({"content": None, "refusal": "I won't."}), "refused"),
        (completion({"content": '{"severity": "cri'}, "length"), "ended early"),
        (completion(severity="catastrophic"), "not of the schema"),
        (completion(runbook_id="format-disk"), "not offered"),
    ],
)
def test_what_a_model_said_is_not_asked_of_another(
    words: Script, reason: str, serve: Callable[[Script], Server]
) -> None:
    first, second = serve(words), serve(completion())
    with pytest.raises(ModelGaveNoVerdict, match=reason) as raised:
        _model(first, second).verdict(PROMPT)
    assert second.requests == []
    assert raised.value.tokens == 321


def test_the_second_still_has_its_share_when_the_first_hangs(serve: Callable[[Script], Server]) -> None:
    verdict = _model(serve(chat_server.says_nothing), serve(completion()), DEADLINE_SECONDS).verdict(PROMPT)
    assert verdict.model == "second"


def test_both_hang_for_one_deadline_together(serve: Callable[[Script], Server]) -> None:
    first, second = serve(chat_server.says_nothing), serve(chat_server.trickles)
    began = time.monotonic()
    with pytest.raises(ModelGaveNoVerdict, match=r"first: no answer within .*; second: no answer within"):
        _model(first, second, DEADLINE_SECONDS).verdict(PROMPT)
    assert time.monotonic() - began < 2 * DEADLINE_SECONDS
    assert len(first.requests) == len(second.requests) == 1


def test_the_bill_is_at_the_price_of_the_one_that_answered(serve: Callable[[Script], Server]) -> None:
    verdict = _model(serve(answer(503, b"")), serve(completion())).verdict(PROMPT)
    assert (verdict.usage.prompt_tokens, verdict.usage.completion_tokens) == (300, 21)
    assert verdict.usage.cost == pytest.approx((300 * 1 + 21 * 2) / 1_000_000)


def test_without_a_key_the_first_is_passed_over(serve: Callable[[Script], Server]) -> None:
    first, second = serve(completion()), serve(completion())
    endpoints = [
        Endpoint(first.url, "first", lambda: None, 500),
        Endpoint(second.url, "second", lambda: "two", 500, key_name="llm/fallback-api-key"),
    ]
    verdict = ChatModel(endpoints, deadline_seconds=30).verdict(PROMPT)
    assert verdict.model == "second"
    assert "no API key: set the secret llm/api-key" in verdict.notes[0]
    assert first.requests == []
