"""The judgement of an alert at the door, by what the owner declared: its rank, and what holds it.

Each alert is judged by itself when it comes in. Pure but for the list of silences.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from firstline.models import PAGING_RANK, Hold, NormalizedAlert
from firstline.models.severity import severity_of
from firstline.policy.inhibition import inhibited, source_keys, target_keys

if TYPE_CHECKING:
    from firstline.policy.holds import Holds
    from firstline.policy.paging import PagingPolicy
    from firstline.policy.rules import Rules


@dataclass(frozen=True)
class Judge:
    """The owner's rules, as ingest applies them.

    Parameters
    ----------
    rules
        Returns the declared rules; none if the file cannot be read.
    quiet
        Returns the silences and windows at a time; if they cannot be read, nothing is held. Asked only for alerts that
        join an incident.
    zone
        The time zone of the hours and weekdays in rules.
    paging
        Returns the paging policy, or None if it cannot be read: then all storms page the same people.
    """

    rules: Callable[[], "Rules"]
    quiet: Callable[[datetime], "Holds"]
    zone: tzinfo
    paging: "Callable[[], PagingPolicy | None]" = lambda: None

    def rank(self, alert: NormalizedAlert, now: datetime, *, flapping: bool) -> int:
        """Return the rank that a rule gives an alert, or else its sender's."""
        return self.rules().rank(alert, now, now.astimezone(self.zone), flapping=flapping)

    def hold_on(self, alert: NormalizedAlert, now: datetime, counts: Mapping[str, int]) -> Hold | None:
        """Return the longest hold on a firing alert, or None.

        Parameters
        ----------
        counts
            By key, how many alerts fire that inhibit others.
        """
        hold = self.quiet(now).hold_on(alert, now)
        rule = inhibited(self.rules().inhibit, alert, counts)
        holds = [each for each in (hold, rule.hold(now) if rule is not None else None) if each is not None]
        return max(holds, key=lambda each: each.until, default=None)

    def inhibits(self, alert: NormalizedAlert) -> tuple[str, ...]:
        """Return the keys under which the alert counts while it fires, because it inhibits others."""
        return source_keys(self.rules().inhibit, alert)

    def inhibited_by(self, alert: NormalizedAlert) -> tuple[str, ...]:
        """Return the keys whose counts decide whether the alert is held."""
        return target_keys(self.rules().inhibit, alert)

    def levels_in_storm(self, alert: NormalizedAlert, rank: int, now: datetime) -> list[str]:
        """Return the levels that an alert pages in a storm; none if its source's storm pages them anyway."""
        policy = self.paging()
        if rank < PAGING_RANK or policy is None or not policy.routes:
            return []
        return policy.levels_in_storm(alert, severity_of(rank), self.rules().route(alert, now.astimezone(self.zone)))
