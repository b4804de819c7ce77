"""The one thing that classification writes to the store."""

from firstline.errors import HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import Classification, Incident
from firstline.observability import logger


def keep(verdict: Classification, incident: Incident, history: Incidents) -> None:
    """Write the verdict to its incident. The state machine carries it on anyway: failing here would page for an alert
    that may be noise."""
    try:
        history.save_classification(incident.incident_id, verdict)
    except HistoryUnavailable as error:
        logger.warning("classification not saved", incident_id=incident.incident_id, error=str(error))
