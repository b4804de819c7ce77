"""Values on their way into the table and back, which are the same as with boto3's slower serializer."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from firstline.adapters.dynamodb.table import _serialize, deserialize


class Word(StrEnum):
    """An enumeration whose member is a `str` by inheritance only."""

    ONE = "one"


@pytest.mark.parametrize(
    "value",
    ["", "S", "text", 0, -7, 10**12, True, False, None, [], ["a", 1, None], {"S": "a map"}, Decimal("1.5"), Word.ONE],
    ids=repr,
)
def test_a_value_is_stored_and_read_as_boto3_does_it(value: Any) -> None:
    stored = _serialize({"value": value})

    assert stored == {"value": TypeSerializer().serialize(value)}
    assert deserialize(stored) == {"value": TypeDeserializer().deserialize(stored["value"])}


@pytest.mark.parametrize(("stored", "kind"), [("7", int), ("-7", int), ("0", int), ("1.5", Decimal), ("1E+2", Decimal)])
def test_a_whole_number_comes_back_as_an_int(stored: str, kind: type) -> None:
    value = deserialize({"value": {"N": stored}})["value"]

    assert (type(value), value) == (kind, Decimal(stored))


def test_booleans_and_numbers_are_stored_as_different_types() -> None:
    assert _serialize({"yes": True, "one": 1}) == {"yes": {"BOOL": True}, "one": {"N": "1"}}
