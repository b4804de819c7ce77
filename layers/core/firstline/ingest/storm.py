"""Storms, the pure parts: alerts of one source that would open more incidents in a minute than people can read.

They join one incident of their source. A storm never hides what pages: alerts of paging severity have tokens of their
own, and one that joins a storm all the same is loud in it. If its route pages other people than the storm does, it
joins a storm of theirs.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from firstline.ingest.fold import Arrival
from firstline.models import FIRST_OF_STORM, SEVERITY_RANK, Hold, Live, NormalizedAlert
from firstline.models.live import STORM_PREFIX

STORM_LASTS = timedelta(minutes=5)
"""The time after a storm's last alert for which further alerts below paging severity join it without a token."""


def storm_key(source: str, hold: Hold | None = None, levels: Sequence[str] = ()) -> str:
    """Return the group key of a source's storm.

    Alerts that are held collect in a storm of their own for each hold: it waits until the hold is over, and then calls
    people once. Alerts whose route pages other people than the source's storm collect in a storm for those `levels`.
    """
    people = f"/{hashlib.sha256(json.dumps(levels).encode()).hexdigest()[:8]}" if levels else ""
    return f"{STORM_PREFIX}{source}{people}{f':{hold.id}' if hold is not None else ''}"


def still_storms(storm: Live | None, now: datetime) -> bool:
    """Return True if the storm is open and an alert joined it a short while ago."""
    return storm is not None and storm.open and now - storm.last_alert_at < STORM_LASTS


def storm_alert(first: Arrival, key: str, limit: str) -> NormalizedAlert:
    """Return the alert that a storm incident is about. It is never below `high`, because a storm needs a person."""
    alert = first.alert
    return NormalizedAlert(
        source="firstline",
        alert_name="Alert storm",
        severity="critical" if first.rank >= SEVERITY_RANK["critical"] else "high",
        message=(
            f"More incidents of {alert.source} began than {limit}. Alerts that would have opened one of their own are "
            f"collected here until all of them have resolved. The first was {alert.alert_name}: {alert.message}"
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
