"""The port to the store of groups of alerts, which open incidents and join them.

Every method raises `HistoryUnavailable` when the store cannot be reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from firstline.models import Change, Incident, Live, StoredAlert


class Limits(NamedTuple):
    """The most incidents that one source may open in a minute: in all, and with one alert name.

    Incidents of paging severity and the others have separate counts, with the same limits.
    """

    per_minute: int
    per_minute_and_alert: int


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of alerts as it was read: its `Live` item, and the alerts that were asked for, by fingerprint."""

    live: Live | None = None
    alerts: Mapping[str, StoredAlert] = field(default_factory=dict)


class Groups(Protocol):
    """The store of groups of alerts, for the function that accepts alerts (ingest)."""

    def read(
        self, wanted: Mapping[str, Iterable[str]], inhibitions: Iterable[str] = ()
    ) -> tuple[dict[str, GroupView], dict[str, int]]:
        """Read groups and some of their alerts with strong consistency, with one request for every hundred items.

        Parameters
        ----------
        wanted
            The fingerprints of the alerts to read, by group key.
        inhibitions
            The keys of inhibitions whose counts to read.

        Returns
        -------
        tuple
            The groups by group key, and for each inhibition's key how many inhibiting alerts fire.
        """

    def take_token(
        self, source: str, alert_name: str, limits: Limits, now: datetime, *, paging: bool, opening: str | None = None
    ) -> str | None:
        """Take one of this minute's tokens for a new incident; return None, or the limit reached (`30 a minute`).

        Parameters
        ----------
        now
            A time in the minute whose token is taken.
        paging
            True if the incident's severity pages: such incidents have tokens of their own.
        opening
            A text that is the same for all deliveries that open the same incident at once: they take one token.
        """

    def claim_name(self, source: str, name: str, storm: Live, opening: str) -> bool:
        """Claim the one incident that alerts called `name` may open during their source's storm; False if it is taken.

        `name` is the alerts' name, followed by the escalation levels that they page if these differ from the storm's.
        `opening` is a text that identifies the caller: one that has the claim may claim it again.
        """

    def open(self, change: Change, incident: Incident, before: Live | None, opened: Sequence[datetime]) -> Live:
        """Write a new incident with its first alerts, and return the group's new `Live` item.

        Parameters
        ----------
        change
            The first alerts, and what they add to the group's counts.
        before
            The `Live` item that the group had, which is replaced; None for a new group.
        opened
            The times at which the group opened incidents within the last hour, this incident included.

        Raises
        ------
        GroupChanged
            The group or one of the alerts is no longer as it was read.
        """

    def apply(self, change: Change) -> Live:
        """Store alerts that join or end, and return the `Live` item after that.

        `change` has these alerts, and what they add to the group's counts (negative if alerts end). A conflict with
        other writers is tried again here; after many conflicts, counts go to further items (shards).

        Raises
        ------
        GroupChanged
            An alert is no longer as it was read, the incident is closed, or its hold is over.
        """

    def put_alone(
        self,
        alert: StoredAlert,
        group_key: str,
        *,
        before: StoredAlert | None = None,
        inhibits: Mapping[str, int] | None = None,
    ) -> None:
        """Store the newest state of an alert that no open incident counts, such as a resolve that overtakes its firing.

        Parameters
        ----------
        group_key
            The alert's own group.
        before
            The alert as it was read; None if it was not stored.
        inhibits
            For each inhibition's key, the (negative) change of the number of inhibiting alerts that fire.

        Raises
        ------
        GroupChanged
            The alert is no longer as it was read.
        """
