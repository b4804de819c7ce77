"""DynamoDB's expressions, parsed once by a recursive-descent parser and kept as functions by their text.

Written after the chapter "Using expressions in DynamoDB" of Amazon's developer guide, and after DynamoDB Local's
answers to some two hundred expressions. Of moto, only its list of reserved words is used. Not known here, and refused
as syntax errors: operands and sums in parentheses of their own.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from itertools import combinations
from typing import Any, NamedTuple, NoReturn

from tests.simulation.values import (
    ORDERED,
    SETS,
    SIZED,
    TYPES,
    Invalid,
    Item,
    Path,
    Unsuitable,
    Value,
    clean,
    lookup,
    ordered,
    placed,
    size_of,
    total,
)

type Given = Mapping[str, Any]
"""The request's names and values, by their placeholders: a text for each `#name`, a value for each `:value`."""
type Get = Callable[[Item, Given], Value | None]
type Test = Callable[[Item, Given], bool]


class Expression[T](NamedTuple):
    """A parsed expression.

    `checks` look at the request alone; they raise `Invalid`. `paths` are those that a condition or a projection reads,
    or that an update writes.
    """

    run: T
    placeholders: frozenset[str]
    checks: tuple[Callable[[Given], None], ...]
    paths: tuple[Path, ...]


class KeyPart(NamedTuple):
    """One part of a key condition: an attribute's path, an operator, and the placeholders of its values."""

    path: Path
    op: str
    refs: tuple[str, ...]


@lru_cache(4096)
def condition(text: str) -> Expression[Test]:
    """Parse a condition or a filter."""
    return _Parser(text).parse(_Parser.either)


@lru_cache(4096)
def update(text: str) -> Expression[Callable[[Item, Given], Item]]:
    """Parse an update. It returns the new item or raises `Unsuitable`."""
    return _Parser(text).parse(_Parser.sections)


@lru_cache(4096)
def projection(text: str) -> Expression[list[Path]]:
    """Parse a projection."""
    return _Parser(text).parse(_Parser.projected)


@lru_cache(4096)
def key_condition(text: str) -> Expression[list[KeyPart]]:
    """Parse a key condition into its one or two parts."""
    return _Parser(text).parse(_Parser.key_parts)


def resolved(path: Path, given: Given) -> Path:
    """Return a path with the names that its placeholders stand for."""
    if not any([isinstance(part, str) and part[0] == "#" for part in path]):  # noqa: C419 - faster
        return path
    return tuple(given[part] if isinstance(part, str) and part[0] == "#" else part for part in path)


@cache
def _reserved_words() -> frozenset[str]:
    text = files("moto").joinpath("dynamodb", "parsing", "reserved_keywords.txt").read_text()
    return frozenset(text.upper().split())


class _Operand(NamedTuple):
    get: Get
    path: Path | None = None
    ref: str | None = None


_TOKEN = re.compile(r"\s*(?:([#:]?\w+|<>|<=|>=|[=<>()\[\],.+-])|(\S))", re.ASCII)
_END = "$end"
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [match[1] or match[2] for match in _TOKEN.finditer(text.rstrip())] + [_END]
        self._at = 0
        self._last_group = (0, 0)
        self._placeholders: set[str] = set()
        self._checks: list[Callable[[Given], None]] = []
        self._paths: list[Path] = []

    def parse[T](self, rule: Callable[["_Parser"], T]) -> Expression[T]:
        """Take the whole text by a rule."""
        run = rule(self)
        self._expect(_END)
        return Expression(run, frozenset(self._placeholders), tuple(self._checks), tuple(self._paths))

    # --- tokens -------------------------------------------------------------------------------------------------------

    def _next(self, ahead: int = 0) -> str:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _take(self, *tokens: str) -> str | None:
        """Take the next token if it is one of these; words may be in either case."""
        token = self._next()
        found = token if token in tokens else token.upper()
        if found not in tokens:
            return None
        self._at += 1
        return found

    def _expect(self, *tokens: str) -> str:
        return self._take(*tokens) or self._refuse()

    def _refuse(self) -> NoReturn:
        raise Invalid(f"Syntax error; token: {self._next()}, in: {self._text}")

    def _commas[T](self, rule: Callable[[], T]) -> list[T]:
        found = [rule()]
        while self._take(","):
            found.append(rule())
        return found

    def _arguments[T](self, rule: Callable[[], T], count: int | None = None) -> list[T]:
        self._expect("(")
        found = self._commas(rule)
        self._expect(")")
        if count and len(found) != count:
            raise Invalid(f"Incorrect number of operands for operator or function, in: {self._text}")
        return found

    # --- operands -----------------------------------------------------------------------------------------------------

    def _path(self) -> _Operand:
        parts: list[str | int] = [self._name()]
        while mark := self._take(".", "["):
            if mark == ".":
                parts.append(self._name())
            else:
                parts.append(int(self._expect(self._next() if self._next().isdecimal() else "an index")))
                self._expect("]")
        path = tuple(parts)
        self._paths.append(path)
        name = parts[0]
        if len(path) == 1 and isinstance(name, str) and name[0] != "#":
            return _Operand(lambda item, given: item.get(name), path)
        return _Operand(lambda item, given: lookup(item, resolved(path, given)), path)

    def _name(self) -> str:
        name = self._next()
        if name[0] == "#":
            self._placeholders.add(name)
        elif not (name[0].isalpha() or name[0] == "_"):
            self._refuse()
        elif name.upper() in _reserved_words():
            raise Invalid(f"Attribute name is a reserved keyword; reserved keyword: {name}")
        self._at += 1
        return name

    def _value(self, op: str = "", kinds: Iterable[str] = TYPES) -> _Operand:
        ref = self._next()
        if ref[0] != ":":
            self._refuse()
        self._at += 1
        self._placeholders.add(ref)
        self._limit(op, kinds, ref)
        return _Operand(lambda item, given: given[ref], ref=ref)

    def _operand(self) -> _Operand:
        if self._next() == "size" and self._next(1) == "(":
            self._at += 1
            (measured,) = self._arguments(self._operand, 1)
            self._limit("size", SIZED, measured.ref)
            return _Operand(lambda item, given: _size(measured.get(item, given)))
        return self._value() if self._next()[0] == ":" else self._path()

    def _limit(self, op: str, kinds: Iterable[str], *refs: str | None) -> None:
        """Remember to check the types of the request's values."""
        allowed = frozenset(kinds)
        used = [ref for ref in refs if ref is not None]

        def check(given: Given) -> None:
            if any(given[ref].keys() - allowed for ref in used):
                raise Invalid(f"Incorrect operand type for operator or function; operator or function: {op}")

        if used and allowed != TYPES:
            self._checks.append(check)

    # --- conditions ---------------------------------------------------------------------------------------------------

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

    def _test(self, op: str, first: _Operand, second: _Operand) -> Test:
        self._distinct(op, first, second)
        self._limit(op, _ALLOWED.get(op, TYPES), first.ref if op in _MIRRORED else None, second.ref)
        if op == "attribute_type":
            self._checks.append(lambda given: _check_type(given.get(second.ref or "", {})))
        compare, of_missing = _TESTS[op], op == "<>"

        def holds(item: Item, given: Given) -> bool:
            one, other = first.get(item, given), second.get(item, given)
            return of_missing if one is None or other is None else compare(one, other)

        return holds

    def _distinct(self, op: str, first: _Operand, *others: _Operand) -> None:
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

    # --- projections and updates --------------------------------------------------------------------------------------

    def projected(self) -> list[Path]:
        self._commas(self._path)
        self._apart(self._paths)
        return self._paths

    def _apart(self, paths: Iterable[Path]) -> None:
        paths = tuple(paths)
        self._checks.append(lambda given: _check_apart([resolved(path, given) for path in paths]))

    def sections(self) -> Callable[[Item, Given], Item]:
        writes: list[tuple[Path, Get]] = []
        rules = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add, "DELETE": self._delete}
        while not writes or self._next() != _END:
            writes += self._commas(rules.pop(self._expect(*rules)))
        self._paths = [path for path, _ in writes]
        self._apart(self._paths)
        return _written(writes)

    def _set(self) -> tuple[Path, Get]:
        path = self._path().path
        self._expect("=")
        start, value = self._next(), self._new_value()
        if op := self._take("+", "-"):
            self._limit(op, {"N"}, start if start[0] == ":" else None)
            left, right, sign = value, self._new_value({"N"}), 1 if op == "+" else -1
            value = lambda item, given: total(left(item, given), right(item, given), sign)  # noqa: E731
        return path or (), value

    def _new_value(self, kinds: Iterable[str] = TYPES) -> Callable[[Item, Given], Value]:
        if self._next(1) == "(":
            name = self._expect("if_not_exists", "list_append")
            self._expect("(")
            allowed, parts = {"L"} if name == "list_append" else kinds, []
            parts.append(self._new_value(allowed) if name == "list_append" else self._path().get)
            self._expect(",")
            second = self._new_value(allowed)
            self._expect(")")
            (first,) = parts
            if name == "list_append":
                return lambda item, given: _appended(first(item, given), second(item, given))
            return lambda item, given: first(item, given) or second(item, given)
        operand = self._value("SET", kinds) if self._next()[0] == ":" else self._path()
        return lambda item, given: operand.get(item, given) or _refuse_missing()

    def _remove(self) -> tuple[Path, Get]:
        return self._path().path or (), lambda item, given: None

    def _add(self) -> tuple[Path, Get]:
        target, value = self._path(), self._value("ADD", {"N", *SETS})

        def added(item: Item, given: Given) -> Value:
            before, more = target.get(item, given), value.get(item, given) or {}
            if before is None or "N" in more:
                return total(before, more) if before else more
            kind = _same_set(before, more)
            return clean({kind: [*{*before[kind], *more[kind]}]})

        return target.path or (), added

    def _delete(self) -> tuple[Path, Get]:
        target, value = self._path(), self._value("DELETE", SETS)

        def left(item: Item, given: Given) -> Value | None:
            before, less = target.get(item, given), value.get(item, given) or {}
            if before is None:
                return None
            kind = _same_set(before, less)
            members = [member for member in before[kind] if member not in less[kind]]
            return {kind: members} if members else None

        return target.path or (), left


# --- what the functions do --------------------------------------------------------------------------------------------


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


def _check_apart(paths: list[Path]) -> None:
    for one, other in combinations(paths, 2):
        for part, same in zip(one, other, strict=False):
            if type(part) is not type(same):
                raise Invalid(f"Two document paths conflict with each other: {one}, {other}")
            if part != same:
                break
        else:
            raise Invalid(f"Two document paths overlap with each other: {one}, {other}")


def _size(value: Value | None) -> Value | None:
    if value is None or not value.keys() <= SIZED:
        return None
    return {"N": str(size_of(value) if "S" in value else len(ordered(value)))}


def _appended(one: Value | None, other: Value | None) -> Value:
    if not one or not other or "L" not in one or "L" not in other:
        raise Unsuitable("An operand in the update expression has an incorrect data type")
    return {"L": [*one["L"], *other["L"]]}


def _same_set(before: Value, value: Value) -> str:
    if before.keys() != value.keys():
        raise Unsuitable("An operand in the update expression has an incorrect data type")
    return next(iter(value))


def _refuse_missing() -> NoReturn:
    raise Unsuitable("The provided expression refers to an attribute that does not exist in the item")


def _written(writes: list[tuple[Path, Get]]) -> Callable[[Item, Given], Item]:
    def apply(item: Item, given: Given) -> Item:
        # Every value comes from the item as it was. A list takes what lies behind its end in the order of the indexes,
        # and loses elements from the back.
        new = [(resolved(path, given), get(item, given)) for path, get in writes]
        sets = sorted((write for write in new if write[1] is not None), key=_indexes)
        result: Value | None = {"M": item}
        for path, value in sets + sorted((write for write in new if write[1] is None), key=_indexes, reverse=True):
            result = placed(result, path, value)
        return result["M"] if result else {}

    return apply


def _indexes(write: tuple[Path, Any]) -> list[int]:
    return [part for part in write[0] if isinstance(part, int)]
