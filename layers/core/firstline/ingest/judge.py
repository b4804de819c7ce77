"""The judgement of each incoming alert by the owner's rules: its rank, its hold and its inhibitions.

Only the list of silences is read from outside; the rest is pure.
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
    """The owner's rules, silences and paging policy, as ingest applies them to an alert.

    Parameters
    ----------
    rules
        Returns the declared rules; no rules if the file cannot be read.
    quiet
        Takes the time now; returns the silences and windows, or none if they cannot be read. It is called only for
        alerts that join an incident.
    zone
        The time zone of the hours and weekdays in rules.
    paging
        Returns the paging policy; None if it cannot be read, so that all storms page the same people.
    """

    rules: Callable[[], "Rules"]
    quiet: Callable[[datetime], "Holds"]
    zone: tzinfo
    paging: "Callable[[], PagingPolicy | None]" = lambda: None

    def rank(self, alert: NormalizedAlert, now: datetime, *, flapping: bool) -> int:
        """Return the rank (0 to 4) of an alert's severity: the sender's, as rules and maintenance windows change it.

        `flapping` is True if the alert's group opens incidents again and again; rules may ask for that.
        """
        return self.rules().rank(alert, now, now.astimezone(self.zone), flapping=flapping)

    def hold_on(self, alert: NormalizedAlert, now: datetime, counts: Mapping[str, int]) -> Hold | None:
        """Return the hold on a firing alert, of several the one that ends last; None if nothing holds it.

        Parameters
        ----------
        counts
            How many firing alerts inhibit others, by the key of the inhibition.
        """
        hold = self.quiet(now).hold_on(alert, now)
        rule = inhibited(self.rules().inhibit, alert, counts)
        holds = [each for each in (hold, rule.hold(now) if rule is not None else None) if each is not None]
        return max(holds, key=lambda each: each.until, default=None)

    def inhibits(self, alert: NormalizedAlert) -> tuple[str, ...]:
        """Return the keys of the inhibitions that count the alert while it fires, because it inhibits others."""
        return source_keys(self.rules().inhibit, alert)

    def inhibited_by(self, alert: NormalizedAlert) -> tuple[str, ...]:
        """Return the keys of the inhibitions that hold the alert while their count is above zero."""
        return target_keys(self.rules().inhibit, alert)

    def levels_in_storm(self, alert: NormalizedAlert, rank: int, now: datetime) -> list[str]:
        """Return the escalation levels that the alert pages in a storm, if its source's storm pages other levels.

        The list is empty if the levels are the same, if the rank does not page, or if the paging policy has no routes.
        """
        policy = self.paging()
        if rank < PAGING_RANK or policy is None or not policy.routes:
            return []
        return policy.levels_in_storm(alert, severity_of(rank), self.rules().route(alert, now.astimezone(self.zone)))
