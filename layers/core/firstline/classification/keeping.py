"""What classification reads from the table, and the one thing that it writes."""

from typing import Protocol

from firstline.classification.evidence import HistoryReader
from firstline.errors import HistoryUnavailable
from firstline.models import Classification, Incident, IncidentRecord
from firstline.observability import logger


class History(HistoryReader, Protocol):
    """The table. Each may raise `HistoryUnavailable`."""

    def record(self, incident_id: str) -> IncidentRecord | None: ...

    def save_classification(self, incident_id: str, classification: Classification) -> object: ...


def keep(verdict: Classification, incident: Incident, history: History) -> None:
    """Write the verdict to its incident. The state machine carries it on anyway: failing here would page for an alert
    that may be noise."""
    try:
        history.save_classification(incident.incident_id, verdict)
    except HistoryUnavailable as error:
        logger.warning("classification not saved", incident_id=incident.incident_id, error=str(error))
