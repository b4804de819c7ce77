"""Every minute: is every heartbeat there? The absence of one is an alert like any other, and so is its return."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from firstline.classification.heartbeats import (
    REQUIRED,
    Heartbeat,
    Pulse,
    absence,
    absent_since,
    back,
    expectation,
    seen,
)
from firstline.models import NormalizedAlert
from firstline.observability import logger, metrics


class Pulses(Protocol):
    """The heartbeats in the table. Each may raise `HistoryUnavailable`."""

    def pulses(self) -> tuple[list[Pulse], Any]:
        """All of them, and what is known of the watch."""

    def watch(self, before: Any, now: datetime) -> datetime:
        """Somebody looks. Since when without a gap."""

    def expect(self, name: str, alert: NormalizedAlert, now: datetime) -> None:
        """One that is required is waited for from now on."""

    def mark(self, pulse: Pulse, absent_since: datetime | None, now: datetime) -> None:
        """People are told of its absence, or of its return."""


class Intake(Protocol):
    """Where alerts come in."""

    def accept(self, alerts: Sequence[NormalizedAlert], now: datetime) -> object:
        """Group them, open incidents, tell executions. Again is harmless."""


@dataclass(frozen=True)
class Watch:
    """Looks at every heartbeat, and lets alerts about the absent ones come in by the front door.

    First the alert, then the mark: what fails in between is said again in a minute, and is a duplicate then.
    """

    declared: Callable[[], Sequence[Heartbeat]]
    heartbeats: Pulses
    intake: Intake

    def look(self, now: datetime) -> int:
        """Look once.

        Returns
        -------
        int
            How many heartbeats are absent.

        Raises
        ------
        HistoryUnavailable
            The table did not do its part; nothing is known of any heartbeat then.
        ConfigurationError
            What is declared cannot be read.
        """
        declared = self.declared()
        pulses, before = self.heartbeats.pulses()
        required = [one for one in declared if one.required]
        if not pulses and not required:
            return 0
        watched_since = self.heartbeats.watch(before, now)
        for one in required:
            if not any(pulse.requirement == one.id and pulse.forgotten_at is None for pulse in pulses):
                self.heartbeats.expect(one.id, _never_seen(one, now), now)
        absent = 0
        for pulse in pulses:
            expected = expectation(pulse, declared)
            if expected is None:
                continue
            since = absent_since(pulse, expected, now, watched_since=watched_since)
            if pulse.requirement is not None and seen(expected, pulses):
                since = None  # seen at last: from now on it is watched for itself
            absent += since is not None
            self._tell(pulse, expected, since, now)
        metrics.add_metric(name="HeartbeatsAbsent", unit="Count", value=absent)
        return absent

    def _tell(self, pulse: Pulse, expected: Heartbeat, since: datetime | None, now: datetime) -> None:
        if since is not None and pulse.absent_since is None:
            logger.warning("a heartbeat is absent", extra={"key": pulse.key, "since": since.isoformat()})
            self.intake.accept([absence(pulse, expected, since, now)], now)
            self.heartbeats.mark(pulse, since, now)
        elif since is None and pulse.absent_since is not None:
            self.intake.accept([back(pulse, expected, pulse.absent_since, now)], now)
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
