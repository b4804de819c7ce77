"""A classification: the severity of an incident, its reasons, its decider, and the cost of asking a model."""

from typing import Literal, Self

from pydantic import Field

from firstline.models.alert import OwnerTags
from firstline.models.frozen import Frozen, Lenient, Name, RouteName, Text
from firstline.models.incident import Hold
from firstline.models.metric import MetricSeries
from firstline.models.severity import Severity
from firstline.models.word import AlertKind, Word

type DecidedBy = Literal["rules", "history", "cache", "llm", "people"]
"""The decider of a severity. `cache`: the verdict on an earlier incident, which a person or that incident's end
confirmed. `people`: a person's lasting word on this kind of alert."""


class Usage(Frozen):
    """Tokens of model calls, in (`prompt_tokens`) and out (`completion_tokens`), and their cost.

    `cost` is in the currency of the prices in the settings; None when a price is not known.
    """

    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost: float | None = Field(default=0.0, ge=0, allow_inf_nan=False)

    @property
    def tokens(self) -> int:
        """The sum of prompt and completion tokens."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost=None if self.cost is None or other.cost is None else self.cost + other.cost,
        )


class Stance(Lenient):
    """The part of a verdict that Firstline acts on: the severity, the runbook, and whether a deployment is blamed."""

    severity: Severity
    runbook_id: Name | None = None
    is_deployment_related: bool = False


class Classification(Frozen):
    """The severity and cause of an incident, and whether a runbook could fix it, with the reasons for each in words.

    `evidence_class` describes the circumstances under which the verdict may be used again for a later incident.
    `usage` also counts the model calls whose answer could not be used.
    """

    severity: Severity
    cause: Text
    is_deployment_related: bool
    can_be_remediated: bool
    runbook_id: Name | None
    confidence: float = Field(ge=0, le=1)
    summary: Text
    first_steps: list[Text]
    decided_by: DecidedBy
    reasons: list[Text]
    model: Name | None = None
    evidence_class: Text | None = None
    cached_from: Name | None = None
    """The id of the earlier incident whose confirmed verdict is used again; None if the verdict is new."""

    prompt_version: Name | None = None
    without_model: Stance | None = None
    """The verdict of rules and history, kept beside the model's; None if no model was asked."""

    model_says: Stance | None = None
    """The model's verdict after the guardrails, kept even if rules and history decided (`classification.say`)."""

    unsure: list[Text] = []
    """Lines for a person who should check the verdict: why, and the evidence; empty if Firstline is sure enough."""
    usage: Usage = Usage()
    route: RouteName | None = None
    hold: Hold | None = None
    subject: AlertKind | None = None
    """The kind of alert whose severity people may state; None if the source or a rule states the severity."""
    word: Word | None = None
    """The person's lasting word that the severity is taken from, if any."""
    came_before: int = 0
    """The number of earlier alerts of this kind that were counted. People are asked about frequent kinds first."""
    evidence: list[Text] = []
    """The state of the affected resource, its metrics and its changes, in a few lines for people."""
    series: MetricSeries | None = None
    """The alarm's own metric, for a small plot."""
    tags: OwnerTags = OwnerTags()
    """The owner's tags that the verdict rests on, so that a later replay of the incident has the same ones."""
    evidence_due: bool = False
    """True if the evidence around the alarm was left for after the page, so that the page did not wait for it."""

    @property
    def stance(self) -> Stance:
        """The part of the verdict that Firstline acts on."""
        return Stance(
            severity=self.severity, runbook_id=self.runbook_id, is_deployment_related=self.is_deployment_related
        )

    @property
    def asks(self) -> bool:
        """True if people should be asked how bad the alert is: neither source, rule nor person has stated it."""
        return self.subject is not None and self.word is None

    def because(self, *reasons: str) -> Self:
        """Return a copy of the classification with further reasons at the end."""
        return self.model_copy(update={"reasons": [*self.reasons, *reasons]})
