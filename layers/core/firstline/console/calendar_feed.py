"""The calendar feed of who is on call: `GET /oncall/<schedule>.ics?person=<name>&key=<key>`, for calendar programs.

A calendar program has no session, so the address carries a key: an HMAC for one schedule and one person, made with a
secret of its own. The feed of a person who leaves the list ends, and a new secret ends all feeds. A feed has names and
times, and nothing about incidents.

https://www.rfc-editor.org/rfc/rfc5545: lines end with CRLF and are folded at 75 bytes; texts are escaped.
"""

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from firstline.console import web
from firstline.console.web import Response
from firstline.errors import ConfigurationError, HistoryUnavailable, NotEntitled
from firstline.observability import logger
from firstline.people import links
from firstline.people.on_call import OverridesOf
from firstline.policy.oncall import NOBODY, Override, Roster, Shift
from firstline.policy.people import People
from firstline.text import strip_invisible

SECRET = "console/calendar-key"  # noqa: S105 (its name)
AHEAD = timedelta(days=90)
BEHIND = timedelta(days=14)
"""The time for which overrides that are over are still read, because one may say when the present shift began."""

_PURPOSE = "firstline-calendar-1"
_MOST_BYTES = 75


def key_of(schedule: str, person: str, secret: str) -> str:
    """Return the key in the address of a person's feed of a schedule: 40 hex digits of an HMAC made with `secret`."""
    return hmac.digest(secret.encode(), f"{_PURPOSE}\n{schedule}\n{person}".encode(), "sha256").hex()[:40]


def address(api_url: str, schedule: str, person: str, secrets: Sequence[str], *, whole: bool) -> str:
    """Return the address of a person's feed: of everybody's shifts if `whole`, else of the person's own.

    The first of the secrets makes the key in it. `api_url` has no slash at its end.

    Raises
    ------
    NotEntitled
        There is no secret.
    ConfigurationError
        A secret is too short.
    """
    key = key_of(schedule, person, links.checked(secrets, SECRET)[0])
    asked = {"person": person} | ({"all": "1"} if whole else {}) | {"key": key}
    return f"{api_url}/oncall/{schedule}.ics?{urlencode(asked)}"


@dataclass(frozen=True)
class CalendarFeed:
    """The handler of the requests of calendar programs.

    Parameters
    ----------
    secrets
        Returns the secrets with which a feed's key may have been made. Without any, all feeds are closed.
    """

    stack: str
    schedules: Mapping[str, Roster]
    overrides_of: OverridesOf
    people: Callable[[], People]
    secrets: Callable[[], Sequence[str]]

    def handle(self, event: Mapping[str, Any], now: datetime) -> Response:
        """Answer a GET of API Gateway (HTTP API, format 2.0). No input of a visitor raises an error."""
        name = event["rawPath"].removeprefix("/oncall/").removesuffix(".ics")
        person, key = (web.query(event, asked) or "" for asked in ("person", "key"))
        try:
            if not self._is_theirs(name, person, key):
                return _text(HTTPStatus.NOT_FOUND, "There is no such calendar.")
            overrides = self.overrides_of(name, now - BEHIND)
        except (NotEntitled, ConfigurationError):
            logger.exception("The calendar feeds are closed: set or mend the secret that this error names")
            return _text(HTTPStatus.NOT_FOUND, "There is no such calendar.")
        except HistoryUnavailable:
            logger.exception("A calendar feed could not read the table; the calendar program was asked to come back")
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, "The calendar cannot be read now. Try again in some minutes.")
        only = None if web.query(event, "all") else person
        body = calendar(f"{self.stack}/{name}", self.schedules[name], overrides, now, only=only)
        return _text(HTTPStatus.OK, body, "text/calendar; charset=utf-8")

    def _is_theirs(self, schedule: str, person: str, key: str) -> bool:
        """Return True if the key fits this schedule and this person, and both are still in the owner's files."""
        wanted = [key_of(schedule, person, secret) for secret in links.checked(self.secrets(), SECRET)]
        genuine = [hmac.compare_digest(each.encode(), key.encode("utf-8", "replace")) for each in wanted]
        return any(genuine) and schedule in self.schedules and person in self.people().people


def calendar(
    name: str, roster: Roster, overrides: Sequence[Override], now: datetime, *, only: str | None = None
) -> str:
    """Return the shifts of the next 90 days as iCalendar, the present one included.

    Parameters
    ----------
    name
        The unique name of the schedule: `<stack>/<schedule>`.
    only
        The person whose shifts are returned; None for everybody's.
    """
    title = name.rpartition("/")[2]
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Firstline//On call//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(f'On call: {title}' + (f', {only}' if only else ''))}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    end = now + AHEAD
    for shift in roster.shifts(overrides, now, end):
        if shift.person != NOBODY and only in (None, shift.person):
            lines += _event(name, shift, now, end)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _event(name: str, shift: Shift, now: datetime, end: datetime) -> list[str]:
    """Return the lines of a shift as a calendar event. Its UID stays the same if the end of the shift moves.

    `name` is the unique name of the schedule. A shift without a known end is shown until `end`.
    """
    begin = shift.since or now
    known = f"{name}\n{shift.person}\n{shift.since and _utc(shift.since)}"
    return [
        "BEGIN:VEVENT",
        f"UID:{sha256(known.encode()).hexdigest()[:32]}@firstline",
        f"DTSTAMP:{_utc(now)}",
        f"DTSTART:{_utc(begin)}",
        f"DTEND:{_utc(shift.until or end)}",
        f"SUMMARY:{_escaped(f'{shift.person} on call: {name.rpartition("/")[2]}')}",
        f"DESCRIPTION:{_escaped(shift.because)}",
        # A shift is no meeting: it keeps nobody's time from being booked.
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """Escape a text for iCalendar (a TEXT value, RFC 5545, 3.3.11)."""
    text = strip_invisible(text).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return "\\n".join(text.splitlines())


def _folded(line: str) -> Iterator[str]:
    """Yield a line of iCalendar in pieces of at most 75 bytes, cut between characters (RFC 5545, 3.1)."""
    piece, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > _MOST_BYTES:
            yield piece
            piece, size = " ", 1
        piece, size = piece + character, size + width
    yield piece


def _text(status: HTTPStatus, body: str, content_type: str = "text/plain; charset=utf-8") -> Response:
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "private, max-age=900" if status == HTTPStatus.OK else "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    return {"statusCode": int(status), "headers": headers, "body": body}
