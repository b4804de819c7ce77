"""The interface to a model, and the model's checked answer, which is all that it can add to a verdict."""

from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from firstline.classification.prompt import Prompt
from firstline.errors import CircuitOpen, ModelGaveNoVerdict, ModelUnavailable, NoModelKey
from firstline.models import SEVERITIES, Name, Severity, Usage
from firstline.text import count


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


class CircuitBreaker:
    """A model that is asked many questions in a row, and is given up once too many of them in a row got no verdict.

    That is after 3 if the server fails, after 20 if it answers without a verdict, and at once if the model's key is not
    set. Then `gave_up` is True, and further questions raise `CircuitOpen`. `failures` counts the questions that were
    asked in vain, and `last` is the error of the last of them. It serves trials and evals: nobody waits there, but each
    question may cost money and a whole deadline.
    """

    FAILURES_IN_A_ROW = 3
    """The failures of the server after which a model is given up, as with the circuit of Classify."""

    WRONG_IN_A_ROW = 20
    """The same for answers that are no verdict. They cost a question each, and a weak model gives some."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._in_a_row = 0
        self.failures = 0
        self.gave_up = False
        self.last: ModelGaveNoVerdict | None = None

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        if self.gave_up:
            raise CircuitOpen(f"the model is not asked any more after {self._in_a_row} failures in a row")
        try:
            verdict = self._model.verdict(prompt)
        except ModelGaveNoVerdict as error:
            self.last = error
            self.failures += 1
            self._in_a_row += 1
            answered = error.status is None and not isinstance(error, ModelUnavailable)
            most = self.WRONG_IN_A_ROW if answered else self.FAILURES_IN_A_ROW
            self.gave_up = isinstance(error, NoModelKey) or self._in_a_row >= most
            raise
        self._in_a_row = 0
        return verdict

    def trouble(self, *, key: str, server: str) -> str | None:
        """Return in a line why questions got no verdict, and what to do about it; None if each got one.

        `key` says where the model's key is set, and `server` where its address is.
        """
        if self.last is None:
            return None
        failed = f"{count(self.failures, 'question')} got no verdict"
        if self.gave_up:
            failed = f"it is not asked any more after {count(self._in_a_row, 'failure')} in a row"
        return f"{failed}: {str(self.last).rstrip('.')}. {_fix(self.last, key, server)}"


def _fix(error: ModelGaveNoVerdict, key: str, server: str) -> str:
    """Return what to do about an error of a model's server: a sentence.

    `key` says where the model's key is set, and `server` where its address is.
    """
    if isinstance(error, NoModelKey):
        return f"The key belongs into {key}."
    match error.status:
        case 401 | 403:
            return f"Check the key ({key}) and that it is for this address ({server})."
        case 402:
            return "Pay the provider's bill or raise its limit, and try again."
        case 404:
            return f"Check the address, which ends in /v1 as a rule ({server}), and the model's name."
        case 408 | 409 | 425 | 429:
            return "Wait as long as the server says, and try again with fewer questions."
        case status if status is not None and status >= 500:
            return "Mend the server, and try again."
    if isinstance(error, ModelUnavailable):
        return f"Check that the server runs ({server}), or take a faster model or a longer deadline."
    return "See `When it gives no verdict` in docs/models.md, or take a model that keeps to the schema."


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
