"""The comparison of the owner's patterns with an alert's texts, in rules, silences, routes, runbooks and freezes.

Case, Unicode forms, invisible characters and the width of spaces make no difference. In a pattern `*` stands for any
text and `?` for one character; every other character stands for itself, brackets and backslashes too. So a text that is
copied from an alert always fits that alert.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import normalize

from firstline.text import strip_invisible

_CACHED = 32_768
"""The number of compiled patterns that are kept: enough for many hundred runbooks, whose patterns never change."""

_SIGNS = re.compile(r"([*?])")
_BLANKS = re.compile(r"\s+")
_JOINERS = {0x200C: None, 0x200D: None}


@lru_cache(maxsize=256)
def fold(text: str) -> str:
    """Return the form in which texts are compared, without differences in case, Unicode form and spacing."""
    return _folded(text).strip()


def fits(patterns: Iterable[str], text: str) -> bool:
    """Return True if any of the patterns fits the whole text; False without patterns."""
    wanted = tuple(patterns)
    return bool(wanted) and _compiled(wanted).fullmatch(fold(text)) is not None


def covers(wide: str, narrow: str) -> bool:
    """Return True if the pattern `wide` certainly fits every text that `narrow` fits; False if that is not certain."""
    if wide == narrow or (wide and not wide.strip("*")):
        return True
    if "*" in narrow and "?" in wide:
        return False
    # The narrow signs become characters that no folded text has, so that only a wide sign can take them.
    literals, signs = _split(narrow)
    marks = ["\0" if sign == "*" else "\1" for sign in signs]
    return _compiled((wide,)).fullmatch("".join(map("".join, zip(literals, [*marks, ""], strict=True)))) is not None


def mentions(phrases: Iterable[str], text: str) -> bool:
    """Return True if any phrase is in a text as whole words: `disk` is in "Disk full", but not in "diskette"."""
    said = fold(text)
    return any(re.search(rf"(?<!\w){re.escape(fold(phrase))}(?!\w)", said) for phrase in phrases)


@lru_cache(maxsize=_CACHED)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Compile several patterns to one regular expression, which matches what any of them fits."""
    return re.compile("|".join(f"(?:{_translated(pattern)})" for pattern in patterns), re.DOTALL)


def _translated(pattern: str) -> str:
    """Translate a pattern to a regular expression without backtracking, so that matching takes linear time."""
    parts = [""]
    literals, signs = _split(pattern)
    for literal, sign in zip(literals, [*signs, ""], strict=True):
        parts[-1] += re.escape(literal) + ("." if sign == "?" else "")
        parts += [""] if sign == "*" else []
    first, *others = parts
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + last


def _split(pattern: str) -> tuple[list[str], list[str]]:
    """Split a pattern into its folded texts and the signs `*` and `?` between them.

    The texts are folded after the split, because folding turns a full-width star, which is text, into a star.
    """
    pieces = _SIGNS.split(pattern)
    literals, signs = list(map(_folded, pieces[::2])), pieces[1::2]
    literals[0] = literals[0].lstrip()
    literals[-1] = literals[-1].rstrip()
    return literals, signs


def _folded(text: str) -> str:
    if text.isascii() and text.isprintable():
        folded = text.lower()
    else:
        # Ingest drops what is invisible; people who copy a name from its sender don't see that they copy it, too.
        seen = strip_invisible(text).translate(_JOINERS)
        # A compatibility caseless match: definition D146 in https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-3/
        folded = normalize("NFKC", normalize("NFKD", normalize("NFD", seen).casefold()).casefold())
    return _BLANKS.sub(" ", folded)
