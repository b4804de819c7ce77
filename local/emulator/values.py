"""Faster comparison and serialization of values in moto's DynamoDB.

Each query of moto 5.2.5 compares the key of every item in the table, with five tests of types for each; for each value
in an answer, moto looks for ten possible members. With some hundred alerts, a local stack spent most of its time there.
"""

from typing import Any

from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType

_cast_anything = DynamoType.cast_value.fget  # type: ignore[attr-defined]
_equal_as_moto = DynamoType.__eq__
_serialize_structure = BaseJSONSerializer._serialize_type_structure


def install() -> None:
    """Make moto's DynamoDB in this process use the functions of this module."""
    setattr(DynamoType, "cast_value", property(_cast))  # noqa: B010
    setattr(DynamoType, "__eq__", _equal)  # noqa: B010
    setattr(BaseJSONSerializer, "_serialize_type_structure", _serialize)  # noqa: B010


def _cast(value: Any) -> Any:
    """Return the Python value by which a value of moto's DynamoDB is compared with others."""
    return value.value if value.type == "S" else _cast_anything(value)


def _equal(value: Any, other: Any) -> bool:
    """Return True if two of moto's DynamoDB values have the same type and are equal."""
    if value.type != other.type:
        return False
    return bool(value.value == other.value if value.type == "S" else value.cast_value == other.cast_value)


def _serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Serialize a structure as moto does, but of an `AttributeValue` look only at the one member that it has (`S`)."""
    if shape.name != "AttributeValue" or type(value) is not dict or len(value) != 1:
        _serialize_structure(self, serialized, value, shape, key)
        return
    ((name, member),) = value.items()
    wrapper = self.MAP_TYPE() if key else serialized
    self._serialize(wrapper, member, shape.members[name], name)
    if key:
        self._default_serialize(serialized, wrapper, shape, key)
