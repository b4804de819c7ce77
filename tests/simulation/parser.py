"""The common ground of DynamoDB's kinds of expressions: tokens, paths, values, and a parser to derive others from.

A parser takes the text once, by recursive descent, and makes functions of it. What can be said about a request without
its item, such as a value of a type that an operator does not take, becomes a check.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import Any, NamedTuple, NoReturn

from tests.simulation.values import SIZED, TYPES, Invalid, Item, Path, Value, lookup, ordered, size_of

type Given = Mapping[str, Any]
"""The request's names and values, by their placeholders: a text for each `#name`, a value for each `:value`."""
type Get = Callable[[Item, Given], Value | None]


class Expression[T](NamedTuple):
    """A parsed expression.

    `checks` look at the request alone; they raise `Invalid`. `paths` are those that a condition or a projection reads,
    or that an update writes.
    """

    run: T
    placeholders: frozenset[str]
    checks: tuple[Callable[[Given], None], ...]
    paths: tuple[Path, ...]


def resolved(path: Path, given: Given) -> Path:
    """Return a path with the names that its placeholders stand for."""
    if not any([isinstance(part, str) and part[0] == "#" for part in path]):  # noqa: C419 - faster
        return path
    return tuple(given[part] if isinstance(part, str) and part[0] == "#" else part for part in path)


@cache
def _reserved_words() -> frozenset[str]:
    text = files("moto").joinpath("dynamodb", "parsing", "reserved_keywords.txt").read_text()
    return frozenset(text.upper().split())


class Operand(NamedTuple):
    """A path, a value or a size: how to get it, and the path or the placeholder, if it is one."""

    get: Get
    path: Path | None = None
    ref: str | None = None


_TOKEN = re.compile(r"\s*(?:([#:]?\w+|<>|<=|>=|[=<>()\[\],.+-])|(\S))", re.ASCII)
END = "$end"


class Parser:
    """One expression's text, and what was learnt from it so far. A rule is a method that takes what it stands for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [match[1] or match[2] for match in _TOKEN.finditer(text.rstrip())] + [END]
        self._at = 0
        self._last_group = (0, 0)
        self._placeholders: set[str] = set()
        self._checks: list[Callable[[Given], None]] = []
        self._paths: list[Path] = []

    def parse[T](self, rule: Callable[[], T]) -> Expression[T]:
        """Take the whole text by a rule."""
        run = rule()
        self._expect(END)
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

    def _path(self) -> Operand:
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
            return Operand(lambda item, given: item.get(name), path)
        return Operand(lambda item, given: lookup(item, resolved(path, given)), path)

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

    def _value(self, op: str = "", kinds: Iterable[str] = TYPES) -> Operand:
        ref = self._next()
        if ref[0] != ":":
            self._refuse()
        self._at += 1
        self._placeholders.add(ref)
        self._limit(op, kinds, ref)
        return Operand(lambda item, given: given[ref], ref=ref)

    def _operand(self) -> Operand:
        if self._next() == "size" and self._next(1) == "(":
            self._at += 1
            (measured,) = self._arguments(self._operand, 1)
            self._limit("size", SIZED, measured.ref)
            return Operand(lambda item, given: _size(measured.get(item, given)))
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

    def _apart(self, paths: Iterable[Path]) -> None:
        paths = tuple(paths)
        self._checks.append(lambda given: _check_apart([resolved(path, given) for path in paths]))


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
