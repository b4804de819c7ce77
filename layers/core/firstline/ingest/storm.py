"""Storms: when alerts of one source would open too many incidents in a minute, one storm incident collects them. Pure.

A storm never hides alerts of paging severity. They have a limit of their own, and one beyond that limit still pages as
a member of the storm. If its route pages other people than the storm does, it joins a storm for those people.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from firstline.ingest.fold import Arrival
from firstline.models import FIRST_OF_STORM, SEVERITY_RANK, Hold, Live, NormalizedAlert
from firstline.models.live import STORM_PREFIX

STORM_LASTS = timedelta(minutes=5)
"""The time after a storm's last alert in which further alerts below paging severity join the storm at once."""


def storm_key(source: str, hold: Hold | None = None, levels: Sequence[str] = ()) -> str:
    """Return the group key of a source's storm.

    Held alerts have a storm for each `hold`, which waits until the hold is over and then calls people once. Alerts
    whose route pages other people than the source's storm have a storm for those `levels`.
    """
    people = f"/{hashlib.sha256(json.dumps(levels).encode()).hexdigest()[:8]}" if levels else ""
    return f"{STORM_PREFIX}{source}{people}{f':{hold.id}' if hold is not None else ''}"


def still_storms(storm: Live | None, now: datetime) -> bool:
    """Return True if the storm's incident is open and an alert joined it within the last `STORM_LASTS`.

    `storm` is the storm's `Live` item; with None, there is no storm.
    """
    return storm is not None and storm.open and now - storm.last_alert_at < STORM_LASTS


def storm_alert(first: Arrival, key: str, limit: str) -> NormalizedAlert:
    """Return the alert that a storm incident is about: high, or critical if its first alert is critical.

    `first` is the message about the storm's first alert, `key` the storm's group key, and `limit` says in words which
    limit the source exceeded.
    """
    alert = first.alert
    return NormalizedAlert(
        source="firstline",
        alert_name="Alert storm",
        severity="critical" if first.rank >= SEVERITY_RANK["critical"] else "high",
        message=(
            f"{alert.source} would have opened more incidents than {limit}. This incident collects the alerts "
            f"instead, until all of them have resolved. The first is {alert.alert_name}: {alert.message}"
        )[:4_000],
        labels={FIRST_OF_STORM: alert.alert_name},
        timestamp=first.at,
        raw_payload=None,
        status="firing",
        fingerprint=key,
        group_key=key,
        account=alert.account,
        region=alert.region,
        environment=alert.environment,
    )
