"""Channels and a history that tests can make fail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firstline.channels.delivery import Wakes
from firstline.errors import ChannelFailed, HistoryUnavailable
from firstline.models import IncidentRecord, Notification, Outcome, Page, StepResult


@dataclass
class FakeChannel:
    """Keeps what it was told. `failures` are raised one after the other before it starts to work."""

    wakes: Wakes = "never"
    failures: list[ChannelFailed] = field(default_factory=list)
    silent: bool = False
    told: list[Notification] = field(default_factory=list)
    attempts: int = 0

    def tell(self, notification: Notification) -> bool:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        if self.silent:
            return False
        self.told.append(notification)
        return True


def passing() -> ChannelFailed:
    """A failure that trying again may mend."""
    return ChannelFailed("503 for a moment", retryable=True)


def lasting() -> ChannelFailed:
    """A failure that trying again won't mend."""
    return ChannelFailed("invalid_auth", retryable=False)


@dataclass
class FakeHistory:
    """One incident's record, or a table that is down."""

    kept: IncidentRecord | None = None
    down: bool = False
    pages: list[Page] = field(default_factory=list)
    closings: list[tuple[Outcome, str]] = field(default_factory=list)
    ended_silences: list[str] = field(default_factory=list)

    def record(self, incident_id: str) -> IncidentRecord | None:
        self._answer()
        return self.kept

    def save_page(self, incident_id: str, page: Page, at: datetime) -> None:
        self._answer()
        self.pages.append(page)

    def close(
        self, incident_id: str, outcome: Outcome, reason: str, results: Sequence[StepResult], at: datetime
    ) -> IncidentRecord:
        self._answer()
        if self.kept is None:
            raise HistoryUnavailable(f"incident {incident_id} is not in the table")
        if self.kept.closed_at is None:
            self.closings.append((outcome, reason))
            self.kept = self.kept.model_copy(
                update={
                    "status": "CLOSED",
                    "outcome": outcome,
                    "outcome_reason": reason,
                    "results": list(results),
                    "closed_at": at,
                }
            )
        return self.kept

    def end_silence(self, silence_id: str, now: datetime) -> None:
        self._answer()
        self.ended_silences.append(silence_id)

    def _answer(self) -> None:
        if self.down:
            raise HistoryUnavailable("the table is down")
