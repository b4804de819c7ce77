"""Values of which a test knows the type better than the code does."""

from collections.abc import Iterable


def checked[T](kind: type[T], value: object) -> T:
    """Return the value; fail unless it is of this kind."""
    assert isinstance(value, kind)
    return value


def all_checked[T](kind: type[T], values: Iterable[object]) -> list[T]:
    """Return the values as a list; fail unless each of them is of this kind."""
    return [checked(kind, value) for value in values]
