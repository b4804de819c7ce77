"""Expressions of the simulation have the values that the local emulator's engine gives them."""

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.emulator import jsonata_expressions
from tests.simulation.clock import START
from tests.simulation.jsonata import QueryFailed, Scope, compiled, expression, from_json

ROOT = Path(__file__).parents[3]

VALUES: list[Any] = [None, True, 0, 1.5, "", "text", [], [1], [[1]], [None], {}, {"b": None}, {"b": []}, {"b": [2]}]
VALUES += [{"b": {"b": 3}}, [{"b": 4}], [{"b": 5}, {"b": [6]}, {}], {"b": [{"b": 7}, {"b": None}]}]
PATHS = [
    "$a",
    "$a.b",
    "$a.b.b",
    "$missing",
    "$missing.b",
    "$states.input",
    "$states.input.b",
    "$states.result.b",
]


def evaluated(text: str, variables: dict[str, Any], **states: Any) -> Any:
    """Return the simulation's value of an expression, or "undefined" if it raises QueryFailed."""
    try:
        return expression(text)(Scope(variables, states, START))
    except QueryFailed:
        return "undefined"


def by_the_engine(text: str, variables: dict[str, Any], **states: Any) -> Any:
    """Return the value of an expression by the local emulator's engine, or "undefined" if it raises QueryFailed."""
    try:
        return jsonata_expressions.evaluate(text, (variables | {"states": states}).__getitem__)
    except jsonata_expressions.QueryFailed:
        return "undefined"


@pytest.mark.parametrize("text", PATHS)
def test_a_path_gives_what_the_library_gives(text: str) -> None:
    for value in VALUES:
        known = {"a": value}
        assert evaluated(text, known, input=value) == by_the_engine(text, known, input=value), value


def test_other_expressions_give_what_the_engine_gives() -> None:
    texts = [
        '$a = "text"',
        "$a != null and $a.b = 2",
        "$a.b[0]",
        '{"x": $a, "y": [$a.b]}',
        "$states.input.b & $states.result",
        "$exists($a.b) ? $a.b : 0",
        "$string($a)",
        "[1..3]",
        '{"all": $states}',
        "$sum([$a.b])",
    ]
    for text, value in product(texts, VALUES):
        known = {"a": value}
        assert evaluated(text, known, input=value) == by_the_engine(text, known, input=value), (text, value)


def test_every_expression_of_the_machines_can_be_compiled() -> None:
    for path in sorted((ROOT / "statemachine").glob("*.yaml")):
        texts = re.findall(r"\{%(.*?)%\}", path.read_text(), re.DOTALL)
        assert texts
        compiled(yaml.safe_load(path.read_text())["States"])


def test_time_is_virtual() -> None:
    assert evaluated("$now()", {}) == "2026-01-05T08:00:00.000Z"
    assert evaluated("$fromMillis($millis() + 1000 * $seconds)", {"seconds": 60}) == "2026-01-05T08:01:00.000Z"


def test_a_template_keeps_its_shape_and_its_constants() -> None:
    template = {"a": ["{% $x %}", 1, {"b": "text {% $x %}"}], "c": {"d": None}}

    assert compiled(template)(Scope({"x": [1, None]}, {}, START)) == {
        "a": [[1, None], 1, {"b": "text {% $x %}"}],
        "c": {"d": None},
    }


@pytest.mark.parametrize(
    "text", [" {% 1 %}", "{% 1 %} ", "{% 1 +%}", "{% $a.null %}", "{% $random() %}", "{% $uuid() %}"]
)
def test_an_expression_that_is_invalid_or_differs_in_a_replay_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression|outside"):
        compiled({"a": text})


def test_an_error_in_an_expression_names_it() -> None:
    with pytest.raises(QueryFailed, match=r"'\$number\(\$a\)' failed"):
        expression("$number($a)")(Scope({"a": "x"}, {}, START))


def test_an_expression_that_gives_a_function_is_refused() -> None:
    with pytest.raises(QueryFailed, match="unsupported result type"):
        expression("function($x){$x}")(Scope({}, {}, START))


def test_whole_numbers_are_integers() -> None:
    assert repr(from_json("[2.0, 1e3, 0.5, 7]")) == "[2, 1000, 0.5, 7]"
