"""Publication of the events in a batch of the table's stream.

Nobody waits for it: no incident and no page is held by a bus that takes nothing. What it did not take comes again, from
the first such event on, for the day for which the stream keeps it. So an event may come twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firstline.channels.events import render
from firstline.errors import HistoryUnavailable
from firstline.incidents.milestones import Milestone
from firstline.models import IncidentRecord
from firstline.models.event import IncidentEvent
from firstline.observability import logger, metrics


@dataclass(frozen=True)
class Publisher:
    """The way from the stream to the bus.

    Parameters
    ----------
    milestones_in
        Reads the milestones in a record of the stream; any error means that the record cannot be read.
    number_of
        Returns a stream record's number.
    record
        Reads an incident as it stands now.
    send
        Sends events in their order, and returns how many of them the bus took before the first that it did not.
    """

    milestones_in: Callable[[Mapping[str, Any]], list[Milestone]]
    number_of: Callable[[Mapping[str, Any]], str]
    record: Callable[[str], IncidentRecord | None]
    send: Callable[[Sequence[IncidentEvent]], int]
    stack: str
    console_url: str

    def publish(self, records: Sequence[Mapping[str, Any]]) -> str | None:
        """Publish the events in these records. Return the number of the first record that must come again, or None."""
        events: list[IncidentEvent] = []
        numbers: list[str] = []
        unread: str | None = None
        known: dict[str, IncidentRecord | None] = {}
        for record in records:
            number = self.number_of(record)
            try:
                found = [event for milestone in self._milestones(record) if (event := self._event(milestone, known))]
            except HistoryUnavailable:
                logger.exception("The incident of an event could not be read")
                unread = number
                break
            events += found
            numbers += [number] * len(found)
        taken = self.send(events) if events else 0
        metrics.add_metric(name="EventsPublished", unit="Count", value=taken)
        again = numbers[taken] if taken < len(events) else unread
        if again is not None:
            metrics.add_metric(name="EventsDelayed", unit="Count", value=1)
        return again

    def _milestones(self, record: Mapping[str, Any]) -> list[Milestone]:
        """Return a record's milestones; one that cannot be read is logged and counted, and must not hold the others."""
        try:
            return self.milestones_in(record)
        except (ValueError, KeyError, TypeError):
            logger.exception("A change in the table's stream could not be read")
            metrics.add_metric(name="EventsLost", unit="Count", value=1)
            return []

    def _event(self, milestone: Milestone, known: dict[str, IncidentRecord | None]) -> IncidentEvent | None:
        """Return the event about a milestone; None for a canary, and if its incident expired or fits no schema."""
        me = milestone.incident_id
        if me not in known:
            known[me] = self.record(me)
        record = known[me]
        if record is not None and record.incident.is_canary:
            return None
        try:
            if record is not None:
                return render(milestone, record, stack=self.stack, console_url=self.console_url)
            logger.error("An event's incident is not in the table", extra={"event": milestone.id})
        except ValueError:
            logger.exception("An event does not fit its schema", extra={"event": milestone.id})
        metrics.add_metric(name="EventsLost", unit="Count", value=1)
        return None
