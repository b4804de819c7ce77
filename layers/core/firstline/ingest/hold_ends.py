"""The early end of an incident's hold, because a silence was ended, a window was changed or an inhibition is over.

If several hold it and one of them ends, the incident's verdict names the one that is left.

A hold whose time is over is not handled here: the state machine waits for that time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from firstline.errors import HistoryUnavailable
from firstline.models import Hold, StoredAlert
from firstline.observability import logger

if TYPE_CHECKING:
    from firstline.ingest.judge import Judge

MOST = 50
"""The largest number of an incident's alerts that are checked, worst first."""


MOST_NAMED = 1_000
"""The number of incidents whose hold is kept in memory, so that it is stored only when it changes."""


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
    name
        Stores the hold that holds an incident (by its id) now, for people to read. It is called once for each new one;
        if the table cannot be written, again at the next check.
    """

    judge: "Judge"
    members: Callable[[str, int], list[StoredAlert]]
    inhibitors: Callable[[Iterable[str]], Mapping[str, int]]
    name: Callable[[str, Hold], object] = lambda incident_id, hold: None  # noqa: ARG005
    _named: dict[str, tuple[str, str]] = field(default_factory=dict)

    def over(self, incident_id: str, now: datetime) -> str | None:
        """Return why the incident's hold is over, in words, or None if all its held alerts are still held.

        If something else holds them now than at the last check, it is named in the incident's verdict. A hold by a
        rule marks no alerts as held, so it never ends early.
        """
        held = [member for member in self.members(incident_id, MOST) if member.firing and member.held]
        keys = {key for member in held for key in self.judge.inhibited_by(member.alert)}
        counts = self.inhibitors(keys) if keys else {}
        holds = []
        for member in held:
            hold = self.judge.hold_on(member.alert, now, counts)
            if hold is None:
                return f"nothing holds {member.alert.alert_name} any more"
            holds.append(hold)
        if holds:
            self._name(incident_id, min(holds, key=lambda hold: hold.until))
        return None

    def _name(self, incident_id: str, hold: Hold) -> None:
        named = hold.by, hold.id  # a silence and an inhibition may have the same id
        if self._named.get(incident_id) == named:
            return
        if len(self._named) >= MOST_NAMED:
            self._named.clear()
        try:
            self.name(incident_id, hold)
        except HistoryUnavailable:  # people only read the name: it must not delay the end of the hold
            logger.warning(
                "the hold of an incident could not be named", exc_info=True, extra={"incident_id": incident_id}
            )
            return
        self._named[incident_id] = named
