"""The only JSON object in a model's answer is found, with any text around it and in several dialects of JSON."""

import json
import time
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.adapters.llm.answer_text import find_object
from tests.support.depth import THOROUGH, some

SAYS = {"severity": "low", "words": "a } in a { string, and // no comment", "sure": True, "runbook": None}
LENGTH = 1_000_000 if THOROUGH else 200_000
CPU_SECONDS_OF_A_LINEAR_SEARCH = 20
ONE = json.dumps(SAYS)
OTHER = json.dumps({"severity": "noise"})


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        f"\n {ONE} \n",
        f"\ufeff{ONE}",
        f"```json\n{ONE}\n```",
        f"Here you are:\n\n```\n{ONE}\n```\nAnything else?",
        f"It says {OTHER}, so:\n```json\n{ONE}\n```",
        f"My verdict is {ONE}.",
        f"<answer>{ONE}</answer>",
        f"[{ONE}]",
        f"If x > 1 {{ then {ONE}",
        f"<|start|>{ONE}<|end|></s>",
    ],
)
def test_an_object_is_found_in_prose_fences_and_marks(text: str) -> None:
    assert find_object(text) == SAYS


@pytest.mark.parametrize(
    "text",
    [
        f"<think>Is it {{noise}}? {{}} No.</think>\n{ONE}",
        f"<think>{OTHER}</think><think>{OTHER}</think>{ONE}",
        f"Is it {OTHER}? No.</think>{ONE}",
        f"<think>Hm. {ONE}",
        f"<thinking>{OTHER}</thinking>{ONE}",
        f"<seed:think>{OTHER}</seed:think>{ONE}",
        f"<reasoning>They want {ONE}.</reasoning>{ONE}",
        f"[THINK]{OTHER}[/THINK]{ONE}",
        f"◁think▷{OTHER}◁/think▷{ONE}",
        f"<|START_THINKING|>{OTHER}<|END_THINKING|><|START_RESPONSE|>{ONE}<|END_RESPONSE|>",
        f"<|channel|>analysis<|message|>{OTHER}<|end|><|start|>assistant<|channel|>final<|message|>{ONE}<|return|>",
        f"<|channel|>final <|constrain|>json<|message|>{ONE}",
        f"analysisPerhaps {OTHER}.assistantfinal{ONE}",
    ],
)
def test_an_object_is_read_after_the_models_thoughts(text: str) -> None:
    assert find_object(text) == SAYS


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ONE),
        json.dumps(json.dumps(ONE)),
        json.dumps(f"```json\n{ONE}\n```"),
        ONE[:-1] + ", }",
        ONE.replace("true", "True").replace("null", "None"),
        ONE[:-1] + ",\n  // nothing else\n}",
        ONE[:-1] + " /* nothing else } */ }",
        "{'severity': 'low', 'words': 'a } in a { string, and // no comment', 'sure': True, 'runbook': None,}",
        "{“severity”: “low”, “words”: “a } in a { string, and // no comment”, “sure”: true, “runbook”: null}",
    ],
)
def test_an_object_in_a_dialect_of_json_is_read(text: str) -> None:
    assert find_object(text) == SAYS


def test_reading_a_dialect_changes_no_text() -> None:
    text = '{"a": "“True”, // None, ] \'x\'",}'
    assert find_object(text) == {"a": "“True”, // None, ] 'x'"}
    assert find_object('{"a": "two\nlines"}') == {"a": "two\nlines"}


def test_a_number_that_only_python_knows_is_read() -> None:
    assert str(find_object('{"a": NaN}')) == "{'a': nan}"


def test_a_dictionary_of_python_may_mix_its_quotes() -> None:
    meant = {"cause": "the disk's {full}", "note": 'it said "no"', "both": 'it\'s "so"', "sure": True}

    assert find_object(f"verdict = {meant!r}") == meant


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE} {ONE}",
        f"The alert says {ONE}, but I say {ONE}",
        f"The alert says {ONE}, but I say {ONE[:-1]},}}",
        f"```json\n{ONE}\n```\n```json\n{ONE}\n```",
        f"<think>ok</think>{ONE}{OTHER}",
        "nothing of the kind",
        "",
        "null",
        "[]",
        '"',
        '"text"',
        ONE[:-1],
        '{"a":' * 100_000,
        "{" * 500_000,
        "[" * 100_000,
        '"' * 100_000,
        "{'" * 100_000,
        "{} " * 30,
    ],
)
def test_an_answer_with_no_object_or_several_gives_none(text: str) -> None:
    assert find_object(text) is None


PARTS = (
    *("\n", "{", "}", '"', "'", "\\", '\\"', "\\'", '{"', "{'", ",", ", ", "/*", "//", "/", "True ", "{} ", "[", "“"),
    *(
        "```",
        "```\n",
        "x```\n",
        "```json\n{",
        '{"a":',
        "<|channel|>",
        "<|channel|>final",
        "</think>",
        "<think>",
        "</a:",
    ),
)
FRAMES = (("", ""), ("{", "}"), ("```json\n", '{"a": 1'), ('{"a": "', '",}'))


@pytest.mark.parametrize(("part", "frame"), list(some(product(PARTS, FRAMES))))
def test_a_model_that_repeats_itself_does_not_hold_the_interpreter(part: str, frame: tuple[str, str]) -> None:
    """Read a very long answer in less CPU time than a search that is quadratic in its length would take."""
    before, after = frame
    began = time.process_time()
    find_object(before + part * (LENGTH // len(part)) + after)
    assert time.process_time() - began < CPU_SECONDS_OF_A_LINEAR_SEARCH


@given(said=st.text(max_size=80), after=st.sampled_from(["", "</think>", "[/THINK]", "assistantfinal", "```json\n"]))
def test_what_a_text_quotes_never_becomes_the_verdict(said: str, after: str) -> None:
    """Keep an attacker's words, which a model may repeat in its cause, from taking the verdict's place."""
    whole: dict[str, Any] = {"severity": "critical", "cause": f"It says: {said}{after}{OTHER}{said}"}
    assert find_object(json.dumps(whole)) == whole
    assert find_object(json.dumps(whole, ensure_ascii=False)) == whole
