"""Plots as inline SVG, drawn by `chart.html`: nothing to load, readable without a script, each with its table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 32, 4, 8, 22
_LABELS = 8


@dataclass(frozen=True)
class Series:
    """One colour of a plot: its name, its colour as a class of the style sheet, a value for each column."""

    name: str
    tone: str
    values: Sequence[int]


@dataclass(frozen=True)
class Bar:
    """A rectangle of the plot."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True)
class Mark:
    """A text of the plot, and where it stands."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A plot of stacked bars, and its table."""

    title: str
    series: Sequence[Series]
    bars: Sequence[Bar]
    marks: Sequence[Mark]
    lines: Sequence[Mark]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def stacked(title: str, names: Sequence[str], series: Sequence[Series]) -> Chart:
    """Draw one bar for each name, with the values of all series on top of each other.

    Parameters
    ----------
    names
        The names of the columns, such as days.
    series
        From the bottom up; each has a value for each name.
    """
    sums = [sum(one.values[place] for one in series) for place in range(len(names))]
    most = max([1, *sums])
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(names))
    tall = HEIGHT - _TOP - _BOTTOM
    bars: list[Bar] = []
    for place, name in enumerate(names):
        below = 0
        for one in series:
            value = one.values[place]
            if value > 0:
                y = _TOP + tall * (1 - (below + value) / most)
                label = f"{name}: {value} {one.name}"
                bar = Bar(_LEFT + place * step + step * 0.1, y, step * 0.8, tall * value / most, one.tone, label)
                bars.append(bar)
            below += value
    every = max(1, -(-len(names) // _LABELS))
    marks = [
        Mark(round(_LEFT + (place + 0.5) * step, 1), HEIGHT - 6, name)
        for place, name in enumerate(names)
        if place % every == 0
    ]
    lines = [Mark(_LEFT - 6, round(_TOP + tall * (1 - value / most), 1), str(value)) for value in {0, most}]
    rows = [[name, *(str(one.values[place]) for one in series)] for place, name in enumerate(names)]
    return Chart(title, series, bars, marks, lines, ["", *(one.name for one in series)], rows)
