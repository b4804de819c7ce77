"""Crowds of senders while transactions collide as DynamoDB lets them: no alert is lost, and hardly any is refused.

A refused sender gets a 503 and comes again. The seconds of virtual time are DynamoDB's and those of the pauses between
tries, so they are the same on every machine.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from tests.bench.contention import FEW, KINDS, USUAL, Crowd, crowd, virtual_crowd
from tests.bench.costs import Door
from tests.bench.crowd import Outcome
from tests.bench.table import declared_table
from tests.bench.virtual import item_key
from tests.simulation.table import MemoryDynamoDB
from tests.support.builders import alert
from tests.support.depth import some, tries


def assert_taken(outcome: Outcome, alerts: int) -> None:
    assert outcome.lost == 0
    assert len(outcome.seconds) == alerts + outcome.refused


# --- in virtual time --------------------------------------------------------------------------------------------------


def assert_hardly_ever_refused(outcome: Outcome, alerts: int) -> None:
    assert outcome.refused <= alerts / 100
    assert outcome.percentile(0.99) < 2


# A hundred come at once, as in the bench, which has a thousand. What opens under the usual limits is tested below.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "first opening, usual limits"])
def test_a_crowd_is_answered_within_two_seconds_and_hardly_ever_refused(kind: str) -> None:
    many = 200
    senders = virtual_crowd(seed=7, senders=many)

    outcome = KINDS[kind](senders)

    assert_taken(outcome, many)
    assert_hardly_ever_refused(outcome, many)
    # Otherwise nothing was tested here.
    assert outcome.conflicts["transact_write_items"] > many


def test_many_alerts_that_meet_no_incident_open_one_and_are_counted_exactly() -> None:
    many = tries(1_000)
    senders = virtual_crowd(senders=many)

    outcome = senders.opens("high", USUAL)

    assert_taken(outcome, many)
    assert_hardly_ever_refused(outcome, many)
    assert (senders.live().joined, senders.live().firing, senders.live().loud.high) == (many, many, many)
    assert outcome.started == {senders.live().incident_id}


def test_those_that_open_one_group_at_once_open_no_storm() -> None:
    many = 60
    assert many > USUAL.per_minute_and_alert, "with a token for each it would be a storm"
    for seed in some(range(5)):
        senders = virtual_crowd(seed, senders=many, at_once=many)
        outcome = senders.opens("high", USUAL)
        assert outcome.started == {senders.live().incident_id}
        assert (senders.live().joined, senders.live().firing) == (many, many)


# --- one bad group ----------------------------------------------------------------------------------------------------


BAD_GROUP = "g-17"


class BadGroup(MemoryDynamoDB):
    """A table that cancels every transaction with the item of the bad group."""

    bad = (f"GROUP#{BAD_GROUP}", "LIVE")
    code = "TransactionConflict"

    def transact_write_items(self, **request: Any) -> Any:
        keys = [item_key(part) for write in request["TransactItems"] for part in write.values()]
        if self.bad in keys:
            raise self.cancelled([{"Code": self.code if key == self.bad else "None"} for key in keys])
        return super().transact_write_items(**request)


@pytest.mark.parametrize("code", ["TransactionConflict", "ConditionalCheckFailed", "ThrottlingError", "InternalError"])
def test_a_group_that_can_never_be_written_spoils_none_of_39_others(code: str) -> None:
    client = BadGroup(declared_table())
    client.code = code
    door = Door(client, "bad")

    with pytest.raises(HistoryUnavailable, match="1 of 40 groups"):
        door.send(*(alert(group_key=f"g-{number}") for number in range(40)))

    assert len(door.executions.started) == 39
    opened = [item["pk"] for item in client.items() if item["sk"] == "LIVE"]
    assert len(opened) == 39
    assert f"GROUP#{BAD_GROUP}" not in opened


# --- on DynamoDB Local ------------------------------------------------------------------------------------------------
# How many are refused depends on the machine: one that is slow, or busy, answers too late. They come again.

SENDERS = 40


@pytest.fixture
def senders(dynamodb_local: str) -> Iterator[Crowd]:
    with crowd(dynamodb_local, senders=SENDERS, at_once=20, processes=1) as made:
        yield made


def test_alerts_that_open_and_join_at_once_are_counted_exactly(senders: Crowd) -> None:
    outcome = senders.opens("high", USUAL)

    assert_taken(outcome, SENDERS)
    assert (senders.live().joined, senders.live().firing) == (SENDERS, SENDERS)
    assert outcome.started == {senders.live().incident_id}
    assert outcome.conflicts["TransactWriteItems"] > 0


def test_ends_at_once_are_counted_exactly(senders: Crowd) -> None:
    assert_taken(senders.resolves(), SENDERS)
    assert (senders.live().joined, senders.live().firing) == (SENDERS, 0)


def test_a_storm_at_once_is_counted_exactly(senders: Crowd) -> None:
    outcome = senders.storm("low", FEW)

    assert_taken(outcome, SENDERS)
    storm, alone = senders.live("storm:generic"), outcome.started - {senders.live("storm:generic").incident_id}
    assert (storm.joined, storm.firing) == (SENDERS - len(alone), SENDERS - len(alone))
    assert len(alone) == FEW.per_minute == 1
