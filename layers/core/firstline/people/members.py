"""The alerts of an incident by their names, as messages show them."""

from datetime import datetime

from firstline.errors import HistoryUnavailable
from firstline.incidents.message_facts import member_line
from firstline.incidents.pages import WITHOUT_DATA
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, Member, StoredAlert
from firstline.models.severity import severity_of
from firstline.observability import logger
from firstline.privacy.redact import redact

MOST_NAMED = 20
"""The most alerts that a message names, worst first."""


def with_members(record: IncidentRecord, incidents: Incidents) -> IncidentRecord:
    """Return the record with its worst alerts as `members`; empty if it has only one, or the table is unreachable."""
    return record.model_copy(update={"members": [member(alert) for alert in stored_members(record, incidents)]})


def stored_members(record: IncidentRecord, incidents: Incidents) -> list[StoredAlert]:
    """Return up to 20 of the incident's alerts, worst first; empty if it has only one, or the table is unreachable."""
    if record.live is None or record.live.joined <= 1:
        return []
    try:
        return incidents.members(record.incident.incident_id, MOST_NAMED)
    except HistoryUnavailable:
        # A message without names is better than none.
        logger.exception("The incident's alerts could not be read")
        return []


def without_data(record: IncidentRecord, incidents: Incidents) -> str | None:
    """Return a sentence on the alerts whose data ended, so that nobody saw them recover; None if there are none.

    The counts in the incident's record say whether there are any. The alerts' names come from an index of the table,
    which may be a moment behind: while it lacks them, the sentence names no alert.
    """
    if record.live is None or record.live.lost <= 0:
        return None
    try:
        stored = incidents.members(record.incident.incident_id, MOST_NAMED)
    except HistoryUnavailable:
        logger.exception("The incident's alerts could not be read")
        stored = []
    ended = [alert for alert in stored if not alert.firing and alert.alert.nothing_known]
    if not ended:
        return WITHOUT_DATA
    why = ", ".join(dict.fromkeys(redact(alert.alert.nothing_known or "") for alert in ended))
    # Nobody knows that they are over, so they are not named as over.
    about = names([alert.model_copy(update={"firing": True}) for alert in ended])
    return f"No data any more ({why}): nobody saw it recover, so please look. It is about {about}."


def member(stored: StoredAlert) -> Member:
    """Return an alert as messages name it, with the severity of its stored `rank`, which need not be its sender's."""
    alert = stored.alert
    severity = "low" if stored.rank == 0 and alert.severity == "info" else severity_of(stored.rank)
    return Member(
        alert_name=alert.alert_name,
        severity=severity,
        host=alert.host,
        service=alert.service,
        firing=stored.firing,
        message=alert.message,
    )


def joined_since(alerts: list[StoredAlert], since: datetime | None) -> list[StoredAlert]:
    """Return the firing alerts that were received after `since`, in the given order; all firing ones if it is None."""
    return [alert for alert in alerts if alert.firing and (since is None or alert.received_at > since)]


def names(alerts: list[StoredAlert], limit: int = 5) -> str:
    """Return the first `limit` alerts in words, without personal data, and the number of the others.

    Three alerts with a limit of 2 give `critical DbDown on db-1, low DiskFull on web-2 and 1 more`.
    """
    shown = ", ".join(redact(member_line(member(alert))) for alert in alerts[:limit])
    return shown if len(alerts) <= limit else f"{shown} and {len(alerts) - limit} more"
