"""The model policy in `runbooks/policy/model.yaml`: which model is asked, within which time, cost and daily limit."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from firstline.models import Frozen, Name, Usage
from firstline.policy.costs import MISSED_PAGE_COST
from firstline.policy.files import load_policy


class Price(BaseModel):
    """The price of a million tokens of the prompt and of the completion; two zeros mean that it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    completion: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @property
    def is_known(self) -> bool:
        """True if a price above zero is set."""
        return self.prompt > 0 or self.completion > 0

    def of(self, usage: Usage) -> Usage:
        """Return a copy of the usage with its `cost`, which is None if tokens were used and the price is unknown."""
        if not self.is_known:
            return usage.model_copy(update={"cost": None if usage.tokens else 0.0})
        cost = (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / 1_000_000
        return usage.model_copy(update={"cost": cost})


class Ceiling(Frozen):
    """The most that the model may use in a day of UTC, in tokens and in the price's currency; 0 means no limit."""

    tokens: int = Field(default=0, ge=0)
    cost: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @property
    def exists(self) -> bool:
        """True if a limit for tokens or for the cost is set."""
        return self.tokens > 0 or self.cost > 0


class ModelPolicy(Frozen):
    """The whole model policy. Without `model`, no model is asked."""

    base_url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] = "https://api.openai.com/v1"
    model: Name | None = None
    deadline_seconds: float = Field(default=15, gt=0, le=60)
    max_output_tokens: int = Field(default=1_200, ge=100)
    price_per_million_tokens: Price = Price()
    daily_ceiling: Ceiling = Ceiling(tokens=2_000_000)
    missed_page_cost: float = Field(default=MISSED_PAGE_COST, ge=1, le=100, allow_inf_nan=False)
    raises_per_week: int = Field(default=2, ge=0, le=100)

    @model_validator(mode="after")
    def _cost_is_known(self) -> Self:
        if self.daily_ceiling.cost > 0 and not self.price_per_million_tokens.is_known:
            raise ValueError(
                "daily_ceiling.cost needs price_per_million_tokens; write the prices, or cost: 0 for no ceiling"
            )
        return self


def load_model_policy(path: Path) -> ModelPolicy:
    """Read and check the model policy.

    Raises
    ------
    ConfigurationError
        The file is missing or invalid; the message names the key, its line and the fix.
    """
    return load_policy(path, ModelPolicy, missing="to use no model, create it with `model: null`")
