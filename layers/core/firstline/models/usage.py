"""The use of a model, which errors know as well as verdicts."""

from pydantic import Field

from firstline.models.frozen import Frozen


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
