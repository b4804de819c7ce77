"""An eval case out of an incident: the alert, what was known, and the truth as people told it, names changed."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from firstline.classification.redaction import safe_label, safe_line, safe_text
from firstline.feedback import last_words
from firstline.models import SEVERITY_RANK, EarlierIncident, Feedback, Severity
from local.learning.story import Story

MAX_MESSAGE = 2_000
MAX_NOTE = 300
MAX_EARLIER = 20
ACCOUNT = "123456789012"

_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"\bhttps?://\S+")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_RESOLVED_BY = re.compile(r"(?<=\bResolved by )(?![\w-]+: the alert)[^.]{1,80}")
_INSTANCE = re.compile(r"\bm?i-[0-9a-f]{8,17}\b")


@dataclass
class Names:
    """Other names for hosts, addresses, people and accounts: the same one gets the same, so that a story stays one."""

    hosts: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, story: Story) -> "Names":
        """The hosts of an incident, however it names them."""
        record = story.record
        alert = record.incident.alert
        targets = record.plan.targets if record.plan else []
        known = [*record.incident.hosts, alert.host, *(target.name for target in targets)]
        whole = dict.fromkeys(name for name in known if name)
        said = [word.by for word in record.feedback] + [note.by for note in record.notes]
        people = {record.acknowledged_by, record.resolved_by, record.decided_by, *said}
        # "ada (Slack)" is also called "ada"; a resolution by the sender names its source.
        spoken = {name.partition(" (")[0] for name in people if name and ": " not in name}
        names = cls(people={name for name in spoken if len(name) > 1})
        for name in whole:
            names.hosts.setdefault(name, f"host-{len(names.hosts) + 1}")
        for name, alias in list(names.hosts.items()):
            short = name.partition(".")[0]
            # `db` alone is a word; `db-7` is a name.
            if short != name and any(character.isdigit() or character == "-" for character in short):
                names.hosts.setdefault(short, alias)
        return names

    def other(self, text: str) -> str:
        """The text with names changed and secrets redacted."""
        text = _URL.sub("https://example.com/", text)
        for name in sorted(self.hosts, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", self.hosts[name], text)
        for name in self.people:
            text = re.sub(rf"\b{re.escape(name)}\b", "somebody", text)
        text = _RESOLVED_BY.sub("somebody", text)
        text = _MAIL.sub("someone@example.com", text)
        text = _INSTANCE.sub("i-0123456789abcdef0", text)
        text = _ACCOUNT.sub(ACCOUNT, text)
        return _ADDRESS.sub(self._address, text)

    def _address(self, found: re.Match[str]) -> str:
        return self.addresses.setdefault(found[0], f"192.0.2.{len(self.addresses) % 250 + 1}")


def write(story: Story, folder: Path) -> Path:
    """Write the three files below `folder`, as `<kind>/<name>/`, and say where."""
    names = Names.of(story)
    place = folder / kind(story) / _slug(story.incident.alert.alert_name)
    place.mkdir(parents=True, exist_ok=True)
    severity, told = story.severity()
    for name, content, remark in (
        ("alert.yaml", _alert(story, names), ""),
        ("evidence.yaml", _evidence(story, names), ""),
        ("truth.yaml", _truth(story, names, severity), _remark(told)),
    ):
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
        (place / name).write_text(remark + text, encoding="utf-8")
    return place


def kind(story: Story) -> str:
    """Which of the evals' kinds it is; people may know better."""
    severity, _ = story.severity()
    if story.incident.storm:
        return "storm"
    if severity == "noise":
        return "noise"
    return "recurring" if story.evidence.earlier else "real"


def _alert(story: Story, names: Names) -> dict[str, Any]:
    alert = story.incident.alert
    given = {
        "alert_name": names.other(safe_line(alert.alert_name, 256)),
        "severity": alert.severity if alert.severity_stated else None,
        "message": names.other(safe_text(alert.message, MAX_MESSAGE)),
        "host": names.other(alert.host) if alert.host else None,
        "service": _name(alert.service, names),
        "environment": _name(alert.environment, names),
        "region": _name(alert.region, names),
        "labels": {
            name: names.other(safe_label(name, value, MAX_NOTE)) for name, value in list(alert.labels.items())[:40]
        },
    }
    around = {
        "alert_count": story.incident.alert_count,
        "hosts": [names.other(host) for host in story.incident.hosts],
        "storm": story.incident.storm or None,
        "flapping": story.incident.flapping or None,
    }
    return {"source": alert.source, "alert": _without_none(given), "incident": _without_none(around)}


def _evidence(story: Story, names: Names) -> dict[str, Any]:
    evidence, now = story.evidence, story.incident.opened_at
    return {
        "now": now.isoformat(),
        "same_name_last_hour": evidence.same_name_last_hour,
        "earlier": [_earlier(one, now, names) for one in evidence.earlier[:MAX_EARLIER]],
        "deployments": [
            _without_none(
                {
                    "service": _name(one.service, names),
                    "version": _name(one.version, names),
                    "ago": _age(now - one.deployed_at),
                    "environment": _name(one.environment, names),
                }
            )
            for one in evidence.deployments
        ],
    }


def _earlier(one: EarlierIncident, now: datetime, names: Names) -> dict[str, Any]:
    return _without_none(
        {
            "ago": _age(now - one.opened_at),
            "severity": one.severity,
            "outcome": one.outcome,
            "lasted": _age(one.closed_at - one.opened_at),
            "runbook": one.runbook_id,
            "note": names.other(safe_line(one.outcome_reason, MAX_NOTE)) if one.outcome_reason else None,
            "said": {f"Person {number}": _said(word) for number, word in enumerate(one.feedback, 1)} or None,
            "fixed_by": names.other(safe_line(one.note, MAX_NOTE)) if one.note else None,
        }
    )


def _said(word: Feedback) -> str:
    # To a case noise is noise, whether as an answer or as the severity that would have been right.
    return "noise" if word.severity == "noise" else word.severity or word.said


def _truth(story: Story, names: Names, severity: Severity) -> dict[str, Any]:
    record = story.record
    source = story.incident.alert.severity
    if source == "critical" and SEVERITY_RANK[severity] < SEVERITY_RANK["high"]:
        severity = "high"  # nobody who sees only this may go lower
    verdict = record.classification
    wrong_cause = any(word.said == "wrong_cause" for word in last_words(record.feedback))
    blamed = verdict is not None and verdict.is_deployment_related and not wrong_cause
    return {
        "severity": severity,
        "cause": "nothing" if severity == "noise" else "deployment" if blamed else "unknown",
        "runbook": record.plan.runbook_id if record.plan and record.outcome == "auto_resolved" else None,
        "why": names.other(safe_line(_why(story), 1_000)),
    }


def _why(story: Story) -> str:
    record = story.record
    words = [word.severity or word.said.replace("_", " ") for word in last_words(record.feedback)]
    parts = [f"It ended: {record.outcome}."]
    parts += [f"People said: {', '.join(words)}."] if words else []
    parts += [f"What fixed it: {record.notes[-1].text}"] if record.notes else []
    return " ".join(parts)


def _remark(told: bool) -> str:
    if told:
        return "# From what people said. Check cause, runbook, and what would do harm here (never).\n"
    return "# TO CHECK: nobody said whether the verdict was right, so this is what Firstline thought.\n"


def _name(value: str | None, names: Names) -> str | None:
    return None if value is None else names.other(safe_line(value, 256))


def _age(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    return f"{seconds // 86_400}d" if seconds and seconds % 86_400 == 0 else f"{seconds}s"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "incident"


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
