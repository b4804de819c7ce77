"""The hold that still lasted when an incident resolved, so that people were never told of the incident. Pure."""

from firstline.models import Hold, IncidentRecord
from firstline.models.live import loudest_since


def waited_for(record: IncidentRecord) -> Hold | None:
    """Return the hold that still lasted when the incident resolved.

    Return None if there was none, if it had ended, or if a high or critical alert that was not held joined meanwhile.
    """
    hold, live = record.classification.hold if record.classification else None, record.live
    if hold is None or record.hold_ended_at is not None or (live is not None and loudest_since(live, live.judged_loud)):
        return None
    return hold if record.resolved_at is not None and record.resolved_at < hold.until else None
