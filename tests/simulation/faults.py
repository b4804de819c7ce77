"""Faults at outward calls: which one happens where, drawn from a seed or given one by one.

Each call has a label (who calls what) and a number among the calls with that label. The draw depends on the seed and on
these two only. So a run that leaves some events out meets the same faults at the calls that remain, and a list of
faults replays exactly.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple
from zlib import crc32

type Kind = Literal[
    "refuse", "lost", "echo", "conflict", "kill before", "kill after", "others first", "slow", "busy", "twice", "late"
]
"""A fault: the service refuses; the reply is lost after the effect; the client's own retry repeats the request after
the effect; another transaction has the item; the function is killed before or after the effect; other pending events
run first; the call takes long while others run; Lambda is busy; an event comes twice, or late."""

HARMLESS: frozenset[Kind] = frozenset({"others first", "twice"})
"""Faults that excuse nothing: another order of events is no failure."""

IN_A_RUSH = 0.5
"""The share of calls at the place of a rush before which others run."""

READ: tuple[Kind, ...] = ("others first", "others first", "others first", "refuse", "kill before", "slow")
WRITE: tuple[Kind, ...] = (
    *("others first", "others first", "others first", "refuse", "lost", "echo", "conflict", "kill before"),
    *("kill after", "slow"),
)
SEND: tuple[Kind, ...] = ("refuse", "lost", "echo", "kill before", "kill after", "others first", "slow")
INVOKE: tuple[Kind, ...] = ("busy", "lost", "kill before", "others first")
SCHEDULE: tuple[Kind, ...] = ("late", "twice")


class Fault(NamedTuple):
    """A fault at the call with this label and number."""

    label: str
    number: int
    kind: Kind


@dataclass(frozen=True)
class Weather:
    """A time in which faults are frequent: from, until, the share of calls that fail, and where (in the label)."""

    since: datetime
    until: datetime
    share: float
    where: str = ""


@dataclass
class Faults:
    """The choice of faults.

    Parameters
    ----------
    seed
        Draws the faults.
    share
        The share of calls that meet a fault in good weather.
    orders
        The share of calls before which other pending events run.
    rush
        A part of labels: before half of the calls that have it others run, so that races at one place are dense.
    only
        If given, exactly these faults happen, and nothing is drawn. Then `asked` has each call, and what it could meet.
    """

    seed: int
    share: float = 0.0
    orders: float = 0.0
    weather: Sequence[Weather] = ()
    rush: str = ""
    only: Mapping[tuple[str, int], Kind] | None = None
    asked: dict[tuple[str, int], Sequence[Kind]] = field(default_factory=dict)
    happened: list[tuple[datetime, Fault]] = field(default_factory=list)
    listeners: list[Callable[[datetime, Fault], object]] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _begun: dict[str, int] = field(default_factory=dict)
    """The checksum of each label, which the draw of each of its calls goes on from."""

    @property
    def calls(self) -> Counter[str]:
        """The number of calls so far by label."""
        return self._counts

    def choose(self, label: str, kinds: Sequence[Kind], now: datetime) -> Kind | None:
        """Return the fault of the next call with this label, or None."""
        number = self._counts[label] = self._counts[label] + 1
        if self.only is None:
            kind = self._drawn(label, number, kinds, now)
        else:
            kind = self.only.get((label, number))
            self.asked[label, number] = kinds
        if kind is not None:
            fault = Fault(label, number, kind)
            self.happened.append((now, fault))
            for listener in self.listeners:
                listener(now, fault)
        return kind

    def _drawn(self, label: str, number: int, kinds: Sequence[Kind], now: datetime) -> Kind | None:
        share = self.share
        for time in self.weather:
            if time.since <= now < time.until and time.where in label:
                share = max(share, time.share)
        orders = IN_A_RUSH if self.rush and self.rush in label else self.orders
        if share <= 0 and orders <= 0:
            return None
        begun = self._begun.get(label)
        if begun is None:
            begun = self._begun[label] = crc32(f"{label}#".encode(), self.seed & 0xFFFFFFFF)
        drawn = crc32(b"%d" % number, begun) / 2**32
        if drawn < share:
            serious = [kind for kind in kinds if kind not in HARMLESS] or kinds
            return serious[int(drawn / share * len(serious))]
        if drawn < share + orders:
            harmless = [kind for kind in kinds if kind in HARMLESS]
            return harmless[0] if harmless else None
        return None


def exactly(faults: Iterable[Fault]) -> dict[tuple[str, int], Kind]:
    """Return the faults as `Faults.only` takes them."""
    return {(fault.label, fault.number): fault.kind for fault in faults}
