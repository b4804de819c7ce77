"""Outcomes are counted once each, whoever says them and however often, against DynamoDB."""

from typing import Any

import pytest

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.tallies import Outcomes
from firstline.classification.calibration import UNCALIBRATED
from firstline.errors import HistoryUnavailable
from firstline.models import Feedback
from firstline.people import feedback_store
from tests.support.builders import NOON, alert, at, open_for
from tests.support.memory import MemoryStore


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def test_months_are_added_up(history: TableIncidents, table: Table) -> None:
    for month, right in (("2026-02", 3), ("2026-01", 2), ("2025-12", 100)):
        table.put({"pk": "CALIBRATION", "sk": f"{month}#history", "r7": right, "n7": 5})
    now = NOON.replace(year=2026, month=2, day=10)
    tally = history.calibration(now).tallies["history"]
    assert (tally.right[7], tally.count[7]) == (5, 10)


def test_a_count_that_fails_loses_neither_the_end_nor_the_word(
    history: TableIncidents, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = open_for(TableGroups(table), alert())

    def down(*_: Any) -> None:
        raise HistoryUnavailable("throttled")

    monkeypatch.setattr(history._tallies, "count", down)
    closed = history.close(incident, None, "resolved", "", [], at(9), joined=1)
    assert closed is not None
    assert closed.outcome == "resolved"
    assert len(feedback_store.save_feedback(incident.incident_id, word("real"), incidents=history).feedback) == 1


def test_outcomes_are_read_once_in_five_minutes_and_a_table_that_is_down_is_no_trouble() -> None:
    store = MemoryStore()
    outcomes = Outcomes(store.incidents)

    known = outcomes.at(NOON)
    assert outcomes.at(at(4)) is known
    assert store.calls == ["calibration"]

    store.down = True
    assert outcomes.at(at(5)) is known
    assert outcomes.at(at(6)) is known
    assert store.calls == ["calibration"] * 2
    assert Outcomes(store.incidents).at(NOON) is UNCALIBRATED
