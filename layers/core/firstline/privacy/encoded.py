"""The search for encoded secrets: percent-encoded, in base64, or broken over lines.

Each function yields the places that it finds as start, end and kind. Its parameter `plain` is a function that finds
secrets in plain text, and yields their places in the same way.
"""

import base64
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

type Found = Iterator[tuple[int, int, str]]
type Finder = Callable[[str], Found]

_WORD = re.compile(r"[^\s\"'<>]+")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}={0,2}(?![A-Za-z0-9+/_=-])")
_BREAK = re.compile(r"(?<=[\w+/=.~-])[ \t]*(?:\r?\n|\\n)[ \t]*(?=[\w+/=.~-])")
_LAYERS = 2
"""The number of times that a text is decoded: a Kubernetes Secret may hold base64 of base64."""


def percent_encoded(text: str, plain: Finder, layers: int = _LAYERS) -> Found:
    """Yield the places (start, end, kind) of percent-encoded words that hold a secret.

    A word is decoded up to `layers` times, and `plain` searches the decoded text for secrets. Call this before
    `plain` alone, which finds only the beginning of a key with `%3D` in it.
    """
    if layers == 0 or "%" not in text:
        return
    for match in _WORD.finditer(text):
        decoded = unquote(match[0]) if "%" in match[0] else match[0]
        what = _first(decoded, plain, layers) if decoded != match[0] else None
        if what:
            yield *match.span(), what


def base64_encoded(text: str, plain: Finder, layers: int = _LAYERS) -> Found:
    """Yield the places (start, end, kind) of words in base64 that hold a secret.

    A word is decoded up to `layers` times, and `plain` searches the decoded text for secrets.
    """
    if layers == 0:
        return
    for match in _BASE64.finditer(text):
        unpacked = _unpacked(match[0])
        what = _first(unpacked, plain, layers) if unpacked else None
        if what:
            yield *match.span(), what


def across_lines(text: str, plain: Finder) -> Found:
    """Yield the places (start, end, kind) of secrets that a line break splits; `plain` searches the joined lines.

    A place may reach too far, over the first word of the line after the secret.
    """
    breaks = [match.span() for match in _BREAK.finditer(text)]
    if not breaks:
        return
    joined: list[str] = []
    origin: list[int] = []
    at = 0
    for begin, end in [*breaks, (len(text), len(text))]:
        joined.append(text[at:begin])
        origin += range(at, begin)
        at = end
    for begin, end, what in plain("".join(joined)):
        if any(origin[begin] < gap < origin[end - 1] for gap, _ in breaks):
            yield origin[begin], origin[end - 1] + 1, what


def _first(text: str, plain: Finder, layers: int) -> str | None:
    looked = (plain(text), percent_encoded(text, plain, layers - 1), base64_encoded(text, plain, layers - 1))
    return next((what for found in looked for _, _, what in found), None)


def _unpacked(word: str) -> str | None:
    """Decode a word of base64 to printable text; None if it is no base64 or decodes to anything else."""
    core = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(core + "=" * (-len(core) % 4), validate=True).decode("utf-8")
    except ValueError:  # no base64, or no UTF-8
        return None
    return text if text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else None
