"""Delivery of a message through several channels, and the one place that handles a channel's failure.

A channel only says whether another try can help; `tell_all` decides whether to try again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from firstline.errors import ChannelFailed
from firstline.models import Notification
from firstline.observability import logger, metrics
from firstline.privacy.alert_redaction import for_outsiders

type Wakes = Literal["never", "once", "again"]
"""The pages of one incident that wake a person through a channel: none (Slack), only the first (PagerDuty adds a second
trigger of the same key to its log), or each one (SNS)."""


class Channel(Protocol):
    """A way to reach people, such as Slack or PagerDuty."""

    @property
    def wakes(self) -> Wakes:
        """The pages of an incident that wake a person by this channel: `never` none, `once` the first, `again` each."""
        ...

    def tell(self, notification: Notification) -> bool:
        """Send the message and return True, or return False if this channel sends nothing for this kind of message.

        A repeated call must do no harm, because the state machine retries.

        Raises
        ------
        ChannelFailed
            The channel refused or could not be reached.
        """
        ...


@dataclass(frozen=True)
class Unusable:
    """A stand-in for a channel whose secret could not be read: every message fails."""

    wakes: Wakes
    why: str

    def tell(self, notification: Notification) -> bool:
        """Raise ChannelFailed with the reason."""
        raise ChannelFailed(f"the message {notification.kind!r} cannot be sent: {self.why}", retryable=False)


@dataclass(frozen=True)
class Later:
    """A stand-in for a channel that is too slow while a person waits; the incident's execution sends there later."""

    wakes: Wakes = "never"

    def tell(self, notification: Notification) -> bool:  # noqa: ARG002 (what every channel takes)
        """Send nothing, and return False."""
        return False


@dataclass(frozen=True)
class Told:
    """The names of the channels that took a message, and the failures of the others.

    `behind` names the channels whose message about the incident is out of date, because they failed for a passing
    reason or are told later.
    """

    reached: tuple[str, ...]
    failed: Mapping[str, ChannelFailed]
    behind: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """True if a channel took the message and no channel still shows an older one (`behind` is empty)."""
        return bool(self.reached) and not self.behind


def tell_all(notification: Notification, channels: Mapping[str, Channel], *, rounds: int = 2) -> Told:
    """Send the notification, without personal data, to every channel.

    A channel that failed for a passing reason gets it again in the next of the `rounds`, unless the channel asked to be
    left alone for a time (such as by `Retry-After`). Failures are logged and counted, not raised, so one broken channel
    stops no other. The notification of a canary is not sent, but each channel counts as having taken it.
    """
    if notification.record.incident.is_canary:
        return Told(reached=tuple(channels), failed={})
    notification = for_outsiders(notification)
    reached: list[str] = []
    failed: dict[str, ChannelFailed] = {}
    waiting = list(channels)
    for _ in range(rounds):
        for name in waiting:
            try:
                if channels[name].tell(notification):
                    reached.append(name)
                failed.pop(name, None)
            except ChannelFailed as error:
                failed[name] = error
        again = {name for name, failure in failed.items() if failure.retryable and failure.retry_after is None}
        waiting = [name for name in waiting if name in again]
    for name, failure in failed.items():
        about = {"kind": notification.kind, "incident_id": notification.record.incident.incident_id}
        logger.error("A channel did not take a message", extra={"channel": name, **about, "why": str(failure)})
        metrics.add_metric(name="ChannelFailed", unit="Count", value=1)
    late = {name for name, failure in failed.items() if failure.retryable and channels[name].wakes == "never"}
    late |= {name for name, channel in channels.items() if isinstance(channel, Later)}
    return Told(reached=tuple(reached), failed=failed, behind=tuple(sorted(late)))


def tell_slack(notification: Notification, channels: Mapping[str, Channel]) -> bool:
    """Send the notification to Slack only, in one try, because Slack gives the answer to a button three seconds.

    Return True if Slack took the notification and no other channel has to be told later (`Later`).
    """
    first = {name: channel for name, channel in channels.items() if name == "slack" or isinstance(channel, Later)}
    return tell_all(notification, first, rounds=1).shown


def tell_others(notification: Notification, channels: Mapping[str, Channel]) -> None:
    """Send the notification, in one try, to every channel except Slack, which `tell_slack` tells."""
    tell_all(notification, {name: channel for name, channel in channels.items() if name != "slack"}, rounds=1)


def say(text: str, channels: Mapping[str, Channel]) -> bool:
    """Send a text that is about no incident to people in Slack.

    A bot sends it to the channel for what needs a person (`alerts`), an incoming webhook to its one channel. Return
    False if that failed, which is only logged; return True also if Slack is not among the channels.
    """
    slack = channels.get("slack")
    post = getattr(slack, "say", None)
    if post is None:
        return True
    try:
        post(text)
    except ChannelFailed as failure:
        logger.warning("The ops channel in Slack took no message", extra={"why": str(failure), "text": text})
        return False
    return True
