"""Short cuts through the package's own slow parts while a simulation runs. None changes what a function returns."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

MOST = 4096
"""How many results of a function are remembered."""


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

    before = {name: names[name] for name in ("_serialize", "_deserialize")}
    names["_serialize"] = lambda values: {
        name: {"S": value} if type(value) is str else stored(value) for name, value in values.items()
    }
    names["_deserialize"] = lambda item: {
        name: value["S"] if "S" in value else read(value) for name, value in item.items()
    }
    try:
        yield
    finally:
        names.update(before)


@contextmanager
def remembered() -> Iterator[None]:
    """Remember for a block what functions return that depend on a text alone, and which models JSON texts are."""
    from firstline.models.frozen import Frozen

    slack, redact = (vars(import_module(f"firstline.{name}")) for name in ("channels.slack", "privacy.redact"))
    places = [(slack, "escape"), (slack, "escape_markup"), (redact, "_redacted")]
    before = [names[name] for names, name in places]
    for names, name in places:
        names[name] = lru_cache(MOST)(names[name])
    model: Any = Frozen
    parse: Any = lru_cache(MOST)(model.model_validate_json.__func__)
    model.model_validate_json = classmethod(parse)
    try:
        yield
    finally:
        del model.model_validate_json
        for (names, name), original in zip(places, before, strict=True):
            names[name] = original
