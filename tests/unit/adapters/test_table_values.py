"""Values on their way into the table and back: the short way of the usual ones is boto3's."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from firstline.adapters.dynamodb.table import _serialize, deserialize


class Word(StrEnum):
    """A text that is not exactly of the type `str`."""

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
def test_a_whole_number_comes_back_as_one(stored: str, kind: type) -> None:
    value = deserialize({"value": {"N": stored}})["value"]

    assert (type(value), value) == (kind, Decimal(stored))


def test_a_number_is_no_truth_value() -> None:
    assert _serialize({"yes": True, "one": 1}) == {"yes": {"BOOL": True}, "one": {"N": "1"}}
