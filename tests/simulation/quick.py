"""Short cuts through the package's own slow parts while a simulation runs. None changes what a function returns."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

MOST = 4096
"""The number of results of a function that are remembered."""


class _ByIdentity:
    """A function's results, remembered by which objects it was given; an empty one counts as any other empty one."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._known: dict[tuple[int, ...], tuple[Any, Any]] = {}

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Return the function's result for these very objects, which nobody changes."""
        values = (*given, *named.values())
        key = tuple([id(value) if value else 0 for value in values])
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST:
                self._known.clear()
            known = self._known[key] = self._function(*given, **named), values  # so no other object gets these ids
        return known[0]


@contextmanager
def quick_values() -> Iterator[None]:
    """Let the adapters translate plain values themselves for a block, and all others by boto3, which takes its time."""
    from firstline.adapters.dynamodb import table

    names = vars(table)
    serialize: Callable[[Any], Any] = TypeSerializer().serialize
    deserialize: Callable[[Any], Any] = TypeDeserializer().deserialize

    def stored(value: Any) -> Any:
        return {"N": str(value)} if type(value) is int else serialize(value)

    def read(value: Mapping[str, Any]) -> Any:
        number = value.get("N")
        return Decimal(number) if number is not None and number.isdecimal() else deserialize(value)

    before = {name: names[name] for name in ("_serialize", "deserialize")}
    names["_serialize"] = lambda values: {
        name: {"S": value} if type(value) is str else stored(value) for name, value in values.items()
    }
    names["deserialize"] = _ByIdentity(
        lambda item: {name: value["S"] if "S" in value else read(value) for name, value in item.items()}
    )
    try:
        yield
    finally:
        names.update(before)


_PURE: tuple[tuple[str, str, Callable[[Callable[..., Any]], Callable[..., Any]]], ...] = (
    ("channels.slack_objects", "escape", lru_cache(MOST)),
    ("channels.slack", "escape_markup", lru_cache(MOST)),
    ("privacy.redact", "_redacted", lru_cache(MOST)),
    ("adapters.dynamodb.live", "live_of", _ByIdentity),
    ("adapters.dynamodb.groups", "live_of", _ByIdentity),
    ("adapters.dynamodb.groups", "alert_of", _ByIdentity),
    ("adapters.dynamodb.incidents", "alert_of", _ByIdentity),
    ("adapters.dynamodb.records", "_record", _ByIdentity),
)
"""Functions whose results depend on what they get alone: their module, their name, and how they are remembered."""


@contextmanager
def remembered() -> Iterator[None]:
    """Remember for a block what functions return that depend on a text alone, and which models JSON texts are."""
    from firstline.models.frozen import Frozen

    places = [(vars(import_module(f"firstline.{module}")), name, by) for module, name, by in _PURE]
    before = [names[name] for names, name, _ in places]
    for names, name, by in places:
        names[name] = by(names[name])
    model: Any = Frozen
    parse: Any = lru_cache(MOST)(model.model_validate_json.__func__)
    model.model_validate_json = classmethod(parse)
    try:
        yield
    finally:
        del model.model_validate_json
        for (names, name, _), original in zip(places, before, strict=True):
            names[name] = original
