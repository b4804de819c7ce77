"""Indexes that hold only keys: the items that they name are read from the table, as they are now."""

from firstline.adapters.dynamodb.table import Table
from tests.bench.table import declared_table
from tests.simulation.table import MemoryDynamoDB


def table_behind(lag: list[int]) -> Table:
    memory = MemoryDynamoDB.from_template(declared_table(), index_lag=lambda: lag[0])
    return Table(memory, "any")  # type: ignore[arg-type]


def put(table: Table, number: int, status: str = "OPEN") -> None:
    item = {"pk": f"INCIDENT#{number}", "sk": "INCIDENT", "status_pk": status, "status_sk": f"{number:03}", "n": number}
    table.put(item)


def test_items_come_whole_and_in_the_order_of_the_index_however_many_there_are() -> None:
    table = table_behind([0])
    for number in reversed(range(120)):
        put(table, number)

    found = list(table.query_whole("OPEN", "by_status"))

    assert [item["n"] for item in found] == list(range(120))
    assert [item["n"] for item in table.query_whole("OPEN", "by_status", since="100", limit=3)] == [100, 101, 102]


def test_an_item_that_the_index_still_lists_but_that_has_left_its_partition_is_left_out() -> None:
    lag = [0]
    table = table_behind(lag)
    put(table, 1)
    put(table, 2)
    lag[0] = 1  # the index misses the next write
    put(table, 1, "CLOSED")

    assert [item["pk"] for item in table.query("OPEN", index="by_status")] == ["INCIDENT#1", "INCIDENT#2"]
    assert [item["pk"] for item in table.query_whole("OPEN", "by_status")] == ["INCIDENT#2"]
