"""The one place that every outward call of the simulated stack passes: it records the call and lets it fail.

A call of a function may be refused, lose its reply, be repeated by the client itself, end with the function's death, or
come after other pending events, which then run to their end inside it.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import takewhile
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulation.clock import Event, VirtualClock
from tests.simulation.faults import READ, SEND, WRITE, Faults, Kind

AT_ONCE_SECONDS = 3.0
"""Only events that are due this soon go first: a call takes no longer."""

SLOW_SECONDS = 20.0
PULLED = timedelta(seconds=15)
"""The time within which a happening of the world may come before a call. Its label begins with a digit."""

DELIVERED = timedelta(seconds=1)
"""The time that most senders take to report a happening."""

DEEPEST = 5
"""The most calls that may wait within each other for events that go first."""

_READS = ("get", "batch_get", "query", "list", "describe", "GetParameter", "transact_get")


def is_read(operation: str) -> bool:
    """Tell whether an operation changes nothing."""
    return operation.startswith(_READS)


@cache
def _possible(service: str, operation: str) -> Sequence[Kind]:
    if is_read(operation):
        return READ
    return WRITE if service == "dynamodb" else SEND


class Killed(BaseException):
    """The function's process ends here. No `except Exception` of the function sees it."""

    def __init__(self, error: str = "Runtime.ExitError") -> None:
        super().__init__(error)
        self.error = error


@dataclass
class Frame:
    """A running invocation of a function: whose, since when, how long it may run, which faults it met, for which
    incident the state machine called it, and whether it was killed because it ran for too long."""

    actor: str
    began: datetime
    seconds: float
    faults: list[Kind] = field(default_factory=list)
    incident: str = ""
    overran: bool = False


class Call(NamedTuple):
    """An outward call, for stories."""

    at: datetime
    actor: str
    service: str
    operation: str
    arguments: Mapping[str, Any]
    fault: Kind | None
    outcome: str


def refused(service: str, operation: str) -> Exception:
    """Return the exception of a service that throttles, or that is out of order."""
    code = "ThrottlingException" if service != "dynamodb" else "ProvisionedThroughputExceededException"
    return ClientError({"Error": {"Code": code, "Message": "Rate exceeded (simulated)"}}, operation)


def no_answer(service: str, operation: str) -> Exception:
    """Return the exception of a client that got no answer."""
    return ReadTimeoutError(endpoint_url=f"https://{service}/{operation}")


@dataclass
class Calls:
    """The choke point.

    Parameters
    ----------
    remember
        How many of the newest calls are kept for a story.
    """

    clock: VirtualClock
    faults: Faults
    remember: int = 0
    depth: int = 0
    frames: list[Frame] = field(default_factory=list)
    rival: Callable[[], object] | None = None
    """The event that goes first, where others go first; without it, what is due next."""

    def __post_init__(self) -> None:
        self.log: deque[Call] = deque(maxlen=self.remember)
        self.interrupted: Frame | None = None  # whom others go before
        self._waits: list[tuple[datetime, timedelta]] = []

    @property
    def actor(self) -> str:
        """Return the caller: the innermost running function, or the state machine."""
        return self.frames[-1].actor if self.frames else "outside"

    def make(
        self,
        service: str,
        operation: str,
        arguments: Mapping[str, Any],
        do: Callable[[], Any],
        *,
        actor: str | None = None,
        kinds: Sequence[Kind] | None = None,
        refuse: Callable[[str, str], Exception] = refused,
        lose: Callable[[str, str], Exception] = no_answer,
        conflict: Callable[[], Exception] | None = None,
    ) -> Any:
        """Make a call, unless a fault is due: then fail as the service, the network or the process would."""
        frame = self.frames[-1] if actor is None and self.frames else None
        who = actor or self.actor
        possible = kinds or _possible(service, operation)
        kind = self.faults.choose(f"{who}:{service}.{operation}", possible, self.clock.now())
        if kind is None:
            return self._done(do, who, service, operation, arguments, None) if self.remember else do()
        if frame:
            frame.faults.append(kind)
        if kind in ("others first", "slow"):
            self.let_others_go(AT_ONCE_SECONDS if kind == "others first" else SLOW_SECONDS, whole=kind == "slow")
            self.check_time(frame)
        if kind.startswith("kill") and frame is None:
            kind = "refuse" if kind == "kill before" else "lost"  # only functions can be killed
        if kind == "echo" and frame is None:
            kind = "lost"  # the machine repeats only what its Retry says
        if kind == "conflict" and conflict is None:
            kind = "refuse"
        if kind == "refuse":
            self._note(who, service, operation, arguments, kind, "refused")
            raise refuse(service, operation)
        if kind == "conflict" and conflict is not None:
            self._note(who, service, operation, arguments, kind, "conflict")
            raise conflict()
        if kind == "kill before":
            self._note(who, service, operation, arguments, kind, "killed before")
            raise Killed("Sandbox.Timedout")
        result = self._done(do, who, service, operation, arguments, kind)
        if kind == "kill after":
            raise Killed
        if kind == "echo" and not operation.startswith("transact"):  # botocore gives transactions a token
            return self._done(do, who, service, operation, arguments, kind)
        if kind == "lost":
            raise lose(service, operation)
        return result

    def let_others_go(self, seconds: float, *, whole: bool = False) -> None:
        """Run the next pending events that are due within so many seconds; all of them, or one."""
        if self.depth >= DEEPEST:
            return
        self.depth += 1
        frames, self.frames, began = self.frames, [], self.clock.now()
        self.interrupted = frames[-1] if frames else None
        try:
            if whole:
                self.clock.run_for(seconds)
            elif self.rival is not None:
                self.rival()
            elif (happening := self.next_happening()) is not None:
                self.clock.run_until(happening.time + DELIVERED)
            else:
                event = self.clock.next()
                if event is not None and (event.time - self.clock.now()).total_seconds() <= seconds:
                    self.clock.step()
        finally:
            self.frames = frames
            self.depth -= 1
            self._waits.append((self.clock.now(), self.clock.now() - began))

    def waited(self, since: datetime) -> timedelta:
        """Return how much time passed since a time in calls that others went before."""
        waits = takewhile(lambda wait: wait[0] >= since, reversed(self._waits))
        return sum((seconds for _, seconds in waits), timedelta(0))

    def next_happening(self) -> Event | None:
        """Return what happens next in the world if it is due soon: those are the races that matter."""
        until = self.clock.now() + PULLED
        return min((event for event in self.clock.due(until) if event.label[:1].isdigit()), default=None)

    def check_time(self, frame: Frame | None) -> None:
        """Kill a function that has run for longer than it may."""
        if frame and (self.clock.now() - frame.began).total_seconds() > frame.seconds:
            frame.overran = True
            raise Killed("Sandbox.Timedout")

    def _done(
        self,
        do: Callable[[], Any],
        who: str,
        service: str,
        operation: str,
        arguments: Mapping[str, Any],
        kind: Kind | None,
    ) -> Any:
        if not self.remember:
            return do()
        try:
            result = do()
        except Exception as error:
            self._note(who, service, operation, arguments, kind, type(error).__name__)
            raise
        self._note(who, service, operation, arguments, kind, "done")
        return result

    def _note(
        self, who: str, service: str, operation: str, arguments: Mapping[str, Any], kind: Kind | None, outcome: str
    ) -> None:
        if self.remember:
            self.log.append(Call(self.clock.now(), who, service, operation, arguments, kind, outcome))
