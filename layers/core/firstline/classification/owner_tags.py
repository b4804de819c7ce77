"""The owner's tags, which fill in the service, environment and team that an alert does not state itself."""

from datetime import datetime

from firstline.models import (
    AlarmEvidence,
    Classification,
    Evidence,
    Incident,
    NormalizedAlert,
    OwnerTags,
    SourceSeverity,
)

TEAM = "team"


class KnownTags:
    """A reader of the evidence around an alarm (`AlarmSource`) that knows the owner's tags alone.

    The verdict on an old incident has them, while its metrics and the state of its resource are no longer known.
    """

    def __init__(self, tags: OwnerTags) -> None:
        self._tags = tags

    @classmethod
    def of(cls, verdict: Classification | None) -> "KnownTags":
        """Return a reader of the tags that a verdict rests on; of none if there is no verdict."""
        return cls(OwnerTags() if verdict is None else verdict.tags)

    def covers(self, alert: NormalizedAlert) -> bool:  # noqa: ARG002 - the reader's signature
        return False

    def around(self, alert: NormalizedAlert, moment: datetime, now: datetime) -> AlarmEvidence:  # noqa: ARG002
        return AlarmEvidence(tags=self._tags)


def with_tags(incident: Incident, tags: OwnerTags) -> Incident:
    """Return the incident with the service, environment and team of the tags, where its alert states none.

    A storm is returned unchanged, as its alerts have different owners.
    """
    if incident.storm:
        return incident
    alert, labels = incident.alert, dict(incident.alert.labels)
    if tags.team is not None:
        labels.setdefault(TEAM, tags.team)
    added = {
        "service": alert.service or tags.service,
        "environment": alert.environment or tags.environment,
        "labels": labels,
    }
    return incident.model_copy(update={"alert": alert.model_copy(update=added)})


def stated_by_tags(incident: Incident, evidence: Evidence, now: datetime) -> SourceSeverity | None:
    """Return the severity that a tag of the alarm states, where it counts as its source's word; else None.

    It counts if the source states none, no person's word on the alert holds, and the incident is no storm.
    """
    word = evidence.word
    if incident.storm or incident.alert.severity_stated or (word is not None and word.holds(now)):
        return None
    return evidence.tags.severity


def in_words(tags: OwnerTags) -> str:
    """Return the tags as a line, `Tagged: service checkout, team payments`; empty if there are none."""
    named = {"service": tags.service, "environment": tags.environment, "team": tags.team, "severity": tags.severity}
    said = ", ".join(f"{meaning} {value}" for meaning, value in named.items() if value)
    return f"Tagged: {said}" if said else ""
