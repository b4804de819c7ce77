"""An EventBridge bus that gets an event for each change of an incident."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from firstline.adapters.aws.clients import AWS_FAILURES
from firstline.models.event import IncidentEvent
from firstline.observability import logger, metrics

MOST_ENTRIES = 10
"""The most entries that one PutEvents takes: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

MOST_BYTES = 200_000
"""The most bytes that one PutEvents sends. The bus refuses a request above 256 KB as a whole:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html"""

_PASSING = frozenset({"ThrottlingException", "InternalFailure", "InternalException", "ServiceUnavailable"})


class EventBus:
    """A sender of this stack's events about incidents to an EventBridge bus."""

    def __init__(self, client: Any, bus: str, stack: str) -> None:
        self._client = client
        self._bus = bus
        self._source = source_of(stack)

    def send(self, events: Sequence[IncidentEvent]) -> int:
        """Send events in order, up to the first that fails for a passing reason; return how many are done.

        An event that the bus refuses for good is done, too: it is logged as lost, and the next ones are still sent.
        """
        taken = 0
        for some in self._requests(events):
            try:
                answers = self._client.put_events(Entries=[entry for _, entry in some])["Entries"]
            except AWS_FAILURES as error:
                logger.error("The event bus failed; its events are sent again", extra=self._failure(str(error)))
                return taken
            for (event, _), answer in zip(some, answers, strict=True):
                code = answer.get("ErrorCode")
                if code in _PASSING:
                    logger.error("The event bus failed; the event is sent again", extra=self._failure(code, event))
                    return taken
                if code is not None:
                    logger.error("The event bus refused an event; it is lost", extra=self._failure(code, event))
                    metrics.add_metric(name="EventsLost", unit="Count", value=1)
                taken += 1
        return taken

    def _requests(self, events: Sequence[IncidentEvent]) -> Iterator[list[tuple[IncidentEvent, Any]]]:
        """Yield lists of events, each with its entry for PutEvents; each list is as long as one request may be."""
        request: list[tuple[IncidentEvent, Any]] = []
        size = 0
        for event in events:
            entry = self._entry(event)
            length = len(entry["Detail"].encode())
            if len(request) == MOST_ENTRIES or (request and size + length > MOST_BYTES):
                yield request
                request, size = [], 0
            request.append((event, entry))
            size += length
        if request:
            yield request

    def _failure(self, why: str, event: IncidentEvent | None = None) -> dict[str, str | None]:
        return {"bus": self._bus, "event": event.id if event else None, "why": why}

    def _entry(self, event: IncidentEvent) -> Any:
        return {
            "EventBusName": self._bus,
            "Source": self._source,
            "DetailType": _detail_type(event),
            "Time": event.at,
            "Detail": json.dumps(event.model_dump(mode="json"), ensure_ascii=False),
        }


def source_of(stack: str) -> str:
    """Return the `Source` of a stack's events on EventBridge: `firstline.<stack>`."""
    return f"firstline.{stack}"


def _detail_type(event: IncidentEvent) -> str:
    """Return an event's `DetailType` on EventBridge, such as `Incident Paged`."""
    return f"Incident {event.type.replace('_', ' ').title()}"
