"""Text helpers: make untrusted text safe and short, check addresses, and write durations and local times for people.

No other module strips or shortens a text, or writes a duration or a local time. Escaping is done elsewhere: Jinja2
escapes HTML, and `channels/slack.py` escapes Slack's markup.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from urllib.parse import urlsplit

ELLIPSIS = "…"

WORD_JOINER = "\u2060"
"""An invisible character that keeps two others from being read as markup."""

_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that are invisible although Unicode classifies them as letters, marks or symbols."""

_LINE_BREAKS = frozenset("\r\x0b\x0c\x85\u2028\u2029")

_JOINERS = frozenset("\u200c\u200d")
"""Zero-width joiners: Persian, Indic scripts and emoji need single ones, each between two characters beyond ASCII."""

_LOOSE_JOINERS = re.compile(
    "(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])|(?<=[\u200c\u200d])[\u200c\u200d]+"
)

_TERMINAL = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]{0,500}(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]{0,40}[ -/]{0,4}[@-~](?![\u0300-\u036f])"
)
"""Control sequences that colour a terminal or set its title (ECMA-48). They must go as a whole: without the invisible
first character, the rest would be left as text."""

_PLAIN = re.compile(r"[\t\n\x20-\x7e\xa0-\xac\xae-\xff–—“”„’…•→]*")
"""A text that is visible as it is: most texts are, and need not be looked at character by character."""

_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Unicode categories to drop: control, format (zero-width, bidi, tags), surrogate, private use, unassigned."""


_HOST = re.compile(r"[a-z0-9._:-]+")
_LONGEST_HOST = 80
_NOT_IN_LINKS = frozenset(' <>"\\|`^{}')


class _Visible(dict[int, int | None]):
    """A table for `str.translate` that drops invisible characters and makes each line break a line feed.

    An entry is computed when its character is first met, and then kept.
    """

    def __missing__(self, code: int) -> int | None:
        seen = self[code] = _visible(chr(code))
        return seen


_VISIBLE = _Visible()


def strip_invisible(text: str) -> str:
    r"""Drop every invisible character (control, zero-width, bidi, tag, lone surrogate) and terminal colours.

    An invisible character can hide a secret from redaction, reorder what people read, or carry orders to a model. Tabs
    and line feeds stay, other line breaks become line feeds. A zero-width joiner between two characters beyond ASCII
    stays.

    Example
    -------
    >>> strip_invisible("safe\u202egpj.exe\x00")
    'safegpj.exe'
    """
    if _PLAIN.fullmatch(text):
        return text
    seen = _TERMINAL.sub("", text).replace("\r\n", "\n").translate(_VISIBLE)
    return seen if _JOINERS.isdisjoint(seen) else _LOOSE_JOINERS.sub("", seen)


def one_line(text: str, limit: int) -> str:
    """Return the text on one line, without invisible characters and repeated spaces, of at most `limit` characters."""
    return shorten(" ".join(strip_invisible(text[: 4 * limit]).split()), limit)


def shorten(text: str, limit: int) -> str:
    """Cut a text to at most `limit` characters, of which the last is an ellipsis if the text was longer."""
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)].rstrip() + ELLIPSIS


def https_host(url: str) -> str | None:
    """Return the host and port of an https address that is safe to show people as a link; None if it is not safe.

    An address that is not https, or that hides its host, is not safe: in `https://bank.example@evil.example` people
    read the wrong host. Of a host of more than 80 characters the end is kept, because the end says who owns it.

    Example
    -------
    >>> https_host("https://wiki.example:8443/disk")
    'wiki.example:8443'
    """
    if url[:8].lower() != "https://" or not url.isprintable() or not _NOT_IN_LINKS.isdisjoint(url):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    whole = f"{host}:{port}" if port else host
    return whole if len(whole) <= _LONGEST_HOST else f"{ELLIPSIS}{whole[1 - _LONGEST_HOST :]}"


def bullets(lines: Sequence[str]) -> str:
    """Write the lines as a list with a bullet before each line."""
    return "\n".join(f"• {line}" for line in lines)


def numbered(lines: Sequence[str]) -> str:
    """Write the lines as a list numbered from 1."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def count(number: int, noun: str) -> str:
    """Write a number with its noun, in the plural unless the number is 1: `1 minute`, `3 minutes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_words(duration: timedelta | None) -> str:
    """Write a duration for people: `45 seconds`, `2 min 30 s`, `15 minutes`, `2 h 30 min`, `3 days`; `–` for None."""
    if duration is None:
        return "–"
    seconds = round(duration.total_seconds())
    if seconds < 60:
        return count(seconds, "second")
    minutes, rest = divmod(seconds, 60)
    if minutes < 10 and rest:
        return f"{minutes} min {rest} s"
    if minutes < 120:
        return count(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} hours"
    return f"{hours // 24} days"


def short_duration(duration: timedelta) -> str:
    """Write a duration briefly, for a table: `45 s`, `12 min`, `3 h 20 min`, `2 days`; a negative one is `0 s`."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} days"


def local_time(moment: datetime, zone: tzinfo, now: datetime) -> str:
    """Write a moment as local time: `03:12` if it is today, `Sun 1 Mar 03:12` on another day of this year.

    A moment in another year is written with the year: `1 Mar 2025 03:12`.
    """
    there, today = moment.astimezone(zone), now.astimezone(zone)
    if there.date() == today.date():
        return f"{there:%H:%M}"
    day = f"{there:%a} {there.day} {there:%b}" if there.year == today.year else f"{there.day} {there:%b %Y}"
    return f"{day} {there:%H:%M}"


def zoned_time(moment: datetime, zone: tzinfo, now: datetime) -> str:
    """Write a moment as `local_time` does, followed by the time zone: `03:12 CET`, `Sun 1 Mar 03:12 CET`."""
    return f"{local_time(moment, zone, now)} {moment.astimezone(zone):%Z}".rstrip()


def visible(text: str) -> str:
    r"""Write each invisible character as its code point, also one that reorders the text; line feeds and tabs stay.

    Example
    -------
    >>> visible("rm \u202e/tmp")
    'rm <U+202E>/tmp'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"<U+{ord(character):04X}>"
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
        else character
        for character in text
    )


def _visible(character: str) -> int | None:
    if character in "\n\t" or character in _JOINERS:
        return ord(character)
    if character in _LINE_BREAKS:
        return ord("\n")
    if character in _INVISIBLE_LETTERS or unicodedata.category(character) in _DROPPED_CATEGORIES:
        return None
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return None  # variation selectors: a known way to smuggle text
    return ord(character)
