"""The interface to a model, and the model's checked answer, which is all that it can add to a verdict."""

from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from firstline.classification.prompt import Prompt
from firstline.models import SEVERITIES, Name, Severity, Usage


class Judgement(BaseModel):
    """The model's answer, checked: an unknown severity or a missing key is an error; unknown keys are dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    severity: Severity
    cause: str
    is_deployment_related: bool
    can_be_remediated: bool
    runbook_id: str | None
    confidence: float = Field(ge=0, le=1, allow_inf_nan=False)
    summary: str
    first_steps: list[str] = Field(max_length=100)
    cites: list[str] = Field(default=[], max_length=100)
    """The ids of the evidence that the cause rests on; a cause without any, or with an unknown id, is dropped."""


class ModelVerdict(BaseModel):
    """A model's checked answer, the name of the model, and the tokens that it used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    judgement: Judgement
    model: Name
    usage: Usage = Usage()


class Model(Protocol):
    """A model that judges a prompt."""

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        """Judge the incident in the prompt.

        Raises
        ------
        ModelGaveNoVerdict
            No valid answer came within the model's deadline; the message has the reason.
        """
        ...


def answer_schema(runbook_ids: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON Schema of `Judgement`, in the subset that every server with strict structured output understands.

    Only the given runbook ids, or null, are allowed for `runbook_id`.
    """
    text = {"type": "string"}
    runbook: dict[str, Any] = {"type": "null"}
    if runbook_ids:
        runbook = {"anyOf": [{"type": "string", "enum": list(runbook_ids)}, runbook]}
    properties: dict[str, Any] = {
        "severity": {"type": "string", "enum": list(SEVERITIES)},
        "cause": text,
        "is_deployment_related": {"type": "boolean"},
        "can_be_remediated": {"type": "boolean"},
        "runbook_id": runbook,
        "confidence": {"type": "number"},
        "summary": text,
        "first_steps": {"type": "array", "items": text},
        "cites": {"type": "array", "items": text},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
