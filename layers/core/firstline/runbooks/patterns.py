"""The patterns that guard a runbook's parameters: small enough to read, and to prove harmless.

A value reaches a shell on somebody's host, maybe as root, so not every regular expression is allowed as a pattern. The
allowed subset means the same to Python (which plans), to Systems Manager and to its agent, which is written in Go
(both check `allowedPattern`). Its patterns name every character that they let through, and no hostile value makes their
match slow.
"""

import re
import string

from firstline.runbooks.linear_matcher import LinearPattern, compile_linear

SAFE_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_./:@%+=,-")
"""The only characters that a parameter may contain: none that a shell splits on, expands or quotes with."""

MAX_VALUE_LENGTH = 256
"""The longest value of a parameter, in characters."""

_QUANTIFIER = re.compile(r"[*+?]|\{[0-9]{1,3}(,[0-9]{0,3})?\}")


def inner(pattern: str) -> str:
    """Return the part of a pattern between `^` and `$`, after a check that the pattern is harmless.

    Raises
    ------
    ValueError
        The pattern is not anchored, lets a dangerous character through, or uses more than literals, `[...]` with
        ranges, groups, `|` and quantifiers. The message names the mistake and what to write instead.
    """
    if not (pattern.startswith("^") and pattern.endswith("$") and len(pattern) > 2):
        raise ValueError(f"the pattern {pattern!r} is not anchored; write ^{pattern.strip('^$')}$")
    body = pattern[1:-1]
    _Scan(body).check()
    return body


def compiled(pattern: str) -> LinearPattern:
    """Compile a pattern so that `fullmatch` is fast for every value; raise ValueError if the pattern is not allowed."""
    return compile_linear(inner(pattern))


def portable(pattern: str) -> str:
    """Return a pattern for an SSM document, with its alternatives in a group: `^a|b$` becomes `^(?:a|b)$`."""
    return f"^(?:{inner(pattern)})$"


class _Scan:
    """A scan of a pattern's body from left to right that refuses the first character or group that is not allowed."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.at = 0

    def check(self) -> None:
        self._alternatives()
        if self.at < len(self.body):
            raise ValueError(f"the pattern has a ) without its ( at {self._rest()}")
        re.compile(self.body)

    def _rest(self) -> str:
        return repr(self.body[self.at : self.at + 12])

    def _take(self, text: str) -> bool:
        """Return True and move past `text` if it comes next; return False if not."""
        found = self.body.startswith(text, self.at)
        if found:
            self.at += len(text)
        return found

    def _alternatives(self) -> bool:
        """Scan up to a closing parenthesis or the end; return True if something repeats without bound (`a*`)."""
        unbounded = False
        while self.at < len(self.body) and self.body[self.at] != ")":
            if self._take("|"):
                continue
            inside = self._atom()
            repeats = self._quantifier()
            if inside and repeats:
                raise ValueError(
                    "the pattern repeats a group that already repeats without bound, which can run for minutes on a"
                    " hostile value; bound one of them, as in {1,20}"
                )
            unbounded = unbounded or inside or repeats
        return unbounded

    def _atom(self) -> bool:
        """Scan one literal, class (`[a-z]`) or group; return True for a group with an unbounded repeat (`a*`)."""
        if self._take("("):
            return self._group()
        character = self.body[self.at]
        if self._take("["):
            self._character_class()
        elif character == "\\":
            self._allow(self._escaped())
        elif character == ".":
            raise ValueError("the pattern has a bare '.', which fits anything; list the characters, as in [a-z0-9.]")
        elif character in "^$*+?{}]":
            raise ValueError(f"the pattern has a misplaced {character!r} at {self._rest()}; escape it or remove it")
        else:
            self._allow(character)
            self.at += 1
        return False

    def _group(self) -> bool:
        if self._take("?") and not self._take(":"):
            raise ValueError("the pattern uses a group that starts with '(?'; only (?:...) and (...) are portable")
        unbounded = self._alternatives()
        if not self._take(")"):
            raise ValueError("the pattern has a ( without its )")
        return unbounded

    def _character_class(self) -> None:
        if self._take("^"):
            raise ValueError(
                "the pattern has a negated class, which lets nearly anything through; list what is allowed"
            )
        members: list[str] = []
        while not self._take("]"):
            first = last = self._member()
            if not self.body.startswith("-]", self.at) and self._take("-"):
                last = self._member()
            members += map(chr, range(ord(first), ord(last) + 1))
        if not members:
            raise ValueError("the pattern has an empty class []; list the allowed characters in it, as in [a-z0-9]")
        for character in members:
            self._allow(character)

    def _member(self) -> str:
        if self.at >= len(self.body):
            raise ValueError("the pattern has a [ without its ]")
        if self.body[self.at] == "\\":
            return self._escaped()
        self.at += 1
        return self.body[self.at - 1]

    def _escaped(self) -> str:
        character = self.body[self.at + 1 : self.at + 2]
        if not character or character.isalnum():
            raise ValueError(
                f"the pattern uses \\{character}, which is not the same everywhere; write a class such as [0-9]"
            )
        self.at += 2
        return character

    def _quantifier(self) -> bool:
        """Scan a quantifier if one comes next. Return True if it has no upper bound: `*`, `+` or `{2,}`."""
        found = _QUANTIFIER.match(self.body, self.at)
        if not found:
            return False
        self.at = found.end()
        if self.at < len(self.body) and self.body[self.at] in "?+*":
            raise ValueError(f"the pattern has two quantifiers in a row at {self._rest()}; keep one")
        return found[0] in "*+" or found[0].endswith(",}")

    def _allow(self, character: str) -> None:
        if character not in SAFE_CHARACTERS:
            safe = "letters, digits and _ . / : @ % + = , -"
            raise ValueError(f"the pattern lets {character!r} through; only {safe} are safe in a command")
