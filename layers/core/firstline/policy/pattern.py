"""The one way in which the owner's words are compared with an alert's: in rules, silences, routes, runbooks, freezes.

Upper and lower case are the same, and so are the Unicode forms of one character. In a pattern `*` stands for any text
and `?` for one character; every other character, brackets and backslashes too, stands for itself. So the text of an
alert, copied, always fits that alert.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import normalize

_CACHED = 32_768
"""Patterns of the owner's files stay the same; the cache has room for those of many hundred runbooks."""


def fold(text: str) -> str:
    """Return the form in which texts are compared: equal for all cases and Unicode forms of one text."""
    if text.isascii():
        return text.lower()
    # Unicode's compatibility caseless match, definition 146 in https://www.unicode.org/versions/latest/core-spec/chapter-3/
    return normalize("NFKC", normalize("NFKD", normalize("NFD", text).casefold()).casefold())


def fits(patterns: Iterable[str], text: str) -> bool:
    """Return True if any of the patterns fits the whole of a text."""
    folded = fold(text)
    return any(_compiled(pattern).fullmatch(folded) for pattern in patterns)


def covers(wide: str, narrow: str) -> bool:
    """Return True if the wide pattern surely fits whatever the narrow one fits; False if unsure."""
    if wide == narrow or (wide and not wide.strip("*")):
        return True
    if "*" in narrow and "?" in wide:
        return False
    # The narrow signs become characters that no literal has, so that only a wide sign can take them.
    return fits([wide], narrow.replace("*", "\ue000").replace("?", "\ue001"))


def mentions(phrases: Iterable[str], text: str) -> bool:
    """Return True if a phrase stands in a text as whole words: `disk` is in "Disk full" and not in "diskette"."""
    said = _words(text)
    return any(re.search(rf"(?<!\w){re.escape(_words(phrase))}(?!\w)", said) for phrase in phrases)


@lru_cache(maxsize=_CACHED)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Translate a pattern so that the text between two stars is looked for once, and nothing is tried again."""
    # The parts are folded, not the pattern: folding turns a full-width star, which is text, into a star.
    first, *others = (".".join(re.escape(fold(text)) for text in part.split("?")) for part in pattern.split("*"))
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + last, re.DOTALL)


def _words(text: str) -> str:
    return " ".join(fold(text).split())
