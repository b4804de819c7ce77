"""Amounts that an alert's text names, and how much haste is in them: what is left, what is used, how long there is.

Whoever writes "within 4 hours" or "less than 3 % left" chose the amount for its haste. Who waits for half an hour
before telling is in none.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WORDS = {word: count for count, word in enumerate(("an", "two", "three", "four", "five", "six", "seven"), 1)}

_SPAN = rf"([0-9]{{1,4}}|{'|'.join(_WORDS)}) ?(m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?)\b"
_SHARE = r"([0-9]{1,3})(?:\.[0-9]+)? ?(?:%|percent\b)"
_LEFT = re.compile(
    rf"(?:less than|below|under|only|<) ?{_SHARE}(?: \w{{1,20}}){{0,3}} (?:left|free|available|remaining)\b"
)
_USED = re.compile(rf"(?<![0-9.]){_SHARE}")
_AHEAD = re.compile(rf"(?:\b(?:within|in|next|less than|under)|<) ?(?:the )?(?:next )?(?:less than )?{_SPAN}")
_LASTED = re.compile(rf"\bfor (?:the )?(?:(?:last|past|more than|longer than|over|at least) )?{_SPAN}")

_HASTE, _TODAY = timedelta(hours=6), timedelta(hours=1)


def read(text: str) -> Iterator[tuple[int, str]]:
    """Points, as in the lexicon, each with words for the record; they hold nothing of the text but numbers.

    Example
    -------
    >>> list(read("Predicted to run out of space within the next 4 hours"))
    [(4, 'within 4 hours')]
    """
    text = " ".join(text.lower().replace("in the next hour", "in an hour").split())
    if left := _LEFT.search(text):
        share = int(left[1])
        if share <= 5:
            yield 3, f"{share} % left"
    elif used := _USED.search(text):
        share = int(used[1])
        if 95 <= share <= 100:
            yield 3, f"{share} %"
        elif 70 <= share < 90:
            yield -2, f"{share} %"
    if ahead := _AHEAD.search(text):
        span, words = _span(ahead)
        yield (4 if span <= _HASTE else -3), f"within {words}"
    if lasted := _LASTED.search(text):
        span, words = _span(lasted)
        if timedelta(minutes=15) <= span < _TODAY:
            yield -2, f"for {words}"


def _span(found: re.Match[str]) -> tuple[timedelta, str]:
    count, unit = _WORDS.get(found[1]) or int(found[1]), _UNITS[found[2][0]]
    return timedelta(**{unit: count}), f"{count} {unit if count != 1 else unit.removesuffix('s')}"
