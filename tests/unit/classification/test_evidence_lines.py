"""The lines in which people read the evidence around an alarm."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from firstline.classification.evidence_lines import MAX_LINE_CHARS, MAX_LINES, evidence_lines, plot_line
from firstline.models import (
    AlarmEvidence,
    ErrorLine,
    ErrorLog,
    MetricReading,
    MetricSeries,
    OwnerTags,
    Resource,
    ResourceChange,
    ResourceFact,
)
from tests.support.builders import NOON


def series(*values: float, **what: Any) -> MetricSeries:
    return MetricSeries(label="CPU, Average", period_seconds=300, values=list(values), ends_at=NOON, **what)


def errors(*times: int, complete: bool = True) -> ErrorLog:
    lines = [ErrorLine(shape=f"key error {place}", times=many, first_at=NOON) for place, many in enumerate(times)]
    return ErrorLog(group="/aws/lambda/pay", lines=lines, complete=complete)


PAY = Resource(kind="Lambda", namespace="AWS/Lambda", id="pay", facts=[ResourceFact(name="reserved", value="5")])
FULL = AlarmEvidence(
    metric=series(1, 2),
    readings=[MetricReading(name="Errors", now=41, hour_ago=0, week_ago=0)],
    resource=PAY,
    changes=[ResourceChange(at=NOON - timedelta(minutes=9), what="UpdateFunctionCode", who="anna")] * 5,
    log=errors(9, 7, 5, 3),
    tags=OwnerTags(team="payments"),
)


def test_the_lines_tell_metrics_with_their_past_two_changes_with_their_author_and_the_three_first_errors() -> None:
    five_changes = [ResourceChange(at=NOON - timedelta(minutes=9), what="UpdateFunctionCode", who="anna")] * 5
    seen = FULL.model_copy(update={"changes": five_changes, "log": errors(9, 7, 5, 3)})
    assert evidence_lines(seen, None) == [
        "Lambda pay: errors 41 (1 h ago 0, a week ago 0)",
        "reserved 5",
        "11:51 UTC: UpdateFunctionCode by anna",
        "11:51 UTC: UpdateFunctionCode by anna",
        "9 times since 12:00 UTC in /aws/lambda/pay: key error 0",
        "7 times since 12:00 UTC in /aws/lambda/pay: key error 1",
        "5 times since 12:00 UTC in /aws/lambda/pay: key error 2",
        "Tagged: team payments",
    ]


def test_an_old_value_is_told_with_its_age_behind_those_of_now() -> None:
    old = MetricReading(name="Throttles", now=9, hour_ago=0, week_ago=0, age_seconds=55 * 60)
    seen = FULL.model_copy(update={"readings": [old, *FULL.readings]})
    assert evidence_lines(seen, None)[0] == "Lambda pay: errors 41 (1 h ago 0, a week ago 0)"

    alone = FULL.model_copy(update={"readings": [old]})
    assert evidence_lines(alone, None)[0] == "Lambda pay: throttles 9 (55 min ago, none since)"


@pytest.mark.parametrize(
    ("behind", "told"),
    [(600, "within 10 min up to the alarm"), (2_700, "within 10 min up to 45 min before the alarm, none since")],
)
def test_a_plot_says_if_its_last_value_is_from_long_before_the_alarm(behind: int, told: str) -> None:
    assert told in plot_line(series(1, 2, behind_seconds=behind))


def test_times_are_shown_in_the_given_time_zone() -> None:
    told = evidence_lines(FULL.in_zone(ZoneInfo("Asia/Kolkata")), None)
    assert told[2] == "17:21 IST: UpdateFunctionCode by anna"
    assert told[4] == "9 times since 17:30 IST in /aws/lambda/pay: key error 0"


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (errors(1), "once at 12:00 UTC in /aws/lambda/pay: key error 0"),
        (errors(600, complete=False), "at least 600 times since 12:00 UTC in /aws/lambda/pay: key error 0"),
        (
            ErrorLog(group="/ecs/web", complete=False, unread="InvalidOperation"),
            "The log /ecs/web could not be searched: InvalidOperation",
        ),
    ],
)
def test_the_line_of_a_log_says_how_often_and_whether_all_of_it_was_read(log: ErrorLog, line: str) -> None:
    assert evidence_lines(AlarmEvidence(log=log), None) == [line]


def test_the_lines_are_bounded_in_number_and_length() -> None:
    many = FULL.model_copy(update={"resource": PAY.model_copy(update={"id": "x" * 900})})
    lines = evidence_lines(many, None, well=True)
    assert len(lines) == MAX_LINES
    assert max(map(len, lines)) <= MAX_LINE_CHARS


@pytest.mark.parametrize(
    ("values", "plot"),
    [
        ((0, 50, 100), "▁▅█ 0 to 100, within 15 min up to the alarm: CPU, Average"),
        ((7,), "▁ 7 to 7, within 5 min up to the alarm: CPU, Average"),
        ((-2, -1), "▁█ -2 to -1, within 10 min up to the alarm: CPU, Average"),
    ],
)
def test_a_metric_is_drawn_with_letters(values: tuple[float, ...], plot: str) -> None:
    assert plot_line(series(*values)) == plot
