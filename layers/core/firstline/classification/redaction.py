"""Telemetry is text that an attacker may have written and that may carry secrets: make it fit for a model and a page.

Order matters: invisible characters go first (one inside a secret would hide it), secrets and personal data next, and
the cut comes last (a secret cut in half matches no pattern). What is found, and how well: `firstline.privacy`.
"""

from firstline.privacy import redact, redact_label
from firstline.text import shorten, strip_invisible

__all__ = ["MAX_RAW_CHARS", "clean", "redact", "safe_label", "safe_line", "safe_text"]

MAX_RAW_CHARS = 20_000
"""More than this of any one text is not even looked at."""


def clean(text: str) -> str:
    """Drop what cannot be seen, of the beginning of a text: control, zero-width, bidi and tag characters.

    Example
    -------
    >>> clean("pass\\u200bword\\u202e")
    'password'
    """
    return strip_invisible(text[:MAX_RAW_CHARS])


def safe_text(text: str, limit: int) -> str:
    """A text of many lines as a model or a person may read it: visible, nothing private, at most `limit` characters."""
    return shorten(redact(clean(text)).strip(), limit)


def safe_line(text: str, limit: int) -> str:
    """The same on one line."""
    return shorten(" ".join(redact(clean(text)).split()), limit)


def safe_label(name: str, value: str, limit: int) -> str:
    """A label's value; one whose name says that it is a secret is not shown at all."""
    return safe_line(redact_label(name, clean(value)), limit)
