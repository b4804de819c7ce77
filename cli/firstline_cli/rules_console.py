"""Rules, windows and silences for people: explained against an alert, previewed against past incidents, and made."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table as Grid

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.table import Table
from firstline.classification.classify import classify
from firstline.classification.hold import held_by_rule
from firstline.console.silences_page import matched
from firstline.errors import ConfigurationError
from firstline.ingest.changes import incident_of
from firstline.models import Evidence, Incident, NormalizedAlert
from firstline.policy.durations import Duration
from firstline.policy.holds import Holds, Silence, Window
from firstline.policy.inhibition import Inhibition
from firstline.policy.match import AlertMatch, Key
from firstline.policy.paging import Route
from firstline.policy.rules import Rule, Rules
from firstline.reports.preview import Preview, preview_rule, preview_silence, preview_window
from firstline.sources import Batch
from firstline.text import count, in_words, shorten
from firstline_cli.console import here

_PLAIN = ("alert_name", "source", "service", "environment", "host")
_LISTED = 20
_VALUE_CHARS = 60

type Fit = tuple[str, str]
"""The fit of a rule, window or silence (no, later, yes, …), and its reason."""


# --- explain ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explainer:
    """Rules, windows and silences to explain against alerts at a moment. `silences` is None without a stack."""

    console: Console
    rules: Rules
    silences: Sequence[Silence] | None
    now: datetime
    zone: str
    flapping: bool

    def explain(self, batch: Batch) -> bool:
        """Explain every firing alert and every heartbeat of a body. Return False where it has none."""
        beats = [alert for alert in (*batch.heartbeats, *batch.alerts) if self.rules.is_heartbeat(alert)]
        for alert in beats:
            expected = next(heartbeat for heartbeat in self.rules.heartbeats if heartbeat.fits(alert))
            self.console.print(
                f"{alert.alert_name} is heartbeat {expected.id}: it opens no incident. When nothing has come for "
                f"{in_words(expected.patience)} (twice {in_words(expected.every)}), a {expected.severity} one opens."
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
        stated = alert.severity if alert.severity_stated else "nothing of how bad it is"
        self.console.print(f"\n{alert.alert_name} from {alert.source}, which says {stated}", style="bold")
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
            self.console.print("Silences are in a stack's table: name the stack with --stack to see them.")
        self._print_verdict(incident, winner, local)

    def _print_verdict(self, incident: Incident, winner: Rule | None, local: datetime) -> None:
        evidence = Evidence(same_name_last_hour=0, earlier=[], deployments=[], local_time=local, business_hours=False)
        evidence = evidence.model_copy(update={"maintenance": self.rules.maintained(incident.alert, self.now)})
        verdict = classify(incident, evidence=evidence, rules=self.rules, offered=(), model=None, now=self.now)
        hold = incident.hold or held_by_rule(incident, winner, verdict, self.now)
        follows = f"{verdict.severity} without history and without a model; those may change it within the bounds."
        if winner is not None and winner.severity is not None:
            follows = f"{verdict.severity}, finally: rule {winner.id}."
        self.console.print(f"What follows: {follows}", style="bold")
        for reason in verdict.reasons:
            self.console.print(f"  {reason}")
        if winner is not None and winner.route:
            self.console.print(f"  It takes the route {winner.route} of paging.yaml.")
        if hold is not None:
            self.console.print(f"  First it waits, until {here(hold.until)}: {hold.reason}", style="bold")


def _inhibition_fit(inhibition: Inhibition, alert: NormalizedAlert) -> Fit:
    equal = f" with the same {', '.join(inhibition.equal)}" if inhibition.equal else ""
    if inhibition.inhibits(alert):
        return "source", f"while it fires, it holds what matches the target{equal}"
    if inhibition.may_hold(alert):
        return "target", f"held while an alert fires that matches the source{equal}"
    return "no", "neither source nor target"


def _rule_fit(rule: Rule, incident: Incident, local: datetime, *, wins: bool) -> Fit:
    keys = list(rule.match.all_keys(incident.alert, local_time=local, flapping=incident.flapping))
    if not _all_fit(keys):
        return "no", _why(keys)
    if rule.passes_over(incident):
        return "passes", "its source calls it critical, and the rule does not say even_critical"
    return "wins" if wins else "later", _why(keys)


def _window_fit(window: Window, alert: NormalizedAlert, now: datetime) -> Fit:
    keys = list(window.match.keys(alert))
    if not any(schedule.on(now) for schedule in window.when):
        return "no", f"not on at {here(now)}"
    if not _all_fit(keys):
        return "no", _why(keys)
    if window.suppress and not window.allows(alert.severity):
        return "passes", "it is critical"
    return "yes", _why(keys)


def _silence_fit(silence: Silence, alert: NormalizedAlert, now: datetime) -> Fit:
    keys = list(silence.match.keys(alert))
    why = _why(keys) if silence.active(now) else "it is over"
    if silence.holds(alert, now):
        return "yes", why
    return "no", f"{why}; critical, and not even_critical" if _all_fit(keys) else why


def _all_fit(keys: Sequence[Key]) -> bool:
    return all(key.fits for key in keys)


def _why(keys: Sequence[Key]) -> str:
    """Describe the keys that do not fit; if all fit, describe each."""
    if _all_fit(keys):
        return "; ".join(f"{key.name} is {shorten(key.has, _VALUE_CHARS)}" for key in keys)
    return "; ".join(f"{key.name} is {shorten(key.has, _VALUE_CHARS)}, not {key.wants}" for key in keys if not key.fits)


# --- past incidents ---------------------------------------------------------------------------------------------------


def unmatched(rules: Rules, routes: Sequence[Route], table: Table, days: int, now: datetime) -> Iterator[str]:
    """Name the patterns that fitted no incident of the last days: perhaps misspelled, perhaps obsolete."""
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
        for key in _PLAIN:
            for pattern in getattr(asked, key, ()):
                match = AlertMatch.model_validate({key: pattern})
                if not any(map(match.fits, alerts)):
                    yield f"{what}: {key} {pattern} fits none of the {len(alerts)} incidents of {days} days"


def preview_of(name: str, rules: Rules, table: Table, zone: str, days: int, now: datetime) -> Preview | None:
    """Preview a rule, window or silence against the incidents that closed in the last days; None if unknown."""
    records = TableIncidents(table).closed_since(now - timedelta(days=days))
    rule = next((rule for rule in rules.rules if rule.id == name), None)
    if rule is not None:
        return preview_rule(records, rule, rules, ZoneInfo(zone))
    window = next((window for window in rules.maintenance if window.id == name), None)
    if window is not None:
        return preview_window(records, window)
    silence = TableSilences(table).find(name, now)
    return None if silence is None else preview_silence(records, silence)


def print_preview(console: Console, name: str, found: Preview, days: int) -> None:
    """Print a preview; the incidents that became real come last."""
    console.print(
        f"In the last {days} days {count(found.seen, 'incident')} closed. {name} would have hidden "
        f"{len(found.hidden) + len(found.real)} of them, and delayed {len(found.late)}."
    )
    for title, records in (("hidden", found.hidden), ("late", found.late)):
        for record in records[:_LISTED]:
            console.print(f"  {title}: {record.incident.incident_id} ({record.outcome})")
        if len(records) > _LISTED:
            console.print(f"  … and {len(records) - _LISTED} more")
    if found.real:
        console.print(f"{len(found.real)} OF THE HIDDEN ONES BECAME REAL:", style="bold red")
        for record, why in found.real:
            console.print(f"  {record.incident.incident_id}: {why}", style="red")


# --- silences ---------------------------------------------------------------------------------------------------------


def make_silence(matchers: Sequence[str], lasts: str, now: datetime, details: Mapping[str, Any]) -> Silence:
    """Make a silence from the words of the command line. `details` are its other fields: owner, reason, ….

    Raises
    ------
    ConfigurationError
        A matcher, the duration or a detail is wrong; the message says what to write.
    """
    match: dict[str, list[str]] = {}
    labels: dict[str, list[str]] = {}
    for matcher in matchers:
        key, equals, pattern = matcher.partition("=")
        if not equals or not pattern:
            raise ConfigurationError(f"{matcher!r} is no matcher; write key=pattern, as in host=web-1.")
        into, name = (labels, key.removeprefix("labels.")) if key.startswith("labels.") else (match, key)
        into.setdefault(name, []).append(pattern)
    return _silence(match | ({"labels": labels} if labels else {}), lasts, now, details)


def extended(before: Silence, lasts: str, now: datetime) -> Silence:
    """Make the silence that takes another's place from now on. Raises ConfigurationError, as `make_silence` does."""
    details = before.model_dump(include={"owner", "reason", "until_resolved", "even_critical"})
    return _silence(before.match.model_dump(exclude_defaults=True), lasts, now, details)


def _silence(match: Mapping[str, Any], lasts: str, now: datetime, details: Mapping[str, Any]) -> Silence:
    try:
        span: timedelta = TypeAdapter(Duration).validate_python(lasts)
        return Silence(
            id=f"{now:%Y%m%d-%H%M}-{secrets.token_hex(2)}",
            match=AlertMatch.model_validate(match),
            created_at=now,
            expires_at=now + span,
            **details,
        )
    except ValidationError as error:
        raise ConfigurationError(f"{'; '.join(_problems(error))}.") from None


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        where = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            known = ", ".join((*(name for name in AlertMatch.model_fields if name != "labels"), "labels.<name>"))
            yield f"no such key {where!r}; known are {known}"
        else:
            yield f"{where} {problem['msg'].removeprefix('Value error, ')}".strip()


def print_silences(console: Console, silences: Sequence[Silence], now: datetime) -> None:
    """Print a table of silences."""
    if not silences:
        console.print("Nothing is silenced.")
        return
    grid = Grid("id", "what", "owner", "reason", "ends", show_edge=False)
    for silence in silences:
        what = matched(silence)
        if silence.even_critical:
            what += " (even critical)"
        if silence.active(now):
            ends = f"in {in_words(silence.expires_at - now)}" + (
                ", or when it resolves" if silence.until_resolved else ""
            )
        else:
            ended_by = f" by {silence.ended_by}" if silence.ended_by else ""
            ends = f"ended {here(silence.ended_at or silence.expires_at)}{ended_by}"
        grid.add_row(silence.id, what, silence.owner, silence.reason, ends)
    console.print(grid)
