"""Rules, windows and silences for people: explained against an alert, previewed against what has been, and made."""

import fnmatch
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.table import Table
from firstline.classification.classify import classify
from firstline.classification.hold import held_by_rule
from firstline.errors import ConfigurationError
from firstline.ingest.fold import GroupState, fold, open_incident
from firstline.models import Evidence, Incident, NormalizedAlert
from firstline.policy.durations import Duration
from firstline.policy.holds import Holds, Silence, Window
from firstline.policy.match import AlertMatch, Key
from firstline.policy.rules import Rule, Rules
from firstline.reports.preview import Preview, preview
from firstline.sources import Batch
from firstline.text import in_words

_PLAIN = ("alert_name", "source", "service", "environment", "host")
_LISTED = 20


def silences_in(table: Table | None, now: datetime) -> Sequence[Silence] | None:
    """Return the silences that have not run out, or None where no stack is named."""
    return None if table is None else TableSilences(table).since(now)


# --- explain ----------------------------------------------------------------------------------------------------------


def explain(
    console: Console,
    batch: Batch,
    rules: Rules,
    silences: Sequence[Silence] | None,
    *,
    now: datetime,
    zone: str,
    flapping: bool,
) -> bool:
    """Explain every firing alert and every heartbeat of a body. Return False where it has none."""
    beats = [alert for alert in (*batch.heartbeats, *batch.alerts) if rules.is_heartbeat(alert)]
    for alert in beats:
        expected = next(one for one in rules.heartbeats if one.match.fits(alert))
        console.print(
            Text(
                f"{alert.alert_name} is heartbeat {expected.id}: it opens no incident. When nothing has come for "
                f"{in_words(expected.patience)} (twice {in_words(expected.every)}), a {expected.severity} one opens."
            )
        )
    for reason in batch.ignored:
        console.print(Text(f"Not an alert for people: {reason}"))
    firing = [alert for alert in batch.alerts if alert.status == "firing" and alert not in beats]
    for alert in firing:
        _explain_alert(console, alert, rules, silences, now=now, zone=zone, flapping=flapping)
    if not firing:
        console.print("No alert fires in this body, so no rule is asked.")
    return bool(firing or beats)


def _explain_alert(
    console: Console,
    alert: NormalizedAlert,
    rules: Rules,
    silences: Sequence[Silence] | None,
    *,
    now: datetime,
    zone: str,
    flapping: bool,
) -> None:
    holds = Holds(rules.maintenance, silences or ())
    folded = fold(GroupState(group_key=alert.group_key), [alert], now, lambda one: holds.hold_on(one, now))
    _, incident = open_incident(folded, now)
    incident = incident.model_copy(update={"flapping": flapping})
    local = now.astimezone(ZoneInfo(zone))
    said = alert.severity if alert.severity_stated else "nothing of how bad it is"
    console.print()
    console.print(Text(f"{alert.alert_name} from {alert.source}, which says {said}", "bold"))
    grid = Grid("what", "id", "fits", "why", show_edge=False)
    winner = rules.first(incident, local)
    for rule in rules.rules:
        grid.add_row("rule", rule.id, *_rule_fits(rule, incident, local, wins=rule is winner))
    for window in rules.maintenance:
        grid.add_row("window", window.id, *_window_fits(window, alert, now))
    for silence in silences or ():
        grid.add_row("silence", silence.id, *_silence_fits(silence, alert, now))
    console.print(grid)
    if silences is None:
        console.print("Silences are in a stack's table: name the stack with --stack to see them.")
    _what_follows(console, incident, rules, winner, local, now)


def _rule_fits(rule: Rule, incident: Incident, local: datetime, *, wins: bool) -> tuple[str, Text]:
    """Return whether a rule fits the incident's alert, and why."""
    keys = list(rule.match.all_keys(incident.alert, local_time=local, flapping=incident.flapping))
    if not all(key.fits for key in keys):
        return "no", Text(_why(keys))
    if rule.passes_over(incident):
        return "passes", Text("its source calls it critical, and the rule does not say even_critical")
    return "wins" if wins else "later", Text(_why(keys))


def _window_fits(window: Window, alert: NormalizedAlert, now: datetime) -> tuple[str, Text]:
    """Return whether a maintenance window holds the alert back now, and why."""
    keys = list(window.match.keys(alert))
    if not any(schedule.on(now) for schedule in window.when):
        return "no", Text(f"not on at {now:%Y-%m-%d %H:%M} UTC")
    if not all(key.fits for key in keys):
        return "no", Text(_why(keys))
    if window.suppress and not window.allows(alert.severity):
        return "passes", Text("it is critical")
    return "yes", Text(_why(keys))


def _silence_fits(silence: Silence, alert: NormalizedAlert, now: datetime) -> tuple[str, Text]:
    """Return whether a silence holds the alert back now, and why."""
    keys = list(silence.match.keys(alert))
    why = _why(keys) if silence.active(now) else "it is over"
    if silence.holds(alert, now):
        return "yes", Text(why)
    return "no", Text(f"{why}; critical, and not even_critical" if all(key.fits for key in keys) else why)


def _what_follows(
    console: Console, incident: Incident, rules: Rules, winner: Rule | None, local: datetime, now: datetime
) -> None:
    evidence = Evidence(
        same_name_last_hour=0,
        earlier=[],
        deployments=[],
        local_time=local,
        business_hours=False,
        maintenance=rules.maintained(incident.alert, now),
    )
    verdict = classify(incident, evidence=evidence, rules=rules, offered=(), model=None, now=now)
    hold = incident.hold or held_by_rule(incident, winner, verdict, now)
    if winner is not None and winner.severity is not None:
        follows = f"{verdict.severity}, finally: rule {winner.id}."
    else:
        follows = f"{verdict.severity} without history and without a model; those may change it within the bounds."
    console.print(Text(f"What follows: {follows}", "bold"))
    for reason in verdict.reasons:
        console.print(Text(f"  {reason}"))
    if winner is not None and winner.route:
        console.print(Text(f"  It takes the route {winner.route} of paging.yaml."))
    if hold is not None:
        console.print(Text(f"  First it waits: {hold.reason}", "bold"))


def _why(keys: Sequence[Key]) -> str:
    wrong = [key for key in keys if not key.fits]
    if wrong:
        return "; ".join(f"{key.name} is {_short(key.has)}, not {key.wants}" for key in wrong)
    return "; ".join(f"{key.name} is {_short(key.has)}" for key in keys)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


# --- what has been ----------------------------------------------------------------------------------------------------


def unmatched(rules: Rules, table: Table, days: int, now: datetime) -> Iterator[str]:
    """Name the patterns that fitted no incident of the last days: perhaps misspelled, perhaps obsolete."""
    history = TableIncidents(table)
    records = [*history.closed_since(now - timedelta(days=days)), *history.open_records()]
    alerts = [record.incident.alert for record in records]
    named: list[tuple[str, str, AlertMatch]] = [("rule", rule.id, rule.match) for rule in rules.rules]
    named += [("window", window.id, window.match) for window in rules.maintenance]
    for noun, name, match in named:
        for key in _PLAIN:
            values = [str(getattr(alert, key)).casefold() for alert in alerts if getattr(alert, key)]
            for pattern in getattr(match, key):
                if not any(fnmatch.fnmatchcase(value, pattern.casefold()) for value in values):
                    yield f"{noun} {name}: {key} {pattern} fits none of the {len(alerts)} incidents of {days} days"


def preview_of(name: str, rules: Rules, table: Table, zone: str, days: int, now: datetime) -> Preview | None:
    """Preview a rule, window or silence against the incidents that closed in the last days; None if unknown."""
    records = TableIncidents(table).closed_since(now - timedelta(days=days))
    rule = next((rule for rule in rules.rules if rule.id == name), None)
    if rule is not None:
        # A rule without `hold` and `noise` hides nothing, so nothing is within a wait of no time at all.
        wait = None if rule.severity == "noise" else rule.hold or timedelta(0)
        return preview(records, lambda record: _hidden_by_rule(rule, rules, record.incident, zone), wait=wait)
    window = next((window for window in rules.maintenance if window.id == name), None)
    if window is not None:
        return preview(records, lambda record: _hidden_by_window(window, record.incident))
    silence = TableSilences(table).find(name, now)
    if silence is None:
        return None
    return preview(records, lambda record: _hidden_by_silence(silence, record.incident))


def _hidden_by_rule(rule: Rule, rules: Rules, incident: Incident, zone: str) -> bool:
    if rules.first(incident, incident.opened_at.astimezone(ZoneInfo(zone))) is not rule or incident.storm:
        return False
    waits = rule.hold is not None and (rule.even_critical or incident.alert.severity != "critical")
    return rule.severity == "noise" or waits


def _hidden_by_window(window: Window, incident: Incident) -> bool:
    alert = incident.alert
    allowed = window.suppress and not incident.storm and window.allows(alert.severity)
    return allowed and window.holds(alert, incident.opened_at)


def _hidden_by_silence(silence: Silence, incident: Incident) -> bool:
    """Return whether a silence would have held the incident, had it been on all the time."""
    allowed = not incident.storm and (silence.even_critical or incident.alert.severity != "critical")
    return allowed and silence.match.fits(incident.alert)


def print_preview(console: Console, name: str, found: Preview, days: int) -> None:
    """Print a preview; the incidents that became real come last."""
    console.print(
        f"In the last {days} days {found.seen} incidents closed. {name} would have hidden "
        f"{len(found.hidden) + len(found.real)} of them, and delayed {len(found.late)}.",
        highlight=False,
    )
    for title, records in (("hidden", found.hidden), ("late", found.late)):
        for record in records[:_LISTED]:
            console.print(Text(f"  {title}: {record.incident.incident_id} ({record.outcome})"))
        if len(records) > _LISTED:
            console.print(f"  … and {len(records) - _LISTED} more")
    if found.real:
        console.print(Text(f"{len(found.real)} OF THE HIDDEN ONES BECAME REAL:", "bold red"))
        for record, why in found.real:
            console.print(Text(f"  {record.incident.incident_id}: {why}", "red"))


# --- silences ---------------------------------------------------------------------------------------------------------


def made(
    matchers: Sequence[str],
    reason: str,
    lasts: str,
    owner: str,
    until_resolved: bool,
    even_critical: bool,
    now: datetime,
) -> Silence:
    """Make a silence from the words of the command line.

    Raises
    ------
    ConfigurationError
        Something makes no sense; the message says what to write.
    """
    match: dict[str, list[str]] = {}
    labels: dict[str, list[str]] = {}
    for matcher in matchers:
        key, equals, pattern = matcher.partition("=")
        if not equals or not pattern:
            raise ConfigurationError(f"{matcher!r} is no matcher; write key=pattern, as in host=web-1.")
        into, name = (labels, key.removeprefix("labels.")) if key.startswith("labels.") else (match, key)
        into.setdefault(name, []).append(pattern)
    given = match | ({"labels": labels} if labels else {})
    try:
        span: timedelta = TypeAdapter(Duration).validate_python(lasts)
        return Silence(
            id=f"{now:%Y%m%d-%H%M}-{secrets.token_hex(2)}",
            match=AlertMatch.model_validate(given),
            owner=owner,
            reason=reason,
            created_at=now,
            expires_at=now + span,
            until_resolved=until_resolved,
            even_critical=even_critical,
        )
    except ValidationError as error:
        known = ", ".join((*(name for name in AlertMatch.model_fields if name != "labels"), "labels.<name>"))
        wrong = "; ".join(
            f"no such key {'.'.join(map(str, one['loc']))!r}; known are {known}"
            if one["type"] == "extra_forbidden"
            else f"{'.'.join(map(str, one['loc']))} {one['msg'].removeprefix('Value error, ')}".strip()
            for one in error.errors()
        )
        raise ConfigurationError(f"{wrong}.") from None


def print_silences(console: Console, silences: Sequence[Silence], now: datetime) -> None:
    """Print a table of silences."""
    if not silences:
        console.print("Nothing is silenced.")
        return
    grid = Grid("id", "what", "owner", "reason", "ends", show_edge=False)
    for one in silences:
        what = ", ".join(
            f"{key}={value}" for key, value in one.match.model_dump(mode="json", exclude_defaults=True).items()
        )
        if one.active(now):
            ends = f"in {in_words(one.expires_at - now)}" + (", or when it resolves" if one.until_resolved else "")
        else:
            ends = f"ended {one.ended_at or one.expires_at:%Y-%m-%d %H:%M}" + (
                f" by {one.ended_by}" if one.ended_by else ""
            )
        extra = " (even critical)" if one.even_critical else ""
        grid.add_row(one.id, Text(what + extra), Text(one.owner), Text(one.reason), ends)
    console.print(grid)
