"""JSONata as Step Functions evaluates it: templates of JSON with `{% %}` expressions, compiled once.

The meaning is that of local/emulator/engine.py, which plugs the same library into moto: values are bound out of band,
and "undefined" is an error while null is a value. `$now()` and `$millis()` read virtual time. Values are JSON; whole
numbers are integers (`from_json`), and nobody changes a value in place.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple

from jsonata import JException, Jsonata, Utils

from tests.simulation import direct
from tests.simulation.direct import UNDEFINED, Unsure

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")
_OF_STATES = re.compile(r"\$states\b(?:\.([A-Za-z]+))?")
_OF_CONTEXT = re.compile(r"\$states\.context\b(?:\.([A-Za-z]+)(?:\.([A-Za-z]+))?)?")
_UNPREDICTABLE = re.compile(r"\$(?:random|uuid|shuffle)\s*\(")


class QueryFailed(Exception):
    """An expression cannot be evaluated; Step Functions calls it States.QueryEvaluationError."""


class Scope(NamedTuple):
    """The scope of an expression: the machine's variables, `$states`, and the time."""

    variables: Mapping[str, Any]
    states: Mapping[str, Any]
    now: datetime


type Template = Callable[[Scope], Any]
"""Evaluates what was compiled. Raises `QueryFailed`."""


def from_json(text: str | bytes) -> Any:
    """Parse JSON; whole numbers become integers, as JSONata writes them."""
    return _read(text) if isinstance(text, str) else json.loads(text, parse_float=_number)


def compiled(template: Any) -> Template:
    """Compile JSON in which texts may be expressions.

    Raises
    ------
    ValueError
        A text is no valid expression, or has spaces outside its `{% %}`, so that Step Functions takes it for a text.
    """
    if isinstance(template, dict):
        members = {key: compiled(item) for key, item in template.items()}
        if not all(map(_is_constant, members.values())):
            return lambda scope: {key: member(scope) for key, member in members.items()}
    elif isinstance(template, list):
        items = [compiled(item) for item in template]
        if not all(map(_is_constant, items)):
            return lambda scope: [item(scope) for item in items]
    elif isinstance(template, str) and template.strip().startswith("{%"):
        if not (template.startswith("{%") and template.endswith("%}")):
            raise ValueError(f"This text has something outside of its {{% %}}: {template!r}")
        return expression(template[2:-2].strip())
    return partial(_constant, template)


@cache
def expression(text: str) -> Template:
    """Compile one expression (without its `{% %}`). The simple forms are evaluated without the library."""
    if _UNPREDICTABLE.search(text):
        raise ValueError(f"This expression has another value at each replay: {text}")
    parsed, by_library = _through_library(text)
    try:
        simple = direct.node(parsed.ast)
    except Unsure:
        return by_library

    def evaluate(scope: Scope) -> Any:
        try:
            value = simple({**scope.variables, "states": scope.states}, None)
        except Unsure:
            return by_library(scope)
        if value is UNDEFINED:
            raise _undefined(text)
        return value

    return evaluate


def _through_library(text: str) -> tuple[Jsonata, Template]:
    try:
        parsed = Jsonata.jsonata(text)
    except JException as error:
        raise ValueError(f"This is no JSONata expression ({error}): {text}") from error
    names = frozenset(_VARIABLE.findall(text)) - {"states"}
    parts = frozenset(_OF_STATES.findall(text))  # "" for `$states` as a whole
    # Of the context, which has the execution's whole input, mostly a name or two are read.
    fields = frozenset(_OF_CONTEXT.findall(text))

    def evaluate(scope: Scope) -> Any:
        # What Jsonata.evaluate does, but for the time, which it takes from the wall clock.
        frame = parsed.create_frame(parsed.environment)
        frame.bind("$", None)
        for name in names & scope.variables.keys():
            frame.bind(name, _bound(scope.variables[name]))
        if parts:
            states = scope.states
            if "" not in parts:
                states = {key: states[key] for key in parts if key in states}
                if "context" in states and ("", "") not in fields:
                    states["context"] = _with_only(states["context"], fields)
            frame.bind("states", _bound(states))
        parsed.timestamp = int(scope.now.timestamp() * 1_000)
        Jsonata.CURRENT.jsonata = parsed
        try:
            result = parsed.eval(parsed.ast, None, frame)
        except (JException, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise QueryFailed(f"The JSONata expression '{text}' failed: {error}") from error
        if result is None:
            raise _undefined(text)
        return _plain(result, text)

    return parsed, evaluate


def _with_only(context: Mapping[str, Any], fields: frozenset[tuple[str, str]]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for part, name in fields:
        if part in context and not name:
            found[part] = context[part]
    for part, name in fields:
        if name and part in context and (part, "") not in fields and name in context[part]:
            found.setdefault(part, {})[name] = context[part][name]
    return found


def _constant(value: Any, scope: Scope) -> Any:
    return value


def _is_constant(template: Template) -> bool:
    return isinstance(template, partial)


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value


_read = json.JSONDecoder(parse_float=_number).decode


def _undefined(text: str) -> QueryFailed:
    return QueryFailed(f"The JSONata expression '{text}' returned nothing (undefined).")


def _bound(value: Any) -> Any:
    """Copy a value for the library, whose None means "undefined" and which has an object of its own for null."""
    kind = type(value)
    if kind is str or kind is int or kind is bool:
        return value
    if value is None:
        return Utils.NULL_VALUE
    if kind is dict or isinstance(value, Mapping):
        return {key: _bound(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bound(item) for item in value]
    return value


def _plain(value: Any, text: str) -> Any:
    """Turn a result of the library into JSON."""
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {key: _plain(item, text) for key, item in value.items()}
    if isinstance(value, list):
        # By index: iterating over the library's RangeList loses the last element.
        return [_plain(value[i], text) for i in range(len(value))]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool | int | float | str):
        return value
    raise QueryFailed(f"The JSONata expression '{text}' returned an unsupported result type.")
