"""A classification: the severity of an incident, its reasons, its decider, and the cost of asking a model."""

from typing import Literal, Self

from pydantic import Field

from firstline.models.frozen import Frozen, Lenient, Name, RouteName, Text
from firstline.models.incident import Hold
from firstline.models.metric import MetricSeries
from firstline.models.severity import Severity
from firstline.models.word import AlertKind, Word

type DecidedBy = Literal["rules", "history", "cache", "llm", "people"]
"""The decider of a severity. `cache` is a verdict that a person, or the outcome itself, has confirmed; `people` is a
person's lasting word on the alert."""


class Usage(Frozen):
    """Tokens of model calls, in (`prompt_tokens`) and out (`completion_tokens`), and their cost.

    `cost` is in the currency of the prices in the settings; None when a price is not known.
    """

    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost: float | None = Field(default=0.0, ge=0, allow_inf_nan=False)

    @property
    def tokens(self) -> int:
        """Tokens in and out together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost=None if self.cost is None or other.cost is None else self.cost + other.cost,
        )


class Stance(Lenient):
    """The part of a verdict that acts: the severity, the runbook, and whether a deployment is blamed."""

    severity: Severity
    runbook_id: Name | None = None
    is_deployment_related: bool = False


class Classification(Frozen):
    """The severity and cause of an incident, and whether a runbook could fix it, with the reasons for each in words.

    `evidence_class` names the circumstances that it holds for: in others it is not used again.
    `usage` also counts the model calls whose answer was of no use.
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
    """The earlier incident whose confirmed verdict this is."""

    prompt_version: Name | None = None
    without_model: Stance | None = None
    """The verdict of rules and history, which stands beside a model's; None if no model was asked."""

    model_says: Stance | None = None
    """The model's verdict within the guardrails, whether or not it counts (`classification.say`)."""

    unsure: list[Text] = []
    """The reasons why a human should judge this, with evidence, a line each; empty if Firstline is sure enough."""
    usage: Usage = Usage()
    route: RouteName | None = None
    hold: Hold | None = None
    subject: AlertKind | None = None
    """The subject of a person's word; None where the source or a rule states the severity."""
    word: Word | None = None
    """The word that the severity is taken from."""
    came_before: int = 0
    """The number of times that the alert came before, as far as that was counted: what comes often is judged first."""
    evidence: list[Text] = []
    """The state of the affected resource, its metrics and its changes, in a few lines for people."""
    series: MetricSeries | None = None
    """The alarm's own metric, for a small plot."""
    evidence_due: bool = False
    """True if the evidence around the alarm was left for after the page, so that the page did not wait for it."""

    @property
    def stance(self) -> Stance:
        """Return the part of the verdict that acts."""
        return Stance(
            severity=self.severity, runbook_id=self.runbook_id, is_deployment_related=self.is_deployment_related
        )

    @property
    def asks(self) -> bool:
        """Return True if a person should say how bad this alert is: nobody stated it, and nobody judged it."""
        return self.subject is not None and self.word is None

    def because(self, *reasons: str) -> Self:
        """Return the classification with more reasons."""
        return self.model_copy(update={"reasons": [*self.reasons, *reasons]})
