"""Untrusted text as Slack objects without markup, cut to Slack's limits.

`plain_text` objects are escaped as Slack asks. The elements of a rich text are typed: a `text` element is never a
mention or a link, whatever its text says; only a `link` element is a link.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firstline.channels.incident_links import PageLink
from firstline.text import ELLIPSIS, WORD_JOINER, strip_invisible

MAX_TEXT = 3_000
MAX_ITEM = 400

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_DEFUSED = _ESCAPES | str.maketrans({character: character + WORD_JOINER for character in "*_~`@:"})
"""The escapes, and an invisible character behind each character of markup, so that it starts no markup."""

_CONTROL = re.compile(r"<(?=[!@#]|https?:|mailto:)")
"""The beginning of Slack's markup for mentions and links, broken in rich texts too in case a client reads it there."""


def escape(text: str, limit: int) -> str:
    """Escape `&`, `<` and `>`, and cut the text to `limit` UTF-16 units, never inside an escape.

    Slack counts in UTF-16, where a character outside the Basic Multilingual Plane, such as an emoji, is two units.
    """
    return _fit(text, limit, _ESCAPES)


def escape_markup(text: str, limit: int) -> str:
    """Escape a message's fallback text, so that Slack reads no markup in it, and cut it to `limit` UTF-16 units."""
    return _fit(text, limit, _DEFUSED)


def plain(text: str, limit: int) -> dict[str, Any]:
    """Return a text object in which Slack reads no markup; `-` for an empty text, which Slack would refuse."""
    return {"type": "plain_text", "text": escape(text, limit) or "-", "emoji": False}


def section(text: str) -> dict[str, Any]:
    """Return a block with one paragraph without markup."""
    return {"type": "section", "text": plain(text, MAX_TEXT)}


def listed(title: str, lines: Sequence[str], *, numbered: bool = False) -> dict[str, Any]:
    """Return a block with a bold title and a list below it."""
    items = [{"type": "rich_text_section", "elements": [_text(line)]} for line in lines]
    style = "ordered" if numbered else "bullet"
    heading = {"type": "rich_text_section", "elements": [_text(title) | {"style": {"bold": True}}]}
    return {"type": "rich_text", "elements": [heading, {"type": "rich_text_list", "style": style, "elements": items}]}


def fits(text: str) -> bool:
    """Return True if a list shows a text unchanged: not cut, and without invisible characters."""
    return _units(text) <= MAX_ITEM and strip_invisible(text) == text


def links_line(links: Sequence[PageLink]) -> dict[str, Any]:
    """Return a block with a line of links, each with the host to which it leads."""
    elements: list[dict[str, Any]] = []
    for link in links:
        elements += [_text(" · ")] if elements else []
        elements.append({"type": "link", "url": link.url, "text": _fit(link.text, MAX_ITEM, {})})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def since_line(before: str, began: datetime, age: str, after: str) -> dict[str, Any]:
    """Return a block such as `Since 03:12 UTC, 4 minutes ago · web-1`, whose age Slack keeps up to date.

    `before` is the text up to the age, and `after` that behind it. `age` is shown where Slack cannot count.
    """
    ago = {"type": "date", "timestamp": int(began.timestamp()), "format": "{ago}", "fallback": f"{age} ago"}
    elements = [_text(f"{before}, "), ago, _text(f" · {after}")]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _text(text: str) -> dict[str, Any]:
    # Slack refuses an empty text.
    return {"type": "text", "text": _CONTROL.sub(f"<{WORD_JOINER}", _fit(text, MAX_ITEM, {})) or "-"}


def _fit(text: str, limit: int, replacements: Mapping[int, str]) -> str:
    seen = strip_invisible(text[: 4 * limit])
    whole = seen.translate(replacements)
    if _units(whole) <= limit:
        return whole
    # No character becomes less than one unit, so no more than `limit` of them fit.
    count = bisect_right(
        range(limit), limit - len(ELLIPSIS), key=lambda end: _units(seen[:end].translate(replacements))
    )
    return seen[: count - 1].translate(replacements) + ELLIPSIS


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
