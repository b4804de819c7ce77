"""Put `[redacted <what>]` in place of secrets and personal data.

The invisible is taken out first, because one such character inside a secret would hide it. A text in which nothing is
found comes back as it was, to the byte.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from firstline.privacy import encoded, named, personal, shapes
from firstline.text import strip_invisible

SHORTEST = 8
"""No text below this holds a secret that could be told from a word."""

HIDDEN = "[redacted secret]"

DEEPEST = 12
MOST_CHARS = 65_536
"""So much of a body or a log line is looked through, and kept; the rest of it is dropped."""


def redact_secrets(text: str) -> str:
    """Without passwords, keys, tokens and their like.

    Example
    -------
    >>> redact_secrets("redis://app:hunter22@cache:6379 refused")
    'redis://[redacted password in a URL]@cache:6379 refused'
    """
    return _redacted(text, _secrets)


def redact(text: str) -> str:
    """Without secrets and without personal data: for whoever is outside, a model or a channel.

    Example
    -------
    >>> redact("ada@example.com cannot log in")
    '[redacted e-mail address] cannot log in'
    """
    return _redacted(text, _secrets_and_personal)


def redact_label(name: str, value: str) -> str:
    """A label's value without secrets; nothing of it where the name says that it is one.

    Sources take texts apart at colons, so `7123456789:AA…`, `https://…` and `curl -u app:hunter22` arrive as a name and
    a value: together they are looked at, too.
    """
    hidden = _field(name, value, redact_secrets)
    whole = f"{name}:{value}"
    return hidden if hidden != value or redact_secrets(whole).endswith(f":{value}") else HIDDEN


def redact_payload(payload: Any) -> Any:
    """Parsed JSON without secrets, in keys and values, and within bounds."""
    return _Walk(redact_secrets).private("", payload, DEEPEST)


def redact_log(record: Any) -> Any:
    """What is to be logged, without secrets and without personal data."""
    return _Walk(redact).private("", record, DEEPEST)


class _Walk:
    """One pass over a payload, which may be built to be endless work."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        self.hide = hide
        self.left = MOST_CHARS

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
    seen = strip_invisible(text)
    hidden = _replaced(seen, encoded.percent_encoded(seen, find))
    hidden = _replaced(hidden, chain(find(hidden), encoded.across_lines(hidden, shapes.found)))
    hidden = _replaced(hidden, encoded.base64_encoded(hidden, _secrets))
    return text if hidden == seen else hidden


def _secrets(text: str) -> Iterator[tuple[int, int, str]]:
    yield from shapes.found(text)
    yield from named.found(text)


def _secrets_and_personal(text: str) -> Iterator[tuple[int, int, str]]:
    yield from _secrets(text)
    yield from personal.found(text)


def _replaced(text: str, found: Iterable[tuple[int, int, str]]) -> str:
    """The text with each place replaced; of places that overlap, the one that begins first names the whole."""
    pieces: list[str] = []
    at = 0
    for begin, end, what in sorted(found, key=lambda place: (place[0], -place[1])):
        if begin >= at:
            pieces += text[at:begin], f"[redacted {what}]"
        at = max(at, end)
    pieces.append(text[at:])
    return "".join(pieces)
