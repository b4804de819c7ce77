"""The story of a closed incident: its record, its trail, and the evidence as it was when it opened."""

from collections.abc import Sequence
from dataclasses import dataclass

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.classification.evidence import gather
from firstline.classification.feedback import called_noise, called_real, last_words, severity_said
from firstline.classification.feedback_store import UNKNOWN
from firstline.classification.owner_tags import KnownTags
from firstline.errors import FeedbackRefused
from firstline.incidents.audit_trail import Break, Entry, first_break
from firstline.models import Evidence, Incident, IncidentRecord, Severity
from firstline_cli.as_of import AsOf


@dataclass(frozen=True)
class Story:
    """The facts about one incident from which a postmortem, an eval case and a runbook are drafted."""

    record: IncidentRecord
    entries: Sequence[Entry]
    broken: Break | None
    evidence: Evidence

    @property
    def incident(self) -> Incident:
        return self.record.incident

    def severity(self) -> tuple[Severity, bool]:
        """Return the right severity and True if people's feedback gives it; else the verdict's severity and False."""
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
        The table has no such incident, or it is still open.
    """
    record = TableIncidents(table).record(incident_id)
    if record is None:
        raise FeedbackRefused(UNKNOWN)
    if record.closed_at is None:
        raise FeedbackRefused(f"{incident_id} is still open: run `firstline learn` when it is closed.")
    entries = TableTrail(table).entries(incident_id)
    incident, moment = record.incident, record.incident.opened_at
    past, tags = AsOf(table, moment, later_answers=True), KnownTags.of(record.classification)
    evidence = gather(incident, past, time_zone="UTC", now=moment, alarms=tags)
    return Story(record, entries, first_break(incident_id, entries), evidence)
