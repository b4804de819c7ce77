"""DynamoDB's update expressions."""

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from tests.simulation.parser import END, Get, Given, Parser, resolved
from tests.simulation.values import SETS, TYPES, Item, Path, Unsuitable, Value, clean, placed, total

type Update = Callable[[Item, Given], Item]
"""Return the item as it is after the update, or raise `Unsuitable`. The item before stays as it is."""


class UpdateParser(Parser):
    """A parser of the sections SET, REMOVE, ADD and DELETE."""

    def sections(self) -> Update:
        """Take the whole expression."""
        writes: list[tuple[Path, Get]] = []
        rules = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add, "DELETE": self._delete}
        while not writes or self._next() != END:
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
        """Take what SET writes, except a sum; a value of the request must be of one of these kinds."""
        if self._next(1) == "(":
            if self._expect("if_not_exists", "list_append") == "list_append":
                one, other = self._arguments(lambda: self._new_value({"L"}), 2)
                return lambda item, given: _appended(one(item, given), other(item, given))
            self._expect("(")
            known = self._path()
            self._expect(",")
            otherwise = self._new_value(kinds)
            self._expect(")")
            return lambda item, given: known.get(item, given) or otherwise(item, given)
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


def _appended(one: Value, other: Value) -> Value:
    if "L" not in one or "L" not in other:
        raise Unsuitable("An operand in the update expression has an incorrect data type")
    return {"L": [*one["L"], *other["L"]]}


def _same_set(before: Value, value: Value) -> str:
    if before.keys() != value.keys():
        raise Unsuitable("An operand in the update expression has an incorrect data type")
    return next(iter(value))


def _refuse_missing() -> NoReturn:
    raise Unsuitable("The provided expression refers to an attribute that does not exist in the item")


def _written(writes: list[tuple[Path, Get]]) -> Update:
    def apply(item: Item, given: Given) -> Item:
        # Every value comes from the item as it was. A list takes what lies behind its end in the order of the indexes,
        # and loses elements from the back.
        new = [(resolved(path, given), get(item, given)) for path, get in writes]
        sets = sorted((write for write in new if write[1] is not None), key=_indexes)
        result = {**item}
        for path, value in sets + sorted((write for write in new if write[1] is None), key=_indexes, reverse=True):
            name = str(path[0])
            child = placed(result.get(name), path[1:], value)
            if child is not None:
                result[name] = child
            else:
                result.pop(name, None)
        return result

    return apply


def _indexes(write: tuple[Path, Any]) -> list[int]:
    return [part for part in write[0] if isinstance(part, int)]
