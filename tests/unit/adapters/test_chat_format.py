"""Form of a request, refusals that change it, and the places of a verdict in an answer."""

import json

import pytest

from firstline.adapters.llm.chat_answer import one_object
from firstline.adapters.llm.chat_format import ChatFormat, most
from firstline.classification.prompt import Prompt

PROMPT = Prompt("1", "Judge.", '{"alert": {"name": "Festplatte läuft über"}}', ("low-disk",))

NEWER, OLDER = ChatFormat(), ChatFormat(limit="max_tokens")


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", "json_object"),
        ("invalid value: `json_schema`, supported values are: `json_object` and `text`.", "json_object"),
        ("'type': 'extra_forbidden', 'loc': ('body', 'response_format')", "json_object"),
        ('Either "json_schema" or "grammar" can be specified, but not both', "json_object"),
        ("Structured output is not enabled for this engine", "json_object"),
        ("Unrecognized request argument supplied", "json_object"),
    ],
)
def test_a_server_that_knows_no_schema_is_asked_for_json_then_for_text(said: str, then: str) -> None:
    once = OLDER.after(said)
    assert once is not None
    assert once.shape == then
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


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.",
        "The response was filtered due to the prompt triggering the content management policy.",
        "Invalid URL",
        "",
    ],
)
def test_another_complaint_changes_nothing(said: str) -> None:
    assert NEWER.after(said) is None


def test_without_a_schema_in_the_request_it_stands_in_the_instructions() -> None:
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


def test_no_question_takes_more_than_what_is_held_for_it() -> None:
    held = most(PROMPT, 500)
    plain = ChatFormat("text").arguments(PROMPT, 500)["messages"]
    assert held.prompt_tokens > len("".join(message["content"] for message in plain).encode())
    assert held.completion_tokens == 500


ONE = '{"severity": "low", "words": "a } in a { string"}'


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        f"\n {ONE} \n",
        f"```json\n{ONE}\n```",
        f"Here you are:\n\n```\n{ONE}\n```\nAnything else?",
        f"My verdict is {ONE}.",
        f"<think>Is it {{noise}}? {{}} No.</think>\n{ONE}",
        f"<reasoning>They want {ONE}.</reasoning>{ONE}",
        f"If x > 1 {{ then {ONE}",
    ],
)
def test_the_one_object_is_found(text: str) -> None:
    assert one_object(text) == ONE


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE} {ONE}",
        f"The alert says {ONE}, but I say {ONE}",
        f"```json\n{ONE}\n```\n```json\n{ONE}\n```",
        "nothing of the kind",
        "",
        ONE[:-1],
        '{"a":' * 100_000,
        "{" * 500_000,
    ],
)
def test_none_or_two_are_no_verdict(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        json.loads(one_object(text))
