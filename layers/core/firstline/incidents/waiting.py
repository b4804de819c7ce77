"""The hold during which an incident resolved, if people were never told of the incident. Pure."""

from firstline.models import Hold, IncidentRecord
from firstline.models.live import loudest_since


def waited_for(record: IncidentRecord) -> Hold | None:
    """Return the hold during which the incident resolved; None if the hold ended first or people were to be told."""
    hold, live = record.classification.hold if record.classification else None, record.live
    if hold is None or record.hold_ended_at is not None or (live is not None and loudest_since(live, live.judged_loud)):
        return None
    return hold if record.resolved_at is not None and record.resolved_at < hold.until else None
