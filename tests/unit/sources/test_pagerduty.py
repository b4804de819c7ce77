"""PagerDuty beyond the tables in test_normalize.py."""

from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.sources import normalize, own_incident_signal
from firstline.sources.pagerduty import OwnIncidentSignal
from tests.unit.sources.events import event


def test_older_versions_are_refused_with_the_way_out() -> None:
    with pytest.raises(UnreadablePayload, match=r"version 1 or 2.*V3 webhook subscription"):
        normalize("pagerduty", event("pagerduty/version-2"))


@pytest.mark.parametrize(
    ("kind", "status", "fires"),
    [
        ("incident.unacknowledged", "triggered", True),
        ("incident.escalated", "triggered", True),
        ("incident.priority_updated", "triggered", True),
        ("incident.priority_updated", "acknowledged", False),
        ("incident.triggered", "resolved", False),
        ("incident.reassigned", "triggered", False),
        ("incident.something_of_tomorrow", "triggered", False),
    ],
)
def test_what_fires(kind: str, status: str, fires: bool) -> None:
    payload = event("pagerduty/triggered")
    payload["event"]["event_type"] = kind
    payload["event"]["data"]["status"] = status

    assert [one.status for one in normalize("pagerduty", payload)] == (["firing"] if fires else [])


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        (
            "own-acknowledged",
            OwnIncidentSignal("disk-web-7-20260211T0814-1a2b3c4d", "acknowledged", "Ada Lovelace"),
        ),
        ("own-resolved", OwnIncidentSignal("disk-web-7-20260211T0814-1a2b3c4d", "resolved", "PagerDuty")),
        ("own-triggered", None),
        ("acknowledged", None),
        ("resolved", None),
        ("ping", None),
    ],
)
def test_signals_about_own_incidents(name: str, signal: OwnIncidentSignal | None) -> None:
    assert own_incident_signal("pagerduty", event(f"pagerduty/{name}")) == signal


def test_no_other_source_has_signals() -> None:
    assert own_incident_signal("generic", event("pagerduty/own-resolved")) is None


@pytest.mark.parametrize(
    "payload",
    [[], {}, {"event": []}, {"event": {"event_type": 7}}, {"event": {"event_type": "incident.triggered", "data": {}}}],
)
def test_what_is_no_webhook(payload: Any) -> None:
    with pytest.raises(UnreadablePayload, match="pagerduty: "):
        normalize("pagerduty", payload)
