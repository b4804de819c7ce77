"""Servers that speak OpenAI's API with an accent: each is found out by what it says, once, and remembered."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

import pytest

from firstline.adapters.dynamodb.table import Table
from firstline.adapters.llm.chat_format import ChatFormat
from firstline.adapters.llm.chat_model import ChatModel, Endpoint
from firstline.adapters.llm.shared_forms import REMEMBERED_FOR, SharedForms
from firstline.classification.prompt import Prompt
from firstline.errors import HistoryUnavailable, ModelGaveNoVerdict, ModelUnavailable
from tests.integration.chat_server import VERDICT, Script, Server, answer, completion, error, in_turn, usage

PROMPT = Prompt("1", "Judge.", '{"alert": {}}', ("low-disk",))
LIMIT = 500
"""The most tokens that a model may answer with."""

FENCED = {"content": f"Sure!\n```json\n{json.dumps(VERDICT)}\n```"}


def _refusing(complaint: str, *, while_asked: Callable[[dict[str, Any]], object], status: int = 400) -> Script:
    """Return a server that refuses requests of one kind and answers all others in prose around the object."""

    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        refused = while_asked(server.requests[-1]["body"])
        (answer(status, error(complaint)) if refused else completion(FENCED))(http, server)

    return script


def _model(server: Server, forms: SharedForms | None = None) -> ChatModel:
    return ChatModel(Endpoint(server.url, "test-model", lambda: "key", LIMIT), deadline_seconds=30, forms=forms)


def _asks_for_a_format(body: dict[str, Any]) -> bool:
    return "response_format" in body


def _roles(request: dict[str, Any]) -> list[str]:
    return [message["role"] for message in request["body"]["messages"]]


def _shape(request: dict[str, Any]) -> str:
    return str(request["body"].get("response_format", {"type": "text"})["type"])


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_json_but_no_schema_is_asked_for_json_also_the_next_time(
    status: int, serve: Callable[[Script], Server]
) -> None:
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


def test_a_server_that_knows_neither_json_nor_schema_is_asked_for_text_also_the_next_time(
    serve: Callable[[Script], Server],
) -> None:
    server = serve(_refusing("response_format: extra inputs", while_asked=lambda body: "response_format" in body))
    model = _model(server)
    assert model.verdict(PROMPT).judgement.runbook_id == "low-disk"
    assert model.verdict(PROMPT).judgement.runbook_id == "low-disk"
    assert [_shape(request) for request in server.requests] == ["json_schema", "json_object", "text", "text"]


def test_a_server_that_knows_only_the_older_limit_gets_it_and_the_schema(serve: Callable[[Script], Server]) -> None:
    server = serve(
        _refusing(
            "Unrecognized request argument supplied: max_completion_tokens",
            while_asked=lambda body: "max_completion_tokens" in body,
        )
    )
    _model(server).verdict(PROMPT)
    assert server.requests[-1]["body"]["max_tokens"] == LIMIT
    assert _shape(server.requests[-1]) == "json_schema", "the schema was not what it complained of"


def test_a_server_that_knows_neither_schema_nor_newer_limit_answers_the_fourth_request(
    serve: Callable[[Script], Server],
) -> None:
    server = serve(
        _refusing(
            "unsupported: max_completion_tokens, response_format",
            while_asked=lambda body: "max_completion_tokens" in body or "response_format" in body,
        )
    )
    assert _model(server).verdict(PROMPT).judgement.severity == "critical"
    assert len(server.requests) == 4


def test_a_server_that_exceeds_the_newer_limit_gets_the_older_one_the_next_time(
    serve: Callable[[Script], Server],
) -> None:
    choices = [{"finish_reason": "stop", "message": {"content": json.dumps(VERDICT)}}]
    server = serve(answer(200, json.dumps({"choices": choices, "usage": usage(300, 8 * LIMIT)}).encode()))
    model = _model(server)
    model.verdict(PROMPT)
    model.verdict(PROMPT)
    limits = [{"max_tokens", "max_completion_tokens"} & set(request["body"]) for request in server.requests]
    assert limits == [{"max_completion_tokens"}, {"max_tokens"}]


def test_a_server_that_refuses_everything_is_asked_four_times_and_no_more(serve: Callable[[Script], Server]) -> None:
    server = serve(answer(400, error("max_completion_tokens and response_format are not supported")))
    with pytest.raises(ModelGaveNoVerdict, match="answered 400"):
        _model(server).verdict(PROMPT)
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [400, 500])
def test_a_server_whose_model_has_no_system_role_gets_all_as_the_user_also_the_next_time(
    status: int, serve: Callable[[Script], Server]
) -> None:
    server = serve(
        _refusing(
            "Only user and assistant roles are supported!",
            while_asked=lambda body: body["messages"][0]["role"] == "system",
            status=status,
        )
    )
    model = _model(server)
    model.verdict(PROMPT)
    model.verdict(PROMPT)
    assert [_roles(request) for request in server.requests] == [["system", "user"], ["user"], ["user"]]
    assert {_shape(request) for request in server.requests} == {"json_schema"}, "the schema is kept"


def _fastapi(*place: str | int) -> bytes:
    return json.dumps(
        {"detail": [{"type": "extra_forbidden", "loc": ["body", *place], "msg": "not permitted"}]}
    ).encode()


@pytest.mark.parametrize(
    ("refused", "complaint"),
    [
        (lambda body: "max_completion_tokens" in body, _fastapi("max_completion_tokens")),
        (_asks_for_a_format, _fastapi("response_format", "type")),
        (lambda body: body["messages"][0]["role"] == "system", _fastapi("messages", 0, "role")),
        (
            _asks_for_a_format,
            json.dumps([{"error": {"code": 400, "message": "response_format: no such mode"}}]).encode(),
        ),
        (_asks_for_a_format, b"response_format is not supported"),
        (
            lambda body: "max_completion_tokens" in body,
            b'{"object": "error", "message": ' + _fastapi("max_completion_tokens") + b"}",
        ),
        (  # its model could not keep to the schema
            _asks_for_a_format,
            b'{"error": {"message": "Failed to generate JSON. See failed_generation"}}',
        ),
    ],
    ids=["FastAPI: limit", "FastAPI: format", "FastAPI: role", "a list", "plain text", "Mistral", "Groq"],
)
def test_a_complaint_is_understood_wherever_a_server_writes_it(
    refused: Callable[[dict[str, Any]], object], complaint: bytes, serve: Callable[[Script], Server]
) -> None:
    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        bad = refused(server.requests[-1]["body"])
        (answer(422, complaint) if bad else completion(FENCED))(http, server)

    assert _model(serve(script)).verdict(PROMPT).judgement.severity == "critical"


def test_a_server_that_refuses_every_format_with_a_500_is_asked_for_text(serve: Callable[[Script], Server]) -> None:
    server = serve(
        _refusing("Failed to compile the grammar for the json_schema", while_asked=_asks_for_a_format, status=500)
    )
    _model(server).verdict(PROMPT)
    assert [_shape(request) for request in server.requests] == ["json_schema", "json_object", "text"]


def test_a_server_whose_error_names_no_format_is_asked_for_text_at_once_and_the_stack_is_not_told(
    table: Table, serve: Callable[[Script], Server]
) -> None:
    server = serve(_refusing("Internal server error", while_asked=_asks_for_a_format, status=500))
    model = _model(server, SharedForms(table))
    model.verdict(PROMPT)
    model.verdict(PROMPT)
    assert [_shape(request) for request in server.requests] == ["json_schema", "text", "text"]
    assert SharedForms(table).recall(f"{server.url.removeprefix('http://').removesuffix('/v1')}/test-model") is None


def test_a_server_that_is_broken_altogether_is_asked_twice_and_unavailable(serve: Callable[[Script], Server]) -> None:
    server = serve(answer(500, error("Internal server error")))
    with pytest.raises(ModelUnavailable, match="answered 500"):
        _model(server).verdict(PROMPT)
    assert [_shape(request) for request in server.requests] == ["json_schema", "text"]


def test_a_server_whose_gateway_finds_nobody_for_a_format_is_asked_for_text(serve: Callable[[Script], Server]) -> None:
    said = "No endpoints found that support response_format"
    server = serve(_refusing(said, while_asked=_asks_for_a_format, status=404))
    _model(server).verdict(PROMPT)
    assert [_shape(request) for request in server.requests] == ["json_schema", "json_object", "text"]


def test_a_server_that_breaks_without_a_word_is_asked_for_text_the_next_time(serve: Callable[[Script], Server]) -> None:
    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        held = _asks_for_a_format(server.requests[-1]["body"])
        (answer(500, b"Internal Server Error", "text/plain") if held else completion(FENCED))(http, server)

    server = serve(script)
    model = _model(server)
    with pytest.raises(ModelUnavailable, match="answered 500"):
        model.verdict(PROMPT)
    model.verdict(PROMPT)
    model.verdict(PROMPT)
    assert [_shape(request) for request in server.requests] == ["json_schema", "text", "text"]


def test_a_server_that_breaks_after_it_once_answered_is_asked_as_before(serve: Callable[[Script], Server]) -> None:
    server = serve(in_turn(completion(FENCED), answer(500, b""), completion(FENCED)))
    model = _model(server)
    model.verdict(PROMPT)
    with pytest.raises(ModelUnavailable, match="answered 500"):
        model.verdict(PROMPT)
    model.verdict(PROMPT)
    assert {_shape(request) for request in server.requests} == {"json_schema"}


def test_a_server_that_exceeds_the_newer_limit_and_refuses_the_older_one_is_told_the_older_one_once(
    serve: Callable[[Script], Server],
) -> None:
    choices = [{"finish_reason": "stop", "message": {"content": json.dumps(VERDICT)}}]
    over = answer(200, json.dumps({"choices": choices, "usage": usage(300, 8 * LIMIT)}).encode())

    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        said = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
        (answer(400, error(said)) if "max_tokens" in server.requests[-1]["body"] else over)(http, server)

    server = serve(script)
    model = _model(server)
    for _ in range(3):
        model.verdict(PROMPT)
    limits = ["max_tokens" in request["body"] for request in server.requests]
    assert limits == [False, True, False, False], "it is not told the older name again"
    assert {_shape(request) for request in server.requests} == {"json_schema"}


def test_a_server_that_refuses_each_limit_in_turn_is_asked_twice_and_no_more(serve: Callable[[Script], Server]) -> None:
    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        used = {"max_tokens", "max_completion_tokens"} & set(server.requests[-1]["body"])
        answer(400, error(f"unknown: {used.pop()}"))(http, server)

    server = serve(script)
    with pytest.raises(ModelGaveNoVerdict, match="answered 400"):
        _model(server).verdict(PROMPT)
    assert len(server.requests) == 2


def test_a_server_that_refuses_the_schema_inside_of_a_200_is_asked_for_json(serve: Callable[[Script], Server]) -> None:
    refused = {"error": {"code": 400, "message": "json_schema is not supported by this provider"}}
    server = serve(in_turn(answer(200, json.dumps(refused).encode()), completion(FENCED)))
    _model(server).verdict(PROMPT)
    assert [_shape(request) for request in server.requests] == ["json_schema", "json_object"]


def test_what_one_process_found_out_the_stack_remembers(table: Table, serve: Callable[[Script], Server]) -> None:
    server = serve(_refusing("System role not supported", while_asked=lambda body: len(body["messages"]) > 1))
    first, second = (_model(server, SharedForms(table)) for _ in range(2))
    first.verdict(PROMPT)
    second.verdict(PROMPT)
    assert [_roles(request) for request in server.requests] == [["system", "user"], ["user"], ["user"]]


def test_the_stack_forgets_after_some_weeks(table: Table) -> None:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    SharedForms(table, lambda: now).keep("a/b", ChatFormat("text", "max_tokens", "user"))
    assert SharedForms(table, lambda: now).recall("a/b") == ChatFormat("text", "max_tokens", "user")
    assert SharedForms(table, lambda: now).recall("a/c") is None
    assert SharedForms(table, lambda: now + REMEMBERED_FOR).recall("a/b") is None


def test_a_stored_form_that_this_version_does_not_know_is_not_taken(table: Table) -> None:
    item = {"pk": "CIRCUITS", "sk": "a/b#FORM", "form": {"shape": "xml"}, "expires_at": 9_999_999_999}
    table.put(item)
    assert SharedForms(table).recall("a/b") is None


def test_without_the_table_the_model_is_asked_all_the_same(serve: Callable[[Script], Server]) -> None:
    class NoTable:
        def get(self, *key: str) -> None:
            raise HistoryUnavailable("no table")

        put = get

    server = serve(_refusing("System role not supported", while_asked=lambda body: len(body["messages"]) > 1))
    assert _model(server, SharedForms(cast(Table, NoTable()))).verdict(PROMPT).judgement.severity == "critical"


@pytest.mark.parametrize(
    ("said", "prompt_tokens", "completion_tokens"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, 10, 5),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115}, 10, 105),
        ({"total_tokens": 15}, 0, 15),
        ({"prompt_tokens": 10, "completion_tokens": 5}, 10, 5),
        (None, 0, 0),
    ],
    ids=["all is said", "more in total than is said", "only a total", "no total", "nothing"],
)
def test_tokens_of_no_kind_count_as_the_dearer_kind_those_of_the_completion(
    said: dict[str, int] | None, prompt_tokens: int, completion_tokens: int, serve: Callable[[Script], Server]
) -> None:
    choices = [{"finish_reason": "stop", "message": {"content": json.dumps(VERDICT)}}]
    server = serve(answer(200, json.dumps({"choices": choices, "usage": said}).encode()))
    verdict = _model(server).verdict(PROMPT)
    assert (verdict.usage.prompt_tokens, verdict.usage.completion_tokens) == (prompt_tokens, completion_tokens)
