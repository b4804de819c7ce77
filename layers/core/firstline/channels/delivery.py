"""Tell several channels, and decide in one place what a failure of one of them means.

A channel only says whether trying again can help; whether it is tried again is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from firstline.errors import ChannelFailed
from firstline.models import Notification
from firstline.observability import logger, metrics
from firstline.privacy.alerts import for_outsiders

type Wakes = Literal["never", "once", "again"]
"""Whether a page through this channel wakes somebody: never (Slack), only the first time (PagerDuty adds a second
trigger of the same key to its log), or each time (SNS)."""


class Channel(Protocol):
    """A way to reach people."""

    @property
    def wakes(self) -> Wakes:
        """Whether somebody asleep would notice."""
        ...

    def tell(self, notification: Notification) -> bool:
        """Say it, or return False when this channel has nothing to say about such a moment.

        Must be safe to repeat: the state machine retries.

        Raises
        ------
        ChannelFailed
            The channel refused or could not be reached.
        """
        ...


@dataclass(frozen=True)
class Unusable:
    """Stands in for a channel whose secret could not be read: it exists, and it fails."""

    wakes: Wakes
    why: str

    def tell(self, notification: Notification) -> bool:
        """Always fails, with the reason."""
        raise ChannelFailed(f"cannot send {notification.kind!r}: {self.why}", retryable=False)


@dataclass(frozen=True)
class Told:
    """Who took a message, by channel name, and who did not."""

    reached: tuple[str, ...]
    failed: Mapping[str, ChannelFailed]


def tell_all(notification: Notification, channels: Mapping[str, Channel], *, rounds: int = 2) -> Told:
    """Tell every channel once, without personal data. Those that failed for a passing reason are told again after the
    others, in the next round.

    One broken channel never keeps a message from the next one. Failures are logged and counted, not raised.
    """
    notification = for_outsiders(notification)
    reached: dict[str, None] = {}
    failed: dict[str, ChannelFailed] = {}
    waiting = list(channels)
    for _ in range(rounds):
        again = []
        for name in waiting:
            try:
                if channels[name].tell(notification):
                    reached[name] = None
                failed.pop(name, None)
            except ChannelFailed as error:
                failed[name] = error
                if error.retryable:
                    again.append(name)
        waiting = again
    for name, failure in failed.items():
        logger.error(
            "A channel did not take a message",
            extra={
                "channel": name,
                "kind": notification.kind,
                "incident_id": notification.record.incident.incident_id,
                "why": str(failure),
            },
        )
        metrics.add_metric(name="ChannelFailed", unit="Count", value=1)
    return Told(reached=tuple(reached), failed=failed)
