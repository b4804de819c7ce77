"""Outcomes are counted once each, whoever says them and however often, against DynamoDB."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from firstline import judging
from firstline.adapters.groups import TableGroups
from firstline.adapters.history import TableIncidents
from firstline.adapters.table import Table
from firstline.adapters.tallies import Outcomes
from firstline.classification.calibration import UNCALIBRATED, Calibration
from firstline.errors import HistoryUnavailable
from firstline.grouping import Limits, fold, open_incident
from firstline.models import Feedback
from tests.support.builders import NOON, a_classification, alert, at

VERDICT = a_classification(severity="high", decided_by="history", confidence=0.4, raw_confidence=0.75)


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


def opened(table: Table, number: int = 1) -> str:
    """A classified incident that somebody has taken."""
    groups, history = TableGroups(table), TableIncidents(table)
    given = alert(group_key=f"group-{number}", fingerprint=f"fp-{number}")
    before = groups.read(given.group_key)
    folded = fold(before, [given], NOON)
    after, incident = open_incident(folded, NOON)
    groups.open_incident(
        before, after, incident, folded.new_alerts, NOON, limits=Limits(99, 99), member=after.group_key
    )
    history.save_classification(incident.incident_id, VERDICT)
    history.acknowledge(incident.incident_id, "ada", at(1))
    return incident.incident_id


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def counted(history: TableIncidents) -> tuple[int, int]:
    """(right, in all) of what history claimed at 0.75."""
    tally = history.calibration(NOON).tallies.get("history")
    return (tally.right[7], tally.count[7]) if tally else (0, 0)


def test_an_end_counts_once_under_what_was_claimed(history: TableIncidents, table: Table) -> None:
    incident_id = opened(table)
    for _ in range(3):
        history.close(incident_id, "resolved", "", [], at(9))
    assert counted(history) == (1, 1)


def test_an_end_that_says_nothing_is_not_counted(history: TableIncidents, table: Table) -> None:
    history.close(opened(table), "expired", "", [], at(9))
    assert counted(history) == (0, 0)


def test_people_change_what_was_counted_and_may_change_it_back(history: TableIncidents, table: Table) -> None:
    incident_id = opened(table)
    history.close(incident_id, "resolved", "", [], at(9))

    judging.give(incident_id, word("noise"), history=history)
    assert counted(history) == (0, 1)
    judging.give(incident_id, word("noise", "slack:U2"), history=history)
    assert counted(history) == (0, 1)
    judging.give(incident_id, word("real"), history=history)
    judging.give(incident_id, word("real", "slack:U2"), history=history)
    assert counted(history) == (1, 1)


def test_many_at_once_are_each_counted_once(history: TableIncidents, table: Table) -> None:
    incident_id = opened(table)
    history.close(incident_id, "expired", "", [], at(9))
    with ThreadPoolExecutor(4) as pool:
        people = [word("real", f"slack:U{number}") for number in range(4)]
        list(pool.map(lambda one: judging.give(incident_id, one, history=history), people))
    history.close(incident_id, "expired", "", [], at(9))
    assert counted(history) == (1, 1)


def test_only_this_month_and_the_one_before_count(history: TableIncidents, table: Table) -> None:
    incident_id = opened(table)
    history.close(incident_id, "resolved", "", [], at(9))
    assert history.calibration(NOON + timedelta(days=31)).tallies
    assert not history.calibration(NOON + timedelta(days=62)).tallies


def test_months_are_added_up(history: TableIncidents, table: Table) -> None:
    for month, right in (("2026-02", 3), ("2026-01", 2), ("2025-12", 100)):
        table.put({"pk": "CALIBRATION", "sk": f"{month}#history", "r7": right, "n7": 5})
    now = NOON.replace(year=2026, month=2, day=10)
    tally = history.calibration(now).tallies["history"]
    assert (tally.right[7], tally.count[7]) == (5, 10)


def test_a_count_that_fails_loses_neither_the_end_nor_the_word(history: TableIncidents, table: Table) -> None:
    incident_id = opened(table)

    def down(*_: Any) -> None:
        raise HistoryUnavailable("throttled")

    history._tallies.count = down  # type: ignore[method-assign]
    assert history.close(incident_id, "resolved", "", [], at(9)).outcome == "resolved"
    assert len(judging.give(incident_id, word("real"), history=history).feedback) == 1


def test_outcomes_are_read_once_in_five_minutes_and_a_table_that_is_down_is_no_trouble() -> None:
    known = Calibration({})
    answers: list[Calibration | None] = [known, None, known]

    class Counted:
        def calibration(self, now: Any) -> Calibration:
            answer = answers.pop(0)
            if answer is None:
                raise HistoryUnavailable("throttled")
            return answer

    outcomes = Outcomes(Counted())
    assert outcomes.at(NOON) is known
    assert outcomes.at(at(4)) is known
    assert len(answers) == 2
    assert outcomes.at(at(5)) is known
    assert outcomes.at(at(6)) is known
    assert len(answers) == 1
    down = Outcomes(Counted())
    answers[:] = [None]
    assert down.at(NOON) is UNCALIBRATED
