"""Servers that speak OpenAI's API with an accent: each is found out by what it says, once, and remembered."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from firstline.adapters.llm.chat_model import ChatModel, Endpoint
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict
from tests.integration.chat_server import VERDICT, Script, Server, answer, completion, error, usage

PROMPT = Prompt("1", "Judge.", '{"alert": {}}', ("low-disk",))
FENCED = {"content": f"Sure!\n```json\n{json.dumps(VERDICT)}\n```"}


def _refusing(complaint: str, *, while_asked: Callable[[dict[str, Any]], object], status: int = 400) -> Script:
    """Return a server that refuses requests of one kind and answers all others in prose around the object."""

    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        refused = while_asked(server.requests[-1]["body"])
        (answer(status, error(complaint)) if refused else completion(FENCED))(http, server)

    return script


def _model(server: Server) -> ChatModel:
    return ChatModel(Endpoint(server.url, "test-model", lambda: "key", 500), deadline_seconds=30)


def _shape(request: dict[str, Any]) -> str:
    return str(request["body"].get("response_format", {"type": "text"})["type"])


@pytest.mark.parametrize("status", [400, 422])
def test_one_that_knows_json_but_no_schema(status: int, serve: Callable[[Script], Server]) -> None:
    server = serve(
        _refusing(
            "'response_format' of type 'json_schema' is not supported with this model.",
            while_asked=lambda body: body.get("response_format", {}).get("type") == "json_schema",
            status=status,
        )
    )
    model = _model(server)
    assert model.verdict(PROMPT).judgement.severity == "critical"
    assert [_shape(request) for request in server.requests] == ["json_schema", "json_object"]
    assert '"enum"' in server.requests[-1]["body"]["messages"][0]["content"]
    model.verdict(PROMPT)
    assert [_shape(request) for request in server.requests][2:] == ["json_object"], "it is remembered"


def test_one_that_knows_neither(serve: Callable[[Script], Server]) -> None:
    server = serve(_refusing("response_format: extra inputs", while_asked=lambda body: "response_format" in body))
    model = _model(server)
    assert model.verdict(PROMPT).judgement.runbook_id == "low-disk"
    assert model.verdict(PROMPT).judgement.runbook_id == "low-disk"
    assert [_shape(request) for request in server.requests] == ["json_schema", "json_object", "text", "text"]


def test_one_that_knows_only_the_older_limit(serve: Callable[[Script], Server]) -> None:
    server = serve(
        _refusing(
            "Unrecognized request argument supplied: max_completion_tokens",
            while_asked=lambda body: "max_completion_tokens" in body,
        )
    )
    _model(server).verdict(PROMPT)
    assert server.requests[-1]["body"]["max_tokens"] == 500
    assert _shape(server.requests[-1]) == "json_schema", "the schema was not what it complained of"


def test_one_that_knows_nothing_new_at_all(serve: Callable[[Script], Server]) -> None:
    server = serve(
        _refusing(
            "unsupported: max_completion_tokens, response_format",
            while_asked=lambda body: "max_completion_tokens" in body or "response_format" in body,
        )
    )
    assert _model(server).verdict(PROMPT).judgement.severity == "critical"
    assert len(server.requests) == 4


def test_one_that_passes_over_the_limit_in_silence(serve: Callable[[Script], Server]) -> None:
    choices = [{"finish_reason": "stop", "message": {"content": json.dumps(VERDICT)}}]
    server = serve(answer(200, json.dumps({"choices": choices, "usage": usage(300, 4_000)}).encode()))
    model = _model(server)
    model.verdict(PROMPT)
    model.verdict(PROMPT)
    limits = [{"max_tokens", "max_completion_tokens"} & set(request["body"]) for request in server.requests]
    assert limits == [{"max_completion_tokens"}, {"max_tokens"}]


def test_one_that_refuses_everything_is_asked_so_often_and_no_more(serve: Callable[[Script], Server]) -> None:
    server = serve(answer(400, error("max_completion_tokens and response_format are not supported")))
    with pytest.raises(ModelGaveNoVerdict, match="answered 400"):
        _model(server).verdict(PROMPT)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("said", "prompt_tokens", "completion_tokens"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, 10, 5),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115}, 10, 105),
        ({"total_tokens": 15}, 0, 15),
        ({"prompt_tokens": 10, "completion_tokens": 5}, 10, 5),
        (None, 0, 0),
    ],
)
def test_what_it_took_counts_as_the_dearer_kind_where_a_server_does_not_say(
    said: dict[str, int] | None, prompt_tokens: int, completion_tokens: int, serve: Callable[[Script], Server]
) -> None:
    choices = [{"finish_reason": "stop", "message": {"content": json.dumps(VERDICT)}}]
    server = serve(answer(200, json.dumps({"choices": choices, "usage": said}).encode()))
    verdict = _model(server).verdict(PROMPT)
    assert (verdict.usage.prompt_tokens, verdict.usage.completion_tokens) == (prompt_tokens, completion_tokens)
