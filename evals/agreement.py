"""Rules that people published, their severities hidden: does the classifier agree with their authors?

People disagree with each other too: the same name carries different severities in different rule sets. So the numbers
stand beside those of a classifier that always says what is most common, and half of the repositories was kept out of
sight while the words' points were set.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from evals.classifiers import Policy
from evals.scoring import PerClass, macro_f1, per_class
from firstline.classification.verdict import classify
from firstline.errors import ConfigurationError
from firstline.models import PAGING_RANK, SEVERITY_RANK, Evidence, Incident, Severity
from firstline.sources import normalize

type Level = Literal["critical", "warning", "info"]
LEVELS: tuple[Level, ...] = ("critical", "warning", "info")

_AUTHORS: dict[str, Level] = {
    **dict.fromkeys(("critical", "page", "sev0", "sev1"), "critical"),
    **dict.fromkeys(("warning", "ticket", "notify", "medium", "p3", "sev2"), "warning"),
    **dict.fromkeys(("info", "none", "task", "sev3", "sev4"), "info"),
}
"""sev0 … sev4 are Azure's: critical, error, warning, informational, verbose. Datadog's `thresholds:…` are monitors with
several severities at once: no single one was chosen, so they are left out."""

_TEMPLATE = re.compile(r"\{\{.*?\}\}|<%.*?%>|\{%.*?%\}")
_COLUMNS = {"name", "severity", "summary_description", "source_repo"}
_WHEN = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PublicRule:
    """A published alerting rule. `tuned_on`: its repository is of the half that the points were set with."""

    name: str
    description: str
    repository: str
    level: Level

    @property
    def tuned_on(self) -> bool:
        return hashlib.sha256(self.repository.encode()).digest()[0] % 2 == 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often the classifier says what the author said, beside always saying `most_common`."""

    title: str
    rules: int
    repositories: int
    most_common: Level
    baseline: float
    baseline_macro_f1: float
    accuracy: float
    macro_f1: float
    per_class: tuple[PerClass, ...]
    confusion: dict[tuple[Level, Level], int]


def read(path: Path) -> list[PublicRule]:
    """The rules of a tab-separated file whose severity is one of the three levels.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if missing := _COLUMNS - set(reader.fieldnames or ()):
                raise ConfigurationError(f"{path}: the column {', '.join(sorted(missing))} is missing")
            return [
                PublicRule(row["name"], row["summary_description"] or "", row["source_repo"], level)
                for row in reader
                if (level := _AUTHORS.get((row["severity"] or "").lower())) and row["name"]
            ]
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None


def measure(rules: Sequence[PublicRule], policy: Policy) -> list[Agreement]:
    """All rules, the half that the points were set with, the half that was kept out of sight."""
    said = [(rule, said_level(rule, policy)) for rule in rules]
    names = {rule.name for rule, _ in said if rule.tuned_on}
    parts = (
        ("all rules", said),
        ("repositories that the points were set with", [pair for pair in said if pair[0].tuned_on]),
        ("repositories kept out of sight", [pair for pair in said if not pair[0].tuned_on]),
        ("… and only names not seen elsewhere", [p for p in said if not p[0].tuned_on and p[0].name not in names]),
    )
    return [_agreement(title, part) for title, part in parts if part]


def said_level(rule: PublicRule, policy: Policy) -> Level:
    """What the classifier says, without history or a model, about an alert of this rule that carries no severity."""
    body = {
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": rule.name},
                "annotations": {"summary": _TEMPLATE.sub(" ", rule.description)},
            }
        ]
    }
    alerts = normalize("prometheus", body, received_at=_WHEN)
    if not alerts:
        return "info"  # a dead man's switch: not for people
    alert = alerts[0]
    incident = Incident(
        incident_id="Agreement",
        group_key=alert.group_key,
        opened_at=_WHEN,
        alert=alert.without_raw(),
        alert_count=1,
        hosts=[],
    )
    evidence = Evidence(same_name_last_hour=1, earlier=[], deployments=[], local_time=_WHEN, business_hours=True)
    verdict = classify(incident, evidence=evidence, rules=policy.rules, offered=(), model=None, now=_WHEN)
    return _level(verdict.severity)


def _level(severity: Severity) -> Level:
    if SEVERITY_RANK[severity] >= PAGING_RANK:
        return "critical"
    return "warning" if severity == "medium" else "info"


def _agreement(title: str, said: Sequence[tuple[PublicRule, Level]]) -> Agreement:
    pairs: list[tuple[Level, Level]] = [(rule.level, level) for rule, level in said]
    most_common, times = Counter(truth for truth, _ in pairs).most_common(1)[0]
    table = per_class(pairs, LEVELS)
    return Agreement(
        title=title,
        rules=len(pairs),
        repositories=len({rule.repository for rule, _ in said}),
        most_common=most_common,
        baseline=times / len(pairs),
        baseline_macro_f1=macro_f1(per_class([(truth, most_common) for truth, _ in pairs], LEVELS)),
        accuracy=sum(truth == level for truth, level in pairs) / len(pairs),
        macro_f1=macro_f1(table),
        per_class=table,
        confusion=dict(Counter(pairs)),
    )
