"""The cost of a verdict, in needless pages: what `make eval` counts, and what a model's earned say is measured in."""

from collections.abc import Mapping
from typing import Final, Literal

from firstline.models import PAGING_RANK, SEVERITY_RANK, Severity

MISSED_PAGE_COST: Final = 5.0
"""A missed page costs as much as this many needless ones, unless the model policy says otherwise."""

NEEDLESS_PAGE = 1.0
NOISE_PAGED = 1.5
NOISE_TOLD = 0.2
TOLD_DROPPED = 1.0
"""The cost of a dropped incident that somebody should have read: that of a needless page, because nobody sees it."""

WITHIN_A_CLASS = 0.1
"""The wrong one of critical and high, or of medium and low: the same people hear of it in the same way."""

type Reach = Literal["page", "tell", "drop"]
"""The people whom a severity reaches: the on-call, the channel, or nobody."""


def reach(severity: Severity) -> Reach:
    """Return whom a severity reaches."""
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
"""The costs by whom the verdict reaches and whom it should have reached."""


def cost(said: Severity, truth: Severity, missed_page: float = MISSED_PAGE_COST) -> float:
    """Return the cost of a severity, given the right one; 0 if they are the same."""
    if said == truth:
        return 0.0
    reached, wanted = reach(said), reach(truth)
    if wanted == "page" != reached:
        return missed_page if reached == "tell" else 2 * missed_page
    return _IN_PAGES[reached, wanted]
