"""The calendar feed: who gets it, that calendar programs can read it, and that it has nothing about incidents."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.adapters.dynamodb.overrides import TableOverrides
from firstline.console.calendar_feed import CalendarFeed, address, calendar
from firstline.errors import HistoryUnavailable
from firstline.policy.oncall import Override, Roster
from firstline.policy.people import People
from tests.support.browsing import get
from tests.support.builders import INCIDENT_ID, NOW
from tests.support.memory import MemoryStore
from tests.support.terminal import PEOPLE, SCHEDULES, Terminal

KEYS = ("c" * 40,)
API = "https://api.example"


class Feeds:
    """The feeds of a stack with one schedule and one incident."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.people = PEOPLE
        self.keys: tuple[str, ...] = KEYS
        self.overrides = TableOverrides(self.store.table)

    def get(self, url: str) -> tuple[int, str]:
        feed = CalendarFeed("prod", SCHEDULES, self.overrides.of, lambda: self.people, lambda: self.keys)
        answer = feed.handle(get(url.removeprefix(API)), NOW)
        return answer["statusCode"], answer["body"]


def events(body: str) -> list[dict[str, str]]:
    """Read a calendar as RFC 5545 wants it: unfolded, each line a name and a value."""
    assert body.endswith("\r\n")
    lines = body.replace("\r\n ", "").split("\r\n")[:-1]
    assert (lines[0], lines[1], lines[-1]) == ("BEGIN:VCALENDAR", "VERSION:2.0", "END:VCALENDAR")
    found: list[dict[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        assert colon
        assert re.fullmatch(r"[A-Z-]+(;[A-Z]+=[A-Z]+)*", name)
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and name != "END":
            found[-1][name] = value
    return found


def moment(written: str) -> datetime:
    return datetime.strptime(written, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@pytest.fixture
def feeds() -> Feeds:
    return Feeds()


def test_the_feed_of_a_person_has_only_their_own_shifts(feeds: Feeds) -> None:
    status, body = feeds.get(address(API, "platform", "bob", KEYS, whole=False))
    assert status == 200
    assert {event["SUMMARY"] for event in events(body)} == {"bob on call: platform"}


def test_the_whole_feed_has_everybodys_shifts_of_90_days_without_a_gap_and_names_no_incident(feeds: Feeds) -> None:
    _, body = feeds.get(address(API, "platform", "bob", KEYS, whole=True))
    shifts = events(body)
    assert {event["SUMMARY"] for event in shifts} == {"ada on call: platform", "bob on call: platform"}
    assert [event["DTSTART"] for event in shifts[1:]] == [event["DTEND"] for event in shifts[:-1]]
    assert moment(shifts[-1]["DTSTART"]) < NOW + timedelta(days=90) <= moment(shifts[-1]["DTEND"])
    assert INCIDENT_ID not in body


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("key=", "key=0"),
        lambda url: url.partition("&key=")[0],
        lambda url: url.replace("person=bob", "person=ada"),
        lambda url: url.replace("platform.ics", "network.ics"),
        lambda url: url.replace("platform.ics", "..%2Fplatform.ics"),
    ],
    ids=["another key", "no key", "another person", "another schedule", "a path that climbs"],
)
def test_a_key_is_good_for_one_schedule_and_one_person(feeds: Feeds, change: Any) -> None:
    assert feeds.get(change(address(API, "platform", "bob", KEYS, whole=True))) == (
        404,
        "There is no such calendar.",
    )


def test_a_feed_ends_when_its_person_leaves_the_list_or_its_secret_is_replaced(feeds: Feeds) -> None:
    url = address(API, "platform", "bob", KEYS, whole=True)
    feeds.people = People(people={"ada": PEOPLE.people["ada"]})
    assert feeds.get(url)[0] == 404
    feeds.people, feeds.keys = PEOPLE, ("d" * 40,)
    assert feeds.get(url)[0] == 404
    feeds.keys = ("d" * 40, *KEYS)  # while a key is replaced, both are good
    assert feeds.get(url)[0] == 200
    for keys in ((), ("short",)):
        feeds.keys = keys
        assert feeds.get(url)[0] == 404


def test_a_feed_answers_503_and_no_empty_calendar_while_the_table_fails() -> None:
    def fails(schedule: str, since: datetime) -> list[Override]:
        raise HistoryUnavailable("throttled")

    feed = CalendarFeed("prod", SCHEDULES, fails, lambda: PEOPLE, lambda: KEYS)
    url = address("", "platform", "bob", KEYS, whole=True)
    assert feed.handle(get(url), NOW)["statusCode"] == 503


def test_an_event_keeps_its_identity_while_time_passes_and_its_end_moves() -> None:
    roster = SCHEDULES["platform"]
    taken = Override(
        schedule="platform", person="cem", begins_at=NOW + timedelta(hours=5), ends_at=NOW + timedelta(hours=9),
        by="cem", at=NOW,
    )  # fmt: skip
    later = NOW + timedelta(hours=2)
    first = events(calendar("prod/platform", roster, (), NOW))
    second = events(calendar("prod/platform", roster, (), later))
    moved = events(calendar("prod/platform", roster, (taken,), later))
    assert [event["UID"] for event in first] == [event["UID"] for event in second]
    assert len({event["UID"] for event in moved}) == len(moved)
    assert (moved[0]["UID"], moved[0]["DTEND"]) == (first[0]["UID"], f"{taken.begins_at:%Y%m%dT%H%M%SZ}")


def test_the_same_shift_on_two_stacks_is_two_events() -> None:
    prod, dev = (events(calendar(f"{stack}/platform", SCHEDULES["platform"], (), NOW)) for stack in ("prod", "dev"))
    assert prod[0]["UID"] != dev[0]["UID"]


@given(st.text(min_size=1, max_size=200))
def test_any_text_is_folded_and_escaped(name: str) -> None:
    roster = Roster(starts=date(2026, 1, 1), rotation=("ada",))
    body = calendar(f"prod/{name.replace('/', '')}", roster, (), NOW)
    assert all(len(line.encode()) <= 75 for line in body.split("\r\n"))
    (event,) = events(body)
    without_escapes = re.sub(r"\\[\\;,n]", "", event["SUMMARY"])
    assert not re.search(r"[\\;,\n\r\x00-\x08]", without_escapes)


def test_the_command_line_gets_the_address_of_a_feed() -> None:
    terminal = Terminal()
    terminal.secrets["console/calendar-key"] = KEYS
    status, answer = terminal.post("oncall/platform/calendar", {"all": True}, by="eve")
    assert (status, answer["url"]) == (200, address(API, "platform", "eve", KEYS, whole=True))


@pytest.mark.parametrize(
    ("keys", "refused"), [((), 403), (("short",), 409)], ids=["no secret", "a secret that can be guessed"]
)
def test_the_command_line_gets_the_name_of_a_missing_or_short_secret(keys: tuple[str, ...], refused: int) -> None:
    terminal = Terminal()
    terminal.secrets["console/calendar-key"] = keys
    status, answer = terminal.post("oncall/platform/calendar", {}, by="eve")
    assert status == refused
    assert "console/calendar-key" in answer["said"]


def test_the_feed_of_an_unknown_schedule_has_no_address() -> None:
    terminal = Terminal()
    terminal.secrets["console/calendar-key"] = KEYS
    assert terminal.post("oncall/network/calendar", {}, by="eve")[0] == 409
