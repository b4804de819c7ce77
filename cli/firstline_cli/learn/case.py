"""An eval case from an incident: the alert, the evidence, and the right verdict, with names changed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from firstline.classification.feedback import last_words
from firstline.models import SEVERITY_RANK, Feedback, IncidentRecord, Measured
from firstline.privacy.safe_text import safe_label, safe_line, safe_text
from firstline_cli.learn.story import Story
from firstline_cli.learn.templates import render

MAX_TEXT = 4_000

_URL = re.compile(r"\bhttps?://\S+")
_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_ALIASES = {
    re.compile(r"(?<=\bResolved by )(?![\w-]+: the alert)[^.]{1,80}"): "somebody",
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"): "someone@example.com",
    re.compile(r"\bm?i-[0-9a-f]{8,17}\b"): "i-0123456789abcdef0",
    re.compile(r"(?<!\d)\d{12}(?!\d)"): "123456789012",
}
"""The made-up names for people, mail addresses, EC2 instances and AWS accounts."""


@dataclass
class Names:
    """The names to hide in an eval case: `hosts` and IP `addresses`, each with a made-up one for it, and `people`."""

    hosts: dict[str, str]
    people: set[str]
    addresses: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, record: IncidentRecord) -> "Names":
        """Collect the hosts and people in an incident's record. Of the host `db-7.example.com` also collect `db-7`."""
        incident = record.incident
        targets = [target.name for target in record.plan.targets] if record.plan else []
        whole = dict.fromkeys(name for name in (*incident.hosts, incident.alert.host, *targets) if name)
        hosts = {name: f"host-{number}" for number, name in enumerate(whole, 1)}
        for name, alias in list(hosts.items()):
            short = name.partition(".")[0]
            if re.search(r"[\d-]", short):  # `db` alone is a word; `db-7` is a name
                hosts.setdefault(short, alias)
        return cls(hosts, _people(record))

    def other(self, text: str) -> str:
        """Return the text with hosts, people, addresses, accounts and links replaced by made-up ones."""
        text = _URL.sub("https://example.com/", text)
        for name in sorted(self.hosts, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", self.hosts[name], text)
        for name in self.people:
            text = re.sub(rf"\b{re.escape(name)}\b", "somebody", text)
        for pattern, alias in _ALIASES.items():
            text = pattern.sub(alias, text)
        return _ADDRESS.sub(self._address, text)

    def _address(self, found: re.Match[str]) -> str:
        return self.addresses.setdefault(found[0], f"192.0.2.{len(self.addresses) % 250 + 1}")


def write(story: Story, folder: Path, name: str | None = None) -> Path:
    """Write an incident's eval case into the folder `<folder>/<kind>/<name>/`, and return that folder.

    Its files are alert.yaml, evidence.yaml and truth.yaml. The default name is made from the alert's name.
    """
    place = folder / kind(story) / (name or slug(story.incident.alert.alert_name))
    place.mkdir(parents=True, exist_ok=True)
    names = Names.of(story.record)

    def other(text: str | None, limit: int = 256) -> str | None:
        return None if text is None else names.other(safe_line(text, limit))

    incident = story.incident
    alert = incident.alert
    safe = {
        "message": names.other(safe_text(alert.message, MAX_TEXT)),
        "hosts": [names.other(host) for host in incident.hosts],
        "labels": {name: names.other(safe_label(name, value, MAX_TEXT)) for name, value in alert.labels.items()},
        "measured": [_measured(said, names) for said in alert.measured],
    }
    files: dict[str, dict[str, Any]] = {
        "alert.yaml": {"alert": alert, "incident": incident, **safe},
        "evidence.yaml": {
            "evidence": story.evidence,
            "now": incident.opened_at,
            "age": _age,
            "said": _said,
            "tags": {name: other(value) for name, value in story.evidence.tags.model_dump(exclude_none=True).items()},
        },
        "truth.yaml": _truth(story),
    }
    for file, values in files.items():
        (place / file).write_text(render(file, **values, other=other), encoding="utf-8")
    return place


def kind(story: Story) -> str:
    """Return the kind of eval case that an incident makes, as a guess that people may correct.

    `storm` if the incident was one, `noise` if that is its right severity, `recurring` if the evidence has earlier
    incidents, else `real`.
    """
    if story.incident.storm:
        return "storm"
    if story.severity()[0] == "noise":
        return "noise"
    return "recurring" if story.evidence.earlier else "real"


def _measured(said: Measured, names: Names) -> dict[str, Any]:
    """Return the fields of a metric that the alert's rule measures, as a dictionary.

    Its field `where` holds the labels by which the rule selects; hosts and people in them get made-up names.
    """
    found: dict[str, Any] = said.model_dump(mode="json", exclude_defaults=True)
    where = {label: names.other(safe_label(label, value, MAX_TEXT)) for label, value in said.where.items()}
    return found | ({"where": where} if where else {})


def _people(record: IncidentRecord) -> set[str]:
    said = [word.by for word in record.feedback] + [note.by for note in record.notes]
    people = {record.acknowledged_by, record.resolved_by, record.decided_by, *said}
    # "ada (Slack)" is also called "ada"; a resolution by the sender names its source.
    spoken = {name.partition(" (")[0] for name in people if name and ": " not in name}
    return {name for name in spoken if len(name) > 1}


def _said(feedback: Sequence[Feedback]) -> dict[str, str]:
    # A case has one word for noise, whether a person called the incident noise or its right severity noise.
    return {
        f"Person {number}": "noise" if word.severity == "noise" else word.severity or word.said
        for number, word in enumerate(feedback, 1)
    }


def _truth(story: Story) -> dict[str, Any]:
    record = story.record
    severity, told = story.severity()
    words = last_words(record.feedback)
    if story.incident.alert.severity == "critical" and SEVERITY_RANK[severity] < SEVERITY_RANK["high"]:
        severity = "high"  # the floor of what its source calls critical
    verdict = record.classification
    wrong_cause = any(word.said == "wrong_cause" for word in words)
    blamed = verdict is not None and verdict.is_deployment_related and not wrong_cause
    why = [f"It ended: {record.outcome}."]
    if words:
        why.append(f"People said: {', '.join(word.severity or word.said.replace('_', ' ') for word in words)}.")
    if record.notes:
        why.append(f"What fixed it: {record.notes[-1].text}")
    return {
        "told": told,
        "severity": severity,
        "cause": "nothing" if severity == "noise" else "deployment" if blamed else "unknown",
        "runbook": record.plan.runbook_id if record.plan and record.outcome == "auto_resolved" else None,
        "why": " ".join(why),
    }


def _age(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    return f"{seconds // 86_400}d" if seconds and seconds % 86_400 == 0 else f"{seconds}s"


def slug(text: str) -> str:
    """Return a text as the name of a folder: lower case, with hyphens, at most 60 characters."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "incident"
