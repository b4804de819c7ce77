"""The fold of one alert: what the messages of a delivery about it change, given its last word in the table.

Pure. The caller writes the result on the condition that the alert is still as it was read, and else folds again. So
duplicates, reordering and a resolve before its firing converge, whatever the order of arrival.

Senders' clocks order the messages of one alert and nothing else. A time later than the receipt counts as the receipt.
A source that sends the time of each change of state (`timestamp_orders`) is ordered by it; of every other source the
message that was received last is right, and a resolve ends the episode that it names (`began_at`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from firstline.models import SEVERITY_RANK, Live, NormalizedAlert, StoredAlert, covered

REOPEN_AFTER = timedelta(minutes=30)
"""The time for which an alert that still fires after its incident was closed opens no new incident: whoever closed it
knew of the alert, senders repeat themselves, and metrics lag."""

type Fate = Literal["duplicate", "late", "refreshed", "worsens", "enters", "ends", "alone"]
"""The fate of an alert in its group.

`refreshed`: it fires in a newer episode of the same incident. `worsens`: it fires already and got worse. `enters`: it
joins the group's open incident or opens one. `ends`: an open incident counts it, and it is over. `alone`: it is written
by itself, because no open incident counts it: it is over, or fires in a newer episode that its closed incident may have
known of.
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
class LastWord:
    """The state of an alert after a message, as far as messages decide it; see `StoredAlert`.

    Not a model: one is made for nearly every alert that comes in, and a model costs many times as much to make.
    """

    firing: bool
    rank: int
    began_at: datetime
    ended_at: datetime | None
    received_at: datetime
    alert: NormalizedAlert


type _Known = StoredAlert | LastWord


@dataclass(frozen=True, slots=True)
class Folded:
    """The result for one alert. `after` is None if nothing is to be written; `arrival` is what made it fire."""

    fate: Fate
    before: StoredAlert | None
    after: LastWord | None = None
    arrival: Arrival | None = None


def fold(
    before: StoredAlert | None, arrivals: Sequence[Arrival], lives: Mapping[str, Live | None], now: datetime
) -> Folded:
    """Fold the messages about one alert into its last word.

    Parameters
    ----------
    lives
        By group key the live halves that may count the alert: its group's, and its source's storms'.
    """
    live, known = None, False
    if before is not None and before.firing and before.live_key is not None:
        live = lives.get(before.live_key)
        known = covered(before, live, now, reopen_after=REOPEN_AFTER)
        known = known and not any(_begins_after_the_close(arrival, before, live) for arrival in arrivals)
    after, fired, late = _walk(before, arrivals, known=known)
    if after is None:
        return Folded("late" if late else "duplicate", before)
    counted = known and live is not None and live.open
    if not after.firing:
        return Folded("ends" if counted else "alone", before, after)
    if before is None or not known:
        return Folded("enters", before, after, fired)
    return _still_fires(Folded("duplicate", before, after, fired), before, after, counted=counted)


def _begins_after_the_close(arrival: Arrival, before: StoredAlert, live: Live | None) -> bool:
    """Return True if the sender names an episode that began after its incident was closed: nobody knew of that one.

    The begins as they were sent decide whether it is another one: a clock that is ahead says the same again.
    """
    began, known = arrival.began_at, before.alert.began_at
    if live is None or live.closed_at is None or not arrival.fires:
        return False
    if began is None or known is None or arrival.alert.began_at is None:
        return False
    return arrival.alert.began_at > known and began > live.closed_at


def _still_fires(folded: Folded, before: StoredAlert, after: LastWord, *, counted: bool) -> Folded:
    """Decide what an alert does whose incident knows of it: it got worse, fires in a newer episode, or is known.

    Parameters
    ----------
    counted
        True if that incident is open.
    """
    if after.rank > before.rank:
        return replace(folded, fate="worsens" if counted else "enters")
    if after.began_at > before.began_at:
        # Stored in any case: a resolve of the earlier episode may come late.
        return replace(folded, fate="refreshed" if counted else "alone")
    return Folded("duplicate", before)


def _walk(
    before: StoredAlert | None, arrivals: Sequence[Arrival], *, known: bool
) -> tuple[LastWord | None, Arrival | None, bool]:
    """Take one message after the other.

    Parameters
    ----------
    known
        True if the alert fires and its incident knows of it. What a closed incident, long over, knew of an alert says
        nothing about its rank now.

    Returns
    -------
    tuple
        The last word if it is a new one, the message that made the alert fire, and True if a message was late.
    """
    word: _Known | None = before
    fired: Arrival | None = None
    late = False
    for arrival in _in_order(arrivals):
        if word is not None and _is_late(word, arrival):
            late = True
        elif arrival.fires:
            word = _firing(word if known or word is not before else None, arrival)
            fired = arrival if fired is None or arrival.rank > fired.rank else fired
        else:
            fired, word = None, _ended(word, arrival)
    return word if isinstance(word, LastWord) else None, fired, late


def _in_order(arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
    """Sort messages by time. At the same instant a resolve comes last: the sender says that what it fired is over."""
    if len(arrivals) < 2:
        return arrivals
    return sorted(arrivals, key=lambda arrival: (arrival.at, not arrival.fires))


def _is_late(known: _Known, arrival: Arrival) -> bool:
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


def _late_by_time(known: _Known, arrival: Arrival) -> bool:
    if not arrival.fires:
        since = known.began_at if known.firing else known.ended_at
        return since is not None and (arrival.at < since or (arrival.at == since and not known.firing))
    if known.firing or known.ended_at is None:
        return False
    # The very same stamp is the same message once more, wherever the clock of its sender stands.
    return arrival.at <= known.ended_at or arrival.alert.timestamp == known.alert.timestamp


def _firing(known: _Known | None, arrival: Arrival) -> _Known:
    """Return the alert as it fires after the message. A known episode keeps its worst rank and its latest begin."""
    began = arrival.began_at
    if known is None or not known.firing:
        return LastWord(True, arrival.rank, began or arrival.at, None, arrival.received_at, arrival.alert)
    worse = arrival.rank > known.rank
    newer = began is not None and began > known.began_at
    if not worse and not newer:
        return known
    alert = arrival.alert
    if not worse:
        alert = known.alert.model_copy(update={"timestamp": alert.timestamp, "began_at": alert.began_at})
    return LastWord(
        firing=True,
        rank=max(arrival.rank, known.rank),
        began_at=max(began or known.began_at, known.began_at),
        ended_at=None,
        received_at=max(arrival.received_at, known.received_at),
        alert=alert,
    )


def _ended(known: _Known | None, arrival: Arrival) -> LastWord:
    began = arrival.began_at
    if known is None:
        rank = SEVERITY_RANK[arrival.alert.severity]
        return LastWord(False, rank, began or arrival.at, arrival.at, arrival.received_at, arrival.alert)
    began = max(known.began_at, began or known.began_at)
    alert, why = known.alert, arrival.alert.nothing_known
    if known.firing and alert.nothing_known != why:
        alert = alert.model_copy(update={"nothing_known": why})
    return LastWord(False, known.rank, began, arrival.at, arrival.received_at, alert)
