"""The hold of an incident when it is classified: a hold that still lasts, or a hold that a rule declares."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.classification.joined_alerts import Joined
from firstline.errors import HistoryUnavailable
from firstline.models import Classification, Hold, Incident, NormalizedAlert
from firstline.observability import logger
from firstline.policy.holds import Holds, Silence, seconds_until
from firstline.policy.inhibition import inhibited, target_keys
from firstline.policy.rules import Rule, Rules
from firstline.text import in_words


@dataclass(frozen=True)
class Declared:
    """Everything that may hold alerts: the rules' maintenance windows and inhibitions, and people's silences.

    Parameters
    ----------
    silences
        Reads the current silences.
    inhibitors
        Returns, for each given key, how many alerts fire now that inhibit the alerts with this key. A key stands for an
        inhibition rule and the values that both alerts share.
    """

    rules: Rules
    silences: Callable[[], Sequence[Silence]]
    inhibitors: Callable[[Iterable[str]], Mapping[str, int]]

    def hold_on(self, alerts: Sequence[NormalizedAlert], now: datetime) -> Hold | None:
        """Return the hold that ends first of those on these alerts; None unless every alert is held.

        Of several holds on one alert, only the one that ends last counts.
        """
        inhibit = self.rules.inhibit
        quiet = Holds(self.rules.maintenance, self.silences())
        keys = {key for alert in alerts for key in target_keys(inhibit, alert)}
        counts = self.inhibitors(keys) if keys else {}
        holds = []
        for alert in alerts:
            rule = inhibited(inhibit, alert, counts)
            both = [quiet.hold_on(alert, now), rule.hold(now) if rule else None]
            holds.append(max((hold for hold in both if hold), key=lambda hold: hold.until, default=None))
        lasting = [hold for hold in holds if hold is not None]
        return min(lasting, key=lambda hold: hold.until) if lasting and len(lasting) == len(holds) else None


def current_hold(incident: Incident, joined: Joined | None, declared: Declared, now: datetime) -> Hold | None:
    """Return the hold on an incident that was held when it opened; None if it need not wait (any longer).

    The incident waits while all of its firing alerts are held. If the table cannot be read, it does not wait; `joined`
    is None if the incident's state could not be read.
    """
    hold = incident.hold
    if hold is None or joined is None or joined.ended_hold:
        return None
    if joined.stored and joined.stored.hold and joined.stored.hold.by != "rule":
        hold = joined.stored.hold  # of several, one may have ended since the incident opened
    if now < hold.until:
        return hold.model_copy(update={"seconds": seconds_until(hold.until, now)}) if joined.all_held else None
    try:
        return declared.hold_on(joined.firing_alerts(incident), now)
    except HistoryUnavailable as error:
        logger.warning("hold not read, so the incident goes on", incident_id=incident.incident_id, error=str(error))
        return None


def held_by_rule(incident: Incident, rule: Rule | None, verdict: Classification, now: datetime) -> Hold | None:
    """Return the hold that the incident's rule (None: no rule matches) declares for it, or None.

    Noise and storms are never held, and a critical incident only if the rule says `even_critical`.
    """
    if rule is None or rule.hold is None or incident.storm or verdict.severity == "noise":
        return None
    if "critical" in (incident.alert.severity, verdict.severity) and not rule.even_critical:
        return None
    seconds = int(rule.hold.total_seconds())
    reason = f"Rule {rule.id} waits {in_words(rule.hold)} before it is real: {rule.reason}"
    return Hold(by="rule", id=rule.id, reason=reason, until=now + timedelta(seconds=seconds), seconds=seconds)


def with_hold(verdict: Classification, rule: Rule | None, hold: Hold | None) -> Classification:
    """Return the verdict with the rule's route (whom to page; none for noise), the hold, and a reason for each.

    `rule` is None if no rule matches, `hold` if the incident need not wait.
    """
    reasons = list(verdict.reasons)
    route = None
    if rule is not None and rule.route is not None and verdict.severity != "noise":
        route = rule.route
        reasons.append(f"Rule {rule.id} gives it the route {route}: {rule.reason}")
    if hold is not None:
        reasons.append(hold.reason)
    return verdict.model_copy(update={"reasons": reasons, "route": route, "hold": hold})
