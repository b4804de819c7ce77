"""The story of a closed incident: its record, its trail, and the evidence as it was when it opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firstline.adapters.dynamodb.evidence import TableEvidence
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.classification.evidence import gather
from firstline.errors import FeedbackRefused
from firstline.incidents.audit_trail import Break, Entry, first_break
from firstline.models import (
    Deployment,
    EarlierIncident,
    Evidence,
    Incident,
    IncidentRecord,
    NormalizedAlert,
    ServiceActivity,
    Severity,
)
from firstline.people.feedback import called_noise, called_real, last_words, severity_said


@dataclass(frozen=True)
class Story:
    """The facts about one incident that the drafts are made of."""

    record: IncidentRecord
    entries: Sequence[Entry]
    broken: Break | None
    evidence: Evidence

    @property
    def incident(self) -> Incident:
        return self.record.incident

    def severity(self) -> tuple[Severity, bool]:
        """Return the severity and True if people stated it; otherwise the verdict's severity and False."""
        words = last_words(self.record.feedback)
        verdict = self.record.classification
        said = self.incident.alert.severity
        decided: Severity = verdict.severity if verdict else "low" if said == "info" else said
        if wanted := severity_said(words):
            return wanted, True
        if called_noise(words):
            return "noise", True
        return decided, called_real(words) and decided != "noise"


def tell(table: Table, incident_id: str) -> Story:
    """Read the story of an incident.

    Raises
    ------
    FeedbackRefused
        There is no such incident (any more), or it goes on.
    """
    record = TableIncidents(table).record(incident_id)
    if record is None:
        raise FeedbackRefused(f"{incident_id} is not in this table (any more).")
    if record.closed_at is None:
        raise FeedbackRefused(f"{incident_id} is not over yet; learn from it when it is.")
    entries = TableTrail(table).entries(incident_id)
    incident = record.incident
    evidence = gather(incident, _AsOf(table, incident.opened_at), time_zone="UTC", now=incident.opened_at)
    return Story(record, entries, first_break(incident_id, entries), evidence)


class _AsOf(TableEvidence):
    """The evidence as it stood at a moment: later entries are left out."""

    def __init__(self, table: Table, moment: datetime) -> None:
        super().__init__(table)
        self._moment = moment

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        activity = super().service_activity(service, now)
        return activity.model_copy(update={"deployments": self._before(activity.deployments)})

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        return self._ended_before(super().earlier_incidents(group_key, limit=100))[:limit]

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        return self._ended_before(super().incidents_like(alert))

    def deployments_since(self, since: datetime) -> list[Deployment]:
        return self._before(super().deployments_since(since))

    def _before(self, deployments: Sequence[Deployment]) -> list[Deployment]:
        return [deployment for deployment in deployments if deployment.deployed_at <= self._moment]

    def _ended_before(self, found: Sequence[EarlierIncident]) -> list[EarlierIncident]:
        return [incident for incident in found if incident.closed_at <= self._moment]
