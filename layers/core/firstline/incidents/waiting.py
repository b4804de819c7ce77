"""The hold in which an incident ended, if people never heard of it. Pure."""

from firstline.models import Hold, IncidentRecord
from firstline.models.live import loudest_since


def waited_for(record: IncidentRecord) -> Hold | None:
    """Return the hold in which the incident resolved; None if people were told of it or were about to be."""
    hold, live = record.classification.hold if record.classification else None, record.live
    if hold is None or record.hold_ended_at is not None or (live is not None and loudest_since(live, live.judged_loud)):
        return None
    return hold if record.resolved_at is not None and record.resolved_at < hold.until else None
