"""Rules, windows and silences for people: explained against an alert, and previewed against past incidents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table as Grid

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.table import Table
from firstline.classification.classify import classify
from firstline.classification.hold import held_by_rule
from firstline.ingest.changes import incident_of
from firstline.models import Evidence, Incident, NormalizedAlert
from firstline.policy.holds import Holds, Silence, Window
from firstline.policy.inhibition import Inhibition
from firstline.policy.match import PATTERN_KEYS, AlertMatch, Key
from firstline.policy.paging import Route
from firstline.policy.rules import Rule, Rules
from firstline.reports.preview import Preview, preview_rule, preview_silence, preview_window
from firstline.sources import Batch
from firstline.text import in_words, shorten
from firstline_cli.console import here

_VALUE_CHARS = 60

type Fit = tuple[str, str]
"""The word for how a rule, window or silence fits an alert (no, later, yes, …), and the reason."""


# --- explain ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explainer:
    """A printer of how rules, windows and silences treat an alert that comes at the time `now`.

    `silences` is None if no stack is given, and `flapping` is True to assume that the alert's group flaps.
    """

    console: Console
    rules: Rules
    silences: Sequence[Silence] | None
    now: datetime
    zone: str
    flapping: bool

    def explain(self, batch: Batch) -> bool:
        """Print an explanation for each firing alert and heartbeat of a request's body. Return False if it has none."""
        beats = [alert for alert in (*batch.heartbeats, *batch.alerts) if self.rules.is_heartbeat(alert)]
        for alert in beats:
            expected = next(heartbeat for heartbeat in self.rules.heartbeats if heartbeat.fits(alert))
            self.console.print(
                f"{alert.alert_name} is heartbeat {expected.id}, which opens no incident. When no heartbeat has come "
                f"for {in_words(expected.patience)} (twice {in_words(expected.every)}), a {expected.severity} incident "
                "opens."
            )
        for reason in batch.ignored:
            self.console.print(f"Not an alert for people: {reason}")
        firing = [alert for alert in batch.alerts if alert.status == "firing" and alert not in beats]
        for alert in firing:
            self._explain_alert(alert)
        if not firing:
            self.console.print("No alert fires in this body, so no rule is asked.")
        return bool(firing or beats)

    def _explain_alert(self, alert: NormalizedAlert) -> None:
        now, silences = self.now, self.silences or ()
        holds = Holds(self.rules.maintenance, silences)
        incident = incident_of(alert, now, hold=holds.hold_on(alert, now))
        incident = incident.model_copy(update={"flapping": self.flapping})
        local = now.astimezone(ZoneInfo(self.zone))
        winner = self.rules.first(incident, local)
        stated: str = alert.severity if alert.severity_stated else "none"
        if alert.presumed_from is not None:
            stated = f"none; its state ({alert.presumed_from}) counts as {alert.severity}"
        self.console.print(f"\n{alert.alert_name} from {alert.source}, stated severity: {stated}", style="bold")
        grid = Grid("what", "id", "fits", "why", show_edge=False)
        for rule in self.rules.rules:
            grid.add_row("rule", rule.id, *_rule_fit(rule, incident, local, wins=rule is winner))
        for window in self.rules.maintenance:
            grid.add_row("window", window.id, *_window_fit(window, alert, now))
        for silence in silences:
            grid.add_row("silence", silence.id, *_silence_fit(silence, alert, now))
        for inhibition in self.rules.inhibit:
            grid.add_row("inhibition", inhibition.id, *_inhibition_fit(inhibition, alert))
        self.console.print(grid)
        if self.silences is None:
            self.console.print("Silences are not shown, because they are in a stack's table: give --stack to see them.")
        self._print_verdict(incident, winner, local)

    def _print_verdict(self, incident: Incident, winner: Rule | None, local: datetime) -> None:
        evidence = Evidence(same_name_last_hour=0, earlier=[], deployments=[], local_time=local, business_hours=False)
        evidence = evidence.model_copy(update={"maintenance": self.rules.maintained(incident.alert, self.now)})
        verdict = classify(incident, evidence=evidence, rules=self.rules, offered=(), model=None, now=self.now)
        hold = incident.hold or held_by_rule(incident, winner, verdict, self.now)
        follows = f"severity {verdict.severity}, which history and a model may change within the rule's bounds."
        if winner is not None and winner.severity is not None:
            follows = f"severity {verdict.severity}, which rule {winner.id} sets for good."
        self.console.print(f"What follows: {follows}", style="bold")
        for reason in verdict.reasons:
            self.console.print(f"  {reason}")
        if winner is not None and winner.route:
            self.console.print(f"  The incident takes the route {winner.route} of paging.yaml.")
        if hold is not None:
            self.console.print(f"  First the incident is held until {here(hold.until)}: {hold.reason}", style="bold")


def _inhibition_fit(inhibition: Inhibition, alert: NormalizedAlert) -> Fit:
    equal = f" with the same {', '.join(inhibition.equal)}" if inhibition.equal else ""
    if inhibition.inhibits(alert):
        return "source", f"while this alert fires, alerts that match the target{equal} are held"
    if inhibition.may_hold(alert):
        return "target", f"this alert is held while an alert fires that matches the source{equal}"
    return "no", "the alert matches neither source nor target"


def _rule_fit(rule: Rule, incident: Incident, local: datetime, *, wins: bool) -> Fit:
    keys = list(rule.match.all_keys(incident.alert, local_time=local, flapping=incident.flapping))
    if not _all_fit(keys):
        return "no", _why(keys)
    if rule.passes_over(incident):
        return "passes", "the alert's source calls it critical, and the rule does not say even_critical"
    return "wins" if wins else "later", _why(keys)


def _window_fit(window: Window, alert: NormalizedAlert, now: datetime) -> Fit:
    keys = list(window.match.keys(alert))
    if not any(schedule.on(now) for schedule in window.when):
        return "no", f"the window is not on at {here(now)}"
    if not _all_fit(keys):
        return "no", _why(keys)
    if window.suppress and not window.allows(alert.severity):
        return "passes", "the alert is critical, and the window does not say even_critical"
    return "yes", _why(keys)


def _silence_fit(silence: Silence, alert: NormalizedAlert, now: datetime) -> Fit:
    keys = list(silence.match.keys(alert))
    why = _why(keys) if silence.active(now) else "the silence is over"
    if silence.holds(alert, now):
        return "yes", why
    critical = "the alert is critical, and the silence does not say even_critical"
    return "no", f"{why}; {critical}" if _all_fit(keys) else why


def _all_fit(keys: Sequence[Key]) -> bool:
    return all(key.fits for key in keys)


def _why(keys: Sequence[Key]) -> str:
    """Return in words why the conditions (`keys`) of a rule, window or silence fit an alert, or why they do not.

    If all fit, name each, as `host is web-1`; else name only those that do not fit, as `host is web-1, not db-*`.
    """
    if _all_fit(keys):
        return "; ".join(f"{key.name} is {shorten(key.has, _VALUE_CHARS)}" for key in keys)
    return "; ".join(f"{key.name} is {shorten(key.has, _VALUE_CHARS)}, not {key.wants}" for key in keys if not key.fits)


# --- past incidents ---------------------------------------------------------------------------------------------------


def unmatched(rules: Rules, routes: Sequence[Route], table: Table, days: int, now: datetime) -> Iterator[str]:
    """Yield a sentence for each pattern in rules and paging routes that fits no incident of the last `days` days.

    A pattern that fits none may be misspelled.
    """
    history = TableIncidents(table)
    records = [*history.closed_since(now - timedelta(days=days)), *history.open_records()]
    alerts = [record.incident.alert for record in records]
    declared: list[tuple[str, AlertMatch | Route]] = [
        *((f"rule {rule.id}", rule.match) for rule in rules.rules),
        *((f"window {window.id}", window.match) for window in rules.maintenance),
        *((f"inhibition {inhibition.id}", inhibition.source) for inhibition in rules.inhibit),
        *((f"inhibition {inhibition.id}", inhibition.target) for inhibition in rules.inhibit),
        *((f"route {number} of paging.yaml", route) for number, route in enumerate(routes)),
    ]
    for what, asked in declared:
        for key in PATTERN_KEYS:
            for pattern in getattr(asked, key, ()):
                match = AlertMatch.model_validate({key: pattern})
                if not any(map(match.fits, alerts)):
                    yield f"{what}: {key} {pattern} fits none of the {len(alerts)} incidents of {days} days"


def preview_of(name: str, rules: Rules, table: Table, zone: str, days: int, now: datetime) -> Preview | None:
    """Return which incidents of the last `days` days the rule, window or silence with the id `name` would have hidden.

    Only closed incidents are looked at. The hours in rules are in the time zone `zone`. Return None if nothing has this
    id.
    """
    records = TableIncidents(table).closed_since(now - timedelta(days=days))
    rule = next((rule for rule in rules.rules if rule.id == name), None)
    if rule is not None:
        return preview_rule(records, rule, rules, ZoneInfo(zone))
    window = next((window for window in rules.maintenance if window.id == name), None)
    if window is not None:
        return preview_window(records, window)
    silence = TableSilences(table).find(name, now)
    return None if silence is None else preview_silence(records, silence)
