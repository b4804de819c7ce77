"""The fold of one alert: what the messages of a delivery about it change, given its last word in the table.

Pure. The caller writes the result on the condition that the alert is still as it was read, and else folds again. So
duplicates, reordering and a resolve before its firing converge, whatever the order of arrival.

Senders' clocks order the messages of one alert and nothing else. A time later than the receipt counts as the receipt.
A source that sends the time of each change of state (`timestamp_orders`) is ordered by it; of every other source the
message that was received last is right, and a resolve ends the episode that it names (`began_at`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from firstline.models import SEVERITY_RANK, Live, NormalizedAlert, StoredAlert, covered

REOPEN_AFTER = timedelta(minutes=30)
"""The time for which an alert that still fires after its incident was closed opens no new incident: whoever closed it
knew of the alert, senders repeat themselves, and metrics lag."""

type Fate = Literal["duplicate", "late", "refreshed", "worsens", "enters", "ends", "ended"]
"""What happens to an alert.

`refreshed`: it fires in a newer episode of the same incident. `worsens`: it fires already and got worse. `enters`: it
joins the group's open incident or opens one. `ends`: an open incident counts it, and it is over. `ended`: it is over
and no open incident counts it.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message about an alert, and what the rules say of it.

    Parameters
    ----------
    rank
        The rank that a rule gives the alert, or else its sender's.
    """

    alert: NormalizedAlert
    received_at: datetime
    rank: int

    @property
    def fires(self) -> bool:
        """True if the message says that the alert fires."""
        return self.alert.status == "firing"

    @property
    def at(self) -> datetime:
        """The time of the change of state, by the sender's clock but never later than received."""
        ended = None if self.fires else self.alert.ends_at
        return min(ended or self.alert.timestamp, self.received_at)

    @property
    def began_at(self) -> datetime | None:
        """The begin of the episode by the sender's clock but never later than received, if the sender says it."""
        if self.alert.timestamp_orders:
            return self.at if self.fires else None
        return None if self.alert.began_at is None else min(self.alert.began_at, self.received_at)


@dataclass(frozen=True, slots=True)
class Folded:
    """The result for one alert. `after` is None if nothing is to be written; `arrival` is what made it fire."""

    fate: Fate
    before: StoredAlert | None
    after: StoredAlert | None = None
    arrival: Arrival | None = None


def fold(
    before: StoredAlert | None, arrivals: Iterable[Arrival], lives: Mapping[str, Live | None], now: datetime
) -> Folded:
    """Fold the messages about one alert into its last word.

    Parameters
    ----------
    lives
        By group key the live halves that may count the alert: its group's, and its source's storms'.
    """
    live = lives.get(before.live_key) if before is not None and before.live_key is not None else None
    known = before is not None and before.firing and covered(before, live, now, reopen_after=REOPEN_AFTER)
    after, fired, late = before, None, False
    # At the same instant a resolve comes last: the sender says that what it fired is over.
    for arrival in sorted(arrivals, key=lambda arrival: (arrival.at, not arrival.fires)):
        if after is not None and _is_late(after, arrival):
            late = True
        elif arrival.fires:
            # What a closed incident, long over, knew of the alert says nothing about its rank now.
            after = _firing(after if known or after is not before else None, arrival)
            fired = arrival if fired is None or arrival.rank > fired.rank else fired
        else:
            fired, after = None, _ended(after, arrival)
    if after is None or after == before:
        return Folded("late" if late else "duplicate", before)
    counted = before is not None and before.firing and _counts(live, before)
    if not after.firing:
        return Folded("ends" if counted else "ended", before, after)
    if before is None or not known:
        return Folded("enters", before, after, fired)
    return _still_fires(before, after, fired, counted=counted)


def _still_fires(before: StoredAlert, after: StoredAlert, fired: Arrival | None, *, counted: bool) -> Folded:
    """Decide what an alert does that fired before: it got worse, fires in a newer episode, or is known."""
    if after.rank > before.rank:
        return Folded("worsens" if counted else "enters", before, after, fired)
    if not counted or after.began_at <= before.began_at:
        return Folded("duplicate", before)
    # It may have ended in between: the incident that counts it is the same.
    kept = {name: getattr(before, name) for name in ("held", "incident_id", "live_key", "number", "inhibits")}
    return Folded("refreshed", before, after.model_copy(update=kept), fired)


def _counts(live: Live | None, alert: StoredAlert) -> bool:
    """Return True if an open incident counts the alert."""
    return live is not None and live.open and live.incident_id == alert.incident_id


def _is_late(known: StoredAlert, arrival: Arrival) -> bool:
    """Return True if the message is older than what is known."""
    if arrival.alert.timestamp_orders:
        return _late_by_time(known, arrival)
    if arrival.fires:
        return not known.firing and arrival.received_at < known.received_at
    if arrival.received_at < known.received_at:
        return True
    # A resolve belongs to the episode that it names; whether that is an earlier one shows if both name one.
    named = known.alert.began_at is not None and arrival.began_at is not None
    if known.firing:
        return named and arrival.began_at is not None and arrival.began_at < known.began_at
    return not (named and arrival.began_at is not None and arrival.began_at > known.began_at)


def _late_by_time(known: StoredAlert, arrival: Arrival) -> bool:
    if not arrival.fires:
        since = known.began_at if known.firing else known.ended_at
        return since is not None and (arrival.at < since or (arrival.at == since and not known.firing))
    if known.firing or known.ended_at is None:
        return False
    # The very same stamp is the same message once more, wherever the clock of its sender stands.
    return arrival.at <= known.ended_at or arrival.alert.timestamp == known.alert.timestamp


def _firing(known: StoredAlert | None, arrival: Arrival) -> StoredAlert:
    """Return the alert as it fires after the message. A known episode keeps its worst rank and its latest begin."""
    began = arrival.began_at or arrival.at
    if known is not None and known.firing:
        if arrival.rank <= known.rank and (arrival.began_at is None or began <= known.began_at):
            return known
        worse = arrival.rank > known.rank
        return known.model_copy(
            update={
                "rank": max(arrival.rank, known.rank),
                "began_at": max(began, known.began_at),
                "received_at": max(arrival.received_at, known.received_at),
                "alert": arrival.alert.without_raw() if worse else _newer_episode(known, arrival),
            }
        )
    return StoredAlert(
        fingerprint=arrival.alert.fingerprint,
        firing=True,
        rank=arrival.rank,
        began_at=began,
        received_at=arrival.received_at,
        alert=arrival.alert.without_raw(),
    )


def _newer_episode(known: StoredAlert, arrival: Arrival) -> NormalizedAlert:
    update = {"timestamp": arrival.alert.timestamp, "began_at": arrival.alert.began_at}
    return known.alert.model_copy(update=update)


def _ended(known: StoredAlert | None, arrival: Arrival) -> StoredAlert:
    if known is not None:
        began = max(known.began_at, arrival.began_at or known.began_at)
        ended = {"firing": False, "began_at": began, "ended_at": arrival.at, "received_at": arrival.received_at}
        return known.model_copy(update=ended)
    return StoredAlert(
        fingerprint=arrival.alert.fingerprint,
        firing=False,
        rank=SEVERITY_RANK[arrival.alert.severity],
        began_at=arrival.began_at or arrival.at,
        ended_at=arrival.at,
        received_at=arrival.received_at,
        alert=arrival.alert.without_raw(),
    )
