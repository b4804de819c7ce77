"""The short way of evaluating an expression gives what the library gives."""

from collections import Counter
from itertools import product
from typing import Any

import pytest

from tests.simulation import drawing, jsonata, scenario, world
from tests.simulation.clock import START
from tests.simulation.jsonata import QueryFailed, Scope, Template

TEXTS = (
    *("$a", "$a.b", "$a.b.c", "$states.input.b", "$a[$exists(b)]", "$a.b[$exists(c)]", "$string($a)", '"x" & $a'),
    *(f"$a {op} $b" for op in ("=", "!=", "and", "or", "&", "+", "-", "<", "<=", ">", ">=", "in")),
    *("$a ? $b : $c", "$a ? $b", "$a.b ? $a.b : null", '$a in ["x", "y"]', "$a != null", "$a = true", "$exists($a)"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, 1.5, "", "x", "1", [], [1], ["x"], [{"b": 1}, {"b": 2}], {}, {"b": None}, {"b": 3}),
    *({"b": {"c": 1}}, {"b": [{"c": 1}]}, [["x"]], {"b": []}),
)


def outcome(template: Template, scope: Scope) -> Any:
    """Return what a template gives, with its type, or that it fails."""
    try:
        value = template(scope)
    except QueryFailed:
        return "fails"
    return type(value), value


@pytest.mark.parametrize("text", TEXTS)
def test_the_short_way_gives_what_the_library_gives_for_every_kind_of_value(text: str) -> None:
    shortly, (_, by_library) = jsonata.expression(text), jsonata._through_library(text)

    for one, other in product(VALUES, VALUES):
        for variables in ({"a": one, "b": other}, {"b": one}, {"a": one}):
            scope = Scope(variables, {"input": one}, START)
            assert outcome(shortly, scope) == outcome(by_library, scope), variables


def test_the_short_way_gives_what_the_library_gives_for_all_that_the_machine_meets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, different, met = jsonata.expression, [], Counter[str]()

    def expression(text: str) -> Template:
        shortly, (_, by_library) = original(text), jsonata._through_library(text)

        def evaluate(scope: Scope) -> Any:
            met[text] += 1
            if outcome(shortly, scope) != outcome(by_library, scope):
                different.append((text, scope))
            return shortly(scope)

        return evaluate

    monkeypatch.setattr(jsonata, "expression", expression)
    world.machine.cache_clear()
    try:
        for seed in (1, 3):
            scenario.run(drawing.drawn(seed))
    finally:
        world.machine.cache_clear()

    assert not different
    assert len(met) > 75
