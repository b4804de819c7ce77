"""The lessons of a period from people's feedback: how often each decider was right, what was hidden, suggested rules.

A decider is what gave a verdict: rules, history or a model.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from firstline.classification.feedback import called_noise, called_real, calls_noise, last_words, was_right
from firstline.classification.labels import decider_of, outcome
from firstline.classification.lasting_words import is_asked
from firstline.models import Frozen, IncidentRecord
from firstline.reports.noise import called_noise_by_people, noise_rule
from firstline.reports.periods import real_incidents


class Decided(Frozen):
    """The counts of the verdicts of one decider (rules, history or a model).

    `judged` is the number of verdicts on which people gave feedback, and `right` the number of those with which most of
    the feedback agrees. `proven` is the number of verdicts of which feedback or the incident's outcome shows whether
    they were right, and `proven_right` the number of those that were.
    """

    decider: str
    verdicts: int
    judged: int
    right: int
    proven: int
    proven_right: int


class Suggestion(Frozen):
    """A group key whose incidents people keep calling noise, with a rule that makes its alerts noise.

    `rule` is None if the sender called one of its alerts critical.
    """

    alert_name: str
    incidents: int
    noise: int
    people: list[str]
    rule: dict[str, Any] | None


class Hidden(Frozen):
    """A group key's suppressed incidents: their number, and the id and the reason of the last one.

    `real` is True if people called one of these incidents real.
    """

    alert_name: str
    incidents: int
    last: str
    reason: str
    real: bool


class Unjudged(Frozen):
    """An alert whose severity neither its sender nor a person stated.

    `incidents` is the number of incidents with it, `share` that number as a part of all incidents (0 to 1), and `last`
    the id of the newest of them.
    """

    alert_name: str
    incidents: int
    share: float
    last: str


class Lessons(Frozen):
    """The lessons of a period from people's feedback.

    `deciders` says how often rules, history and models judged right, `suggestions` holds rules to add, `hidden` the
    groups with suppressed incidents, and `unjudged` the alerts whose severity neither their sender nor a person stated.
    """

    deciders: list[Decided]
    suggestions: list[Suggestion]
    hidden: list[Hidden]
    unjudged: list[Unjudged]


def lessons(records: Iterable[IncidentRecord]) -> Lessons:
    """Return what closed incidents, which must come oldest first, teach about verdicts and rules; see `Lessons`.

    Test incidents are left out.
    """
    every = real_incidents(records)
    by_group: defaultdict[str, list[IncidentRecord]] = defaultdict(list)
    for record in every:
        by_group[record.incident.group_key].append(record)
    suggestions = sorted(filter(None, map(_suggestion, by_group.values())), key=lambda suggestion: -suggestion.noise)
    hidden = sorted(filter(None, map(_hidden, by_group.values())), key=lambda group: -group.incidents)
    return Lessons(deciders=_deciders(every), suggestions=suggestions, hidden=hidden, unjudged=_unjudged(every))


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


def _unjudged(records: Sequence[IncidentRecord]) -> list[Unjudged]:
    """Return the alerts whose severity neither their sender nor a person stated, the most frequent first."""
    asked: defaultdict[str, list[IncidentRecord]] = defaultdict(list)
    said: set[str] = set()
    for record in records:
        subject = record.classification.subject if record.classification else None
        if subject is not None:
            asked[subject.key].append(record)
            if not is_asked(record):
                said.add(subject.key)
    open_questions = [group for key, group in asked.items() if key not in said]
    return [
        Unjudged(
            alert_name=group[-1].incident.alert.alert_name,
            incidents=len(group),
            share=len(group) / len(records),
            last=group[-1].incident.incident_id,
        )
        for group in sorted(open_questions, key=lambda group: -len(group))
    ]


def _suggestion(group: Sequence[IncidentRecord]) -> Suggestion | None:
    noise = called_noise_by_people(group)
    if noise is None or any(record.incident.storm for record in group):
        return None
    words = [word for record in group if called_noise(said := last_words(record.feedback)) for word in said]
    return Suggestion(
        alert_name=group[-1].incident.alert.alert_name,
        incidents=len(group),
        noise=noise,
        people=sorted({word.by for word in words if calls_noise(word)}),
        rule=noise_rule(group),
    )


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
