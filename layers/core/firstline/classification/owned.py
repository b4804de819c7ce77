"""The owner's tags, taken for what the alert itself leaves open: its service, its environment, its team.

What an alert states wins over its tags.
"""

from firstline.models import Incident, OwnerTags

TEAM = "team"


def with_tags(incident: Incident, tags: OwnerTags) -> Incident:
    """Return the incident as rules and deciders see it, with what the tags add. A storm's first alert has no owner."""
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
    """Tell the tags in a line: `Tagged: service checkout, team payments`; empty if there are none."""
    named = {"service": tags.service, "environment": tags.environment, "team": tags.team, "severity": tags.severity}
    said = ", ".join(f"{meaning} {value}" for meaning, value in named.items() if value)
    return f"Tagged: {said}" if said else ""
