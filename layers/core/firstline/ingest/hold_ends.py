"""The early end of an incident's hold: a silence that was ended, a window that was changed, an inhibition that is over.

The end of its time needs nobody; the state machine waits for that by itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from firstline.models import StoredAlert

if TYPE_CHECKING:
    from firstline.ingest.judge import Judge

MOST = 50
"""The number of an incident's alerts that are judged, worst first."""


@dataclass(frozen=True)
class HoldEnds:
    """The check that the alerts of an incident on hold are still held, judged one by one as ingest judges them.

    Parameters
    ----------
    judge
        The owner's rules and the silences. If they cannot be read it must raise: what is not known ends no hold.
    members
        Returns an incident's alerts, worst first.
    inhibitors
        Returns by key how many alerts fire that inhibit others.
    """

    judge: "Judge"
    members: Callable[[str, int], list[StoredAlert]]
    inhibitors: Callable[[Iterable[str]], Mapping[str, int]]

    def over(self, incident_id: str, now: datetime) -> str | None:
        """Return why the incident's hold is over, or None if everything that was held still is.

        A hold that a rule declares has no held alerts: it lasts its time.
        """
        held = [member for member in self.members(incident_id, MOST) if member.firing and member.held]
        keys = {key for member in held for key in self.judge.inhibited_by(member.alert)}
        counts = self.inhibitors(keys) if keys else {}
        for member in held:
            if self.judge.hold_on(member.alert, now, counts) is None:
                return f"nothing holds {member.alert.alert_name} any more"
        return None
