"""The say that models have earned, and their guesses of a week, against DynamoDB."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstline.adapters.dynamodb.disagreements import EarnedSay, Raises
from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.spending import Spending
from firstline.adapters.dynamodb.table import Table
from firstline.classification import feedback_store
from firstline.classification.earned_say import NOTHING_EARNED
from firstline.errors import HistoryUnavailable
from firstline.models import Feedback
from firstline.policy.model import Ceiling
from tests.support.builders import NOON, alert, at, open_for
from tests.support.memory import MemoryStore


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


def test_a_disagreement_that_cannot_be_stored_loses_neither_the_end_nor_the_word(
    history: TableIncidents, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = open_for(TableGroups(table), alert())

    def down(*_: Any) -> None:
        raise HistoryUnavailable("throttled")

    monkeypatch.setattr(history._disagreements, "count", down)
    closed = history.close(incident, None, "resolved", "", [], at(9), joined=1)
    assert closed is not None
    assert closed.outcome == "resolved"
    word = Feedback(person="slack:U1", by="ada", said="real", at=at(20))
    assert len(feedback_store.save_feedback(incident.incident_id, word, incidents=history).feedback) == 1


def test_what_models_earned_is_read_once_in_five_minutes_and_kept_while_the_table_is_down() -> None:
    store = MemoryStore()
    say = EarnedSay(store.incidents, missed_page_cost=1)

    known = say.at(NOON)
    assert say.at(at(4)) is known
    assert store.calls == ["disagreements"]

    store.down = True
    assert say.at(at(5)) is known
    assert say.at(at(6)) is known
    assert store.calls == ["disagreements"] * 2, "nor is a read that failed tried again before that"
    assert EarnedSay(store.incidents, missed_page_cost=1).at(NOON) is NOTHING_EARNED, "until the first read succeeds"


def test_a_week_has_so_many_raises_and_an_incident_takes_one(table: Table) -> None:
    raises = Raises(table, per_week=2)
    assert [raises.take(name, NOON) for name in ("a", "b", "c", "a")] == [True, True, False, True]
    assert raises.take("c", at(7 * 24 * 60)), "the next week has its own"
    assert not Raises(table, per_week=0).take("a", NOON)


@pytest.mark.parametrize("days", [0, 3, 6])
def test_a_weeks_raises_are_known_until_its_end_however_short_the_history_is(table: Table, days: int) -> None:
    raised_at = datetime(2026, 12, 28, 0, 1, tzinfo=UTC) + timedelta(days=days)  # a week in two years
    short = Table(table._client, table.name, keep_days=1)
    assert Raises(short, 1).take("a", raised_at)

    (item,) = table.query("SPENDING", since="!raises#")
    assert item["expires_at"] >= datetime(2027, 1, 4, tzinfo=UTC).timestamp()


def test_the_account_of_days_shows_no_raises(table: Table) -> None:
    Raises(table, 2).take("a", NOON)
    assert list(Spending(table, Ceiling()).days(NOON.date())) == []


def test_a_raise_that_cannot_be_counted_is_none(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise HistoryUnavailable("throttled")

    monkeypatch.setattr(Table, "update", down)
    assert not Raises(table, 2).take("a", NOON)
