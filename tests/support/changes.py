"""Changes of alerts to their group in the store, as ingest would make them."""

import re
from datetime import datetime
from typing import Any

from firstline.models import (
    SEVERITY_RANK,
    AlertWrite,
    Change,
    Counts,
    Incident,
    Live,
    NormalizedAlert,
    StoredAlert,
)


def stored(alert: NormalizedAlert, incident: Incident | Live, now: datetime, **what: Any) -> StoredAlert:
    """Return an alert that fires in an incident, as the table stores it."""
    fields: dict[str, Any] = {
        "fingerprint": alert.fingerprint,
        "firing": True,
        "rank": SEVERITY_RANK[alert.severity],
        "began_at": now,
        "received_at": now,
        "incident_id": incident.incident_id,
        "live_key": incident.group_key,
        "alert": alert.without_raw(),
    }
    return StoredAlert(**fields | what)


def counts_for(*ranks: int, held: bool = False, changes: int = 1) -> Counts:
    """Return the counts that firing alerts of these ranks add to an incident."""
    return Counts(
        joined=len(ranks),
        firing=len(ranks),
        changes=changes,
        ranks=(ranks.count(0), ranks.count(1), ranks.count(2), ranks.count(3), ranks.count(4)),
        loud_high=0 if held else ranks.count(3),
        loud_critical=0 if held else ranks.count(4),
    )


def joining(incident: Incident | Live, *alerts: NormalizedAlert, now: datetime, held: bool = False) -> Change:
    """Return the change in which new alerts of one group join an incident: their own group's, or a storm's."""
    writes = [AlertWrite(None, stored(alert, incident, now, held=held, number=n)) for n, alert in enumerate(alerts)]
    return Change(
        group_key=alerts[0].group_key,
        live_key=incident.group_key,
        incident_id=incident.incident_id,
        writes=tuple(writes),
        adds=counts_for(*(write.after.rank for write in writes), held=held),
        at=now,
        new=alerts,
        needs_hold=held,
    )


def ending(incident: Incident | Live, *firing: StoredAlert, now: datetime) -> Change:
    """Return the change in which firing alerts of one group end."""
    ended = {"firing": False, "ended_at": now, "received_at": now}
    return Change(
        group_key=firing[0].alert.group_key,
        live_key=incident.group_key,
        incident_id=incident.incident_id,
        writes=tuple(AlertWrite(alert, alert.model_copy(update=ended)) for alert in firing),
        adds=Counts(firing=-len(firing), changes=1),
        at=now,
    )


def opened_by(*alerts: NormalizedAlert, now: datetime, **what: Any) -> Incident:
    """Return the incident that alerts of one group open."""
    first = alerts[0]
    fields: dict[str, Any] = {
        "incident_id": re.sub(r"[^\w-]", "-", f"{first.alert_name}-{first.group_key}-{now:%Y%m%dT%H%M%S}"),
        "group_key": first.group_key,
        "opened_at": now,
        "alert": first.without_raw(),
        "alert_count": len(alerts),
        "hosts": sorted({alert.host for alert in alerts if alert.host}),
    }
    return Incident(**fields | what)
