"""A matcher for the patterns of parameters that no pattern and no value can make slow, because it never backtracks.

The matcher reads the value once, and keeps the set of all places up to which the pattern fits the value so far. Go's
engine, which the SSM agent uses, works alike. Python's `re` tries every way to reach a place instead: `^(a|a)*b$`
doubles its time with each letter of the value.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce

type Places = frozenset[int]
type Step = Callable[[str, Places], Places]
"""A part of a pattern, as a function from a value and the places where the part may begin to where it may end."""

_TOKEN = re.compile(r"\(\?:|\[(?:\\.|[^\]\\])*\]|\\.|\{[0-9]+(?:,[0-9]*)?\}|.", re.DOTALL)
_BOUNDS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@dataclass(frozen=True)
class LinearPattern:
    """A compiled pattern that matches a value without backtracking."""

    step: Step

    def fullmatch(self, value: str) -> bool:
        """Return True if the pattern fits the whole value."""
        return len(value) in self.step(value, frozenset([0]))


def compile_linear(body: str) -> LinearPattern:
    """Compile the part of a pattern between `^` and `$`, which `patterns.inner` must have checked."""
    return LinearPattern(_alternatives(_TOKEN.findall(body)[::-1]))


def _alternatives(tokens: list[str]) -> Step:
    """Compile the alternatives (`a|b`) up to a closing parenthesis or the end, and remove their tokens.

    `tokens` is in reverse order, so that the next token is the last of the list.
    """
    branches: list[list[Step]] = [[]]
    while tokens and tokens[-1] != ")":
        word = tokens.pop()
        if word == "|":
            branches.append([])
            continue
        if word in ("(", "(?:"):
            step = _alternatives(tokens)
            tokens.pop()
        else:
            step = partial(_character, re.compile(word, re.ASCII))
        if tokens and (tokens[-1] in _BOUNDS or tokens[-1].startswith("{")):
            step = partial(_repeated, step, *_bounds(tokens.pop()))
        branches[-1].append(step)
    return partial(_any, branches)


def _bounds(quantifier: str) -> tuple[int, int | None]:
    if quantifier in _BOUNDS:
        return _BOUNDS[quantifier]
    least, comma, most = quantifier.strip("{}").partition(",")
    return int(least), int(most) if most else None if comma else int(least)


def _character(fits: re.Pattern[str], value: str, places: Places) -> Places:
    return frozenset(place + 1 for place in places if place < len(value) and fits.fullmatch(value[place]))


def _any(branches: Sequence[Sequence[Step]], value: str, places: Places) -> Places:
    return frozenset().union(*(reduce(lambda at, step: step(value, at), steps, places) for steps in branches))


def _repeated(step: Step, least: int, most: int | None, value: str, places: Places) -> Places:
    for _ in range(least):
        before, places = places, step(value, places)
        if places == before:
            break
    # A place that was reached before leads nowhere new, however often the step is repeated.
    reached, times = places, least
    while places and (most is None or times < most):
        places = step(value, places) - reached
        reached, times = reached | places, times + 1
    return reached
