"""Replacement of secrets and personal data by `[redacted <kind>]`.

Invisible characters are removed before the search, because one inside a secret would hide the secret. A text in which
nothing is found is returned unchanged.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from firstline.privacy import encoded, named, personal, shapes
from firstline.text import strip_invisible

SHORTEST = 8
"""The length below which a text is not searched, because a short secret cannot be told from a word."""

HIDDEN = "[redacted secret]"

SHORT = 256
MOST_SHORT_TEXTS = 2_048
"""The number of results that are cached, for texts of up to `SHORT` characters: about a megabyte."""

DEEPEST = 12
MOST_CHARS = 65_536
"""The number of characters of a body or log line that are searched and kept; the rest is dropped."""


def redact_secrets(text: str) -> str:
    """Replace passwords, keys, tokens and similar secrets in a text.

    Example
    -------
    >>> redact_secrets("redis://app:hunter22@cache:6379 refused")
    'redis://[redacted password in a URL]@cache:6379 refused'
    """
    return _redacted(text, _secrets)


def redact(text: str) -> str:
    """Replace secrets and personal data in a text for a model or a channel.

    Example
    -------
    >>> redact("ada@example.com cannot log in")
    '[redacted e-mail address] cannot log in'
    """
    return _redacted(text, _secrets_and_personal)


def redact_label(name: str, value: str) -> str:
    """Replace secrets in a label's value, or the whole value if the label's name says that it is a secret.

    Sources split texts at colons, so that `7123456789:AA…` or `curl -u app:hunter22` arrives as a name and a value.
    Therefore the text `name:value` is searched, too.
    """
    hidden = _field(name, value, redact_secrets)
    whole = f"{name}:{value}"
    return hidden if hidden != value or redact_secrets(whole).endswith(f":{value}") else HIDDEN


def redact_payload(payload: Any) -> Any:
    """Replace secrets in the keys and values of parsed JSON, and limit its depth and size."""
    return _Walk(redact_secrets).private("", payload, DEEPEST)


def redact_log(record: Any) -> Any:
    """Replace secrets and personal data in a log record, and limit its depth and size."""
    return _Walk(redact).private("", record, DEEPEST)


@dataclass(slots=True)
class _Walk:
    """One redaction of a payload, nested objects and lists included.

    `hide` redacts a text, and `left` is the number of characters that it may still search, so that no payload causes
    endless work. The text that reaches this limit is cut; values after it or nested too deep become `[left out]`.
    """

    hide: Callable[[str], str]
    left: int = MOST_CHARS

    def private(self, name: str, value: Any, deep: int) -> Any:
        if self.left <= 0 or deep == 0:
            return "[left out]"
        match value:
            case str():
                text = value[: self.left]
                self.left -= len(text) + 1
                return _field(name, text, self.hide)
            case dict():
                return {
                    self.hide(key) if isinstance(key, str) else key: self.private(str(key), item, deep - 1)
                    for key, item in value.items()
                }
            case list() | tuple():
                return [self.private(name, item, deep - 1) for item in value]
            case bool() | int() | float() | None:
                self.left -= 1
                return value
            case _:  # an exception, say: a log line would show its words
                return self.private(name, str(value), deep)


def _field(name: str, value: str, hide: Callable[[str], str]) -> str:
    return HIDDEN if named.is_secret_label(name, value) else hide(value)


def _redacted(text: str, find: encoded.Finder) -> str:
    if len(text) < SHORTEST:
        return text
    return _searched_once(text, find) if len(text) <= SHORT else _searched(text, find)


def _searched(text: str, find: encoded.Finder) -> str:
    seen = strip_invisible(text)
    hidden = _replaced(seen, encoded.percent_encoded(seen, find))
    hidden = _replaced(hidden, chain(find(hidden), encoded.across_lines(hidden, shapes.found)))
    hidden = _replaced(hidden, encoded.base64_encoded(hidden, _secrets))
    return text if hidden == seen else hidden


_searched_once = lru_cache(MOST_SHORT_TEXTS)(_searched)
"""The function `_searched` with a cache, because the alerts of a delivery have most of their labels in common."""


def _secrets(text: str) -> Iterator[tuple[int, int, str]]:
    return chain(shapes.found(text), named.found(text))


def _secrets_and_personal(text: str) -> Iterator[tuple[int, int, str]]:
    return chain(_secrets(text), personal.found(text))


def _replaced(text: str, found: Iterable[tuple[int, int, str]]) -> str:
    """Replace each place in `found` (start, end, kind) by `[redacted <kind>]`.

    Places that overlap are replaced as one, with the kind of the one that starts first.
    """
    pieces: list[str] = []
    at = 0
    for begin, end, what in sorted(found, key=lambda place: (place[0], -place[1])):
        if begin >= at:
            pieces += text[at:begin], f"[redacted {what}]"
        at = max(at, end)
    pieces.append(text[at:])
    return "".join(pieces)
