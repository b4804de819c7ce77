"""Cleaning of a sender's untrusted values before they are stored: length limits, no control characters.

No function here raises. An unreadable value becomes None or empty, and the source decides whether that is an error.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from firstline.text import one_line, shorten, strip_invisible

NAME_LIMIT = 256
TEXT_LIMIT = 4_000
URL_LIMIT = 2_000
LABEL_LIMIT = 50
LABEL_NAME_LIMIT = 128
LABEL_VALUE_LIMIT = 512

_GO = re.compile(r"^([-0-9]{10} [:.0-9]+) ([-+]\d{4}) [-+A-Za-z0-9]+( m=[-+.0-9]+)?$")


_TEMPLATE = re.compile(
    # Go, Jinja, Handlebars; shells and Java; Jinja's and ERB's blocks; Ruby, Logstash, Logic Apps
    r"\{\{.*?\}\}|\$\{[^{}]*\}|\{%.*?%\}|<%.*?%>|[#%@]\{[^{}]*\}"
    # Zabbix's macros; whole values of Prometheus, Splunk and Nagios without their braces
    r"|\{\$?[A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)+\d*\}|^\$[A-Za-z_][\w.]*\$?$",
    re.DOTALL,
)
"""Variables of template languages that the sender left unfilled in a value."""


def has_template(value: Any) -> bool:
    """Return True for a text with an unfilled variable of the sender's template in it: `{{ $labels.severity }}`.

    Such a text says nothing about the alert, so it is no severity, no host and no name.
    """
    if type(value) is not str or not ("{" in value or "$" in value or "<%" in value):
        return False
    return _TEMPLATE.search(value[:TEXT_LIMIT]) is not None


_BRACKETED = ("no value", "null", "nil", "none", "unknown")
_NOTHING = frozenset(
    ["undefined", "*unknown*", "n/a", "-", "--", "?", *_BRACKETED]
    + [f"{left}{word}{right}" for word in _BRACKETED for left, right in ("<>", "[]", "()")]
)


def names_nothing(value: Any) -> bool:
    """Return True for a text that is no name: an unfilled template, or a placeholder such as `n/a` or `<no value>`."""
    if has_template(value):
        return True
    # OpenTelemetry's service without a name: https://opentelemetry.io/docs/specs/semconv/resource/#service
    said = value.strip().lower() if type(value) is str and len(value) < 40 else ""
    return said in _NOTHING or said.startswith("unknown_service")


def is_template(value: Any) -> bool:
    """Return True for an unfilled template without other words: `{{ host.name }}`, not `{{ host.name }} is down`."""
    return has_template(value) and not any(c.isalnum() for c in _TEMPLATE.sub("", value[:TEXT_LIMIT]))


def name(value: Any, limit: int = NAME_LIMIT) -> str | None:
    """Clean a name to one printable line of at most `limit` characters; return None if nothing is left.

    Control, zero-width and bidirectional characters are dropped, because rules match on names and headlines show them.
    """
    text = value if type(value) is str else scalar(value)
    if text is None:
        return None
    if len(text) <= limit and text.isprintable():
        return text.strip() or None
    return one_line(text, limit) or None


def letters(name: str) -> str:
    """Return only the letters and digits of a name, in lower case: `serviceName` and `service_name` become equal."""
    return _letters(name[:LABEL_NAME_LIMIT])


@lru_cache(maxsize=2_048)
def _letters(name: str) -> str:
    """Return only the letters and digits of a name, in lower case; kept in memory, as alerts bring the same names."""
    return "".join([c for c in name.lower() if c.isalnum()])


def exact(value: Any, limit: int = NAME_LIMIT) -> str | None:
    """Return a name unchanged, or None if it is too long or unprintable: a shortened host would be another host.

    An unfilled template or a placeholder such as `n/a` (`names_nothing`) is None too.
    """
    text = scalar(value)
    if not text or len(text) > limit or not text.isprintable() or text.isspace() or names_nothing(text):
        return None
    return text


def prose(*values: Any) -> str:
    """Join the non-empty values to a text for people, each different value on its own line, cut to `TEXT_LIMIT`."""
    parts: list[str] = []
    for value in values:
        text = value if type(value) is str else scalar(value)
        if not text:
            continue
        # Looking is far cheaper than replacing, and nearly every text has nothing to replace.
        if not text.isprintable() and not text.replace("\n", "").isprintable():
            text = strip_invisible(text[: 2 * TEXT_LIMIT])
        text = text.strip()
        if text and text not in parts:
            parts.append(text)
    joined = parts[0] if len(parts) == 1 else "\n".join(parts)
    return shorten(joined, TEXT_LIMIT)


def quoted(value: Any, limit: int = 80) -> str:
    """Quote a sender's value for an error message, without secrets and cut to `limit` characters."""
    from firstline.privacy import redact  # only where something is wrong

    return f"{redact(scalar(value) or type(value).__name__)!r:.{limit}}"


def scalar(value: Any) -> str | None:
    """Return a JSON string, number or boolean as text; None for null, lists and objects."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))  # 57.0 and 57 are one id, whatever wrote the JSON
    return str(value) if isinstance(value, int | float) else None


def labels(value: Any) -> dict[str, str]:
    """Return the strings, numbers and booleans of an object as cleaned text, at most `LABEL_LIMIT` entries.

    Return an empty dict for a value that is no object.
    """
    clean: dict[str, str] = {}
    if type(value) is not dict:
        return clean
    for key, item in value.items():
        if not (type(item) is str and item and len(item) <= LABEL_VALUE_LIMIT and item.isprintable()):
            item = name(item, LABEL_VALUE_LIMIT)
            if item is None:
                continue
        if not (key and len(key) <= LABEL_NAME_LIMIT and key.isprintable()):
            key = name(key, LABEL_NAME_LIMIT)
            if key is None:
                continue
        clean[key] = item
        if len(clean) == LABEL_LIMIT:
            break
    return clean


def first(values: Mapping[str, str], *keys: str) -> str | None:
    """Return the value of the first of `keys` that exists, cleaned by `name`; None if no key exists."""
    for key in keys:
        if key in values:
            return name(values[key])
    return None


def url(*values: Any) -> str | None:
    """Return the first value that is a complete http(s) address, or None. Addresses are shown and never fetched."""
    for value in values:
        if not value or type(value) is not str or not value.startswith(("https://", "http://")):
            continue
        if len(value) <= URL_LIMIT and " " not in value and value.isprintable() and not value.endswith("://"):
            return value
    return None


def moment(value: Any) -> datetime | None:
    """Read a time as UTC: ISO 8601 with any offset and precision, or seconds, ms, µs or ns since 1970.

    A time without an offset is taken as UTC. Times up to 1970 (Go's zero time is year 1) and unreadable values are
    None.
    """
    if type(value) is str:
        if value.isascii() and value.isdecimal():
            return _since_1970(int(value)) if len(value) <= 20 else None
        # Go prints `2026-01-31 12:00:00.5 +0000 UTC`, as a template without a layout does.
        text = _GO.sub(r"\1\2", value) if value.isascii() and value.count(" ") >= 3 else value.removesuffix(" (UTC)")
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return None
        if at.year <= 1970:
            return None
        if at.tzinfo is UTC:
            return at
        try:
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except OverflowError:
            return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return None


def _since_1970(number: float) -> datetime | None:
    if not 86_400 < number < 1e20:
        return None
    for limit, unit in ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000)):
        if number < limit:
            return datetime.fromtimestamp(number / unit, UTC)
    return datetime.fromtimestamp(number / 1_000_000_000, UTC)
