"""Publication of incidents' events, read from a batch of the DynamoDB table's stream, on an EventBridge bus.

No incident and no page waits for the bus. If the bus does not take an event, the stream delivers that event and all
after it again, for up to a day. So an event may be published twice.
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
    """Publisher of the events in the DynamoDB table's stream, to an EventBridge bus.

    Parameters
    ----------
    milestones_in
        Returns the milestones of an incident (opened, paged, …) that a record of the stream shows. Raises ValueError,
        KeyError or TypeError if the record is unreadable.
    number_of
        Returns the sequence number of a record of the stream.
    record
        Reads the record of the incident with this id as it stands now; None if the table does not hold it.
    send
        Sends events in their order, and returns how many the bus took before the first that it did not take.
    """

    milestones_in: Callable[[Mapping[str, Any]], list[Milestone]]
    number_of: Callable[[Mapping[str, Any]], str]
    record: Callable[[str], IncidentRecord | None]
    send: Callable[[Sequence[IncidentEvent]], int]
    stack: str
    execution_url: str

    def publish(self, records: Sequence[Mapping[str, Any]]) -> str | None:
        """Publish the events that these records of the table's stream show.

        Return the sequence number of the first record that the stream has to deliver again, or None if there is none.
        """
        events: list[IncidentEvent] = []
        numbers: list[str] = []
        unread: str | None = None
        known: dict[str, IncidentRecord | None] = {}
        for record in records:
            number = self.number_of(record)
            try:
                found = [event for milestone in self._milestones(record) if (event := self._event(milestone, known))]
            except HistoryUnavailable:
                logger.exception("An event waits, because its incident could not be read; the stream delivers it again")
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
        """Return a stream record's milestones; none, with a log entry and a count, if the record cannot be read."""
        try:
            return self.milestones_in(record)
        except (ValueError, KeyError, TypeError):
            logger.exception("An event was lost: its change in the table's stream could not be read")
            metrics.add_metric(name="EventsLost", unit="Count", value=1)
            return []

    def _event(self, milestone: Milestone, known: dict[str, IncidentRecord | None]) -> IncidentEvent | None:
        """Return the event about a milestone; None if its incident is a canary or gone, or the event fits no schema.

        `known` has the records that were read so far, by incident id, and gets the one that is read here.
        """
        me = milestone.incident_id
        if me not in known:
            known[me] = self.record(me)
        record = known[me]
        if record is not None and record.incident.is_canary:
            return None
        try:
            if record is not None:
                return render(milestone, record, stack=self.stack, execution_url=self.execution_url)
            logger.error("An event was lost: its incident is no longer in the table", extra={"event": milestone.id})
        except ValueError:
            logger.exception("An event was lost: it does not fit its schema", extra={"event": milestone.id})
        metrics.add_metric(name="EventsLost", unit="Count", value=1)
        return None
