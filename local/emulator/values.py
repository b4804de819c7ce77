"""Values of moto's DynamoDB, compared and answered without first asking everything that they are not.

Each query of moto 5.2.5 compares the key of every item in the table, and each comparison asks five questions about the
types; for each value in an answer it looks for ten members under all the names that they might have. Together that was
most of what a local stack with some hundred alerts did.
"""

from typing import Any

from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType

_cast_anything = DynamoType.cast_value.fget  # type: ignore[attr-defined]
_equal_as_moto = DynamoType.__eq__
_serialize_structure = BaseJSONSerializer._serialize_type_structure


def install() -> None:
    """Patch moto in this process."""
    setattr(DynamoType, "cast_value", property(_cast))  # noqa: B010
    setattr(DynamoType, "__eq__", _equal)  # noqa: B010
    setattr(BaseJSONSerializer, "_serialize_type_structure", _serialize)  # noqa: B010


def _cast(value: Any) -> Any:
    """Return what a value is compared by."""
    return value.value if value.type == "S" else _cast_anything(value)


def _equal(value: Any, other: Any) -> bool:
    """Return whether two values are of one type and equal."""
    if value.type != other.type:
        return False
    return bool(value.value == other.value if value.type == "S" else value.cast_value == other.cast_value)


def _serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Write a structure; of an attribute's value only the member that it has, such as `S`."""
    if shape.name != "AttributeValue" or type(value) is not dict or len(value) != 1:
        _serialize_structure(self, serialized, value, shape, key)
        return
    ((name, member),) = value.items()
    wrapper = self.MAP_TYPE() if key else serialized
    self._serialize(wrapper, member, shape.members[name], name)
    if key:
        self._default_serialize(serialized, wrapper, shape, key)
