"""PagerDuty V3 webhooks: incidents that others opened there, and what people do with the ones that Firstline opened.

https://developer.pagerduty.com/docs/webhooks-overview
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.models import SourceSeverity
from firstline.sources import values
from firstline.sources.authentication import Request, signed
from firstline.sources.identity import digest
from firstline.sources.reading import Reading
from firstline.sources.signal import IncidentNote, OwnIncidentSeen, OwnIncidentSignal, Signal

SIGNATURE_HEADER = "x-pagerduty-signature"

OWN_KEY_PREFIX = "firstline:"
"""Incidents that Firstline opened carry `firstline:<incident id>` as their `incident_key`."""

_ID = re.compile(r"[A-Z0-9]{1,18}")
_FIRING = {
    "incident.triggered",
    "incident.reopened",
    "incident.unacknowledged",
    "incident.escalated",
    "incident.priority_updated",
}
_URGENCY: dict[str, SourceSeverity] = {"high": "high", "low": "low"}
_SIGNALS: dict[str, Literal["acknowledged", "resolved"]] = {
    "incident.acknowledged": "acknowledged",
    "incident.resolved": "resolved",
}


def authenticate(request: Request) -> None:
    """HMAC-SHA256 of the raw body; any of the `v1` signatures may match, other versions don't count."""
    header = request.headers.get(SIGNATURE_HEADER, "")
    versions = [part.strip().partition("=") for part in header.split(",")[:20]]
    if not signed([value for version, _, value in versions if version == "v1"], request.body, request.secrets):
        raise Unauthenticated(f"{request.source}: no v1 signature in {SIGNATURE_HEADER} matches the body")


def read(payload: Any, reading: Reading) -> None:
    """Read the one event of a webhook.

    Raises
    ------
    UnreadablePayload
        It is of an older version, or an incident's event without an id.
    """
    event_type, event, data = _event(payload)
    if event_type != "incident.resolved" and event_type not in _FIRING:
        reading.ignore(f"{event_type[:80]} opens and resolves nothing")
        return
    incident_id = values.name(data.get("id"))
    if incident_id is None:
        raise UnreadablePayload(f"pagerduty: {event_type} without the incident's id")
    # The key is kept and shown as it is, so what is no id of PagerDuty's does not stand in it.
    key = incident_id if _ID.fullmatch(incident_id) else digest(incident_id)
    if _is_own(data):
        reading.ignore("the incident is one that Firstline opened itself")
        return
    if event_type != "incident.resolved" and data.get("status") in ("acknowledged", "resolved"):
        reading.ignore(f"{event_type}: the incident is {data['status']} already")
        return
    urgency = values.name(data.get("urgency"))
    service = values.name(_summary(data.get("service")))
    labels = {
        "urgency": urgency,
        "priority": values.name(_summary(data.get("priority"))),
        "number": values.name(data.get("number")),
        "escalation_policy": values.name(_summary(data.get("escalation_policy"))),
    }
    title = values.name(data.get("title"))
    occurred_at = values.moment(event.get("occurred_at"))
    is_resolved = event_type == "incident.resolved"
    reading.add(
        alert_name=title or f"PagerDuty incident {incident_id}",
        severity=reading.severity(labels["priority"], _URGENCY.get(urgency or "", "high")),
        message=values.prose(data.get("title"), f"Service: {service}" if service else None),
        labels={key: value for key, value in labels.items() if value},
        # Not when the incident was created: reopened after a resolve, it must count as newer than that.
        at=occurred_at or values.moment(data.get("created_at")),
        ends_at=occurred_at if is_resolved else None,
        status="resolved" if is_resolved else "firing",
        # A reopened incident has its old id, and is the same alert and the same incident again.
        fingerprint=key,
        group_key=f"pagerduty:{key}",
        url=values.url(data.get("html_url")),
        service=service,
        raw_payload=payload,
    )


def signals(payload: Any, _secrets: Sequence[str]) -> Iterator[Signal]:
    """Tell who acknowledged, resolved or annotated an incident, and PagerDuty's id of one that Firstline opened.

    Raises
    ------
    UnreadablePayload
        This is no V3 webhook.
    """
    event_type, event, data = _event(payload)
    person = values.name(_summary(event.get("agent")))
    if _is_own(data):
        incident_id = data["incident_key"].removeprefix(OWN_KEY_PREFIX)
        if kind := _SIGNALS.get(event_type):
            yield OwnIncidentSignal(incident_id, kind, person or "PagerDuty")
        if pagerduty_id := values.name(data.get("id")):
            yield OwnIncidentSeen(pagerduty_id, incident_id)
    content, annotated = data.get("content"), data.get("incident")
    if event_type == "incident.annotated" and type(annotated) is dict and type(content) is str:
        pagerduty_id = values.name(annotated.get("id"))
        if pagerduty_id is not None:
            yield IncidentNote(pagerduty_id, content, f"{(person or 'somebody')[:200]} (PagerDuty)")


def _event(payload: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    if type(payload) is dict and "messages" in payload:
        raise UnreadablePayload(
            "pagerduty: a webhook of version 1 or 2, which PagerDuty has retired; add a V3 webhook subscription"
        )
    event = payload.get("event") if type(payload) is dict else None
    event_type = event.get("event_type") if type(event) is dict else None
    if type(event) is not dict or type(event_type) is not str:
        raise UnreadablePayload("pagerduty: no `event.event_type`; expected the object that a V3 webhook sends")
    data = event.get("data")
    return event_type, event, data if type(data) is dict else {}


def _is_own(data: dict[str, Any]) -> bool:
    key = data.get("incident_key")
    return type(key) is str and key.startswith(OWN_KEY_PREFIX)


def _summary(reference: Any) -> Any:
    return reference.get("summary") if type(reference) is dict else None
