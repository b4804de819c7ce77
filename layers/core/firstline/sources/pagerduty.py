"""PagerDuty V3 webhooks: incidents that others opened there, and people's actions on those that Firstline opened.

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
from firstline.sources.meanings import Subject
from firstline.sources.reading import Reading
from firstline.sources.signal import IncidentNote, OwnIncidentSeen, OwnIncidentSignal, Signal

SIGNATURE_HEADER = "x-pagerduty-signature"

OWN_KEY_PREFIX = "firstline:"
"""Incidents that Firstline opened carry `firstline:<incident id>` as their `incident_key`."""

_ID = re.compile(r"[A-Z0-9]{1,18}")
_FIRING = {
    *("incident.triggered", "incident.reopened", "incident.unacknowledged"),
    *("incident.escalated", "incident.priority_updated"),
}
_URGENCY: dict[str, SourceSeverity] = {"high": "high", "low": "low"}
_SIGNALS: dict[str, Literal["acknowledged", "resolved"]] = {
    "incident.acknowledged": "acknowledged",
    "incident.resolved": "resolved",
}


def authenticate(request: Request) -> None:
    """Verify the HMAC-SHA256 of the raw body; one `v1` signature must match, other versions don't count."""
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
    is_resolved = event_type == "incident.resolved"
    if not is_resolved and event_type not in _FIRING:
        reading.ignore(f"{event_type[:80]} opens and resolves nothing")
        return
    incident_id = values.name(data.get("id"))
    if incident_id is None:
        raise UnreadablePayload(f"pagerduty: {event_type} without the incident's id")
    # The key is stored and shown as it is, so only an id in PagerDuty's form may be in it.
    key = incident_id if _ID.fullmatch(incident_id) else digest(incident_id)
    if _is_own(data):
        reading.ignore("the incident is one that Firstline opened itself")
        return
    if not is_resolved and data.get("status") in ("acknowledged", "resolved"):
        reading.ignore(f"{event_type}: the incident is {data['status']} already")
        return
    service = values.name(_summary(data.get("service")))
    labels = _labels(data)
    occurred_at = values.moment(event.get("occurred_at"))
    reading.add(
        alert_name=values.name(data.get("title")) or f"PagerDuty incident {incident_id}",
        severity=reading.severity(labels.get("priority"), _URGENCY.get(labels.get("urgency", ""), "high")),
        message=values.prose(data.get("title"), f"Service: {service}" if service else None),
        labels=labels,
        # Not the creation: an incident that is reopened after a resolve must count as newer than the resolve.
        at=occurred_at or values.moment(data.get("created_at")),
        ends_at=occurred_at if is_resolved else None,
        timestamp_orders=True,
        status="resolved" if is_resolved else "firing",
        # A reopened incident has its old id, and is the same alert and the same incident again.
        fingerprint=key,
        group_key=f"pagerduty:{key}",
        url=values.url(data.get("html_url")),
        subject=Subject(service=service),
        raw_payload=payload,
    )


def signals(payload: Any, _secrets: Sequence[str]) -> Iterator[Signal]:
    """Report people's acknowledgements, resolutions and notes, and PagerDuty's id of incidents that Firstline opened.

    PagerDuty's timers, services, workflows and merges acknowledge and resolve too. They are no people, and answer no
    page.

    Raises
    ------
    UnreadablePayload
        The payload is no V3 webhook.
    """
    event_type, event, data = _event(payload)
    person = values.name(_summary(event.get("agent")))
    if _is_own(data):
        incident_id = data["incident_key"].removeprefix(OWN_KEY_PREFIX)
        kind = _SIGNALS.get(event_type)
        if kind is not None and _is_person(event.get("agent")):
            yield OwnIncidentSignal(incident_id, kind, person or "somebody in PagerDuty")
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


def _labels(data: dict[str, Any]) -> dict[str, str]:
    found = {
        "urgency": data.get("urgency"),
        "priority": _summary(data.get("priority")),
        "number": data.get("number"),
        "escalation_policy": _summary(data.get("escalation_policy")),
    }
    return {key: name for key, value in found.items() if (name := values.name(value))}


def _is_own(data: dict[str, Any]) -> bool:
    key = data.get("incident_key")
    return type(key) is str and key.startswith(OWN_KEY_PREFIX)


def _is_person(agent: Any) -> bool:
    return type(agent) is dict and agent.get("type") == "user_reference"


def _summary(reference: Any) -> Any:
    return reference.get("summary") if type(reference) is dict else None
