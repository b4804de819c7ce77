"""The prompt: instructions from a versioned file, and everything about the incident as one JSON document of data.

Only what stands here reaches the model. Every text in it is cleaned, redacted and cut, and the whole is bounded by the
bounds of its parts (a test keeps it under `MAX_DATA_CHARS`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from firstline.classification.evidence import suspects
from firstline.classification.redaction import clip, safe_label, safe_line, safe_text
from firstline.models import Deployment, EarlierIncident, Evidence, Incident, Maintenance

PROMPTS = Path(__file__).parent / "prompts"

MAX_DATA_CHARS = 40_000
"""Only reached by text made of quotes; an honest incident takes some 2,000."""

MAX_MESSAGE_CHARS = 2_000
MAX_NAME_CHARS = 128
MAX_NOTE_CHARS = 200
MAX_VOICES = 5
MAX_LABELS = 20
MAX_HOSTS = 10
MAX_EARLIER = 8
MAX_DEPLOYMENTS = 8
MAX_RUNBOOKS = 10
MAX_WINDOWS = 4


class Offered(Protocol):
    """A runbook whose `match` fits the alert: all that classification needs to know of it."""

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """Two messages and the runbook ids that an answer may name. `version` is the prompt file's."""

    version: str
    system: str
    data: str
    runbook_ids: tuple[str, ...]


def build(incident: Incident, *, evidence: Evidence, offered: Sequence[Offered], now: datetime) -> Prompt:
    """The prompt for one incident; the same arguments give the same bytes."""
    version, system = instructions(PROMPTS / "classify.md")
    runbooks = offered[:MAX_RUNBOOKS]
    document = {
        "alert": _alert(incident),
        "incident": {
            "minutes_open": _minutes(incident.opened_at, now),
            "alerts": incident.alert_count,
            "hosts": [_name(host) for host in incident.hosts[:MAX_HOSTS]],
            "is_storm_of_many_alerts": incident.storm,
            "is_flapping": incident.flapping,
        },
        "local_time": evidence.local_time.strftime("%A %H:%M"),
        "business_hours": evidence.business_hours,
        "alerts_of_this_name_in_the_last_hour": evidence.same_name_last_hour,
        "earlier_incidents_of_this_group": [_earlier(one, now) for one in evidence.earlier[:MAX_EARLIER]],
        "deployments_of_the_last_four_hours": [
            _deployment(one, incident, evidence) for one in evidence.deployments[:MAX_DEPLOYMENTS]
        ],
        "declared_maintenance": [_maintenance(one) for one in evidence.maintenance[:MAX_WINDOWS]],
        "evidence_that_could_not_be_read": [safe_line(one, MAX_NOTE_CHARS) for one in evidence.missing],
        "runbooks": [{"id": one.id, "title": clip(one.title, MAX_NOTE_CHARS)} for one in runbooks],
    }
    return Prompt(version, system, json.dumps(document, ensure_ascii=False), tuple(one.id for one in runbooks))


@cache
def instructions(file: Path) -> tuple[str, str]:
    """A prompt file's version and text."""
    head, _, body = file.read_text(encoding="utf-8").partition("\n---\n")
    return head.removeprefix("version:").strip(), body.strip()


def _alert(incident: Incident) -> dict[str, Any]:
    alert = incident.alert
    return {
        "source": _name(alert.source),
        "name": _name(alert.alert_name),
        "severity_said_by_source": alert.severity if alert.severity_stated else None,
        "message": safe_text(alert.message, MAX_MESSAGE_CHARS),
        "host": _name(alert.host),
        "service": _name(alert.service),
        "environment": _name(alert.environment),
        "region": _name(alert.region),
        "labels": _labels(alert.labels),
    }


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    shown = sorted(labels)[:MAX_LABELS]
    return {str(_name(name)): safe_label(name, labels[name], MAX_NOTE_CHARS) for name in shown}


def _earlier(one: EarlierIncident, now: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {
        "days_ago": round((now - one.opened_at).total_seconds() / 86_400, 1),
        "lasted_minutes": _minutes(one.opened_at, one.closed_at),
        "severity": one.severity,
        "ended": one.outcome,
        "runbook": one.runbook_id,
        "note": safe_line(one.outcome_reason or "", MAX_NOTE_CHARS),
    }
    if one.feedback:
        told["people_say"] = [word.severity or word.said for word in one.feedback[:MAX_VOICES]]
    if one.note:
        told["what_fixed_it"] = safe_line(one.note, MAX_NOTE_CHARS)
    return told


def _deployment(one: Deployment, incident: Incident, evidence: Evidence) -> dict[str, Any]:
    return {
        "service": _name(one.service),
        "version": _name(one.version),
        "environment": _name(one.environment),
        "minutes_before_the_incident": _minutes(one.deployed_at, incident.opened_at),
        "of_the_same_service": one in suspects(incident, evidence),
    }


def _maintenance(one: Maintenance) -> dict[str, Any]:
    return {"by": _name(one.owner), "why": safe_line(one.reason, MAX_NOTE_CHARS)}


def _name(value: str | None) -> str | None:
    return None if value is None else safe_line(value, MAX_NAME_CHARS)


def _minutes(begin: datetime, end: datetime) -> int:
    return round((end - begin).total_seconds() / 60)
