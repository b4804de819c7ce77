"""The check of heartbeats, once a minute: an absent heartbeat raises an alert, and its return resolves the alert."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from firstline.models import NormalizedAlert
from firstline.observability import logger, metrics
from firstline.policy.heartbeats import (
    REQUIRED,
    Heartbeat,
    LastCheck,
    Pulse,
    absence,
    absent_since,
    back,
    expectation,
    seen,
)


class Heartbeats(Protocol):
    """The store of heartbeats that were seen or are required. Every method raises `HistoryUnavailable` if it fails."""

    def beat(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Record that a heartbeat arrived, or that its sender resolved it, unless something newer is recorded.

        Return False, and record nothing, if it is a new heartbeat of a source that has `MOST_OF_A_SOURCE` heartbeats
        already; else return True.
        """

    def expect(self, name: str, alert: NormalizedAlert, now: datetime) -> None:
        """Record a required heartbeat (`name`) that was never seen, so that its absence is noticed.

        `alert` says so to people, and stands in for the heartbeat's own alert.
        """

    def pulses(self) -> tuple[list[Pulse], LastCheck | None]:
        """Return every heartbeat record, and the record of the last check (None before the first one)."""

    def watch(self, before: LastCheck | None, pulses: Sequence[Pulse], now: datetime) -> datetime:
        """Record a check of all heartbeats (`pulses`) at `now`, and the number of heartbeats of each source.

        Return since when checks have run without a gap. `before` is the last check, None if this is the first.
        """

    def mark(self, pulse: Pulse, absent_since: datetime | None, now: datetime) -> None:
        """Record that the alert about a heartbeat's absence was raised or, if `absent_since` is None, resolved.

        Otherwise `absent_since` is when the absence began.
        """

    def forget(self, key: str, by: str, now: datetime) -> bool:
        """Stop expecting a heartbeat (`key` is its `Pulse.key`) until it is seen again. Return False if it is unknown.

        `by` is the person who asks for that, as the message at the end of its absence names them.
        """


@dataclass(frozen=True)
class Watch:
    """The check of every heartbeat. Alerts about absent heartbeats are handed to ingest like any other alert.

    An alert is accepted before its heartbeat is marked; if marking fails, the next minute sends a duplicate. A lasting
    absence is sent again each day: a duplicate while its incident is open, a new incident after a person resolved it.

    Parameters
    ----------
    declared
        Returns the heartbeats that the owner's rules declare.
    accept
        Hands alerts to ingest; accepting an alert again changes nothing.
    """

    declared: Callable[[], Sequence[Heartbeat]]
    heartbeats: Heartbeats
    accept: Callable[[Sequence[NormalizedAlert], datetime], object]

    def look(self, now: datetime) -> int:
        """Check every heartbeat once.

        Returns
        -------
        int
            The number of absent heartbeats.

        Raises
        ------
        HistoryUnavailable
            The table could not be reached: no heartbeat was checked.
        ConfigurationError
            The declared heartbeats cannot be read.
        """
        declared = self.declared()
        pulses, before = self.heartbeats.pulses()
        required = [heartbeat for heartbeat in declared if heartbeat.required]
        if not pulses and not required:
            return 0
        watched_since = self.heartbeats.watch(before, pulses, now)
        for heartbeat in required:
            if not any(pulse.requirement == heartbeat.id and pulse.forgotten_at is None for pulse in pulses):
                self.heartbeats.expect(heartbeat.id, _never_seen(heartbeat, now), now)
        absent = 0
        for pulse in pulses:
            expected = expectation(pulse, declared)
            if expected is None:
                continue
            since = absent_since(pulse, expected, now, watched_since=watched_since)
            if pulse.requirement is not None and seen(expected, pulses):
                since = None  # seen at last: its own record is watched from now on
            absent += since is not None
            self._tell(pulse, expected, since, now)
        if absent:
            metrics.add_metric(name="HeartbeatsAbsent", unit="Count", value=absent)
        return absent

    def _tell(self, pulse: Pulse, expected: Heartbeat, since: datetime | None, now: datetime) -> None:
        if since is not None and pulse.is_to_be_said(now):
            logger.warning("a heartbeat is absent", extra={"key": pulse.key, "since": since.isoformat()})
            self.accept([absence(pulse, expected, since, now)], now)
            self.heartbeats.mark(pulse, since, now)
        elif since is None and pulse.absent_since is not None:
            self.accept([back(pulse, expected, pulse.absent_since, now)], now)
            self.heartbeats.mark(pulse, None, now)


def _never_seen(expected: Heartbeat, now: datetime) -> NormalizedAlert:
    return NormalizedAlert(
        source="firstline",
        alert_name=f"Heartbeat {expected.id}",
        severity="info",
        message=f"Heartbeat {expected.id} is required and was never seen.",
        labels={},
        timestamp=now,
        raw_payload=None,
        status="firing",
        fingerprint=f"{REQUIRED}{expected.id}",
        group_key=f"firstline:required:{expected.id}",
    )
