"""Make text that strangers wrote safe and short enough to show."""

import unicodedata
from collections.abc import Sequence

ELLIPSIS = "…"

_KEPT_CONTROLS = frozenset("\n\t")
_KEPT_JOINERS = frozenset("\u200c\u200d")
"""Persian, Indic scripts and emoji need them; they can't reorder or hide a line."""

_LINE_BREAKS = frozenset("\r\x0b\x0c\x85\u2028\u2029")


def clean(text: str) -> str:
    r"""Drop what can't be seen but changes what is seen, and what can't be encoded.

    Control characters, bidirectional overrides, zero-width characters and tags vanish; odd line breaks become a line
    feed; lone surrogates, which no channel can encode, become U+FFFD.

    Example
    -------
    >>> clean("safe\u202egpj.exe\x00")
    'safegpj.exe'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text.replace("\r\n", "\n"))


def one_line(text: str, limit: int) -> str:
    """The text without line breaks or repeated spaces, at most `limit` characters long."""
    return shorten(" ".join(clean(text[: 4 * limit]).split()), limit)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters; an ellipsis says that there was more."""
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)].rstrip() + ELLIPSIS


def bullets(lines: Sequence[str]) -> str:
    """One line each, with a bullet."""
    return "\n".join(f"• {line}" for line in lines)


def numbered(lines: Sequence[str]) -> str:
    """One line each, counted from one."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _shown(character: str) -> str:
    if character in _KEPT_CONTROLS or character in _KEPT_JOINERS:
        return character
    if character in _LINE_BREAKS:
        return "\n"
    match unicodedata.category(character):
        case "Cc" | "Cf":
            return ""
        case "Cs":
            return "\N{REPLACEMENT CHARACTER}"
        case _:
            return character
