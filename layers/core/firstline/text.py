"""Untrusted text, made safe and short enough to store and to show; addresses; durations and local times in words.

The only module that strips or shortens a text or writes a duration or a local time. HTML is escaped by Jinja2 and
Slack's markup by `channels/slack.py`, each where it is written.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from urllib.parse import urlsplit

ELLIPSIS = "…"

_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Invisible, although Unicode counts them among letters, marks and symbols."""

_LINE_BREAKS = frozenset("\r\x0b\x0c\x85\u2028\u2029")

_JOINERS = frozenset("\u200c\u200d")
"""Zero-width joiners, which Persian, Indic scripts and emoji need, one at a time and between their own characters."""

_LOOSE_JOINERS = re.compile(
    "(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])|(?<=[\u200c\u200d])[\u200c\u200d]+"
)

_TERMINAL = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]{0,500}(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]{0,40}[ -/]{0,4}[@-~](?![\u0300-\u036f])"
)
"""The sequences that colour a terminal or set its title (ECMA-48): without the first character, the rest is text."""

_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Control, format (zero-width, bidi, tags), surrogates, private use, unassigned."""


_HOST = re.compile(r"[a-z0-9._:-]+")
_NOT_IN_LINKS = frozenset(' <>"\\|`^{}')


class _Visible(dict[int, int | None]):
    """A table for `str.translate` that classifies each character once."""

    def __missing__(self, code: int) -> int | None:
        seen = self[code] = _visible(chr(code))
        return seen


_VISIBLE = _Visible()


def strip_invisible(text: str) -> str:
    r"""Drop every invisible character (control, zero-width, bidi, tag, lone surrogate) and terminal colours.

    Such a character can hide a secret from its pattern, reorder what people read, or carry orders to a model. Tabs and
    line feeds stay; other line breaks become a line feed. A joiner stays between two characters beyond ASCII.

    Example
    -------
    >>> strip_invisible("safe\u202egpj.exe\x00")
    'safegpj.exe'
    """
    if text.isascii() and text.isprintable():
        return text
    seen = _TERMINAL.sub("", text).replace("\r\n", "\n").translate(_VISIBLE)
    return seen if _JOINERS.isdisjoint(seen) else _LOOSE_JOINERS.sub("", seen)


def one_line(text: str, limit: int) -> str:
    """Return the text without line breaks or repeated spaces, at most `limit` characters long."""
    return shorten(" ".join(strip_invisible(text[: 4 * limit]).split()), limit)


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters; an ellipsis marks a text that was cut."""
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)].rstrip() + ELLIPSIS


def https_host(url: str, limit: int = 80) -> str | None:
    """Return the host of an address that people may open, with its port; None if the address is not to be offered.

    It must be https, and hide nothing: in `https://bank.example@evil.example` people read the wrong host. The end of a
    long host stays, because that says whose it is.

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
    return whole if len(whole) <= limit else f"{ELLIPSIS}{whole[1 - limit :]}"


def bullets(lines: Sequence[str]) -> str:
    """Return the lines, each with a bullet."""
    return "\n".join(f"• {line}" for line in lines)


def numbered(lines: Sequence[str]) -> str:
    """Return the lines, counted from one."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 minute`, `3 minutes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_words(duration: timedelta | None) -> str:
    """Write a duration for people: `45 seconds`, `2 min 30 s`, `15 minutes`, `2 h 30 min`, `3 days`; None: a dash."""
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
    """Write a duration for a list: `45 s`, `12 min`, `3 h 20 min`, `2 days`; a negative one is none yet: `0 s`."""
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
    """Write a moment in a time zone: `03:12` on the day that it is there now, else `Sun 1 Mar 03:12`.

    A moment of another year has its year: `1 Mar 2025 03:12`.
    """
    there, today = moment.astimezone(zone), now.astimezone(zone)
    if there.date() == today.date():
        return f"{there:%H:%M}"
    day = f"{there:%a} {there.day} {there:%b}" if there.year == today.year else f"{there.day} {there:%b %Y}"
    return f"{day} {there:%H:%M}"


def zoned_time(moment: datetime, zone: tzinfo, now: datetime) -> str:
    """Write a moment in a time zone, with the zone, for people of several: `03:12 CET`, `Sun 1 Mar 03:12 CET`."""
    return f"{local_time(moment, zone, now)} {moment.astimezone(zone):%Z}".rstrip()


def visible(text: str) -> str:
    """Replace each character that can't be seen, or changes what is seen, by its number.

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
