"""Alerts for tests: valid ones, with what matters to a test named in the call."""

from datetime import UTC, datetime, timedelta
from typing import Any

from firstline.models import Incident, NormalizedAlert

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """A time, so many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def alert(**what: Any) -> NormalizedAlert:
    """A firing alert of medium severity; whatever is given replaces it."""
    fields: dict[str, Any] = {
        "source": "generic",
        "alert_name": "DiskFull",
        "severity": "medium",
        "message": "disk is full",
        "labels": {"mountpoint": "/data"},
        "timestamp": NOON,
        "raw_payload": {"any": "thing"},
        "status": "firing",
        "fingerprint": "fp-1",
        "group_key": "group-1",
        "host": "web-1",
    }
    return NormalizedAlert(**(fields | what))


def incident(**what: Any) -> Incident:
    """An incident about `alert()`."""
    fields: dict[str, Any] = {
        "incident_id": "DiskFull-web-1-20260302T120000Z-0a1b2c3d",
        "group_key": "group-1",
        "opened_at": NOON,
        "alert": alert().without_raw(),
        "alert_count": 1,
        "hosts": ["web-1"],
    }
    return Incident(**(fields | what))
