"""A reader of iCalendar feeds: who is on call when, as a calendar of shifts says it.

The feed is untrusted. `on_call_feeds` limits its size, this module its lines and repetitions; only names and times are
read. Repetition rules are expanded by dateutil, which boto3 brings. https://www.rfc-editor.org/rfc/rfc5545
"""

import re
from collections.abc import Callable, Iterator
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from itertools import islice
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firstline.errors import FeedUnavailable
from firstline.policy.followed_schedules import AHEAD, BEHIND, Span
from firstline.text import one_line

MOST_LINES = 100_000
MOST_EVENTS = 5_000
MOST_REPETITIONS = 20_000
"""The most repetitions of one event that are counted, from its first one on: 50 years of days."""

MOST_SECONDS = 3.0
"""The longest time for which the shifts of one calendar are counted."""

_CYCLE_YEARS, _CYCLE = 400, timedelta(days=146_097)
"""The years, and the days, after which the weekdays fall on the same dates again."""

_SLOW = re.compile(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)\b", re.IGNORECASE)
_ENDLESS = re.compile(r"INTERVAL=[+-]?0*(;|$)|BYEASTER", re.IGNORECASE)
_DURATION = re.compile(r"P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?")

type _Property = tuple[dict[str, str], str]
type _Event = dict[str, list[_Property]]


def read(text: str, zone: ZoneInfo, now: datetime, clock: Callable[[], float] = monotonic) -> list[Span]:
    """Return the shifts of a calendar in the format iCalendar.

    A repeated shift is returned only from 14 days before (`BEHIND`) to 60 days after (`AHEAD`) `now`.

    Parameters
    ----------
    zone
        The time zone of times that name none.
    clock
        A monotonic clock, in seconds, for the limit on the time that the repetitions may take.

    Raises
    ------
    FeedUnavailable
        The text is no calendar, an event cannot be read, or the repetitions take too long to count.
    """
    lines = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "").split("\n")
    if lines[0].strip().upper() != "BEGIN:VCALENDAR" or len(lines) > MOST_LINES:
        raise FeedUnavailable(f"the text is no calendar (iCalendar), or has more than {MOST_LINES:,} lines")
    try:
        return list(_all_spans(list(islice(_events(lines), MOST_EVENTS)), zone, now, clock))
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        raise FeedUnavailable(f"the calendar cannot be read: {one_line(str(error), 160)}") from None


def _all_spans(events: list[_Event], zone: ZoneInfo, now: datetime, clock: Callable[[], float]) -> Iterator[Span]:
    moved = {
        (_text(event, "UID"), _moment(event["RECURRENCE-ID"][0], zone)) for event in events if "RECURRENCE-ID" in event
    }
    until = clock() + MOST_SECONDS
    for event in events:
        if clock() >= until:
            raise ValueError(
                f"the dates of its repeated events take more than {MOST_SECONDS:g} seconds to work out; repeat fewer "
                "of them"
            )
        if "DTSTART" in event and _text(event, "STATUS").upper() != "CANCELLED":
            yield from _spans(event, zone, now, moved)


def _events(lines: list[str]) -> Iterator[_Event]:
    """Yield the properties of each event, without those of its parts, such as its alarms."""
    inside: list[str] = []
    event: _Event = {}
    for line in lines:
        name, parameters, value = _split(line)
        if name == "BEGIN":
            inside.append(value.strip().upper())
            event = {} if inside[-1] == "VEVENT" else event
        elif name == "END":
            if inside and inside.pop() == "VEVENT":
                yield event
        elif inside and inside[-1] == "VEVENT":
            event.setdefault(name, []).append((parameters, value.strip()))


def _split(line: str) -> tuple[str, dict[str, str], str]:
    """Split a line at its first colon outside of quotes; return the property's name, its parameters and its value."""
    quoted, at = False, len(line)
    for number, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == ":" and not quoted:
            at = number
            break
    name, *given = line[:at].split(";")
    parameters = dict(part.partition("=")[::2] for part in given)
    named = {key.upper(): each.strip('"') for key, each in parameters.items()}
    return name.strip().upper(), named, line[at + 1 :]


def _spans(event: _Event, zone: ZoneInfo, now: datetime, moved: set[tuple[str, datetime]]) -> Iterator[Span]:
    begin = _moment(event["DTSTART"][0], zone)
    length = _length(event, begin, zone)
    who = _who(event)
    if length <= timedelta(0) or not who:
        return
    for at in _begins(event, begin, zone, now, length):
        if "RECURRENCE-ID" in event or (_text(event, "UID"), at) not in moved:
            yield Span(who=who, begins_at=at, ends_at=at + length)


def _begins(event: _Event, begin: datetime, zone: ZoneInfo, now: datetime, length: timedelta) -> list[datetime]:
    """Return the times at which an event begins, in UTC: only `begin` if the event does not repeat.

    Of one that repeats, these are the beginnings from 14 days (`BEHIND`) before `now` to 60 days (`AHEAD`) after it,
    and earlier ones from which the event, which lasts for `length`, still goes on 14 days before `now`.
    """
    first, last = now - BEHIND - length, now + AHEAD
    if "RRULE" not in event:
        return [begin]
    if begin > last:
        return []
    from dateutil.rrule import rrulestr  # type: ignore[import-untyped]

    rule = event["RRULE"][0][1]
    names = [part.partition("=")[0].upper() for part in rule.split(";")]
    if not _SLOW.search(rule) or len(names) > len(set(names)) or _ENDLESS.search(rule):
        raise ValueError(f"an event's RRULE repeats too often; write FREQ=DAILY or slower, each part once: {rule}")
    written = event["DTSTART"][0]
    local_zone = ZoneInfo("UTC") if written[1].endswith("Z") else _zone(written, zone)
    local = begin.astimezone(local_zone).replace(tzinfo=None)
    # dateutil looks for the next repetition up to the year 9999, which takes seconds for a rule that has none. So the
    # event is counted shortly before, on the same days of the week.
    later = (MAXYEAR - last.year - 1) // _CYCLE_YEARS * _CYCLE
    # The rule counts in the wall clock, so its end has to be local as well.
    if found_end := re.search(r"UNTIL=([0-9TZ]+)", rule):
        end = min(_moment(({}, found_end[1]), local_zone), last).astimezone(local_zone).replace(tzinfo=None) + later
        rule = rule.replace(found_end[1], f"{end:%Y%m%dT%H%M%S}")
    repeats: Any = rrulestr(rule, dtstart=local + later)
    out = {_moment((given, part), zone) for given, listed in event.get("EXDATE", []) for part in listed.split(",")}
    found = []
    for number, wall in enumerate(repeats):
        at = (wall - later).replace(tzinfo=local_zone).astimezone(UTC)
        if at > last:
            break
        if number >= MOST_REPETITIONS:
            raise ValueError(f"an event's RRULE repeats too often, {MOST_REPETITIONS:,} times; begin it later: {rule}")
        if at >= first and at not in out:
            found.append(at)
    return found


def _moment(given: _Property, zone: ZoneInfo) -> datetime:
    """Return a time in UTC; one without `Z` is in its own or else the given zone, and one without hours is midnight."""
    _, written = given
    if re.fullmatch(r"\d{8}", written):
        return datetime.combine(date.fromisoformat(written), time(0), _zone(given, zone)).astimezone(UTC)
    if not re.fullmatch(r"\d{8}T\d{6}Z?", written):
        raise ValueError(f"an event's {one_line(written, 60)!r} is no time; one is written 20261129T090000Z")
    local = datetime.fromisoformat(written.removesuffix("Z"))
    return local.replace(tzinfo=UTC if written.endswith("Z") else _zone(given, zone)).astimezone(UTC)


def _zone(given: _Property, zone: ZoneInfo) -> ZoneInfo:
    parameters, _ = given
    named = parameters.get("TZID", "")
    try:
        return ZoneInfo(named) if named else zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"an event's TZID {one_line(named, 60)!r} is no time zone; an IANA name such as Europe/Berlin is expected"
        ) from None


def _length(event: _Event, begin: datetime, zone: ZoneInfo) -> timedelta:
    if "DTEND" in event:
        return _moment(event["DTEND"][0], zone) - begin
    if "DURATION" in event:
        found = _DURATION.fullmatch(_text(event, "DURATION"))
        if found is None:
            written = one_line(_text(event, "DURATION"), 60)
            raise ValueError(f"an event's DURATION {written!r} is no duration; one is written PT8H")
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return timedelta(days=1) if len(event["DTSTART"][0][1]) == 8 else timedelta(0)


def _who(event: _Event) -> str:
    """Return the mail address of the event's only attendee; with none or several attendees, its title."""
    attending = [value for _, value in event.get("ATTENDEE", []) if value.casefold().startswith("mailto:")]
    if len(attending) == 1:
        return one_line(attending[0][len("mailto:") :], 120)
    title = re.sub(r"\\([\\;,])", r"\1", _text(event, "SUMMARY").replace("\\n", " ").replace("\\N", " "))
    return one_line(title, 120)


def _text(event: _Event, name: str) -> str:
    return event[name][0][1] if name in event else ""
