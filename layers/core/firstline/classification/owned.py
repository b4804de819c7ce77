"""The owner's tags, which fill in the service, environment and team that an alert does not state itself."""

from firstline.models import Incident, OwnerTags

TEAM = "team"


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


def in_words(tags: OwnerTags) -> str:
    """Return the tags as a line, `Tagged: service checkout, team payments`; empty if there are none."""
    named = {"service": tags.service, "environment": tags.environment, "team": tags.team, "severity": tags.severity}
    said = ", ".join(f"{meaning} {value}" for meaning, value in named.items() if value)
    return f"Tagged: {said}" if said else ""
