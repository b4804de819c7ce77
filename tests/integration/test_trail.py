"""The audit trail against DynamoDB: moto, and Amazon's own DynamoDB Local; and what tampering with it shows."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from firstline.adapters.dynamodb.table import Item, Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.incidents.audit_trail import Entry, Fact, first_break, hash_of
from tests.integration.trail import FACTS, append_each
from tests.support.builders import at


@pytest.fixture
def trail(table: Table) -> TableTrail:
    return append_each(TableTrail(table))


def item(table: Table, number: int) -> Item:
    found = table.get("TRAIL#inc-1", f"{number:06}")
    assert found is not None
    return found


def change(table: Table) -> None:
    found = item(table, 3)
    entry = json.loads(found["entry"])
    entry["facts"]["decision"] = "refused"
    table.put({**found, "entry": json.dumps(entry)})


def change_and_hash_again(table: Table) -> None:
    found = item(table, 3)
    entry = Entry.model_validate_json(found["entry"]).model_copy(update={"who": "mallory"})
    entry = entry.model_copy(update={"hash": hash_of("inc-1", entry)})
    table.put({**found, "entry": entry.model_dump_json()})


def take_out(table: Table) -> None:
    table._client.delete_item(TableName=table.name, Key={"pk": {"S": "TRAIL#inc-1"}, "sk": {"S": "000003"}})


def swap(table: Table) -> None:
    third, fourth = item(table, 3), item(table, 4)
    table.put({**third, "entry": fourth["entry"]})
    table.put({**fourth, "entry": third["entry"]})


def bring_from_another_incident(table: Table) -> None:
    other = TableTrail(table)
    for minute, fact in enumerate(FACTS):
        other.append("inc-2", [fact], at(minute))
    found = table.get("TRAIL#inc-2", "000003")
    assert found is not None
    table.put({**item(table, 3), "entry": found["entry"]})


@pytest.mark.parametrize(
    ("tamper", "number", "problem"),
    [
        (change, 3, "was changed after it was written"),
        (change_and_hash_again, 4, "does not follow the one before it"),
        (take_out, 3, "entry 3 is missing"),
        (swap, 3, "entry 3 is missing"),
        (bring_from_another_incident, 3, "does not follow the one before it"),
    ],
)
def test_tampering_shows_and_where(
    trail: TableTrail, table: Table, tamper: Callable[[Table], None], number: int, problem: str
) -> None:
    tamper(table)

    found = first_break("inc-1", trail.entries("inc-1"))

    assert found is not None
    assert found.number == number
    assert problem in found.problem


def test_nothing_is_written_over(trail: TableTrail, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Append after the entries that came since a writer read the trail."""
    late = TableTrail(table)
    real, stale = late.entries, [late.entries("inc-1")[:3]]
    monkeypatch.setattr(late, "entries", lambda incident_id: stale.pop() if stale else real(incident_id))

    late.append("inc-1", [Fact(what="paged", who="state machine", facts={"level": 0})], at(9))

    entries = trail.entries("inc-1")
    assert [entry.what for entry in entries] == [*(fact.what for fact in FACTS), "paged"]
    assert first_break("inc-1", entries) is None


def test_an_entry_whose_reply_was_lost_is_logged_once_and_stands_once(
    trail: TableTrail, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash in the log is the copy that proves the chain."""
    written = table._client.put_item

    def lost(**request: Any) -> Any:
        written(**request)
        return written(**request)  # the client repeats it, and is refused

    logged: list[int] = []
    monkeypatch.setattr(
        "firstline.adapters.dynamodb.trail.logger.info", lambda _, **said: logged.append(said["number"])
    )
    monkeypatch.setattr(table._client, "put_item", lost)
    before = len(trail.entries("inc-1"))
    trail.append("inc-1", [Fact(what="paged", who="firstline", facts={"level": "1"})], at(9))

    assert len(trail.entries("inc-1")) == before + 1
    assert logged == [before + 1]


def test_a_writer_that_ends_between_two_entries_leaves_a_whole_chain_which_the_next_one_completes(
    trail: TableTrail, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = [Fact(what="ran", who="state machine", facts={"command_id": f"c-{number}"}) for number in range(9, 12)]
    written = table._client.put_item
    puts: list[Any] = []

    def put(**request: Any) -> Any:
        puts.append(request)
        if len(puts) > 1:
            raise ConnectionError("the function ends here")
        return written(**request)

    with monkeypatch.context() as patched:
        patched.setattr(table._client, "put_item", put)
        with pytest.raises(ConnectionError):
            trail.append("inc-1", facts, at(9))
    half = trail.entries("inc-1")

    trail.append("inc-1", facts, at(10))

    entries = trail.entries("inc-1")
    assert (len(half), len(entries)) == (len(FACTS) + 1, len(FACTS) + 3)
    assert [entry.facts for entry in entries[len(FACTS) :]] == [fact.facts for fact in facts]
    assert first_break("inc-1", half) is first_break("inc-1", entries) is None
