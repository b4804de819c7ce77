"""DynamoDB's expressions, parsed once and kept by their text: conditions, key conditions, projections and updates.

Written after the chapter "Using expressions in DynamoDB" of Amazon's developer guide, and after DynamoDB Local's
answers to some two hundred expressions. Of moto, only its list of reserved words is used. Not known here, and refused
as syntax errors: operands and sums in parentheses of their own.
"""

import operator
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from tests.simulation.parser import Expression, Given, Operand, Parser, resolved
from tests.simulation.updates import Update, UpdateParser
from tests.simulation.values import ORDERED, SETS, TYPES, Invalid, Item, Path, Value, ordered

type Test = Callable[[Item, Given], bool]


class KeyPart(NamedTuple):
    """One part of a key condition: an attribute's path, an operator, and the placeholders of its values."""

    path: Path
    op: str
    refs: tuple[str, ...]


@lru_cache(4096)
def condition(text: str) -> Expression[Test]:
    """Parse a condition or a filter."""
    parser = _Parser(text)
    return parser.parse(parser.either)


@lru_cache(4096)
def update(text: str) -> Expression[Update]:
    """Parse an update. It returns the new item or raises `Unsuitable`."""
    parser = UpdateParser(text)
    return parser.parse(parser.sections)


@lru_cache(4096)
def projection(text: str) -> Expression[list[Path]]:
    """Parse a projection."""
    parser = _Parser(text)
    return parser.parse(parser.projected)


@lru_cache(4096)
def key_condition(text: str) -> Expression[list[KeyPart]]:
    """Parse a key condition into its one or two parts."""
    parser = _Parser(text)
    return parser.parse(parser.key_parts)


_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class _Parser(Parser):
    def either(self) -> Test:
        found = self._both()
        while self._take("OR"):
            found = _or(found, self._both())
        return found

    def _both(self) -> Test:
        found = self._negated()
        while self._take("AND"):
            found = _and(found, self._negated())
        return found

    def _negated(self) -> Test:
        if self._take("NOT"):
            negated = self._negated()
            return lambda item, given: not negated(item, given)
        if self._next() == "(":
            return self._group()
        if self._next(1) == "(" and self._next() != "size":
            return self._function()
        return self._comparison()

    def _group(self) -> Test:
        start = self._at
        self._expect("(")
        found = self.either()
        if self._last_group == (start + 1, self._at):
            raise Invalid("The expression has redundant parentheses")
        self._expect(")")
        self._last_group = (start, self._at)
        return found

    def _function(self) -> Test:
        name = self._next()
        self._at += 1
        if name in {"attribute_exists", "attribute_not_exists"}:
            (path,) = self._arguments(self._path, 1)
            exists = name == "attribute_exists"
            return lambda item, given: (path.get(item, given) is not None) is exists
        if name not in {"attribute_type", "begins_with", "contains"}:
            raise Invalid(f"Invalid function name; function: {name}")
        return self._test(name, *self._arguments(self._operand, 2))

    def _comparison(self) -> Test:
        first = self._operand()
        op = self._expect("=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN")
        if op == "IN":
            options = self._arguments(self._operand)
            self._distinct(op, first, *options)
            return lambda item, given: first.get(item, given) in [o.get(item, given) or {} for o in options]
        second = self._operand()
        if op != "BETWEEN":
            return self._test(op, first, second)
        self._expect("AND")
        third = self._operand()
        self._check_bounds(second.ref, third.ref)
        return _and(self._test(">=", first, second), self._test("<=", first, third))

    def _test(self, op: str, first: Operand, second: Operand) -> Test:
        self._distinct(op, first, second)
        self._limit(op, _ALLOWED.get(op, TYPES), first.ref if op in _MIRRORED else None, second.ref)
        if op == "attribute_type":
            self._checks.append(lambda given: _check_type(given.get(second.ref or "", {})))
        compare, of_missing = _TESTS[op], op == "<>"

        def holds(item: Item, given: Given) -> bool:
            one, other = first.get(item, given), second.get(item, given)
            return of_missing if one is None or other is None else compare(one, other)

        return holds

    def _distinct(self, op: str, first: Operand, *others: Operand) -> None:
        paths = [other.path for other in others if other.path]

        def check(given: Given) -> None:
            if first.path and resolved(first.path, given) in [resolved(path, given) for path in paths]:
                raise Invalid(f"The first operand must be distinct from the remaining operands; operator: {op}")

        if first.path and paths:
            self._checks.append(check)

    def _check_bounds(self, low: str | None, high: str | None) -> None:
        def check(given: Given) -> None:
            if low and high and not _TESTS["<="](given[low], given[high]):
                raise Invalid("The BETWEEN operator requires bounds of the same type, in order")

        self._checks.append(check)

    def key_parts(self) -> list[KeyPart]:
        found = [self._key_part()]
        while self._take("AND"):
            found.append(self._key_part())
        return found

    def _key_part(self) -> KeyPart:
        if self._take("("):
            part = self._key_part()
            self._expect(")")
            return part
        if self._take("begins_with"):
            first, second = self._arguments(self._operand, 2)
            return KeyPart(first.path or self._refuse(), "begins_with", (second.ref or self._refuse(),))
        first, op, second = self._operand(), self._expect(*_MIRRORED, "BETWEEN"), self._operand()
        if op == "BETWEEN":
            self._expect("AND")
            third = self._value()
            self._check_bounds(second.ref, third.ref)
            return KeyPart(first.path or self._refuse(), op, (second.ref or self._refuse(), third.ref or ""))
        if first.ref:
            first, op, second = second, _MIRRORED[op], first
        return KeyPart(first.path or self._refuse(), op, (second.ref or self._refuse(),))

    def projected(self) -> list[Path]:
        self._commas(self._path)
        self._apart(self._paths)
        return self._paths


def _or(left: Test, right: Test) -> Test:
    return lambda item, given: left(item, given) or right(item, given)


def _and(left: Test, right: Test) -> Test:
    return lambda item, given: left(item, given) and right(item, given)


def _relation(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    def holds(one: Value, other: Value) -> bool:
        return one.keys() == other.keys() and one.keys() <= ORDERED and compare(ordered(one), ordered(other))

    return holds


def _contains(one: Value, other: Value) -> bool:
    ((kind, content),), ((sought, member),) = one.items(), other.items()
    if kind == "L":
        return other in content
    return kind in {"S", "B", *SETS} and sought == kind[0] and member in content


def _begins_with(one: Value, other: Value) -> bool:
    return one.keys() == other.keys() and one.keys() <= {"S", "B"} and ordered(one).startswith(ordered(other))


_TESTS: dict[str, Callable[[Value, Value], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": _relation(operator.lt),
    "<=": _relation(operator.le),
    ">": _relation(operator.gt),
    ">=": _relation(operator.ge),
    "contains": _contains,
    "begins_with": _begins_with,
    "attribute_type": lambda one, other: other.get("S") in one,
}
_ALLOWED: dict[str, Iterable[str]] = {
    **dict.fromkeys(("<", "<=", ">", ">="), ORDERED),
    "begins_with": {"S", "B"},
    "attribute_type": {"S"},
}


def _check_type(name: Value) -> None:
    if name and name["S"] not in TYPES:
        raise Invalid("Invalid attribute type name found")
