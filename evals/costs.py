"""The headline of the evals: what a classifier's severities cost, and the pages that it missed or sent for nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from evals.scoring import Result
from firstline.policy.costs import MISSED_PAGE_COST, cost, reach


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost of a classifier's severities on some cases, in needless pages, and where it comes from.

    Attributes
    ----------
    per_100
        The cost of 100 verdicts.
    missed, needless
        The number of pages that somebody needed and did not get, and that nobody needed.
    dropped
        The number of incidents that somebody should have heard of, and that were dropped.
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
        """Count the costs of results, if a missed page costs as much as so many needless ones."""
        reached = [(reach(result.severity), reach(result.case.truth.severity)) for result in results]
        total = sum(cost(result.severity, result.case.truth.severity, missed_page) for result in results)
        return cls(
            per_100=100 * total / max(1, len(results)),
            missed=sum(wanted == "page" != said for said, wanted in reached),
            needless=sum(said == "page" != wanted for said, wanted in reached),
            dropped=sum(said == "drop" != wanted for said, wanted in reached),
            asked=sum(result.said.asks for result in results),
        )
