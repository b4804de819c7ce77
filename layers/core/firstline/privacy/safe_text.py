"""Untrusted text made safe for a model or a person: visible, without secrets and personal data, and short.

An attacker may have written the text, and it may hold secrets. The order matters. Invisible characters are removed
first, because one inside a secret would hide it; then secrets and personal data are replaced; and the text is cut last,
because half a secret would not be recognised.
"""

from firstline.privacy.redact import redact, redact_label
from firstline.text import shorten, strip_invisible

MAX_RAW_CHARS = 20_000
"""The number of characters of a text that are read; the rest is dropped."""


def safe_text(text: str, limit: int) -> str:
    """Redact a text that may have several lines, and cut it to `limit` characters."""
    return shorten(redact(_visible(text)).strip(), limit)


def safe_line(text: str, limit: int) -> str:
    """Redact a text, join its lines to one, and cut the line to `limit` characters."""
    return shorten(" ".join(redact(_visible(text)).split()), limit)


def safe_label(name: str, value: str, limit: int) -> str:
    """Redact a label's value (all of it for a name such as `password`), and cut it to a line of `limit` characters."""
    return safe_line(redact_label(name, _visible(value)), limit)


def _visible(text: str) -> str:
    return strip_invisible(text[:MAX_RAW_CHARS])
