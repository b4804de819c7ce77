"""The source for PagerDuty V3 webhooks: incidents that others open there, and people's actions on Firstline's own.

https://developer.pagerduty.com/docs/webhooks-overview
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.sources import values
from firstline.sources.authentication import Request, signed
from firstline.sources.identity import digest
from firstline.sources.meanings import Subject
from firstline.sources.reading import Reading
from firstline.sources.severity import Presumed
from firstline.sources.signal import AlertSignal, IncidentNote, OwnIncidentSeen, OwnIncidentSignal, Signal

SIGNATURE_HEADER = "x-pagerduty-signature"

OWN_KEY_PREFIX = "firstline:"
"""The prefix of the `incident_key` of incidents that Firstline opened; its own incident id follows."""

_ID = re.compile(r"[A-Z0-9]{1,18}")
_FIRING = {
    *("incident.triggered", "incident.reopened", "incident.unacknowledged"),
    *("incident.escalated", "incident.priority_updated"),
}
_BEGINS = ("incident.triggered", "incident.reopened")
_OWN_ID = re.compile(r"[A-Za-z0-9-]{1,80}")
# The events after which somebody else, or nobody, has an incident.
_TAKEN_BACK = {
    *("incident.unacknowledged", "incident.reopened"),
    *("incident.escalated", "incident.reassigned", "incident.delegated"),
}
_HIGH = Presumed("high", "high urgency")
"""The severity without a priority: PagerDuty gives each incident a high urgency, unless somebody chose a low one."""


def authenticate(request: Request) -> None:
    """Raise Unauthenticated unless one `v1` signature is the HMAC-SHA256 of the raw body; ignore other versions."""
    header = request.headers.get(SIGNATURE_HEADER, "")
    versions = [part.strip().partition("=") for part in header.split(",")[:20]]
    if not signed([value for version, _, value in versions if version == "v1"], request.body, request.secrets):
        raise Unauthenticated(
            f"{request.source}: no v1 signature in {SIGNATURE_HEADER} matches the body: "
            f"set the secret sources/{request.source} to the webhook subscription's secret"
        )


def read(payload: Any, reading: Reading) -> None:
    """Add the incident of a webhook to `reading` as an alert; ignore an event that neither opens nor resolves one.

    Raises
    ------
    UnreadablePayload
        The payload is no V3 webhook, or its incident has no id.
    """
    event_type, event, data = _event(payload)
    is_resolved = event_type == "incident.resolved"
    if not is_resolved and event_type not in _FIRING:
        reading.ignore(f"{event_type[:80]} opens and resolves nothing")
        return
    incident_id = values.name(data.get("id"))
    if incident_id is None:
        raise UnreadablePayload(
            f"pagerduty: {event_type} has no `event.data.id`: send the webhook as PagerDuty writes it"
        )
    # The key is stored and shown as it is, so only an id in PagerDuty's form may be in it.
    key = incident_id if _ID.fullmatch(incident_id) else digest(incident_id)
    if _own_id(data) is not None:
        reading.ignore("the incident is one that Firstline opened itself")
        return
    if not is_resolved and data.get("status") in ("acknowledged", "resolved"):
        reading.ignore(f"{event_type}: the incident is {data['status']} already")
        return
    if (merged_into := _merged_into(data)) is not None:
        reading.ignore(f"the incident is merged into {merged_into}: there it goes on")
        return
    service = values.name(_summary(data.get("service")))
    labels = _labels(data)
    occurred_at = values.moment(event.get("occurred_at"))
    reading.add(
        alert_name=values.name(data.get("title")) or f"PagerDuty incident {values.name(incident_id, 200)}",
        severity=reading.severity(labels.get("priority"), "low" if labels.get("urgency") == "low" else _HIGH),
        message=values.prose(data.get("title"), f"Service: {service}" if service else None),
        labels=labels,
        # Not the creation: an incident that is reopened after a resolve must count as newer than the resolve.
        at=occurred_at or values.moment(data.get("created_at")),
        ends_at=occurred_at if is_resolved else None,
        began_at=occurred_at if event_type in _BEGINS else None,
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
    """Yield the acknowledgements, resolves and notes of a webhook, and PagerDuty's ids of Firstline's own incidents.

    An acknowledgement or a resolve counts only if a person did it; PagerDuty's timers, services and workflows can only
    take an acknowledgement back. A merge of one incident into another counts as an acknowledgement. An acknowledgement
    of an incident that others opened in PagerDuty counts for Firstline's incident about it.

    Raises
    ------
    UnreadablePayload
        The payload is no V3 webhook.
    """
    event_type, event, data = _event(payload)
    person = values.name(_summary(event.get("agent")))
    incident_id, pagerduty_id = _own_id(data), _pagerduty_id(data)
    said_at = values.moment(event.get("occurred_at"))
    if incident_id is not None and pagerduty_id is not None:
        kind = _change(event_type, event, data)
        if kind is not None:
            by = (person or "somebody in PagerDuty") if _is_person(event.get("agent")) else "PagerDuty"
            merged_into = _merged_into(data)
            by = by if merged_into is None else f"{by} (merged it into {merged_into} in PagerDuty)"
            yield OwnIncidentSignal(incident_id, kind, by, pagerduty_id, said_at)
        yield OwnIncidentSeen(pagerduty_id, incident_id, over=event_type == "incident.resolved")
    elif pagerduty_id is not None:
        change = _change(event_type, event, data)
        if change == "acknowledged" or change == "taken back":
            by = person or "somebody in PagerDuty"
            yield AlertSignal(f"pagerduty:{pagerduty_id}", change, by, pagerduty_id, said_at)
    content, annotated = data.get("content"), data.get("incident")
    if event_type == "incident.annotated" and type(annotated) is dict and type(content) is str:
        annotated_id = _pagerduty_id(annotated)
        if annotated_id is not None:
            yield IncidentNote(annotated_id, content, f"{(person or 'somebody')[:200]} (PagerDuty)")


def _change(
    event_type: str, event: dict[str, Any], data: dict[str, Any]
) -> Literal["acknowledged", "taken back", "resolved"] | None:
    if event_type in _TAKEN_BACK:
        # Given to another person, the incident is triggered anew; one that stays acknowledged has somebody.
        return "taken back" if data.get("status") == "triggered" else None
    if not _is_person(event.get("agent")):
        return None
    if event_type == "incident.resolved":
        return "resolved" if _merged_into(data) is None else "acknowledged"
    return "acknowledged" if event_type == "incident.acknowledged" else None


def _merged_into(data: dict[str, Any]) -> str | None:
    """Return the title (or id) of the incident into which an incident was merged; None if it was not merged."""
    reason = data.get("resolve_reason")
    if type(reason) is not dict or reason.get("type") != "merge_resolve_reason":
        return None
    into = reason.get("incident")
    return values.name(_summary(into)) or (_pagerduty_id(into) if type(into) is dict else None) or "another incident"


def _event(payload: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    if type(payload) is dict and "messages" in payload:
        raise UnreadablePayload(
            "pagerduty: the webhook has version 1 or 2, which PagerDuty has retired: add a V3 webhook subscription"
        )
    event = payload.get("event") if type(payload) is dict else None
    event_type = event.get("event_type") if type(event) is dict else None
    if type(event) is not dict or type(event_type) is not str:
        raise UnreadablePayload("pagerduty: the body has no `event.event_type`: send the body of a V3 webhook")
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


def _own_id(data: dict[str, Any]) -> str | None:
    """Return Firstline's id of an incident that Firstline opened in PagerDuty; None for other incidents."""
    key = data.get("incident_key")
    if type(key) is not str or not key.startswith(OWN_KEY_PREFIX):
        return None
    own = key.removeprefix(OWN_KEY_PREFIX)
    return own if _OWN_ID.fullmatch(own) else None


def _pagerduty_id(data: dict[str, Any]) -> str | None:
    found = data.get("id")
    return found if type(found) is str and _ID.fullmatch(found) else None


def _is_person(agent: Any) -> bool:
    return type(agent) is dict and agent.get("type") == "user_reference"


def _summary(reference: Any) -> Any:
    return reference.get("summary") if type(reference) is dict else None
