"""A parser for the expression of an alert rule: which metrics it compares, and in which direction each alarms.

It reads PromQL and what resembles it: CloudWatch's metric math, and Datadog queries without their scopes. It reads only
names, label matchers and comparisons; it evaluates nothing.
https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from firstline.models import Direction

LONGEST = 4_000
_DEEPEST = 40
_MOST_TERMS = 100
_MOST_TOKENS = 1_000

_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*+)*+(?:
    (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    |(?P<number>0x[0-9a-fA-F]+|(?:\d+(?:ms|[smhdwy]))+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    |(?P<word>[A-Za-z_:][\w:.]*)
    |(?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^<>=(){}\[\],@])
    )""",
    re.VERBOSE,
)
_PRECEDENCE = {
    **dict.fromkeys(["or", "||"], 1),
    **dict.fromkeys(["and", "unless", "&&"], 2),
    **dict.fromkeys(["==", "!=", ">", "<", ">=", "<="], 3),
    **dict.fromkeys(["+", "-"], 4),
    **dict.fromkeys(["*", "/", "%", "atan2"], 5),
    "^": 6,
}
_LISTS = ("by", "without", "on", "ignoring", "group_left", "group_right")
_COUNTS = ("count", "group", "count_values")
OPPOSITE: dict[Direction, Direction] = {"above": "below", "below": "above", "absent": "absent"}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


@dataclass(frozen=True, slots=True)
class Term:
    """A metric in an expression.

    Attributes
    ----------
    where
        The label matchers as pairs of label and value; the value of `!=` and `!~` begins with `!`.
    rises
        False if the compared value falls when the metric rises, as `1 - idle` does when `idle` rises.
    direction
        Above or below if the metric alarms when its value is high or low, absent if it alarms without data.
    counted
        True if the expression only counts the metric's series, as `count(node_cpu_seconds_total)` does.
    """

    metric: str
    where: tuple[tuple[str, str], ...] = ()
    rises: bool = True
    direction: Direction | None = None
    counted: bool = False

    def alarms(self, direction: Direction) -> "Term":
        """Return the term with the direction in which its metric alarms, given that of the compared value, `direction`.

        The metric's direction is the opposite one if the value falls when the metric rises (`rises` is False). A term
        that has a direction already keeps it.
        """
        if self.direction is not None:
            return self
        return replace(self, direction=direction if self.rises else OPPOSITE[direction])


@dataclass(frozen=True, slots=True)
class _Value:
    """The value of a part of an expression: the metrics in that part, or a number."""

    terms: tuple[Term, ...] = ()
    number: float | None = None

    def turned(self) -> "_Value":
        number = None if self.number is None else -self.number
        return _Value(tuple(replace(term, rises=not term.rises) for term in self.terms), number)

    def alarms(self, direction: Direction | None) -> "_Value":
        return self if direction is None else _Value(tuple(term.alarms(direction) for term in self.terms))

    def compared(self, sign: str, other: "_Value") -> "_Value":
        return self.alarms(_direction(sign, other.number))


class _NoExpression(Exception):
    """The error for a text that is no expression, or none that the parser can read."""


@lru_cache(maxsize=512)
def terms_of(expression: str) -> tuple[Term, ...]:
    """Return the metrics that an expression compares; an empty tuple if the expression cannot be read.

    Metrics that are only counted, or only join labels (`…_info`), are left out unless there are no others.
    """
    if len(expression) > LONGEST:
        return ()
    try:
        found = _Parser(expression).parse().terms
    except _NoExpression:
        return ()
    measured = [term for term in found if not term.counted and not term.metric.endswith("_info")]
    return tuple(dict.fromkeys(measured or found))[:_MOST_TERMS]


def _direction(sign: str, limit: float | None) -> Direction | None:
    """Return the direction in which `value <sign> limit` alarms: above for `>` and `== 1`, below for `<` and `== 0`.

    `!=` alarms in the direction opposite to `==`. None if `==` or `!=` has no number to compare with.
    """
    if sign in _MIRRORED:
        return "above" if sign.startswith(">") else "below"
    if limit is None:
        return None
    return "above" if (limit > 0) == (sign == "==") else "below"


class _Parser:
    """A parser by operator precedence. Each method reads the part of an expression after which it is named."""

    def __init__(self, text: str) -> None:
        self._tokens = list(islice(_tokens(text), _MOST_TOKENS))
        if self._tokens[-1][0] != "end":
            raise _NoExpression
        self._at = 0
        self._depth = 0

    def parse(self) -> _Value:
        value = self._binary(1)
        if self._kind != "end":
            raise _NoExpression
        return value

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._at][1]

    def _next(self) -> str:
        text = self._text
        if self._kind == "end":
            raise _NoExpression
        self._at += 1
        return text

    def _takes(self, *signs: str) -> bool:
        """Read the next token and return True if it is one of `signs`; otherwise read nothing."""
        if self._kind in ("sign", "word") and self._text.lower() in signs:
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise _NoExpression

    def _binary(self, least: int) -> _Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _NoExpression
        left = self._unary()
        while self._kind in ("sign", "word") and (found := _PRECEDENCE.get(self._text.lower(), 0)) >= least:
            sign = self._next().lower()
            self._takes("bool")
            self._labels()
            left = _combined(sign, left, self._binary(found + 1))
        self._depth -= 1
        return left

    def _unary(self) -> _Value:
        turned = False
        while self._takes("-", "+"):
            turned ^= self._tokens[self._at - 1][1] == "-"
        value = self._primary()
        while self._modifier():
            pass
        return value.turned() if turned else value

    def _primary(self) -> _Value:
        if self._takes("("):
            return self._arguments()
        if self._kind == "sign" and self._text == "{":
            return self._selector("")
        kind, text = self._kind, self._next()
        if kind == "word":
            is_call = self._kind == "sign" and self._text == "("
            return self._call(text.lower()) if is_call or self._text.lower() in _LISTS else self._selector(text)
        if kind == "sign":
            raise _NoExpression
        return _Value(number=_number(text) if kind == "number" else None)

    def _call(self, function: str) -> _Value:
        self._labels()
        if not self._takes("("):  # the metric of `up on (instance) …`, which is not valid, or of `up by`
            raise _NoExpression
        value = self._arguments()
        self._labels()
        if function.startswith("absent"):
            return _Value(tuple(replace(term, direction="absent") for term in value.terms))
        if function in _COUNTS:
            return _Value(tuple(replace(term, counted=term.direction is None) for term in value.terms))
        return _Value(value.terms)

    def _arguments(self) -> _Value:
        """Read the values up to the closing bracket, and return all their metrics as one value.

        A single number in brackets stays a number.
        """
        found: list[_Value] = []
        while not self._takes(")"):
            found.append(self._binary(1))
            if not self._takes(",") and self._text != ")":
                raise _NoExpression
        number = found[0].number if len(found) == 1 else None
        return _Value(tuple(term for value in found for term in value.terms), number)

    def _selector(self, metric: str) -> _Value:
        where: list[tuple[str, str]] = []
        if self._takes("{"):
            while not self._takes("}"):
                label = self._next().strip("\"'`")
                if self._text in (",", "}"):  # `{"a.metric", label="x"}`
                    metric = label
                elif (pair := self._matcher(label))[0] == "__name__":
                    metric = pair[1]
                else:
                    where.append(pair)
                self._takes(",")
        return _Value((Term(metric, tuple(where)),) if metric and not metric.startswith("!") else ())

    def _matcher(self, label: str) -> tuple[str, str]:
        sign, value = self._next(), self._next().strip("\"'`")
        if sign not in ("=", "=~", "!=", "!~"):
            raise _NoExpression
        return label, f"!{value}" if sign.startswith("!") else value

    def _modifier(self) -> bool:
        """Read a range (`[5m]`), an `offset` or a time (`@`) after a value; return False if there is none."""
        if self._takes("["):
            while self._next() != "]":
                pass
        elif self._takes("offset"):
            self._takes("-")
            self._next()
        elif self._takes("@"):
            self._takes("-")
            self._next()
            if self._takes("("):
                self._expect(")")
        else:
            return False
        return True

    def _labels(self) -> None:
        """Read and ignore lists of labels, such as `by (instance)` and `on (job) group_left (version)`."""
        while self._takes(*_LISTS):
            if self._takes("("):
                while not self._takes(")"):
                    self._next()


def _combined(sign: str, left: _Value, right: _Value) -> _Value:
    if sign == "unless":
        return left
    if sign in _PRECEDENCE and _PRECEDENCE[sign] == 3:
        left, right = left.compared(sign, right), right.compared(_MIRRORED.get(sign, sign), left)
    elif sign in ("-", "/"):
        right = right.turned()
    return _Value(left.terms + right.terms)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            if text[at:].lstrip().startswith("#"):
                break
            raise _NoExpression
        at = found.end()
        yield found.lastgroup or "", found[found.lastgroup or 0]
    yield "end", ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
