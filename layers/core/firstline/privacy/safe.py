"""Text for a model or a person: visible, without secrets and personal data, and short.

Telemetry is text that an attacker may have written and that may carry secrets. Order matters: invisible characters go
first (one inside a secret would hide it), secrets and personal data next, and the cut comes last (a secret cut in half
matches no pattern).
"""

from firstline.privacy.redact import redact, redact_label
from firstline.text import shorten, strip_invisible

MAX_RAW_CHARS = 20_000
"""The rest of a longer text is not even read."""


def safe_text(text: str, limit: int) -> str:
    """Redact a text of many lines, and shorten it to `limit` characters."""
    return shorten(redact(_visible(text)).strip(), limit)


def safe_line(text: str, limit: int) -> str:
    """Redact a text, and shorten it to one line of `limit` characters."""
    return shorten(" ".join(redact(_visible(text)).split()), limit)


def safe_label(name: str, value: str, limit: int) -> str:
    """Redact a label's value, the whole of it if the label is named like a secret, and shorten it."""
    return safe_line(redact_label(name, _visible(value)), limit)


def _visible(text: str) -> str:
    return strip_invisible(text[:MAX_RAW_CHARS])
