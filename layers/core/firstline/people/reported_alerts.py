"""Alerts that people raise: a report of what no monitor saw, and an incident that was closed too early. Pure.

These alerts go through ingest's queue as those of any other sender do. Only a person resolves them.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field, field_validator

from firstline.models import Frozen, IncidentRecord, Name, NormalizedAlert, Text
from firstline.models.severity import SourceSeverity
from firstline.people.actor import Actor
from firstline.privacy.safe_text import safe_text
from firstline.sources.identity import digest
from firstline.text import one_line

SOURCE = "person"
"""The source of these alerts, as rules and messages name it."""

_NAME_CHARS, _TEXT_CHARS = 120, 2_000


class PersonsReport(Frozen):
    """A report of a person: what is wrong, how bad it is, and where."""

    text: Text = Field(max_length=_TEXT_CHARS)
    severity: SourceSeverity
    service: Name | None = None
    host: Name | None = None
    environment: Name | None = None

    @field_validator("text")
    @classmethod
    def _has_words(cls, text: str) -> str:
        if not one_line(text, 1):
            raise ValueError("the report is empty: write what is wrong")
        return text


def reported(report: PersonsReport, actor: Actor, now: datetime) -> NormalizedAlert:
    """Return the alert of a report. Reports about one service join the same incident while it is open."""
    text = safe_text(report.text, _TEXT_CHARS)
    about = (report.environment or "", report.service or "", "" if report.service else text)
    return NormalizedAlert(
        source=SOURCE,
        alert_name=one_line(text, _NAME_CHARS),
        severity=report.severity,
        message=f"{text}\nReported by {actor.by}.",
        labels={},
        timestamp=now,
        raw_payload=None,
        status="firing",
        fingerprint=digest(SOURCE, text, *about, report.host or ""),
        group_key=f"{SOURCE}:{digest(*about)}",
        host=_clean(report.host),
        service=_clean(report.service),
        environment=_clean(report.environment),
    )


def _clean(name: str | None) -> str | None:
    return one_line(name or "", 256) or None


def reopened(
    record: IncidentRecord, reason: str, actor: Actor, now: datetime, *, after: Sequence[str] = ()
) -> NormalizedAlert:
    """Return the alert that opens a new incident in place of one that was closed too early.

    The alert's message names the closed incident; `reports.ends` reads the name there.

    Parameters
    ----------
    reason
        The person's words on why the incident is not over; empty if there are none.
    after
        Texts that differ from one reopening to the next: the id of the group's newest incident, and the hash of the
        trail's last entry about a reopening. They are a part of the alert's fingerprint. So if two people reopen the
        incident at the same moment, their alerts have one fingerprint and count once.
    """
    incident_id, alert = record.incident.incident_id, record.incident.alert
    why = safe_text(reason, _TEXT_CHARS)
    said = f"Reopened by {actor.by}{f': {why}' if why else '.'}\nIt was {incident_id}."
    changes = {
        "source": SOURCE,
        "message": f"{said}\n{alert.message}"[:4_000],
        "timestamp": now,
        "began_at": None,
        "ends_at": None,
        "nothing_known": None,
        "status": "firing",
        "raw_payload": None,
        "fingerprint": digest(SOURCE, incident_id, *after),
    }
    return alert.model_copy(update=changes)
