"""Tests of schedules that are copied from another tool: who is on call, people's overrides, and the copying itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.errors import FeedUnavailable, HistoryUnavailable
from firstline.observability import metrics
from firstline.people.follow_schedules import EVERY, MOST_AT_ONCE, Follower
from firstline.people.on_call import of_people, whose_turn
from firstline.policy.followed_schedules import (
    AHEAD,
    MOST_SPANS,
    Copy,
    Span,
    bounded,
    everything,
    person_of,
    problems_of,
    with_copies,
)
from firstline.policy.oncall import NOBODY, Followed, OnCall, Override
from firstline.policy.people import People
from tests.support.builders import NOW

HOUR = timedelta(hours=1)
ON_CALL = OnCall.model_validate({"followed": {"payments": {"pagerduty_schedule": "PABC123"}}})
PEOPLE = People.model_validate(
    {
        "people": {
            "ada": {"known_as": ["Ada Okafor"]},
            "bob": {"mail": "Bob@example.com"},
            "bobby": {},
            "cem": {"known_as": ["Cem (nights)"]},
        }
    }
)


def span(who: str, begin: float, end: float) -> Span:
    return Span(who=who, begins_at=NOW + begin * HOUR, ends_at=NOW + end * HOUR)


def turns(*spans: Span, made: Sequence[Override] = (), taken: timedelta = timedelta(), at: float = 0) -> Any:
    """Return whose turn it is `at` hours from now, by a copy that is `taken` old and people's overrides `made`."""
    copy = Copy(taken_at=NOW - taken, spans=spans)
    known = with_copies(lambda name, since: made, ON_CALL.followed, lambda name: copy, PEOPLE, lambda: NOW)
    return whose_turn("payments", everything(ON_CALL), known, NOW + at * HOUR)


def test_a_copy_decides_who_is_on_call_and_in_a_gap_nobody_is() -> None:
    spans = span("Ada Okafor", -2, 2), span("bob@example.com", 3, 5)
    assert [turn and turn.person for turn in (turns(*spans, at=at) for at in (0, 2, 3, 5))] == [
        "ada",
        None,
        "bob",
        None,
    ]


def test_an_override_by_a_person_beats_a_copy_until_the_override_ends() -> None:
    for_an_hour = Override(
        schedule="payments", person="cem", begins_at=NOW, ends_at=NOW + HOUR, by="cem", at=NOW - timedelta(days=9)
    )
    assert turns(span("ada", -2, 2), made=[for_an_hour]).person == "cem"
    assert turns(span("ada", -2, 2), made=[for_an_hour], at=1).person == "ada"


@pytest.mark.parametrize(
    ("taken", "old"),
    [(timedelta(hours=23), ""), (timedelta(days=2), "says PagerDuty, a copy of 2 days ago")],
)
def test_a_copy_older_than_a_day_is_still_used_and_its_age_is_told(taken: timedelta, old: str) -> None:
    assert turns(span("ada", -2, 2), taken=taken) == ("ada", old)


@pytest.mark.parametrize(
    ("said", "person"),
    [
        ("ADA OKAFOR", "ada"),
        ("On Call - Ada Okafor - Payments", "ada"),
        ("bob@EXAMPLE.com", "bob"),
        ("bob", "bob"),
        ("On call: bobby", "bobby"),
        ("bob, then bobby", "bob-then-bobby"),
        ("Cem (nights)", "cem"),
        ("Zoë Müller", "zo-m-ller"),
        ("../../etc; DROP", "etc-drop"),
        ("\u202e…", NOBODY),
    ],
)
def test_a_name_of_another_tool_becomes_the_one_listed_person_it_fits_or_a_safe_name(said: str, person: str) -> None:
    assert person_of(said, PEOPLE) == person


@pytest.mark.parametrize(
    ("copy", "words"),
    [
        pytest.param(None, ["never copied"], id="no copy"),
        pytest.param(Copy(taken_at=NOW, spans=(span("ada", -2, 2), span("bob", 2, 4))), [], id="no gap"),
        pytest.param(
            Copy(taken_at=NOW, spans=(span("ada", -9, 9), span("bob", 1, 2), span("cem", 9, 10))),
            [],
            id="a span within another",
        ),
        pytest.param(
            Copy(taken_at=NOW - timedelta(days=3), spans=(span("ada", -2, 2), span("Zoë", 3, 4))),
            [
                "its copy is 3 days old",
                "nobody is on call from 2026-03-01 05:16 to 2026-03-01 06:16",
                "list of people: Zoë",
            ],
            id="old, with a gap and a stranger",
        ),
    ],
)
def test_a_missing_or_old_copy_a_gap_and_unknown_people_are_reported(copy: Copy | None, words: list[str]) -> None:
    found = list(problems_of(copy, PEOPLE, NOW))
    assert len(found) == len(words)
    assert all(word in said for word, said in zip(words, found, strict=True))


def test_a_copy_keeps_a_limited_number_of_spans_and_none_that_begins_far_ahead() -> None:
    far = [span("ada", number, number + 1) for number in range(-10_000, 10_000)]
    kept = bounded(far, NOW)
    assert len(kept) == MOST_SPANS
    assert all(each.begins_at < NOW + AHEAD for each in kept)


def test_the_spans_of_a_copy_are_not_listed_as_overrides_of_people() -> None:
    copy = Copy(taken_at=NOW, spans=(span("ada", -1, 1),))
    known = with_copies(lambda name, since: [], ON_CALL.followed, lambda name: copy, PEOPLE, lambda: NOW)
    assert of_people(known("payments", NOW)) == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"a": {}}, "needs either `pagerduty_schedule` or `ical`"),
        (
            {"a": {"pagerduty_schedule": "PABC123", "ical": "ssm:oncall/a"}},
            "needs either `pagerduty_schedule` or `ical`",
        ),
        ({"a": {"ical": "https://calendar.example/secret"}}, "ical"),
    ],
)
def test_a_followed_schedule_must_name_one_tool_and_no_plain_address(written: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OnCall.model_validate({"followed": written})


def test_a_followed_schedule_must_not_have_the_name_of_another_schedule() -> None:
    with pytest.raises(ValueError, match=r"followed\.a: `schedules` has this name, too"):
        OnCall.model_validate(
            {
                "schedules": {"a": {"starts": "2026-01-01", "rotation": "ada"}},
                "followed": {"a": {"ical": "ssm:oncall/a"}},
            }
        )


class Elsewhere:
    """Another tool with followed schedules, whose spans a `Follower` copies into `copies`."""

    def __init__(self, schedules: int = 1) -> None:
        self.followed = {f"s{number}": Followed(pagerduty_schedule="PABC123") for number in range(schedules)}
        self.spans: list[Span] | Exception = [span("ada", -1, 1)]
        self.copies: dict[str, Copy] = {}
        self.tried: dict[str, datetime] = {}
        metrics.clear_metrics()

    def look(self, at: datetime = NOW) -> int:
        return Follower(self.followed, self._read, self._claim, self.copies.__setitem__).look(at)

    def _read(self, followed: Followed, now: datetime) -> list[Span]:
        if isinstance(self.spans, Exception):
            raise self.spans
        return self.spans

    def _claim(self, name: str, now: datetime, every: timedelta) -> bool:
        if name in self.tried and self.tried[name] > now - every:
            return False
        self.tried[name] = now
        return True


def test_a_schedule_is_copied_every_quarter_of_an_hour() -> None:
    elsewhere = Elsewhere()
    minutes = [elsewhere.look(NOW + timedelta(minutes=minute)) for minute in range(31)]
    assert [minute for minute, copied in enumerate(minutes) if copied] == [0, 15, 30]
    assert timedelta(minutes=15) == EVERY


@pytest.mark.parametrize("failure", [FeedUnavailable("503"), HistoryUnavailable("throttled"), KeyError("x"), []])
def test_a_schedule_that_cannot_be_read_or_is_empty_keeps_its_old_copy_and_is_counted(failure: Any) -> None:
    elsewhere = Elsewhere()
    elsewhere.look()
    before = dict(elsewhere.copies)
    elsewhere.spans = failure
    assert elsewhere.look(NOW + EVERY) == 0
    assert elsewhere.copies == before
    assert "ScheduleNotCopied" in metrics.metric_set
    metrics.clear_metrics()


def test_one_run_copies_a_limited_number_of_schedules_and_the_next_run_the_rest() -> None:
    elsewhere = Elsewhere(MOST_AT_ONCE + 2)
    assert [elsewhere.look(NOW + timedelta(minutes=minute)) for minute in range(3)] == [MOST_AT_ONCE, 2, 0]
