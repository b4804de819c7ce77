"""The check of heartbeats, once a minute: an absent heartbeat raises an alert like any other; its return ends it."""

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
    """The heartbeats that were seen or are required. Every method raises `HistoryUnavailable`."""

    def beat(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Record that the heartbeat arrived at a time, or that its sender resolved it; a later word stands.

        Return False if it is new and its source has as many heartbeats as are watched: `MOST_OF_A_SOURCE`.
        """

    def expect(self, name: str, alert: NormalizedAlert, now: datetime) -> None:
        """Start to expect a required heartbeat that was never seen."""

    def pulses(self) -> tuple[list[Pulse], LastCheck | None]:
        """Return every heartbeat record and the record of the last check."""

    def watch(self, before: LastCheck | None, pulses: Sequence[Pulse], now: datetime) -> datetime:
        """Record this check and the number of heartbeats that it found; return the start of the uninterrupted watch."""

    def mark(self, pulse: Pulse, absent_since: datetime | None, now: datetime) -> None:
        """Record that people were told about the absence, or with None about the return."""

    def forget(self, key: str, by: str, now: datetime) -> bool:
        """Stop expecting this heartbeat until it is seen again. Return False if it is unknown."""


@dataclass(frozen=True)
class Watch:
    """The check of every heartbeat; alerts about absent ones come in by the front door.

    The alert is accepted before the heartbeat is marked: after a failure in between it is accepted again next minute,
    as a duplicate. An absence that lasts is said again each day: while its incident is open that is a duplicate, too,
    and when a person has resolved that incident it opens another one.

    Parameters
    ----------
    accept
        Takes the alerts in; accepting one again changes nothing.
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
