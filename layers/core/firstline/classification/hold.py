"""The hold of an incident in Classify: whether it still waits, and the hold that a rule declares."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from firstline.classification.joined import Joined
from firstline.errors import HistoryUnavailable
from firstline.models import Classification, Hold, Incident
from firstline.observability import logger
from firstline.policy.holds import Holds, Silence, seconds_until
from firstline.policy.rules import Rule, Rules
from firstline.text import in_words


def current_hold(
    incident: Incident, joined: Joined | None, rules: Rules, silences: Callable[[], Sequence[Silence]], now: datetime
) -> Hold | None:
    """Return the hold in force on an incident that was held from its opening on.

    An incident waits while everything in it that fires is held. If the table cannot be read, nothing is held.
    """
    hold = incident.hold
    if hold is None or joined is None or incident.storm or joined.ended_hold:
        return None
    if now < hold.until:
        return hold.model_copy(update={"seconds": seconds_until(hold.until, now)}) if joined.all_held else None
    try:
        known = Holds(rules.maintenance, silences())
    except HistoryUnavailable as error:
        logger.warning("the hold is not known", incident_id=incident.incident_id, error=str(error))
        return None
    holds = [known.hold_on(alert, now) for alert in joined.firing_alerts(incident)]
    lasting = [each for each in holds if each is not None]
    return min(lasting, key=lambda each: each.until) if lasting and len(lasting) == len(holds) else None


def held_by_rule(incident: Incident, rule: Rule | None, verdict: Classification, now: datetime) -> Hold | None:
    """Return the hold that a rule declares, or None. A critical incident waits only if the rule says so."""
    if rule is None or rule.hold is None or incident.storm or verdict.severity == "noise":
        return None
    if "critical" in (incident.alert.severity, verdict.severity) and not rule.even_critical:
        return None
    seconds = int(rule.hold.total_seconds())
    reason = f"Rule {rule.id} waits {in_words(rule.hold)} before it is real: {rule.reason}"
    return Hold(by="rule", id=rule.id, reason=reason, until=now + timedelta(seconds=seconds), seconds=seconds)


def with_hold(verdict: Classification, rule: Rule | None, hold: Hold | None) -> Classification:
    """Add the rule's route and the hold."""
    reasons = list(verdict.reasons)
    route = None
    if rule is not None and rule.route is not None and verdict.severity != "noise":
        route = rule.route
        reasons.append(f"Rule {rule.id} gives it the route {route}: {rule.reason}")
    if hold is not None:
        reasons.append(hold.reason)
    return verdict.model_copy(update={"reasons": reasons, "route": route, "hold": hold})
