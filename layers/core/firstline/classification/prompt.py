"""The prompt: instructions from a versioned file, and everything about the incident as one JSON document of data.

Only what stands here and in the pack of evidence (`pack.py`) reaches the model. Every text in it is cleaned, redacted
and cut, and the whole is bounded by the bounds of its parts (a test keeps it under `MAX_DATA_CHARS`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from firstline.classification.pack import minutes_between, pack
from firstline.classification.redaction import safe_label, safe_line, safe_text
from firstline.models import Evidence, Incident
from firstline.text import shorten

PROMPTS = Path(__file__).parent / "prompts"

MAX_DATA_CHARS = 40_000
"""Only reached by text made of quotes; an honest incident takes some 2,000."""

MAX_MESSAGE_CHARS = 2_000
MAX_NAME_CHARS = 128
MAX_NOTE_CHARS = 200
MAX_LABELS = 20
MAX_HOSTS = 10
MAX_RUNBOOKS = 10


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
    packed = pack(incident, evidence, now)
    document = {
        "alert": _alert(incident),
        "incident": {
            "minutes_open": minutes_between(incident.opened_at, now),
            "alerts": incident.alert_count,
            "hosts": [_name(host) for host in incident.hosts[:MAX_HOSTS]],
            "is_storm_of_many_alerts": incident.storm,
            "is_flapping": incident.flapping,
        },
        "evidence": [item.data for item in packed.items],
        "evidence_left_out": packed.left_out,
        "evidence_that_could_not_be_read": [safe_line(one, MAX_NOTE_CHARS) for one in evidence.missing],
        "runbooks": [{"id": one.id, "title": shorten(one.title, MAX_NOTE_CHARS)} for one in runbooks],
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


def _name(value: str | None) -> str | None:
    return None if value is None else safe_line(value, MAX_NAME_CHARS)
