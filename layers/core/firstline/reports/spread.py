"""The spread of a set of durations: their number, their median, and their 90th percentile."""

from collections.abc import Iterable
from datetime import timedelta
from math import ceil

from firstline.models import Frozen

ENOUGH_FOR_P90 = 10
"""The fewest values that have a 90th percentile: of fewer, it would just be the largest."""


class Spread(Frozen):
    """The number `n` of durations, and the durations that 50 and 90 percent of them do not exceed.

    `p50` and `p90` are durations that occurred (nearest rank). `p50` is None without durations, `p90` with fewer than
    ten.
    """

    n: int = 0
    p50: timedelta | None = None
    p90: timedelta | None = None


def spread(durations: Iterable[timedelta]) -> Spread:
    """Return the number, the median and the 90th percentile of durations."""
    ordered = sorted(durations)
    return Spread(
        n=len(ordered),
        p50=percentile(ordered, 0.5) if ordered else None,
        p90=percentile(ordered, 0.9) if len(ordered) >= ENOUGH_FOR_P90 else None,
    )


def percentile(ordered: list[timedelta], share: float) -> timedelta:
    """Return the smallest duration of a sorted list that at least `share` of the list does not exceed.

    Of ten durations, a share of 0.9 gives the ninth.
    """
    # Rounded first: 0.9 of 10 is a little more than 9 in binary, and would be the tenth.
    return ordered[max(1, ceil(round(share * len(ordered), 9))) - 1]
