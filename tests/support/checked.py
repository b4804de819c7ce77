"""Checks that a value has the type that a test expects, for the test and for mypy."""

from collections.abc import Iterable


def checked[T](kind: type[T], value: object) -> T:
    """Return a value that must be of a kind, or else the test fails."""
    assert isinstance(value, kind)
    return value


def all_checked[T](kind: type[T], values: Iterable[object]) -> list[T]:
    """Return values as a list, each of which must be of a kind, or else the test fails."""
    return [checked(kind, value) for value in values]
