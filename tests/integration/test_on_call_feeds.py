"""Schedules that are kept elsewhere, read from a server that behaves, refuses, hangs or lies."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.adapters import ical
from firstline.adapters.on_call_feeds import MAX_BYTES, OnCallFeeds
from firstline.errors import FeedUnavailable
from firstline.policy.oncall import Followed
from tests.integration.http_stub import Answer, Stub, answering

NOW = datetime(2026, 10, 24, 12, tzinfo=UTC)
"""The day before the clocks change in Berlin."""

BERLIN = ZoneInfo("Europe/Berlin")
PAGERDUTY, CALENDAR = (
    Followed(pagerduty_schedule="PABC123"),
    Followed(ical="ssm:oncall/feed", time_zone="Europe/Berlin"),
)


PATIENT = 20.0
"""The time-out in seconds for a server that answers at once: also on a busy machine it is no time-out."""

IMPATIENT = 0.5
"""The time-out in seconds for a server that hangs."""


def feeds(stub: Stub, within: float = PATIENT, /, **secrets: str | None) -> OnCallFeeds:
    known: dict[str, str | None] = {"pagerduty/api-token": "t0ken", "oncall/feed": f"{stub.url}/secret.ics"}
    known |= {name.replace("__", "/"): value for name, value in secrets.items()}
    return OnCallFeeds(known.get, pagerduty_api_url=stub.url, schemes=("http", "https"), timeout_seconds=within)


def entry(name: str, begin: str, end: str) -> dict[str, Any]:
    return {"start": begin, "end": end, "user": {"id": "PU1", "type": "user_reference", "summary": name}}


def schedule(*entries: Any) -> dict[str, Any]:
    final = {"name": "Final Schedule", "rendered_schedule_entries": list(entries)}
    return {"schedule": {"id": "PABC123", "time_zone": "Europe/Berlin", "final_schedule": final}}


def test_pagerdutys_final_schedule_is_read() -> None:
    given = schedule(entry("Ada Okafor", "2026-10-24T09:00:00+02:00", "2026-10-31T09:00:00+01:00"))
    with answering(Answer(body=given)) as stub:
        (span,) = feeds(stub).read(PAGERDUTY, NOW)
    assert (span.who, span.begins_at.astimezone(UTC).hour, span.ends_at.astimezone(UTC).hour) == ("Ada Okafor", 7, 8)
    (asked,) = stub.asked
    assert asked.path.startswith("/schedules/PABC123?since=2026-10-10T12%3A00%3A00%2B00%3A00&until=2026-12-23T")
    assert asked.headers["Authorization"] == "Token token=t0ken"


EVENT = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
{lines}
BEGIN:VALARM
TRIGGER:-PT15M
SUMMARY:not a shift
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def calendar(*lines: str) -> str:
    return EVENT.format(lines="\n".join(lines)).replace("\n", "\r\n")


def read(*lines: str) -> list[tuple[str, str, str]]:
    spans = ical.read(calendar(*lines), BERLIN, NOW)
    return [
        (span.who, f"{span.begins_at.astimezone(UTC):%d %H:%M}", f"{span.ends_at.astimezone(UTC):%d %H:%M}")
        for span in spans
    ]


# Times without a zone are Berlin's; what is expected is in UTC.
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["SUMMARY:ada", "DTSTART:20261024T070000Z", "DTEND:20261025T080000Z"], ("ada", "24 07:00", "25 08:00")),
        (["SUMMARY:ada", "DTSTART:20261024T090000", "DURATION:PT25H"], ("ada", "24 07:00", "25 08:00")),
        (
            ["SUMMARY:ada", "DTSTART;TZID=America/New_York:20261024T090000", "DTEND:20261024T140000Z"],
            ("ada", "24 13:00", "24 14:00"),
        ),
        (["SUMMARY:ada", "DTSTART;VALUE=DATE:20261025"], ("ada", "24 22:00", "25 22:00")),
        (
            ["ATTENDEE;CN=\"a:b;c\":mailto:bob@example.com", "DTSTART:20261024T070000Z", "DURATION:PT1H"],
            ("bob@example.com", "24 07:00", "24 08:00"),
        ),
        (["SUMMARY:a\n da\\; b", "DTSTART:20261024T070000Z", "DURATION:PT1H"], ("ada; b", "24 07:00", "24 08:00")),
    ],
    ids=["start and end", "duration", "time zone of its own", "whole day", "attendee", "folded and escaped"],
)  # fmt: skip
def test_an_event_is_a_shift(lines: list[str], expected: tuple[str, str, str]) -> None:
    assert read(*lines) == [expected]


def test_a_repetition_keeps_the_wall_clock_over_a_change_of_the_clocks() -> None:
    found = read(
        "SUMMARY:ada",
        "DTSTART;TZID=Europe/Berlin:20261001T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;UNTIL=20261026T080000Z",
        "EXDATE;TZID=Europe/Berlin:20261023T090000",
    )
    begins = [begin for _, begin, _ in found]  # in UTC; Berlin's clocks go back on the 25th
    assert begins[-4:] == ["22 07:00", "24 07:00", "25 08:00", "26 08:00"]


def test_a_moved_repetition_stands_once() -> None:
    both = calendar(
        "SUMMARY:ada", "DTSTART:20261023T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3",
        "END:VEVENT", "BEGIN:VEVENT", "UID:1", "SUMMARY:bob", "RECURRENCE-ID:20261024T090000Z",
        "DTSTART:20261024T100000Z", "DURATION:PT1H",
    )  # fmt: skip
    spans = [(span.who, span.begins_at.day, span.begins_at.hour) for span in ical.read(both, BERLIN, NOW)]
    assert sorted(spans) == [("ada", 23, 9), ("ada", 25, 9), ("bob", 24, 10)]


@pytest.mark.parametrize(
    "lines",
    [
        ["SUMMARY:ada", "DTSTART:20261024T070000Z"],
        ["SUMMARY:ada", "DTSTART:20261024T070000Z", "DTEND:20261024T060000Z"],
        ["SUMMARY:", "DTSTART:20261024T070000Z", "DURATION:PT1H"],
        ["SUMMARY:ada", "STATUS:CANCELLED", "DTSTART:20261024T070000Z", "DURATION:PT1H"],
    ],
    ids=["no end", "ends before it begins", "nobody", "cancelled"],
)
def test_an_event_without_a_time_or_a_person_is_no_shift(lines: list[str]) -> None:
    assert read(*lines) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["SUMMARY:ada", "DTSTART:tomorrow", "DURATION:PT1H"], "is no time"),
        (["SUMMARY:ada", "DTSTART:20261024T070000Z", "DURATION:PT1H", "RECURRENCE-ID:never"], "is no time"),
        (["SUMMARY:ada", "DTSTART;TZID=Mars/Base:20261024T070000", "DURATION:PT1H"], "is no time zone"),
        (["SUMMARY:ada", "DTSTART;TZID=../../etc/passwd:20261024T070000", "DURATION:PT1H"], "is no time zone"),
        (["SUMMARY:a", "DTSTART:19000101T000000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY"], "repeats too often"),
        (["SUMMARY:a", "DTSTART:10000101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY"], "repeats too often"),
        (["SUMMARY:a", "DTSTART:20261024T070000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;X=Y"], "cannot be read"),
        (["SUMMARY:a", "DTSTART:20261024T070000Z", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYDAY=99MO"], "cannot be read"),
        (
            ["SUMMARY:a", "DTSTART:20261024T070000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;INTERVAL=0;BYMONTHDAY=30"],
            "repeats too often",
        ),
        (
            ["SUMMARY:a", "DTSTART:20261024T070000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;FREQ=SECONDLY;BYMONTH=13"],
            "repeats too often",
        ),
    ],
    ids=[
        *("a start", "a moved repetition", "a zone", "a zone that is a path", "each second", "a thousand years"),
        *("an unknown part", "a 99th Monday", "no interval, a rare day", "two frequencies, no month"),
    ],
)
def test_an_event_that_makes_no_sense_is_said(lines: list[str], words: str) -> None:
    with pytest.raises(FeedUnavailable, match=words):
        read(*lines)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        pytest.param(
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;UNTIL=99991231T235959Z", ["12", "26", "09"], id="each second Monday"
        ),
        pytest.param("FREQ=MONTHLY;BYDAY=-1SA;COUNT=130", ["31"], id="130 last Saturdays of a month"),
        pytest.param("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", [], id="30 February"),
    ],
)
def test_a_rule_that_began_ten_years_ago_yields_its_days_around_24_october(rule: str, days: list[str]) -> None:
    found = read("SUMMARY:ada", "DTSTART;TZID=Europe/Berlin:20160104T090000", "DURATION:PT1H", f"RRULE:{rule}")
    assert [begin[:2] for _, begin, _ in found][:3] == days


def test_a_calendar_that_takes_too_long_to_count_is_said() -> None:
    clock = iter([0.0, 0.0, 99.0])
    both = calendar("SUMMARY:a", "DTSTART:20261024T070000Z", "END:VEVENT", "BEGIN:VEVENT", "SUMMARY:b")
    with pytest.raises(FeedUnavailable, match="take more than 3 seconds"):
        ical.read(both, BERLIN, NOW, lambda: next(clock))


@given(st.text(max_size=300), st.lists(st.sampled_from(["BEGIN:VEVENT", "END:VEVENT", "DTSTART:", "RRULE:", ":", ";"])))
def test_no_text_makes_the_reader_raise_anything_else(text: str, more: list[str]) -> None:
    with suppress(FeedUnavailable):
        ical.read("\n".join(["BEGIN:VCALENDAR", *more, text]), BERLIN, NOW)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(503, b"x"), "answered 503$"),
        (Answer(404, b"x"), "answered 404; check the schedule's id or address"),
        (Answer(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}), "answered 302"),
        (Answer(200, b"<html>"), "no calendar"),
        (Answer(200, b"BEGIN:VCALENDAR\r\n" + b"x" * MAX_BYTES), "more than"),
        (Answer(hang=True), "does not answer"),
        (Answer(200, b"BEGIN:VCALENDAR\r\n" * 20, drip=True), "does not answer"),
    ],
    ids=["503", "404", "a redirect", "no calendar", "too large", "hangs", "drips"],
)
def test_a_server_that_fails_is_said_without_its_address(answer: Answer, words: str) -> None:
    within = IMPATIENT if answer.hang or answer.drip else PATIENT
    with answering(answer) as stub, pytest.raises(FeedUnavailable, match=words) as caught:
        feeds(stub, within).read(CALENDAR, NOW)
    assert "secret.ics" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"schedule": null}',
        b"[" * 100_000,
        {"schedule": {}},
        schedule({}),
        schedule(7),
        schedule({"start": "2026-10-24T07:00:00Z", "end": "2026-10-24T08:00:00Z", "user": {"summary": []}}),
    ],
    ids=[
        *("nothing", "a list", "null", "nested too deep", "no entries", "an empty entry", "a number", "no name"),
    ],
)
def test_an_answer_of_pagerduty_that_makes_no_sense_is_said(body: Any) -> None:
    with answering(Answer(body=body)) as stub, pytest.raises(FeedUnavailable, match="rendered_schedule_entries"):
        feeds(stub).read(PAGERDUTY, NOW)


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ({"oncall__feed": None}, "does not exist; store it"),
        ({"oncall__feed": "file:///etc/passwd"}, "must begin with https"),
    ],
)
def test_an_address_that_is_none_is_said(secrets: dict[str, str | None], words: str) -> None:
    with answering(Answer()) as stub, pytest.raises(FeedUnavailable, match=words):
        feeds(stub, **secrets).read(CALENDAR, NOW)
    assert stub.asked == []


def test_a_calendar_of_our_own_is_read() -> None:
    from firstline.console.calendar_feed import calendar as ours
    from tests.support.terminal import SCHEDULES

    spans = ical.read(ours("prod/platform", SCHEDULES["platform"], (), NOW), BERLIN, NOW)
    assert [span.who for span in spans[:2]] == ["bob on call: platform", "ada on call: platform"]
    assert all(span.ends_at - span.begins_at == timedelta(weeks=1) for span in spans)
