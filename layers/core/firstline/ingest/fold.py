"""The fold of one alert: its new state, from its stored state and the messages of a delivery about it. Pure.

The caller writes the new state on the condition that the stored state has not changed, and otherwise reads and folds
again. So the result is the same for duplicates and for any order of arrival.

Senders' clocks are used only to order the messages of one alert. A time later than the receipt counts as the receipt.
If a source sends the time of each change of state (`timestamp_orders`), that time orders its messages. Of any other
source the message that was received last is right, and a resolve ends the episode that it names (`began_at`). An
episode is the time from the beginning of an alert's firing to its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from firstline.models import SEVERITY_RANK, Live, NormalizedAlert, StoredAlert, covered

REOPEN_AFTER = timedelta(minutes=30)
"""The time after the close of an incident in which alerts that still fire open no new incident: the person who closed
the incident knew of them, senders repeat messages, and metrics lag."""

type Fate = Literal["duplicate", "late", "refreshed", "worsens", "enters", "ends", "alone"]
"""The effect of a delivery on an alert.

`duplicate`: nothing new. `late`: an older message, which is ignored. `refreshed`: the alert fires in a newer episode
and stays in its incident. `worsens`: the firing alert got worse. `enters`: the alert joins the group's open incident or
opens one. `ends`: the alert ends, and an open incident counts it. `alone`: only the alert is written, because no open
incident counts it: it has ended, or it fires in a newer episode that its closed incident may have known of.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message about an alert, with the time of its receipt.

    Parameters
    ----------
    rank
        The rank of the alert's severity: the one that a rule gives it, otherwise the sender's.
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
        """The time of the change of state by the sender's clock, or the time of receipt if that is earlier."""
        ended = None if self.fires else self.alert.ends_at
        return min(ended or self.alert.timestamp, self.received_at)

    @property
    def began_at(self) -> datetime | None:
        """The time when the alert began to fire by the sender's clock, no later than received; None if not stated."""
        if self.alert.timestamp_orders:
            return self.at if self.fires else None
        return None if self.alert.began_at is None else min(self.alert.began_at, self.received_at)


@dataclass(frozen=True, slots=True)
class LastWord:
    """The state of an alert after a message; the fields have the meaning that they have in `StoredAlert`.

    It is no pydantic model, because one is made for nearly every alert, and a model costs many times as much.
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
    """The result of folding one alert: its stored state `before`, and its new state `after`.

    `after` is None if nothing is to be written. `arrival` is the message that made the alert fire, if one did.
    """

    fate: Fate
    before: StoredAlert | None
    after: LastWord | None = None
    arrival: Arrival | None = None


def fold(
    before: StoredAlert | None, arrivals: Sequence[Arrival], lives: Mapping[str, Live | None], now: datetime
) -> Folded:
    """Apply the messages of a delivery about one alert to the alert's stored state, and return what changes.

    Parameters
    ----------
    before
        The stored state of the alert, or None.
    lives
        The `Live` items of the incidents that may count the alert (its group's, its source's storms), by group key.
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
    """Return True if the message says that the alert began to fire anew after its incident was closed.

    Two comparisons must hold. The sender says a later beginning than that of the stored alert (`before`): a repeat,
    also one from a clock that is ahead, says the same. And the beginning, no later than the receipt, is after the close
    of the incident that counted the alert, so whoever closed it did not know of this firing. `live` is that incident's
    `Live` item, which stays until the group's next incident; if the table has none, the answer is False.
    """
    began, known = arrival.began_at, before.alert.began_at
    if live is None or live.closed_at is None or not arrival.fires:
        return False
    if began is None or known is None or arrival.alert.began_at is None:
        return False
    return arrival.alert.began_at > known and began > live.closed_at


def _still_fires(folded: Folded, before: StoredAlert, after: LastWord, *, counted: bool) -> Folded:
    """Return what a delivery changes for an alert that fires before and after it, and whose incident still covers it.

    Parameters
    ----------
    folded
        The result of folding the alert, in which only the effect (`fate`) is still to be set.
    before, after
        The stored state of the alert, and its state after the messages.
    counted
        True if the incident is open, so that it counts the alert; False if it was closed a short while ago.
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
    """Apply the messages to an alert in the order of time.

    Parameters
    ----------
    before
        The stored state of the alert, or None.
    known
        True if the alert fires and its incident is open or was closed a short while ago. Otherwise the stored rank of
        a firing alert does not count, because it is the rank in an incident that was closed long ago.

    Returns
    -------
    tuple
        The new state or None if nothing changed, the message that made the alert fire, and True if a message was late.
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
    """Return the messages by time; of messages with the same time, a resolve comes after a firing."""
    if len(arrivals) < 2:
        return arrivals
    return sorted(arrivals, key=lambda arrival: (arrival.at, not arrival.fires))


def _is_late(known: _Known, arrival: Arrival) -> bool:
    """Return True if the message is older than the known state of its alert, and so has to be ignored."""
    if arrival.alert.timestamp_orders:
        return _late_by_time(known, arrival)
    if arrival.fires:
        return not known.firing and arrival.received_at < known.received_at
    if arrival.received_at < known.received_at:
        return True
    # A resolve belongs to the episode that it names. It can be compared only if the known alert names one, too.
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
    """Return the state of an alert after a firing message; one that fired already keeps the worst rank.

    `known` is the state before the message; with None, the alert begins to fire.
    """
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
