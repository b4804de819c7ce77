"""The check for a page topic without subscribers, which tells people in Slack that its messages reach nobody."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firstline.incidents.tell_once import Once
from firstline.observability import logger, metrics

EVERY = timedelta(days=1)

PAUSE = timedelta(minutes=10)
"""The pause after a message that the ops channel did not take, which may not be connected at all."""


@dataclass
class UnheardWatch:
    """The check whether anybody is subscribed to the page topic, before a page needs it.

    An alarm would send its message to that very topic. So the ops channel is told, and again each day while it lasts.

    Parameters
    ----------
    has_subscriber
        Returns False if nobody is subscribed to the topic.
    say
        Posts a text in the ops channel; returns False if that failed, or if there is no such channel.
    """

    has_subscriber: Callable[[], bool]
    once: Once
    say: Callable[[str], bool]
    stack: str
    _next: datetime | None = field(default=None, init=False)
    """The time of the next try after a failed one."""

    def look(self, now: datetime) -> None:
        """Count, log and tell people that nobody is subscribed, if that is so."""
        if self.has_subscriber():
            return
        metrics.add_metric(name="PageTopicUnheard", unit="Count", value=1)
        logger.error(
            "Nobody is subscribed to the page topic, so pages of last resort and this stack's alarms reach nobody: "
            "subscribe an address to it"
        )
        if self._next is None or now >= self._next:
            self._next = now + PAUSE
            self.once.tell("unheard", now, EVERY, self._tell)

    def _tell(self) -> bool:
        return self.say(
            f"Nobody has a confirmed subscription to the page topic of {self.stack}: pages that nothing else takes, "
            "and alarms about Firstline itself, reach nobody. Set PageEmail and answer the mail that asks to confirm "
            f"it, or subscribe a phone to the SNS topic {self.stack}-page. `firstline doctor` says who is woken. This "
            "message comes once a day until somebody is subscribed."
        )
