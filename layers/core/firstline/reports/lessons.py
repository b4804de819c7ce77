"""The lessons of a period from people's answers: how well each decider did, what was hidden, and suggested rules."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from firstline.classification.feedback import called_noise, called_real, calls_noise, last_words, was_right
from firstline.classification.labels import decider_of, outcome
from firstline.models import Frozen, IncidentRecord, NormalizedAlert

ENOUGH = 3
"""A rule is suggested if people called so many incidents of a group noise …"""

PEOPLE = 2
"""… so many different people did, and no person called one of the group real."""


class Decided(Frozen):
    """The record of one decider: people judged `judged` of its verdicts; answers or outcomes prove `proven` ones."""

    decider: str
    verdicts: int
    judged: int
    right: int
    proven: int
    proven_right: int


class Suggestion(Frozen):
    """A group that people keep calling noise, and the rule for it; no rule if the group was ever critical."""

    alert_name: str
    incidents: int
    noise: int
    people: list[str]
    rule: dict[str, Any] | None


class Hidden(Frozen):
    """A group with suppressed incidents: their number, the last one, its reason; `real` if a person called any real."""

    alert_name: str
    incidents: int
    last: str
    reason: str
    real: bool


class Lessons(Frozen):
    """A period's lessons."""

    deciders: list[Decided]
    suggestions: list[Suggestion]
    hidden: list[Hidden]


def lessons(records: Iterable[IncidentRecord]) -> Lessons:
    """Return the lessons of closed incidents, oldest first."""
    every = list(records)
    by_group: defaultdict[str, list[IncidentRecord]] = defaultdict(list)
    for record in every:
        by_group[record.incident.group_key].append(record)
    suggestions = sorted(filter(None, map(_suggestion, by_group.values())), key=lambda suggestion: -suggestion.noise)
    hidden = sorted(filter(None, map(_hidden, by_group.values())), key=lambda group: -group.incidents)
    return Lessons(deciders=_deciders(every), suggestions=suggestions, hidden=hidden)


def _deciders(records: Sequence[IncidentRecord]) -> list[Decided]:
    found: defaultdict[str, list[tuple[bool | None, bool | None]]] = defaultdict(list)
    for record in records:
        if record.classification is not None:
            said = was_right(record.classification.severity, last_words(record.feedback))
            found[decider_of(record.classification)].append((said, outcome(record)))
    decided: list[Decided] = []
    for decider, pairs in sorted(found.items()):
        judged = [said for said, _ in pairs if said is not None]
        proven = [right for _, right in pairs if right is not None]
        counts = {"judged": len(judged), "right": sum(judged), "proven": len(proven), "proven_right": sum(proven)}
        decided.append(Decided(decider=decider, verdicts=len(pairs), **counts))
    return decided


def _suggestion(group: Sequence[IncidentRecord]) -> Suggestion | None:
    incidents = [record.incident for record in group]
    words = [last_words(record.feedback) for record in group]
    noise = list(filter(called_noise, words))
    calling = [word for said in noise for word in said if calls_noise(word)]
    if len(noise) < ENOUGH or len({word.person for word in calling}) < PEOPLE:
        return None
    if any(map(called_real, words)) or any(incident.storm for incident in incidents):
        return None
    people = sorted({word.by for word in calling})
    return Suggestion(
        alert_name=incidents[-1].alert.alert_name,
        incidents=len(group),
        noise=len(noise),
        people=people,
        rule=_rule([incident.alert for incident in incidents], len(noise), people),
    )


def _rule(alerts: Sequence[NormalizedAlert], noise: int, people: Sequence[str]) -> dict[str, Any] | None:
    """Draft a rule that matches the fields that all these alerts have in common; None if one is critical."""
    if any(alert.severity == "critical" for alert in alerts):
        return None
    match: dict[str, str] = {}
    for name in ("alert_name", "source", "service", "environment", "host"):
        value, *others = {getattr(alert, name) for alert in alerts}
        if not others and value is not None:
            match[name] = value.replace("*", "?")  # a star in a name would fit anything in a rule
    slug = re.sub(r"[^a-z0-9]+", "-", alerts[-1].alert_name.lower()).strip("-")[:50] or "alert"
    return {
        "id": f"noise-{slug}",
        "match": match,
        "severity": "noise",
        "reason": f"{', '.join(people)[:300]} called {noise} incidents of it noise.",
    }


def _hidden(group: Sequence[IncidentRecord]) -> Hidden | None:
    hidden = [record for record in group if record.outcome == "suppressed"]
    if not hidden:
        return None
    return Hidden(
        alert_name=hidden[-1].incident.alert.alert_name,
        incidents=len(hidden),
        last=hidden[-1].incident.incident_id,
        reason=hidden[-1].outcome_reason or "",
        real=any(called_real(last_words(record.feedback)) for record in hidden),
    )
