"""Evaluator of state machines' JSONata expressions as on AWS, where "undefined" is an error and null a value."""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from jsonata import JException, Jsonata, Utils

_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)(?:\.([A-Za-z_][A-Za-z0-9_]*)\b(?!\s*\())?")
"""A variable, and the field of it that follows at once, if one does."""

# jsonata-python keeps the expression at work in a thread-local and shares parsed symbols; evaluation is pure Python and
# holds the GIL anyway, so that one lock costs nothing and spares us a copy for each of moto's threads.
_evaluating = threading.Lock()


class QueryFailed(Exception):
    """A JSONata expression cannot be evaluated; AWS calls it States.QueryEvaluationError."""


@cache
def _parsed(expression: str) -> tuple[Jsonata, dict[str, set[str]]]:
    """Return the parsed expression, and for each variable in it the names of the fields that it reads.

    A variable of which the expression may read the whole value has an empty set.
    """
    parsed = Jsonata.jsonata(expression)
    parsed.set_output_convert_nulls(False)
    named: dict[str, set[str]] = {}
    for name, field in _VARIABLE.findall(expression):
        named.setdefault(name, set()).add(field)
    # `%` leads from a field back to the whole value.
    return parsed, {name: set() if "" in fields or "%" in expression else fields for name, fields in named.items()}


def _bound(value: Any) -> Any:
    """Return a copy of a JSON value for jsonata-python, where None means "undefined" and null is `Utils.NULL_VALUE`."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {str(key): _bound(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_bound(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else str(value)


def _only(fields: set[str], value: Any) -> Any:
    """Return a map with only these of its fields; return the value as it is if `fields` is empty or it is no map."""
    if not fields or not isinstance(value, dict):
        return value
    return {field: value[field] for field in fields if field in value}


def _plain(value: Any, expression: str) -> Any:
    """Return a result of jsonata-python as a JSON value; raise QueryFailed for a function or another odd type.

    `expression` is named in the error's message.
    """
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {key: _plain(item, expression) for key, item in value.items()}
    if isinstance(value, list):
        # By index: iterating over jsonata-python's RangeList loses the last element.
        return [_plain(value[i], expression) for i in range(len(value))]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool | int | float | str):
        return value
    kind = type(value).__name__
    raise QueryFailed(f"The JSONata expression '{expression}' returned a {kind}, which is no JSON value.")


def evaluate(expression: str, lookup: Callable[[str], Any]) -> Any:
    """Return the value of an expression (without its `{% %}`).

    Parameters
    ----------
    lookup
        Returns the JSON value of a variable by its name (without `$`), or raises KeyError if it does not exist.

    Raises
    ------
    QueryFailed
        The expression is wrong, fails, or returns nothing.
    """
    with _evaluating:
        try:
            parsed, names = _parsed(expression)
            bindings = {}
            for name, fields in names.items():
                with suppress(KeyError):  # a function of JSONata, a variable local to the expression, or undefined
                    bindings[name] = _bound(_only(fields, lookup(name)))
            Jsonata.CURRENT.jsonata = parsed
            result = parsed.evaluate(None, bindings)
        except (JException, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise QueryFailed(f"The JSONata expression '{expression}' failed: {error}") from error
    if result is None:
        raise QueryFailed(f"The JSONata expression '{expression}' returned nothing (undefined).")
    return _plain(result, expression)
