"""A trial of models on the stack's judged incidents: how often their verdicts differ, and what the verdicts cost."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.classification import prompt
from firstline.classification.classify import classify
from firstline.classification.earned import Disagreement, Label
from firstline.classification.evidence import gather
from firstline.classification.labels import label_of, llm_decider
from firstline.classification.model import Model
from firstline.classification.prompt import Offered, Prompt
from firstline.classification.say import NO_SAY
from firstline.models import Classification, Evidence, IncidentRecord, NormalizedAlert, Severity, Usage
from firstline.policy.costs import cost
from firstline.policy.model import Price
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
        """Return the question that a model is asked about the incident."""
        incident = self.record.incident
        return prompt.build(incident, evidence=self.evidence, offered=self.offered, now=incident.opened_at)


@dataclass(slots=True)
class Tried:
    """The result of one model's trial.

    `plain` is the cost of the verdicts without the model, `judged` their cost with all its changes; the unit of both is
    a needless page.
    """

    model: str
    decider: str | None = None
    questions: int = 0
    unanswered: int = 0
    disagreements: int = 0
    plain: float = 0.0
    judged: float = 0.0
    usage: Usage = field(default_factory=Usage)


def judged_incidents(
    table: Table,
    last: int,
    *,
    since: datetime,
    rules: Rules,
    offered: Callable[[NormalizedAlert], Sequence[Offered]],
    time_zone: str = "UTC",
) -> list[Replayed]:
    """Return the last incidents whose right severity is known, oldest first, each with the evidence of when it opened.

    `offered` returns the runbooks that fit an alert.
    """
    known = [(record, label_of(record)) for record in real_incidents(TableIncidents(table).closed_since(since))]
    labelled = [(record, label) for record, label in known if label.severity is not None][-last:]
    found = []
    for record, label in labelled:
        incident = record.incident
        moment = incident.opened_at
        evidence = gather(incident, AsOf(table, moment), time_zone=time_zone, now=moment, rules=rules)
        if label.severity is not None:
            found.append(Replayed(record, evidence, offered(incident.alert), label.severity, label))
    return found


def most_tokens(incidents: Iterable[Replayed], max_output_tokens: int) -> Usage:
    """Return an estimate of the most tokens that a model needs for these incidents."""
    questions = [each.question for each in incidents]
    sizes = [prompt.estimated_tokens(asked.system) + prompt.estimated_tokens(asked.data) for asked in questions]
    return Usage(prompt_tokens=sum(sizes), completion_tokens=max_output_tokens * len(sizes), cost=None)


def price_of(most: Usage, price: Price) -> str:
    """Return in words the most tokens that a model needs, and their price if it is set."""
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
    missed_page_cost: float,
) -> Tried:
    """Ask a model about each incident; return what its verdicts cost and how often they differ from those without it.

    Each that differs is passed to `keep`, which stores it.
    """
    tried = Tried(name)
    for each in incidents:
        verdict = classify(
            each.record.incident,
            evidence=each.evidence,
            rules=rules,
            offered=each.offered,
            model=model,
            now=each.record.incident.opened_at,
            say=NO_SAY,
        )
        _count(tried, each, verdict, missed_page_cost)
        plain, judged = verdict.without_model, verdict.model_says
        if tried.decider is not None and plain is not None and judged is not None and plain != judged:
            tried.disagreements += 1
            group, label = each.record.incident.group_key, each.label
            found = Disagreement(decider=tried.decider, group=group, plain=plain, judged=judged, label=label)
            keep(each.record, found)
    return tried


def _count(tried: Tried, each: Replayed, verdict: Classification, missed_page_cost: float) -> None:
    judged = verdict.model_says or verdict.stance
    tried.plain += cost(verdict.severity, each.truth, missed_page_cost)
    tried.judged += cost(judged.severity, each.truth, missed_page_cost)
    tried.usage += verdict.usage
    if verdict.model_says is not None:
        tried.questions += 1
        tried.decider = llm_decider(verdict.model or "unknown", verdict.prompt_version or "unknown")
    tried.unanswered += any("gave no verdict" in reason for reason in verdict.reasons)
