"""Messages to operators that go out once, although several processes of reconcile may want to send them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firstline.incidents.store import Incidents

LEASE = timedelta(seconds=50)
"""The time for which a message is claimed before it is sent. It is over at the next run: if the process that claimed
the message died, the next run sends it."""


@dataclass
class Once:
    """The claims of messages to operators. A process that dies after it sent a message may let it be sent twice.

    Parameters
    ----------
    holder
        The name of this process, different from any other's.
    """

    incidents: Incidents
    holder: str
    _until: dict[str, datetime] = field(default_factory=dict, init=False)
    """The time until which a message is not sent again, by the message's key, of messages that this process sent."""

    def lease(self, key: str, now: datetime) -> bool:
        """Return True if this process may now send the message with this key; no other may until the next run."""
        return self.incidents.claim_once(key, self.holder, now, until=now + LEASE)

    def tell(self, key: str, now: datetime, every: timedelta, say: Callable[[], bool]) -> None:
        """Send a message, unless one with this key went out less than `every` ago.

        If `say` raises or returns False, the message counts as not sent: the next call tries again.
        """
        if now < self._until.get(key, now) or not self.lease(key, now):
            return
        if say():
            self._until[key] = now + every
            self.incidents.claim_once(key, self.holder, now, until=now + every)
