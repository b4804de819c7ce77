"""The parts of `firstline replay`, which judges past incidents by changed policy files and runbooks."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.classification.classify import classify
from firstline.classification.evidence import gather
from firstline.classification.model_say import NO_SAY
from firstline.classification.owner_tags import KnownTags
from firstline.errors import ConfigurationError
from firstline.models import Incident, Severity
from firstline.policy.paging import load_paging_policy
from firstline.policy.rules import Rules, load
from firstline.reports.joined_alerts import MOST_READ
from firstline.reports.replay import Affected, PolicyFiles, Replay, replay
from firstline.runbooks import catalogue
from firstline.text import count, one_line
from firstline_cli.as_of import AsOf
from firstline_cli.checkout import read_policy
from firstline_cli.console import WRONG, refusal

LISTED = 20
_WHY_CHARS = 300

_SECTIONS = {
    "comes": "would come",
    "later": "would go out later",
    "moves": "would go to others",
    "plans": "would have another runbook, or another mode of it",
    "unsure": "are touched by the change, but their records do not tell the effect",
}
_NOT_REPLAYED = (
    "Not replayed: what a model would say now; inhibitions, heartbeats and silences that were not there; "
    "which incident an alert joins; commands and their targets; a page at a later level; what people would have done."
)


def files_of(folder: Path) -> PolicyFiles:
    """Read the policy files and runbooks of a runbooks folder; end the command if one is wrong."""
    policy = folder / "policy"
    return PolicyFiles(
        read_policy(load, policy / "rules.yaml"),
        read_policy(load_paging_policy, policy / "paging.yaml"),
        _catalogue(folder),
    )


def changed(files: PolicyFiles, rules: Path | None, runbooks: Path | None, paging: Path | None) -> PolicyFiles:
    """Return `files` with the rules, runbooks or paging read from the given paths; end the command if one is wrong.

    Without a path, `files` keep their rules, runbooks or paging.
    """
    return PolicyFiles(
        read_policy(load, rules) if rules else files.rules,
        read_policy(load_paging_policy, paging) if paging else files.paging,
        _catalogue(runbooks) if runbooks else files.runbooks,
    )


def replay_of(
    table: Table,
    before: PolicyFiles,
    after: PolicyFiles,
    days: int,
    zone: str,
    environment: str,
    now: datetime,
) -> Replay:
    """Judge the incidents that closed in the last `days` by the files `before` and `after`; return the differences.

    The hours in rules are in the time zone `zone`; the stack's `environment` decides the mode of a runbook.
    """
    incidents = TableIncidents(table)
    records = list(incidents.closed_since(now - timedelta(days=days)))
    verdicts = {record.incident.incident_id: record.classification for record in records}

    def assess(incident: Incident, rules: Rules) -> Severity:
        moment = incident.opened_at
        tags = KnownTags.of(verdicts.get(incident.incident_id))
        evidence = gather(incident, AsOf(table, moment), time_zone=zone, now=moment, rules=rules, alarms=tags)
        verdict = classify(incident, evidence=evidence, rules=rules, offered=(), model=None, now=moment, say=NO_SAY)
        return verdict.severity

    return replay(
        records,
        before,
        after,
        zone=ZoneInfo(zone),
        environment=environment,
        assess=assess,
        members=lambda incident_id: incidents.members(incident_id, MOST_READ),
    )


def as_json(found: Replay, days: int) -> str:
    """Return the differences that a replay found, as JSON."""
    sections = {name: [_plain(affected) for affected in getattr(found, name)] for name in ("goes", *_SECTIONS)}
    numbers = {"days": days, "incidents": found.seen, "paged": found.paged, "missed": len(found.missed)}
    limits = {"incomplete": found.incomplete, "not_replayed": _NOT_REPLAYED}
    return json.dumps(numbers | limits | sections, indent=2, ensure_ascii=False)


def print_replay(console: Console, found: Replay, days: int) -> None:
    """Print the differences that a replay found; pages for real incidents that would no longer be sent come last."""
    console.print(f"In the last {days} days {count(found.seen, 'incident')} closed, {found.paged} of them paged.")
    quiet = [affected for affected in found.goes if affected.proof is None]
    _print(console, quiet, f"{count(len(found.goes), 'page')} would go, {len(found.missed)} of them real.")
    for name, words in _SECTIONS.items():
        affected: Sequence[Affected] = getattr(found, name)
        if affected:
            what = "incident" if name in ("plans", "unsure") else "page"
            _print(console, affected, f"{count(len(affected), what)} {words}:")
    console.print(_NOT_REPLAYED)
    if found.incomplete:
        which = "has" if found.incomplete == 1 else "have"
        console.print(
            f"{count(found.incomplete, 'incident')} {which} alerts that fired again later and count there: "
            "judged by the alerts that are left."
        )
    if found.missed:
        missed = f"{count(len(found.missed), 'PAGE')} WOULD GO ALTHOUGH THE INCIDENT WAS REAL:"
        _print(console, sorted(found.missed, key=lambda affected: not affected.critical), missed, style="bold red")


def _print(console: Console, affected: Sequence[Affected], heading: str, *, style: str | None = None) -> None:
    console.print(heading, style=style or "bold")
    for each in affected[:LISTED]:
        proof = f"; {each.proof}" if each.proof else ""
        critical = ", CRITICAL" if each.critical else ""
        why = one_line(f"{each.why}{proof}", _WHY_CHARS)
        console.print(f"  {each.record.incident.incident_id}{critical}: {why}", style=style)
    if len(affected) > LISTED:
        console.print(f"  … and {len(affected) - LISTED} more; -o json has all")


def _plain(affected: Affected) -> dict[str, Any]:
    incident = affected.record.incident
    return {
        "id": incident.incident_id,
        "alert": incident.first_alert,
        "service": incident.alert.service,
        "opened_at": incident.opened_at.isoformat(),
        "critical": affected.critical,
        "outcome": affected.record.outcome,
        "why": affected.why,
        "proof": affected.proof,
    }


def _catalogue(folder: Path) -> catalogue.Catalogue:
    try:
        return catalogue.load(folder)
    except ConfigurationError as error:
        raise refusal(error, WRONG) from None
