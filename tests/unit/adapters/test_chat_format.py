"""Form of a request, and the refusals that change it."""

import json

import pytest

from firstline.adapters.llm.chat_format import ChatFormat, is_about_form, most
from firstline.classification.prompt import Prompt

PROMPT = Prompt("1", "Judge.", '{"alert": {"name": "Festplatte läuft über"}}', ("low-disk",))

NEWER, OLDER = ChatFormat(), ChatFormat(limit="max_tokens")
WITHOUT_SYSTEM = ChatFormat(role="user")


@pytest.mark.parametrize(
    "said",
    [
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        "invalid value: `json_schema`, supported values are: `json_object` and `text`.",
        "'type': 'extra_forbidden', 'loc': ('body', 'response_format')",
        'Either "json_schema" or "grammar" can be specified, but not both',
        "Structured output is not enabled for this engine",
        "Unrecognized request argument supplied",
    ],
)
def test_a_server_that_knows_no_schema_is_asked_for_json_then_for_text(said: str) -> None:
    once = OLDER.after(said)
    assert once is not None
    assert once.shape == "json_object"
    twice = once.after(said)
    assert twice is not None
    assert twice.shape == "text"
    assert twice.after(said) is None, "there is nothing plainer"


@pytest.mark.parametrize(
    "said",
    [
        "Unrecognized request argument supplied: max_completion_tokens",
        "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens')}]",
    ],
)
def test_an_older_server_is_told_the_limit_by_its_older_name(said: str) -> None:
    assert NEWER.after(said) == OLDER


def test_a_newer_server_is_told_the_limit_by_its_newer_name() -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    assert OLDER.after(said) == NEWER


@pytest.mark.parametrize(
    "said",
    [
        "System role not supported",
        "this template has no system prompt",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Only user, assistant and tool roles are supported, got system.",
        "Only user and assistant roles are supported!",
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "messages.0.role: Input should be 'user' or 'assistant'",
        "Developer instruction is not enabled for models/gemma-3-27b-it",
        "The input system_instruction is not supported.",
        "role 'system' is unknown",
    ],
)
def test_a_model_that_takes_no_system_message_gets_the_instructions_in_front_of_the_data(said: str) -> None:
    assert NEWER.after(said) == WITHOUT_SYSTEM
    assert WITHOUT_SYSTEM.after(said) is None, "the shape is not what it complains of"
    assert is_about_form(said)


def test_instructions_in_front_of_the_data_are_the_same_words() -> None:
    (message,) = WITHOUT_SYSTEM.arguments(PROMPT, 500)["messages"]
    assert message["role"] == "user"
    assert message["content"].startswith(PROMPT.system)
    assert message["content"].endswith(PROMPT.data)


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.",
        "The response was filtered due to the prompt triggering the content management policy.",
        "Invalid URL",
        "max_completion_tokens is too large: 4000. This model supports at most 2048 completion tokens.",
        "max_completion_tokens must be less than or equal to 1024",
        "This model can only be used with stream=true",
        # What stands beyond 600 characters is the request, which the server only repeats.
        "[{'type': 'missing', 'input': {'messages': 'x'" + 600 * " " + "system role response_format",
        "",
    ],
)
def test_a_complaint_about_something_else_keeps_the_form(said: str) -> None:
    assert NEWER.after(said) is None


def test_without_a_schema_in_the_request_the_instructions_contain_it() -> None:
    strict, loose, plain = (
        ChatFormat(shape).arguments(PROMPT, 500) for shape in ("json_schema", "json_object", "text")
    )
    assert strict["messages"][0]["content"] == "Judge."
    assert strict["response_format"]["json_schema"]["strict"] is True
    assert loose["response_format"] == {"type": "json_object"}
    assert "response_format" not in plain
    for arguments in (loose, plain):
        instructions = arguments["messages"][0]["content"]
        assert instructions.startswith("Judge.")
        assert json.loads(instructions[instructions.index("{") :])["properties"]["runbook_id"]["anyOf"][0]["enum"]
        assert arguments["messages"][1]["content"] == PROMPT.data


def test_no_form_of_a_question_exceeds_the_reserved_tokens() -> None:
    held = most(PROMPT, 500)
    for form in (NEWER, ChatFormat("json_object"), ChatFormat("text"), ChatFormat("text", role="user")):
        messages = form.arguments(PROMPT, 500)["messages"]
        assert held.prompt_tokens > len("".join(message["content"] for message in messages).encode())
    assert held.completion_tokens == 500
