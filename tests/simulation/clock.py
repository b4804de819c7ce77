"""Virtual time: a clock that moves from event to event, and a `datetime` class that reads it.

Events that are due at the same time run in an order that the seed draws: another seed gives another order, and the same
seed gives the same order again.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from typing import Any

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
"""The begin of a simulation, unless it says otherwise: a Monday morning."""


@dataclass(order=True)
class Event:
    """An action that is due at a time. `cancel` keeps it from running."""

    time: datetime
    tie: float
    number: int
    action: Callable[[], object] = field(compare=False)
    label: str = field(compare=False)
    pending: bool = field(compare=False, default=True)

    def cancel(self) -> None:
        """Keep the event from running; without effect once it has run."""
        self.pending = False


class VirtualClock:
    """The time of a simulation, and the events to come.

    Parameters
    ----------
    random
        Draws the order of events that are due at the same time.
    """

    def __init__(self, random: Random, start: datetime = START) -> None:
        self.random = random
        self._now = start.astimezone(UTC)
        self._events: list[tuple[datetime, float, int, Event]] = []
        self._scheduled = 0

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._now

    def at(self, time: datetime, action: Callable[[], object], label: str) -> Event:
        """Schedule an action for a time that is not over.

        Raises
        ------
        ValueError
            The time is in the past.
        """
        if time < self._now:
            raise ValueError(f"{label}: {time} is before {self._now}.")
        self._scheduled += 1
        event = Event(time.astimezone(UTC), self.random.random(), self._scheduled, action, label)
        heapq.heappush(self._events, (event.time, event.tie, event.number, event))
        return event

    def after(self, seconds: float, action: Callable[[], object], label: str) -> Event:
        """Schedule an action for so many seconds from now."""
        return self.at(self._now + timedelta(seconds=seconds), action, label)

    def next(self) -> Event | None:
        """Return the event that `step` would run, or None if there is none."""
        while self._events and not self._events[0][-1].pending:
            heapq.heappop(self._events)
        return self._events[0][-1] if self._events else None

    def due(self, until: datetime) -> Iterator[Event]:
        """Yield the events to come up to a time, in no order."""
        positions = [0]
        for position in positions:  # of the heap: what lies below a later event is later still
            if position < len(self._events) and (event := self._events[position][-1]).time <= until:
                positions += (2 * position + 1, 2 * position + 2)
                if event.pending:
                    yield event

    def step(self) -> Event | None:
        """Move to the next event, run it, and return it; return None if there is none."""
        event = self.next()
        if event is not None:
            heapq.heappop(self._events)
            event.pending = False
            self._now = event.time
            event.action()
        return event

    def run_until(self, time: datetime) -> None:
        """Run every event that is due by this time, and move to it."""
        while (event := self.next()) is not None and event.time <= time:
            self.step()
        self._now = max(self._now, time.astimezone(UTC))

    def run_for(self, seconds: float) -> None:
        """Run every event of the next so many seconds."""
        self.run_until(self._now + timedelta(seconds=seconds))

    def run(self, most: int = 1_000_000) -> None:
        """Run events until none is left.

        Raises
        ------
        RuntimeError
            Events are left after so many.
        """
        for _ in range(most):
            if self.step() is None:
                return
        raise RuntimeError(f"Events are left after {most}; the next is {self.next()}.")


class _LikeDatetime(type):
    """Lets every datetime pass for an instance of the replacement, as code that checks types expects."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


def frozen_datetime(clock: VirtualClock) -> type[datetime]:
    """Return a class to put in place of a module's `datetime`; its `now` reads the clock.

    It builds plain datetimes, so that nothing of it is left in the values that the module makes.
    """

    class FrozenDatetime(datetime, metaclass=_LikeDatetime):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return datetime(*args, **kwargs)

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            moment = clock.now()
            return moment.astimezone(tz) if tz else moment.replace(tzinfo=None)

        @classmethod
        def utcnow(cls) -> Any:
            return clock.now().replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return clock.now().replace(tzinfo=None)

    return FrozenDatetime
