"""Spellings of a verdict: an unambiguous one is read, and an ambiguous one is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firstline.adapters.llm.verdict_dialects import in_our_spelling
from firstline.classification.model import Judgement

RUNBOOKS = ("low-disk", "None")
WHOLE: dict[str, Any] = {
    "severity": "medium",
    "cause": "A queue grows.",
    "is_deployment_related": False,
    "can_be_remediated": True,
    "runbook_id": "low-disk",
    "confidence": 0.7,
    "summary": "The queue of mail grows.",
    "first_steps": ["Look at the worker."],
    "cites": ["alert"],
}
AN_OBJECT = [{"step": "Look"}, {"a": "Look", "b": "twice"}]


def _read(found: dict[str, Any]) -> Judgement:
    return Judgement.model_validate(in_our_spelling(found, RUNBOOKS))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"severity": "MEDIUM"}, {}),
        ({"severity": " Medium "}, {}),
        ({"severity": "**Medium** severity."}, {}),
        ({"severity": "Medium_severity"}, {}),
        ({"confidence": "0.7"}, {}),
        ({"confidence": " .7 "}, {}),
        ({"confidence": "70%"}, {}),
        ({"confidence": "70 %"}, {}),
        ({"confidence": 1}, {"confidence": 1.0}),
        ({"is_deployment_related": "false", "can_be_remediated": "True"}, {}),
        ({"runbook_id": " low-disk\n"}, {}),
        ({"runbook_id": ""}, {"runbook_id": None}),
        ({"runbook_id": "null"}, {"runbook_id": None}),
        ({"runbook_id": "NONE"}, {"runbook_id": None}),
        ({"runbook_id": "n/a"}, {"runbook_id": None}),
        ({"runbook_id": "None"}, {"runbook_id": "None"}),  # a runbook that is offered is called so
        ({"cause": None}, {"cause": ""}),
        ({"cause": ["A queue", "grows."]}, {"cause": "A queue\ngrows."}),
        ({"summary": 7}, {"summary": "7"}),
        ({"first_steps": "Look at the worker."}, {}),
        ({"first_steps": "1. Look\n\n2. Wait\n"}, {"first_steps": ["1. Look", "2. Wait"]}),
        ({"first_steps": None}, {"first_steps": []}),
        ({"first_steps": AN_OBJECT}, {"first_steps": ["Look", "Look: twice"]}),
        ({"first_steps": ["x"] * 500}, {"first_steps": ["x"] * 100}),
        ({"thoughts": "hm", "severity_score": 9}, {}),
    ],
)
def test_an_unambiguous_spelling_is_read(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    assert _read(WHOLE | changes).model_dump() == WHOLE | expected


@pytest.mark.parametrize("absent", ["runbook_id", "summary", "first_steps"])
def test_an_absent_optional_field_is_read_as_empty(absent: str) -> None:
    assert not getattr(_read({name: value for name, value in WHOLE.items() if name != absent}), absent)


@pytest.mark.parametrize(
    "rename",
    [
        str.upper,
        lambda name: name.replace("_", "-"),
        lambda name: name.title().replace("_", ""),
        lambda name: f" {name} ",
    ],
    ids=["upper case", "hyphens", "camel case", "spaces"],
)
def test_keys_are_read_in_another_case_or_with_other_separators(rename: Any) -> None:
    assert _read({rename(name): value for name, value in WHOLE.items()}).model_dump() == WHOLE


@pytest.mark.parametrize("key", ["verdict", "result", "severity"])
def test_a_verdict_inside_of_wrapping_keys_is_read(key: str) -> None:
    assert _read({key: WHOLE}).model_dump() == WHOLE
    assert _read({"output": {key: WHOLE}}).model_dump() == WHOLE


def test_a_wrapped_verdict_is_read_beside_texts_but_not_beside_another_object() -> None:
    assert _read({"verdict": WHOLE, "explanation": "It grows.", "model": "m"}).model_dump() == WHOLE
    with pytest.raises(ValidationError):
        _read({"verdict": WHOLE, "another": WHOLE | {"severity": "low"}})


@pytest.mark.parametrize("arguments", ["arguments", "parameters", "input"])
def test_a_verdict_in_the_shape_of_a_tool_call_is_read(arguments: str) -> None:
    assert _read({"name": "verdict", arguments: WHOLE}).model_dump() == WHOLE
    assert (
        _read({"type": "function", "id": "c1", "name": "verdict", arguments: json.dumps(WHOLE)}).model_dump() == WHOLE
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"confidence": 70}, "confidence"),
        ({"confidence": "70"}, "confidence"),
        ({"confidence": "170%"}, "confidence"),
        ({"confidence": "high"}, "confidence"),
        ({"confidence": None}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"severity": "P2"}, "severity"),
        ({"severity": "warning"}, "severity"),
        ({"severity": "medium or high"}, "severity"),
        ({"severity": ["medium"]}, "severity"),
        ({"Severity": "high"}, "severity"),
        ({"can_be_remediated": "yes"}, "can_be_remediated"),
        ({"can_be_remediated": 1}, "can_be_remediated"),
        ({"is_deployment_related": None}, "is_deployment_related"),
        ({"runbook_id": ["low-disk"]}, "runbook_id"),
        ({"runbook_id": False}, "runbook_id"),
    ],
)
def test_an_ambiguous_value_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _read(WHOLE | changes)
    assert [error["loc"][0] for error in refused.value.errors()] == [field]


@pytest.mark.parametrize("absent", ["severity", "cause", "is_deployment_related", "can_be_remediated", "confidence"])
def test_an_absent_required_field_is_refused(absent: str) -> None:
    with pytest.raises(ValidationError):
        _read({name: value for name, value in WHOLE.items() if name != absent})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 200) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(changes=st.dictionaries(st.sampled_from([*WHOLE, "Severity", "confidence_", "x"]), JSON, max_size=4))
def test_a_verdict_that_is_read_has_the_severity_and_the_runbook_that_the_model_wrote(changes: dict[str, Any]) -> None:
    found = WHOLE | changes
    try:
        judgement = _read(found)
    except ValidationError:
        return
    assert judgement.severity == str(found["severity"]).strip().lower()
    assert judgement.runbook_id is None or judgement.runbook_id == str(found["runbook_id"]).strip()
    assert 0 <= judgement.confidence <= 1
