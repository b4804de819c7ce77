"""What people's words teach over a period: who decides well, what was hidden, and which rules they suggest."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from firstline.classification.calibration import decider_of, outcome
from firstline.models import SEVERITY_RANK, Frozen, IncidentRecord, NormalizedAlert
from firstline.people.feedback import called_noise, called_real, calls_noise, last_words, was_right

ENOUGH = 3
"""So many incidents of a group that people call noise suggest a rule …"""

PEOPLE = 2
"""… when so many different people do, and nobody called one of the group real."""

_NOT_A_PATTERN = re.compile(r"[*?\[]")


class Decided(Frozen):
    """How one decider did: of `judged` verdicts people spoke; of `proven` ones they did, or the end said something."""

    decider: str
    verdicts: int
    judged: int
    right: int
    proven: int
    proven_right: int


class Suggestion(Frozen):
    """A group that people keep calling noise, and the rule that would say so; None where a rule should not."""

    alert_name: str
    incidents: int
    noise: int
    people: list[str]
    rule: dict[str, Any] | None


class Hidden(Frozen):
    """A group of which incidents were suppressed: how many, the last one, why, and what people say of any of them."""

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
    """What closed incidents, oldest first, teach."""
    every = list(records)
    by_group: defaultdict[str, list[IncidentRecord]] = defaultdict(list)
    for record in every:
        by_group[record.incident.group_key].append(record)
    suggestions = (_suggestion(group) for group in by_group.values())
    hidden = (_hidden(group) for group in by_group.values())
    return Lessons(
        deciders=_deciders(every),
        suggestions=sorted(filter(None, suggestions), key=lambda one: -one.noise),
        hidden=sorted(filter(None, hidden), key=lambda one: -one.incidents),
    )


def _deciders(records: Sequence[IncidentRecord]) -> list[Decided]:
    found: defaultdict[str, list[tuple[bool | None, bool | None]]] = defaultdict(list)
    for record in records:
        if record.classification is not None:
            said = was_right(record.classification.severity, last_words(record.feedback))
            found[decider_of(record.classification)].append((said, outcome(record)))
    return [
        Decided(
            decider=decider,
            verdicts=len(pairs),
            judged=sum(said is not None for said, _ in pairs),
            right=sum(said is True for said, _ in pairs),
            proven=sum(proven is not None for _, proven in pairs),
            proven_right=sum(proven is True for _, proven in pairs),
        )
        for decider, pairs in sorted(found.items())
    ]


def _suggestion(group: Sequence[IncidentRecord]) -> Suggestion | None:
    words = [last_words(record.feedback) for record in group]
    noise = [said for said in words if called_noise(said)]
    people = sorted({word.by for said in noise for word in said if calls_noise(word)})
    persons = {word.person for said in noise for word in said if calls_noise(word)}
    if len(noise) < ENOUGH or len(persons) < PEOPLE or any(map(called_real, words)):
        return None
    alerts = [record.incident.alert for record in group]
    if any(record.incident.storm for record in group):
        return None
    loudest = max((alert.severity for alert in alerts), key=SEVERITY_RANK.__getitem__)
    return Suggestion(
        alert_name=alerts[-1].alert_name,
        incidents=len(group),
        noise=len(noise),
        people=people,
        rule=None if loudest == "critical" else _rule(alerts, len(noise), people),
    )


def _rule(alerts: Sequence[NormalizedAlert], noise: int, people: Sequence[str]) -> dict[str, Any]:
    """A rule as narrow as what all these alerts have in common, to be thought about."""
    match: dict[str, str] = {}
    for name in ("alert_name", "source", "service", "environment", "host"):
        values = {getattr(alert, name) for alert in alerts}
        value = values.pop()
        if not values and value is not None and len(value) <= 200:
            match[name] = _NOT_A_PATTERN.sub(lambda found: f"[{found[0]}]", value)
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
