"""Slack's texts: untrusted text as objects in which Slack knows no markup, cut to Slack's limits.

`plain_text` objects are escaped as Slack asks. A rich text's elements are typed: what stands in a `text` element is no
mention and no link, whatever it says, and only a `link` element is one.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firstline.channels.links import PageLink
from firstline.text import ELLIPSIS, strip_invisible

MAX_TEXT = 3_000
MAX_ITEM = 400

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_WORD_JOINER = "\u2060"
_DEFUSED = _ESCAPES | str.maketrans({character: character + _WORD_JOINER for character in "*_~`@:"})
"""An invisible character without width: a `*` or an `@` before it starts no markup."""

_CONTROL = re.compile(r"<(?=[!@#]|https?:|mailto:)")
"""The beginning of Slack's markup for mentions and links. A rich text has none, but a client may think otherwise."""


def escape(text: str, limit: int) -> str:
    """Apply Slack's three escapes and cut to `limit` units, never inside an escape.

    A character outside the Basic Multilingual Plane counts as two units, as in the UTF-16 that Slack's clients count.
    """
    return _fit(text, limit, _ESCAPES)


def escape_markup(text: str, limit: int) -> str:
    """Escape a fallback text and defuse markup's characters; only there would Slack read markup."""
    return _fit(text, limit, _DEFUSED)


def plain(text: str, limit: int) -> dict[str, Any]:
    """Return a text object without markup."""
    # Slack refuses an empty text object, and would turn `:name:` into an emoji.
    return {"type": "plain_text", "text": escape(text, limit) or "-", "emoji": False}


def section(text: str) -> dict[str, Any]:
    """Return a paragraph."""
    return {"type": "section", "text": plain(text, MAX_TEXT)}


def listed(title: str, lines: Sequence[str], *, numbered: bool = False) -> dict[str, Any]:
    """Return a bold title with a list below it, the one form in which a message stresses a word."""
    items = [{"type": "rich_text_section", "elements": [_text(line)]} for line in lines]
    style = "ordered" if numbered else "bullet"
    heading = {"type": "rich_text_section", "elements": [_text(title) | {"style": {"bold": True}}]}
    return {"type": "rich_text", "elements": [heading, {"type": "rich_text_list", "style": style, "elements": items}]}


def fits(text: str) -> bool:
    """Return True if a list shows all of a text."""
    return _units(text) <= MAX_ITEM and strip_invisible(text) == text


def links_line(links: Sequence[PageLink]) -> dict[str, Any]:
    """Return a line of links, each with the host to which it leads."""
    elements: list[dict[str, Any]] = []
    for link in links:
        elements += [_text(" · ")] if elements else []
        elements.append({"type": "link", "url": link.url, "text": _fit(link.text, MAX_ITEM, {})})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def since_line(before: str, began: datetime, age: str, after: str) -> dict[str, Any]:
    """Return a line with an age that Slack keeps up to date: `Since 03:12 UTC, 4 minutes ago · web-1`."""
    ago = {"type": "date", "timestamp": int(began.timestamp()), "format": "{ago}", "fallback": f"{age} ago"}
    elements = [_text(f"{before}, "), ago, _text(f" · {after}")]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _text(text: str) -> dict[str, Any]:
    # Slack refuses an empty one.
    return {"type": "text", "text": _CONTROL.sub(f"<{_WORD_JOINER}", _fit(text, MAX_ITEM, {})) or "-"}


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
