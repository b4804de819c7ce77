"""The early end of an incident's hold, because a silence was ended, a window was changed or an inhibition is over.

A hold whose time is over is not handled here: the state machine waits for that time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from firstline.models import StoredAlert

if TYPE_CHECKING:
    from firstline.ingest.judge import Judge

MOST = 50
"""The largest number of an incident's alerts that are checked, worst first."""


@dataclass(frozen=True)
class HoldEnds:
    """The check whether the alerts of an incident on hold are still held, alert by alert, as ingest judges them.

    Parameters
    ----------
    judge
        The owner's rules and the silences. It must raise if they cannot be read, so that no hold ends by mistake.
    members
        Returns the alerts of an incident, worst first, up to a number.
    inhibitors
        Takes keys of inhibitions; returns by key how many firing alerts inhibit others.
    """

    judge: "Judge"
    members: Callable[[str, int], list[StoredAlert]]
    inhibitors: Callable[[Iterable[str]], Mapping[str, int]]

    def over(self, incident_id: str, now: datetime) -> str | None:
        """Return why the incident's hold is over, in words, or None if all its held alerts are still held.

        A hold by a rule marks no alerts as held, so it never ends early.
        """
        held = [member for member in self.members(incident_id, MOST) if member.firing and member.held]
        keys = {key for member in held for key in self.judge.inhibited_by(member.alert)}
        counts = self.inhibitors(keys) if keys else {}
        for member in held:
            if self.judge.hold_on(member.alert, now, counts) is None:
                return f"nothing holds {member.alert.alert_name} any more"
        return None
