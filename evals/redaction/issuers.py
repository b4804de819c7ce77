"""The command `make issuers`: it writes `privacy/issuers.json`, the patterns of secrets that show their issuer.

The rules are Kingfisher's (Apache License 2.0, https://github.com/mongodb/kingfisher), as the pinned package
`kingfisher-bin` prints them. The command takes the rules whose secret begins with a fixed text, such as `glpat-`, and
those that need a vendor's name beside the secret, unless `privacy/named.py` finds such secrets anyway.
"""

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from re import _constants as kind  # type: ignore[attr-defined]  # the parsed form of a pattern has no public name
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from firstline.privacy import named

TABLE = Path(__file__).parents[2] / "layers/core/firstline/privacy/issuers.json"
SHORTEST_BEGINNING = 3
SHORTEST_VENDOR = 5
SHORTEST_SECRET = 16
MOST_BEGINNINGS = 40
SPACES, BOUND = 3, 100
MOST_WAYS = 11_000
"""The most ways in which a pattern may be tried at one place: strangers write alerts, and must not slow redaction."""

BORDER = "^"
"""The sign for a word's border at the beginning of a pattern; see `privacy/shapes.py`."""

_NO_SECRET = re.compile(
    r"\b(?:public|publishable|client id|app(?:lication)? id|account id|user ?name|e?mail|url|host)\b", re.I
)
_CLASSES = {
    "alnum": "A-Za-z0-9", "alpha": "A-Za-z", "upper": "A-Z", "lower": "a-z", "digit": "0-9", "xdigit": "0-9A-Fa-f",
    "word": r"\w", "space": r"\s", "blank": r" \t",
}  # fmt: skip
"""Python's spelling of the classes in Rust's patterns, such as `[:alnum:]`."""


_SPACE = parser.parse(r"\s").data


class Issuer(NamedTuple):
    """A row of `issuers.json`: the rule's name, the beginnings of its secrets in lower case, and its pattern."""

    what: str
    near: list[str]
    pattern: str


def rules() -> list[dict[str, Any]]:
    """Return all rules of the package `kingfisher-bin`, as it prints them.

    Each has `name`, `pattern`, `examples`, and `visible`, which is false for a rule that finds no secrets.
    """
    tool = Path(sys.executable).parent / "kingfisher"
    printed = subprocess.run([tool, "rules", "list", "--format", "json"], capture_output=True, check=True)
    found: list[dict[str, Any]] = json.loads(printed.stdout)
    return found


def examples() -> list[tuple[str, str, str]]:
    """Return the rules' own examples, each as the rule's name, a text, and the secret in this text."""
    given = []
    for rule in filter(is_secret, rules()):
        # One rule tries so many ways of reading the lines between two others that its example took seconds.
        pattern = re.compile(_python(rule["pattern"]).replace(r"(?:\s*.*\s*)", r"(?:.*\s*)"))
        for text in rule["examples"]:
            found = pattern.search(text)
            secret = next((group for group in reversed(found.groups()) if group), found[0]) if found else text
            given.append((rule["name"], text, secret.strip()))
    return given


def is_secret(rule: dict[str, Any]) -> bool:
    """Return True for a rule that finds secrets; False for one that finds names or addresses that belong to secrets."""
    return bool(rule["visible"]) and not _NO_SECRET.search(rule["name"])


def issuers(found: Iterable[dict[str, Any]]) -> list[Issuer]:
    """Return the rows of `issuers.json`, sorted by name, for the rules among `found` that Firstline can use."""
    taken = {}
    for rule in filter(is_secret, found):
        pattern = _python(rule["pattern"])
        parsed = parser.parse(pattern)
        if _ways(parsed) == math.inf:
            pattern = _bounded(pattern)
            parsed = parser.parse(pattern)
        begins = sorted({text.lower() for text, _ in _beginnings(parsed)})
        too_short = parsed.getwidth()[0] < SHORTEST_SECRET
        if too_short or len(begins) > MOST_BEGINNINGS or _ways(parsed) > MOST_WAYS:
            continue
        shortest = min(map(len, begins))
        if _begins_with_secret(parsed):
            if shortest >= SHORTEST_BEGINNING:
                taken[pattern] = Issuer(rule["name"], begins, f"{BORDER}{pattern}")
        elif shortest >= SHORTEST_VENDOR and not all(any(named.found(example)) for example in rule["examples"]):
            taken[pattern] = Issuer(rule["name"], begins, pattern)
    return sorted(taken.values())


def _python(pattern: str) -> str:
    """Return one of Rust's patterns in Python's syntax, without the word border at its beginning and its comments."""
    pattern = re.sub(r"\[:(\w+):\]", lambda found: _CLASSES[found[1]], pattern)
    pattern = re.sub(r"\(\?<(?=\w)", "(?P<", pattern)
    groups = re.match(r"(?:\s*\(\?[a-z]+\))*", pattern)
    flags, pattern = (groups[0], pattern[groups.end() :]) if groups else ("", pattern)
    if "x" in flags:
        pattern = _without_spaces(pattern)
    pattern = re.sub(r"\(\?:\.\|\[(?:\\\\?[nr])+\]\)", r"[\\s\\S]", pattern)
    pattern = re.sub(r"^(?:\\b)+", "", pattern)
    pattern = re.sub(r"(?:\\b)+(\)*)$", r"(?![A-Za-z0-9])\1", pattern)
    inner = "".join(flag for flag in "ims" if flag in flags)
    return f"(?{inner}:{pattern})" if inner else pattern


_PIECES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|\s+|#[^\n]*|.", re.DOTALL)


def _bounded(pattern: str) -> str:
    """Return a pattern in which `*` and `+` repeat at most `BOUND` (100) times, unless they repeat spaces."""
    pieces = [piece[0] for piece in _PIECES.finditer(pattern)]
    for number, piece in enumerate(pieces[1:], 1):
        if piece in "*+" and pieces[number - 1] not in (r"\s", "?", "+", "*"):
            pieces[number] = f"{{{int(piece == '+')},{BOUND}}}"
    return "".join(pieces)


def _without_spaces(pattern: str) -> str:
    """Return a pattern with the flag `x` as one without it: drop the spaces and comments that are not in `[…]`."""
    pieces = _PIECES.finditer(pattern)
    return "".join(piece[0] for piece in pieces if not re.match(r"\s|#|\(\?#", piece[0]))


def _begins_with_secret(parsed: Any) -> bool:
    """Return True if a parsed pattern begins with the secret: its first group, or all of it if it has no group."""
    first = next((part for part in parsed if part[0] is not kind.AT), None)
    while first is not None and first[0] is kind.SUBPATTERN and first[1][0] is None:
        first = next(iter(first[1][3]), None)
    return parsed.state.groups == 1 or (first is not None and first[0] is kind.SUBPATTERN)


def _ways(parts: Any, *, last: bool = True) -> float:
    """Return the number of ways in which a parsed pattern may match at one place of a text.

    It is infinite if a repetition holds another one, or if an unbounded one, other than of spaces, comes before the end
    of the pattern: a long text would be read again from each of its places. `last` is False if more of the pattern
    follows `parts`.
    """
    ways = 1.0
    for number, (operator, argument) in enumerate(parts, 1):
        ends = last and all(after in (kind.AT, kind.ASSERT_NOT, kind.ASSERT) for after, _ in list(parts)[number:])
        if operator is kind.SUBPATTERN:
            ways *= _ways(argument[3], last=ends)
        elif operator is kind.BRANCH:
            ways *= max(_ways(branch, last=ends) for branch in argument[1])
        elif operator in (kind.MAX_REPEAT, kind.MIN_REPEAT):
            fewest, most, inner = argument
            repeated = _ways(inner, last=False)
            if repeated > 1 and most > 1:
                return math.inf
            if most is kind.MAXREPEAT:
                most = fewest + SPACES if inner.data == _SPACE else fewest if ends else math.inf
            ways *= repeated * (most - fewest + 1)
    return ways


def _beginnings(parts: Any) -> list[tuple[str, bool]]:
    """Return the texts with which a parsed pattern may begin, each with True if it is a complete match."""
    begins = [("", True)]
    for operator, argument in parts:
        more = _texts(operator, argument)
        begins = [(begin + text, whole) for begin, _ in begins for text, whole in more]
        if not all(whole for _, whole in more) or len(begins) > MOST_BEGINNINGS:
            return [(text, False) for text, _ in begins]
    return begins


def _texts(operator: Any, argument: Any) -> list[tuple[str, bool]]:
    """Return the texts with which one part of a parsed pattern may begin, each with True if it is a complete match.

    If they cannot be listed, return only `("", False)`.
    """
    if operator is kind.LITERAL:
        return [(chr(argument), True)]
    if operator is kind.AT:
        return [("", True)]
    if operator is kind.SUBPATTERN:
        return _beginnings(argument[3])
    if operator is kind.BRANCH:
        return [text for branch in argument[1] for text in _beginnings(branch)]
    if operator is kind.IN and all(choice is kind.LITERAL for choice, _ in argument):
        return [(chr(letter), True) for _, letter in argument]
    if operator is kind.MAX_REPEAT and argument[:2] == (0, 1):
        return [("", True), *_beginnings(argument[2])]
    return [("", False)]


def main() -> None:
    """Write `issuers.json`."""
    lines = ",\n".join(json.dumps(issuer) for issuer in issuers(rules()))
    TABLE.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
