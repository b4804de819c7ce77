"""Holds at ingest: silences and windows hold alerts back; an alert that pages and is not held ends the hold.

Each alert is judged by itself when it comes in. An incident waits from its opening while every alert in it is held; an
alert of paging severity that is not held ends the wait, whatever the incident waits for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from firstline.incidents import lifecycle
from firstline.incidents.store import Incidents
from firstline.ingest.fold import Fold, GroupState
from firstline.models import Hold, NormalizedAlert

if TYPE_CHECKING:
    from firstline.policy.holds import Holds


@dataclass(frozen=True)
class IngestHolds:
    """The holds of incidents, as ingest begins and ends them.

    Parameters
    ----------
    quiet
        Returns the silences and windows at a time; if they cannot be read, nothing is held. Asked for new alerts only.
    rules_hold
        Returns True if any rule holds alerts: only then an alert of paging severity that joins costs a request more.
    """

    incidents: Incidents
    executions: lifecycle.Executions
    quiet: Callable[[datetime], "Holds"]
    rules_hold: Callable[[], bool]

    def hold_on(self, alert: NormalizedAlert, now: datetime) -> Hold | None:
        """Return the hold on a firing alert, or None."""
        return None if alert.status == "resolved" else self.quiet(now).hold_on(alert, now)

    def handle_joined(self, incident_id: str, before: GroupState, folded: Fold, now: datetime) -> None:
        """Store the worst severity of held alerts that joined; end the hold if an alert that pages is not held."""
        if folded.held_back is not None:
            self.incidents.hold_back(incident_id, folded.held_back)
        if folded.ends_hold and self._waits(incident_id, before, now):
            because = "an alert of paging severity joined"
            lifecycle.end_hold(incident_id, because, now, incidents=self.incidents, executions=self.executions)

    def _waits(self, incident_id: str, before: GroupState, now: datetime) -> bool:
        if before.held_until is not None and now < before.held_until:
            return True
        record = self.incidents.record(incident_id) if self.rules_hold() else None
        if record is None or record.classification is None:
            # Not classified yet: a hold may be about to begin.
            return record is not None
        hold = record.classification.hold
        return hold is not None and now < hold.until
