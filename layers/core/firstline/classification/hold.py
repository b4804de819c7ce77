"""The hold of an incident in Classify: whether it still waits, and the hold that a rule declares."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from firstline.classification.guardrails import Changes
from firstline.errors import HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import Classification, Hold, Incident, IncidentRecord
from firstline.observability import logger
from firstline.policy.holds import Holds, Silence, seconds_until
from firstline.policy.rules import Rule, Rules
from firstline.text import in_words


def current_hold(
    incident: Incident, incidents: Incidents, rules: Rules, silences: Callable[[], Sequence[Silence]], now: datetime
) -> tuple[IncidentRecord | None, Hold | None]:
    """Return the record of a held incident and the hold in force. If the table cannot be read, nothing is held."""
    hold = incident.hold
    if hold is None:
        return None, None
    try:
        record = incidents.record(incident.incident_id)
        known = Holds(rules.maintenance, silences() if now >= hold.until else ())
    except HistoryUnavailable as error:
        logger.warning("the hold is not known", incident_id=incident.incident_id, error=str(error))
        return None, None
    if incident.storm or (record is not None and record.hold_ended_at is not None):
        return record, None
    if now < hold.until:
        return record, hold.model_copy(update={"seconds": seconds_until(hold.until, now)})
    # The alerts that joined are not stored, so it is unknown if they would still be held.
    alone = record is not None and record.alert_count <= 1
    return record, known.hold_on(incident.alert, now) if alone else None


def held_by_rule(incident: Incident, rule: Rule | None, verdict: Classification, now: datetime) -> Hold | None:
    """Return the hold that a rule declares, or None. A critical incident waits only if the rule says so."""
    if rule is None or rule.hold is None or incident.storm or verdict.severity == "noise":
        return None
    if "critical" in (incident.alert.severity, verdict.severity) and not rule.even_critical:
        return None
    seconds = int(rule.hold.total_seconds())
    reason = f"Rule {rule.id} waits {in_words(rule.hold)} before it is real: {rule.reason}"
    return Hold(by="rule", id=rule.id, reason=reason, until=now + timedelta(seconds=seconds), seconds=seconds)


def with_hold(
    verdict: Classification, record: IncidentRecord | None, rule: Rule | None, hold: Hold | None
) -> Classification:
    """Add the rule's route, the hold, and after a hold the severity of the alerts that joined during it."""
    changes = Changes(verdict.severity, list(verdict.reasons))
    if record is not None and record.held_back is not None and hold is None:
        joined = "low" if record.held_back == "info" else record.held_back
        changes.at_least(joined, "an alert of that severity joined while it waited")
    route = None
    if rule is not None and rule.route is not None and changes.severity != "noise":
        route = rule.route
        changes.reasons.append(f"Rule {rule.id} gives it the route {route}: {rule.reason}")
    if hold is not None:
        changes.reasons.append(hold.reason)
    return verdict.model_copy(
        update={"severity": changes.severity, "reasons": changes.reasons, "route": route, "hold": hold}
    )
