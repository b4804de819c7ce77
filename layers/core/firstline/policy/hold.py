"""Does an incident wait before anything is done about it, and for what? Pure, but for `waits_for`."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from firstline.classification.guardrails import Changes
from firstline.classification.model import ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.errors import HistoryUnavailable, ModelGaveNoVerdict
from firstline.incidents.store import Incidents
from firstline.models import Classification, Hold, Incident, IncidentRecord
from firstline.observability import logger
from firstline.policy.quiet import Quiet, seconds_until
from firstline.policy.rules import Rule, Rules
from firstline.policy.silences import Silence
from firstline.text import in_words


class NotAsked:
    """The model, while an incident waits: nothing is paid for what may come to nothing."""

    def verdict(self, prompt: Prompt) -> ModelVerdict:  # noqa: ARG002
        """Not now."""
        raise ModelGaveNoVerdict("it is not asked while the incident waits")


def waits_for(
    incident: Incident,
    incidents: Incidents,
    rules: Rules,
    silences: Callable[[], Sequence[Silence]],
    now: datetime,
) -> tuple[IncidentRecord | None, Hold | None]:
    """What was written since it was kept back, and what keeps it back now. What cannot be read keeps nothing."""
    if incident.hold is None:
        return None, None
    try:
        record = incidents.record(incident.incident_id)
        over = now >= incident.hold.until
        quiet = Quiet(rules.maintenance, silences() if over else ())
    except HistoryUnavailable as error:
        logger.warning("whether it waits is not known", incident_id=incident.incident_id, error=str(error))
        return None, None
    return record, kept_back(incident, record, quiet, now)


def kept_back(incident: Incident, record: IncidentRecord | None, quiet: Quiet, now: datetime) -> Hold | None:
    """The silence or window that the incident waits for; None when it does not, or not any more.

    When the time is over it waits on only if it is about a single alert that is still kept back: of alerts that joined,
    nobody knows any more what would keep them back.
    """
    hold = incident.hold
    if hold is None or incident.storm or (record is not None and record.hold_ended_at is not None):
        return None
    if now < hold.until:
        return hold.model_copy(update={"seconds": seconds_until(hold.until, now)})
    if record is None or record.alert_count > 1:
        return None
    return quiet.keeps_back(incident.alert, now)


def held_by_rule(incident: Incident, rule: Rule | None, verdict: Classification, now: datetime) -> Hold | None:
    """The wait that a rule declares. What is critical does not wait, whoever says so, unless the rule does."""
    if rule is None or rule.hold is None or incident.storm or verdict.severity == "noise":
        return None
    if "critical" in (incident.alert.severity, verdict.severity) and not rule.even_critical:
        return None
    seconds = int(rule.hold.total_seconds())
    return Hold(
        by="rule",
        id=rule.id,
        reason=f"Rule {rule.id} waits {in_words(rule.hold)} before it is real: {rule.reason}",
        until=now + timedelta(seconds=seconds),
        seconds=seconds,
    )


def after(
    verdict: Classification, record: IncidentRecord | None, rule: Rule | None, hold: Hold | None
) -> Classification:
    """The verdict with what the rule says of its way, what it waits for, and what joined while it waited."""
    reasons = list(verdict.reasons)
    severity = verdict.severity
    if record is not None and record.held_back is not None and hold is None:
        changes = Changes(severity)
        changes.at_least(
            "low" if record.held_back == "info" else record.held_back,
            "an alert of that severity joined while it waited",
        )
        severity = changes.severity
        reasons += changes.reasons
    route = rule.route if rule is not None and severity != "noise" else None
    if route is not None and rule is not None:
        reasons.append(f"Rule {rule.id} gives it the route {route}: {rule.reason}")
    if hold is not None:
        reasons.append(hold.reason)
    return verdict.model_copy(update={"severity": severity, "reasons": reasons, "route": route, "hold": hold})
