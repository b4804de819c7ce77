"""Commands in the table: the machine's token and the end see each other, whichever is written first."""

from typing import Any

import yaml

from firstline.adapters.dynamodb.commands import TableCommands
from firstline.adapters.dynamodb.table import Table
from tests.bench.transitions import INCIDENT
from tests.support.builders import NOON, at

AWAIT_STEP: dict[str, Any] = yaml.safe_load(INCIDENT.read_text())["States"]["Await Step"]["Arguments"]


def wait(table: Table, command_id: str, token: str) -> bool:
    """Write the token as the state machine does. Return False if it is refused."""
    values = {":token": token, ":id": "one", ":layout": 1, ":expires": 2_000_000_000}
    assert set(values) == set(AWAIT_STEP["ExpressionAttributeValues"])
    written = table.update(
        f"COMMAND#{command_id}",
        "COMMAND",
        AWAIT_STEP["UpdateExpression"],
        values,
        condition=AWAIT_STEP["ConditionExpression"],
    )
    return written is not None


def test_each_time_that_a_commands_end_is_told_the_waiting_executions_token_is_found(table: Table) -> None:
    commands = TableCommands(table)

    assert wait(table, "c-1", "t-1")
    assert [commands.end("c-1", "Success", at(minute)) for minute in (0, 1)] == ["t-1", "t-1"]


def test_who_comes_after_the_end_is_refused_the_wait(table: Table) -> None:
    assert TableCommands(table).end("c-1", "Failed", NOON) is None

    assert not wait(table, "c-1", "t-1")
