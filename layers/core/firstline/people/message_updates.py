"""Updates of an incident's message, and the mark of the version that people were shown.

An open incident's item in the table has a version, and also stores the version that people were shown last. Where the
two versions differ, because a message is out of date or did not arrive, reconcile (the periodic repair) shows the
incident again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from firstline.channels.delivery import Channel, tell_all
from firstline.errors import HistoryUnavailable
from firstline.incidents.message_facts import message_kind
from firstline.incidents.pages import is_over
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, Notification
from firstline.observability import logger
from firstline.people.members import joined_since, member, names, stored_members, without_data
from firstline.people.recovery import Look, no_look

NEWS = timedelta(minutes=2)
"""The time for which a message names an alert that joined as new; reconcile updates messages each minute."""


def show_again(
    record: IncidentRecord,
    *,
    channels: Mapping[str, Channel],
    incidents: Incidents,
    now: datetime,
    reason: str = "",
    look: Look = no_look,
) -> bool:
    """Bring an open incident's message up to date. Return True if a channel took the message.

    An incident that nobody was told of, because Firstline works on it alone or holds it, is not shown.

    Parameters
    ----------
    reason
        The news for people; by default, which alerts joined within the last minutes.
    look
        Says whether the metric of the incident's alarm is back in its range.
    """
    live = record.live
    if live is None or not live.open or is_over(live) or not _is_with_people(record):
        return False
    alerts = stored_members(record, incidents)
    new = joined_since(alerts, now - NEWS)
    known = record.model_copy(update={"members": [member(alert) for alert in alerts]})
    missed = live.shown == 0 and not record.slack_ts
    reason = reason or (without_data(record, incidents) if live.firing <= 0 else None) or ""
    reason = reason or (f"Joined: {names(new)}." if new else "")
    if missed:
        reason = reason or "It waits for a person. The first message about it did not arrive."
    kind = message_kind(known) if missed else "changed"
    notification = Notification(kind=kind, record=known, reason=reason, at=now, recovery=look(known, now))
    # PagerDuty and the page topic hear of pages only.
    slack = {name: channel for name, channel in channels.items() if channel.wakes == "never"}
    told = tell_all(notification, slack)
    if told.shown:
        mark_shown(record, incidents)
    return bool(told.reached)


def _is_with_people(record: IncidentRecord) -> bool:
    """Return True if people were told of the incident, or it waits for a person to acknowledge or resolve it."""
    live = record.live
    if was_told(record):
        return True
    return live is not None and live.awaiting in ("acknowledgement", "resolution")


def was_told(record: IncidentRecord) -> bool:
    """Return True if a message about the incident or a page has gone out, so that a person may have read of it."""
    live = record.live
    shown = live is not None and (live.shown > 0 or live.paged_seq > 0)
    return shown or bool(record.slack_ts or record.pages or record.paged_at)


def mark_shown(record: IncidentRecord, incidents: Incidents) -> None:
    """Store that people were shown this version of the record. If that fails, they are shown the version again.

    Once the incident is over, this is stored for its first message only, because no other message follows.
    """
    live = record.live
    if live is None or live.shown >= live.version or (live.shown > 0 and is_over(live)):
        return
    try:
        incidents.mark_shown(record.incident, live.version)
    except HistoryUnavailable:
        logger.exception("The version that people were shown could not be stored")
