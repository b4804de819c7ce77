"""The cost of a wrong severity. The unit is one needless page.

`make eval` measures verdicts by it, and `classification/earned_say.py` whether a model's changes to verdicts pay off.
"""

from collections.abc import Mapping
from typing import Final, Literal

from firstline.models import PAGING_RANK, SEVERITY_RANK, Severity

MISSED_PAGE_COST: Final = 5.0
"""The number of needless pages that a missed page costs, unless the model policy sets another number."""

NEEDLESS_PAGE = 1.0
NOISE_PAGED = 1.5
NOISE_TOLD = 0.2
TOLD_DROPPED = 1.0
"""The cost of dropping an incident that people should have read: as much as a needless page, as nobody sees it."""

WITHIN_A_CLASS = 0.1
"""The cost of confusing critical with high, or medium with low: the same people are told in the same way."""

type Reach = Literal["page", "tell", "drop"]
"""The people whom a severity reaches: the on-call, the channel, or nobody."""


def reach(severity: Severity) -> Reach:
    """Return whom a severity reaches: `page` for critical and high, `tell` for medium and low, `drop` for noise."""
    if SEVERITY_RANK[severity] >= PAGING_RANK:
        return "page"
    return "drop" if severity == "noise" else "tell"


_IN_PAGES: Mapping[tuple[Reach, Reach], float] = {
    ("page", "page"): WITHIN_A_CLASS,
    ("tell", "tell"): WITHIN_A_CLASS,
    ("page", "tell"): NEEDLESS_PAGE,
    ("page", "drop"): NOISE_PAGED,
    ("tell", "drop"): NOISE_TOLD,
    ("drop", "tell"): TOLD_DROPPED,
}
"""The costs by whom the stated severity reaches and whom the right one would have reached; missed pages are apart."""


def cost(said: Severity, truth: Severity, missed_page: float = MISSED_PAGE_COST) -> float:
    """Return the cost of the severity `said` if `truth` is the right one, in needless pages; 0 if they are equal.

    If `truth` pages, a severity that only tells the channel costs `missed_page`, and `noise` costs twice that. Every
    other mistake has one of this module's fixed costs, such as `NEEDLESS_PAGE`.
    """
    if said == truth:
        return 0.0
    reached, wanted = reach(said), reach(truth)
    if wanted == "page" != reached:
        return missed_page if reached == "tell" else 2 * missed_page
    return _IN_PAGES[reached, wanted]
