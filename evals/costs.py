"""The cost of a classifier's severities, with the pages that it missed or sent needlessly: the evals' headline.

The unit of the cost is a needless page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evals.scoring import Result
from firstline.policy.costs import MISSED_PAGE_COST, cost, reach


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost of a classifier's severities on some cases. The unit is the cost of a needless page.

    Attributes
    ----------
    per_100
        The cost of 100 verdicts.
    missed
        The number of incidents that should have paged and did not.
    needless
        The number of incidents that paged and should not have.
    dropped
        The number of incidents that were dropped and should not have been.
    asked
        The number of alerts whose message asks a person how bad they are.
    """

    per_100: float
    missed: int
    needless: int
    dropped: int
    asked: int

    @classmethod
    def of(cls, results: Sequence[Result], missed_page: float = MISSED_PAGE_COST) -> "Costs":
        """Count the costs of results, where a missed page costs as much as `missed_page` needless ones."""
        reached = [(reach(result.severity), reach(result.case.truth.severity)) for result in results]
        total = sum(cost(result.severity, result.case.truth.severity, missed_page) for result in results)
        return cls(
            per_100=100 * total / max(1, len(results)),
            missed=sum(wanted == "page" != said for said, wanted in reached),
            needless=sum(said == "page" != wanted for said, wanted in reached),
            dropped=sum(said == "drop" != wanted for said, wanted in reached),
            asked=sum(result.said.asks for result in results),
        )
