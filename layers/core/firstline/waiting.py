"""What ingest does for incidents that wait: silences and maintenance keep alerts back, and some alerts end the waiting.

Each alert is judged when it comes in, by itself. An incident waits from its opening while everything in it is kept
back; an alert of paging severity that nothing keeps back ends that, whatever it waits for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from firstline import lifecycle
from firstline.classification.quiet import Quiet
from firstline.grouping import Fold, GroupState
from firstline.incidents.store import Incidents
from firstline.models import Hold, NormalizedAlert


@dataclass(frozen=True)
class Waiting:
    """Parameters
    ----------
    quiet
        The silences and windows at a time; what cannot be read keeps nothing back. Asked only about new alerts.
    rules_hold
        Whether any rule makes alerts wait: only then an alert of paging severity that joins costs a request more.
    """

    history: Incidents
    executions: lifecycle.Executions
    quiet: Callable[[datetime], Quiet]
    rules_hold: Callable[[], bool]

    def keeps_back(self, alert: NormalizedAlert, now: datetime) -> Hold | None:
        """What keeps back an alert that fires."""
        return None if alert.status == "resolved" else self.quiet(now).keeps_back(alert, now)

    def joined(self, incident_id: str, before: GroupState, folded: Fold, now: datetime) -> None:
        """New alerts joined an open incident: if it waits, remember what waits with it, or end the waiting."""
        if folded.held_back is not None:
            self.history.hold_back(incident_id, folded.held_back)
        if folded.wakes and self._waits(incident_id, before, now):
            because = "an alert of paging severity joined"
            lifecycle.end_hold(incident_id, because, now, history=self.history, executions=self.executions)

    def _waits(self, incident_id: str, before: GroupState, now: datetime) -> bool:
        if before.held_until is not None and now < before.held_until:
            return True
        record = self.history.record(incident_id) if self.rules_hold() else None
        if record is None or record.classification is None:
            # Not classified yet: the waiting may be about to begin.
            return record is not None
        hold = record.classification.hold
        return hold is not None and now < hold.until
