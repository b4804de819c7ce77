"""Characters that are drawn as nothing: one inside a secret hides it, and orders to a model can be made of them."""

import unicodedata

_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Drawn as nothing, although Unicode counts them among letters, marks and symbols."""

_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Control, format (zero-width, bidi, tags), surrogates, private use, unassigned."""


def visible(text: str) -> str:
    """Drop what cannot be seen: control, zero-width, bidi and tag characters. Line breaks and tabs stay.

    Example
    -------
    >>> visible("pass\\u200bword\\u202e")
    'password'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_seen, text))


def _seen(character: str) -> str:
    if character in "\n\t":
        return character
    if character in _INVISIBLE_LETTERS or unicodedata.category(character) in _DROPPED_CATEGORIES:
        return ""
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return ""  # variation selectors: a known way to smuggle text
    return "\n" if character in "\u2028\u2029" else character
