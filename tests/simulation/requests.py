"""A request to DynamoDB: its parameters, expressions, names and values."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache, wraps
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ParamValidationError

from tests.simulation import expressions
from tests.simulation.expressions import Test
from tests.simulation.indexes import Key
from tests.simulation.parser import Expression, Given, resolved
from tests.simulation.updates import Update
from tests.simulation.values import Invalid, Item, Path, Unsuitable, clean, copied, project

type Request = Mapping[str, Any]
type Answer = dict[str, Any]


class Write(NamedTuple):
    """One write, checked as far as the request alone allows. `attributes` are those of a put, or the key."""

    kind: str
    key: Key
    attributes: Item
    given: Given
    condition: Expression[Test] | None
    update: Expression[Update] | None
    shows_old: bool


_LEGACY = {"AttributesToGet", "AttributeUpdates", "Expected", "ConditionalOperator", "KeyConditions", "QueryFilter"}
"""Parameters of the time before expressions, which are not known here."""


@cache
def real_client() -> Any:
    """Return a client that never calls: the adapters catch its exceptions."""
    return boto3.client("dynamodb", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none")


@cache
def _parameters(shape: str) -> tuple[set[str], set[str]]:
    """Return the parameters that a request or a part of one must have and may have."""
    found = real_client().meta.service_model.shape_for(shape)
    return {*found.required_members}, found.members.keys() - _LEGACY


def check_parameters(shape: str, request: Request) -> None:
    if wrong := _wrong_parameters(shape, tuple(request)):
        raise ParamValidationError(report=f"{shape} has parameters too few or unknown: {wrong}")


@lru_cache(4096)
def _wrong_parameters(shape: str, names: tuple[str, ...]) -> list[str]:
    required, known = _parameters(shape)
    return sorted((required - {*names}) | ({*names} - known))


_COMPLETE: dict[tuple[Any, ...], list[Expression[Any]]] = {}
"""Expressions whose names and values were complete, with the placeholders that were given."""

_PARSE: dict[str, Callable[[str], Expression[Any]]] = {
    "ConditionExpression": expressions.condition,
    "FilterExpression": expressions.condition,
    "ProjectionExpression": expressions.projection,
    "UpdateExpression": expressions.update,
}


def parsed_in(request: Request, name: str) -> Expression[Any] | None:
    text = request.get(name)
    return None if text is None else _PARSE[name](text)


def given_in(request: Request, *parsed: Expression[Any] | None) -> Given:
    """Return the request's names and values, checked against the expressions that use them."""
    values = request.get("ExpressionAttributeValues", {})
    given = {**request.get("ExpressionAttributeNames", {}), **{name: clean(value) for name, value in values.items()}}
    known = [expression for expression in parsed if expression]
    if (form := (*map(id, known), *given)) not in _COMPLETE:
        used = frozenset().union(*[expression.placeholders for expression in known])
        if used != given.keys():
            raise Invalid(f"Expression attribute names or values undefined or unused: {sorted(used ^ given.keys())}")
        if len(_COMPLETE) < 4096:
            _COMPLETE[form] = known
    for expression in known:
        for check in expression.checks:
            check(given)
    return given


def all_resolved(paths: Iterable[Path], given: Given) -> list[Path]:
    return [resolved(path, given) for path in paths]


def handed_out(item: Item, only: Expression[Any] | None = None, given: Given | None = None) -> Item:
    """Return a copy of an item, or of the paths of an expression in it."""
    kept = project(item, all_resolved(only.paths, given or {})) if only else item
    return {name: copied(value) for name, value in kept.items()}


def checked(method: Callable[[Any, Request], Answer]) -> Callable[..., Answer]:
    """Count and check a request, and raise what the real client raises."""
    name = method.__name__
    shape = f"{''.join(word.capitalize() for word in name.split('_'))}Input"

    @wraps(method)
    def call(self: Any, **request: Any) -> Answer:
        self.requests[name] += 1
        try:
            check_parameters(shape, request)
            with self._lock:
                return method(self, request)
        except (Invalid, Unsuitable) as error:
            raise self.error("ValidationException", str(error), shape.removesuffix("Input")) from None

    return call
