"""Plots as inline SVG, drawn by `chart.html` without a script or a file to load, each with its table. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 186
_LEFT, _RIGHT, _TOP, _BOTTOM = 112, 4, 14, 22
"""The margins of a plot. The left one has room for `23 h 59 min` in the larger letters of a small screen."""
_LABELS = 6
_COLUMNS = 6
"""The fewest columns for which the width is divided, so that the bar of a single week is not as wide as the plot."""


@dataclass(frozen=True)
class Series:
    """One series of a plot: its name, its colour (`tone`, a class of the style sheet), and a value for each column.

    None is an unknown value.
    """

    name: str
    tone: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Bar:
    """A rectangle of the plot: its upper left corner and its size in the SVG's units, its colour and its title."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True)
class Mark:
    """A text in a plot, and its place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A plot of bars, and its table. `change` is the x of the vertical line that marks a change; None without one."""

    title: str
    series: Sequence[Series]
    bars: Sequence[Bar]
    marks: Sequence[Mark]
    lines: Sequence[Mark]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    change: float | None = None
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def stacked(title: str, names: Sequence[str], series: Sequence[Series], *, change: float | None = None) -> Chart:
    """Draw one bar for each column, with the values of all series on top of each other.

    Parameters
    ----------
    names
        The names of the columns, such as days.
    series
        The series from the bottom up, each with a value for each column.
    change
        The place of a change, counted in columns: 2.5 is the middle of the third column.
    """
    most = max([1, *(sum(plotted.values[place] or 0 for plotted in series) for place in range(len(names)))])
    bars: list[Bar] = []
    for place, name in enumerate(names):
        below = 0.0
        for plotted in series:
            if value := plotted.values[place]:
                label = f"{name}: {value:g} {plotted.name}"
                bars.append(_bar(place + 0.1, 0.8, below, value, most, plotted.tone, label, len(names)))
                below += value
    return _chart(title, names, series, bars, most, "{:g}".format, change)


def beside(
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    *,
    words: Callable[[float], str],
    change: float | None = None,
) -> Chart:
    """Draw the values of all series beside each other, for each column.

    Parameters
    ----------
    words
        Writes a value for people.
    names, series, change
        As in `stacked`.
    """
    most = max([1.0, *(value for plotted in series for value in plotted.values if value is not None)])
    width = 0.8 / max(1, len(series))
    bars: list[Bar] = []
    for place, name in enumerate(names):
        for number, plotted in enumerate(series):
            if value := plotted.values[place]:
                label, left = f"{name}: {plotted.name} {words(value)}", place + 0.1 + width * number
                bars.append(_bar(left, width, 0, value, most, plotted.tone, label, len(names)))
    return _chart(title, names, series, bars, most, words, change)


def _step(columns: int) -> float:
    return (WIDTH - _LEFT - _RIGHT) / max(_COLUMNS, columns)


def _bar(
    place: float, width: float, below: float, value: float, most: float, tone: str, title: str, columns: int
) -> Bar:
    step, tall = _step(columns), HEIGHT - _TOP - _BOTTOM
    y = _TOP + tall * (1 - (below + value) / most)
    return Bar(_LEFT + place * step, y, step * width, tall * value / most, tone, title)


def _chart(
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    bars: Sequence[Bar],
    most: float,
    words: Callable[[float], str],
    change: float | None,
) -> Chart:
    step, tall = _step(len(names)), HEIGHT - _TOP - _BOTTOM
    every = max(1, -(-len(names) // _LABELS))
    marks = [
        Mark(round(_LEFT + (place + 0.5) * step, 1), HEIGHT - 6, name)
        for place, name in enumerate(names)
        if place % every == 0
    ]
    lines = [Mark(_LEFT - 6, round(_TOP + tall * (1 - value / most), 1), words(value)) for value in (0.0, most)]
    rows = [
        [name, *("–" if (value := plotted.values[place]) is None else words(value) for plotted in series)]
        for place, name in enumerate(names)
    ]
    at = None if change is None else round(_LEFT + change * step, 1)
    return Chart(title, series, bars, marks, lines, ["", *(plotted.name for plotted in series)], rows, at)
