"""A trial of models on the stack's judged incidents: how often a model changes a verdict, and if that is better.

The cost of a verdict is no money: its unit is a needless page.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.classification import prompt
from firstline.classification.classify import classify
from firstline.classification.earned_say import Disagreement, Label
from firstline.classification.evidence import gather
from firstline.classification.labels import label_of, llm_decider
from firstline.classification.model import CircuitBreaker, Model
from firstline.classification.model_say import NO_SAY
from firstline.classification.owner_tags import KnownTags, with_tags
from firstline.classification.prompt import Offered, Prompt
from firstline.models import Evidence, IncidentRecord, NormalizedAlert, Severity, Usage
from firstline.policy.costs import cost
from firstline.policy.model import ModelPolicy, Price
from firstline.policy.rules import Rules
from firstline.reports.periods import real_incidents
from firstline_cli.as_of import AsOf


@dataclass(frozen=True, slots=True)
class Replayed:
    """A judged incident with its evidence as it stood when it opened, and the severity that turned out to be right."""

    record: IncidentRecord
    evidence: Evidence
    offered: Sequence[Offered]
    truth: Severity
    label: Label

    @property
    def question(self) -> Prompt:
        """The question that a model is asked about the incident."""
        incident = with_tags(self.record.incident, self.evidence.tags)
        return prompt.build(incident, evidence=self.evidence, offered=self.offered, now=incident.opened_at)


@dataclass(slots=True)
class Tried:
    """The result of one model's trial.

    `costs` has, by the id of each incident that the model answered, the cost of the verdict without the model and the
    cost with all its changes; the unit of both is a needless page. `trouble` says in a line why questions got no
    verdict, if any did not. `gave_up` is True if the model failed so often that it was not asked about the rest.
    """

    model: str
    unanswered: int = 0
    disagreements: int = 0
    costs: dict[str, tuple[float, float]] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    gave_up: bool = False
    trouble: str | None = None

    def per_100(self, incidents: Iterable[str]) -> tuple[float, float]:
        """Return the mean cost of 100 verdicts on these incidents, without the model and with all its changes.

        The unit is a needless page.
        """
        costs = [self.costs[each] for each in incidents]
        return 100 * fmean(plain for plain, _ in costs), 100 * fmean(judged for _, judged in costs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models, and the ids of the incidents that all of them answered, on which alone they can be compared."""

    tried: Sequence[Tried]
    incidents: Sequence[str]


def comparisons(tried: Sequence[Tried]) -> list[Comparison]:
    """Return a comparison of all models, on the incidents that all of them answered.

    If models were given up before the end, add a second comparison without them, on the incidents that the other models
    answered. A model that answered no incident is in neither.
    """
    found: list[Comparison] = []
    for group in (list(tried), [each for each in tried if not each.gave_up]):
        answered = [each for each in group if each.costs]
        first, *others = [each.costs for each in answered] or [{}]
        common = [incident for incident in first if all(incident in costs for costs in others)]
        if common and not (found and found[-1].tried == answered):
            found.append(Comparison(answered, common))
    return found


def judged_incidents(
    table: Table,
    last: int,
    *,
    since: datetime,
    rules: Rules,
    offered: Callable[[NormalizedAlert], Sequence[Offered]],
    time_zone: str = "UTC",
) -> list[Replayed]:
    """Return the `last` newest incidents whose right severity is known, oldest first, of those closed after `since`.

    Each has its evidence as it stood when it opened, gathered with `rules`, and with the local time of `time_zone`.
    `offered` returns the runbooks that fit an alert.
    """
    known = [(record, label_of(record)) for record in real_incidents(TableIncidents(table).closed_since(since))]
    labelled = [(record, label) for record, label in known if label.severity is not None][-last:]
    found = []
    for record, label in labelled:
        incident = record.incident
        moment = incident.opened_at
        tags = KnownTags.of(record.classification)
        evidence = gather(incident, AsOf(table, moment), time_zone=time_zone, now=moment, rules=rules, alarms=tags)
        if label.severity is not None:
            found.append(Replayed(record, evidence, offered(incident.alert), label.severity, label))
    return found


def most_tokens(incidents: Iterable[Replayed], max_output_tokens: int) -> Usage:
    """Return an estimate of the most tokens that it takes to ask a model about these incidents.

    It counts each question, and `max_output_tokens` for each answer.
    """
    questions = [each.question for each in incidents]
    sizes = [prompt.estimated_tokens(asked.system) + prompt.estimated_tokens(asked.data) for asked in questions]
    return Usage(prompt_tokens=sum(sizes), completion_tokens=max_output_tokens * len(sizes), cost=None)


def price_of(most: Usage, price: Price) -> str:
    """Return in words the most tokens that a model needs (`most`), and their price in money if model.yaml sets one."""
    tokens = f"{most.prompt_tokens:,} tokens in and {most.completion_tokens:,} out at most"
    if not price.is_known:
        return f"{tokens}; the price is not set (price_per_million_tokens in model.yaml)"
    return f"{tokens}, which cost {price.of(most).cost:,.2f}"


def replay(
    name: str,
    model: Model,
    incidents: Sequence[Replayed],
    *,
    rules: Rules,
    keep: Callable[[IncidentRecord, Disagreement], None],
    policy: ModelPolicy,
    key: str,
) -> Tried:
    """Ask a model about each incident; return what the verdicts with it cost, and what those without it cost.

    `rules` are the declared rules for all verdicts. Costs are by the severity that turned out to be right, and in
    needless pages. Each verdict that differs from the one without the model is passed to `keep`, which stores it. A
    model that fails several times in a row is not asked about the rest. `name` is the model's name in the result; `key`
    says where the API key is set, for an error message.
    """
    tried, breaker = Tried(name), CircuitBreaker(model)
    for each in incidents:
        verdict = classify(
            each.record.incident,
            evidence=each.evidence,
            rules=rules,
            offered=each.offered,
            model=breaker,
            now=each.record.incident.opened_at,
            say=NO_SAY,
        )
        tried.usage += verdict.usage
        plain, judged = verdict.without_model, verdict.model_says
        if plain is not None and judged is not None:
            tried.costs[each.record.incident.incident_id] = (
                cost(plain.severity, each.truth, policy.missed_page_cost),
                cost(judged.severity, each.truth, policy.missed_page_cost),
            )
            if plain != judged:
                tried.disagreements += 1
                decider = llm_decider(verdict.model or "unknown", verdict.prompt_version or "unknown")
                group, label = each.record.incident.group_key, each.label
                found = Disagreement(decider=decider, group=group, plain=plain, judged=judged, label=label)
                keep(each.record, found)
        if breaker.gave_up:
            break
    tried.unanswered, tried.gave_up = breaker.failures, breaker.gave_up
    tried.trouble = breaker.trouble(key=key, server=policy.base_url)
    return tried
