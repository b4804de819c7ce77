"""Answer of a chat-completions server, checked against a schema of our own before it is believed."""

import json
import re

from pydantic import BaseModel, Field, ValidationError

from firstline.classification.model import Judgement, ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict
from firstline.models import Usage
from firstline.privacy.safe import safe_line

MAX_REASON_CHARS = 300
MAX_OPENING_BRACES = 20
"""The number of opening braces in prose that are tried; each try may read all of the text."""

_FENCED = re.compile(r"```[a-zA-Z]*\s*\n(.*?)\n\s*```", re.DOTALL)
_ENDS_OF_THOUGHT = ("</think>", "</reasoning>")


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    total_tokens: int = Field(default=0, ge=0)


class Completion(BaseModel):
    """The part of a chat completion that counts; servers differ in the rest. Some do not report their usage."""

    choices: list[_Choice]
    usage: _Usage | None = None

    @classmethod
    def read(cls, body: bytes) -> "Completion":
        """Read a body. Raise `ModelGaveNoVerdict`, without a cost, if it is no chat completion."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise ModelGaveNoVerdict(f"the answer is not a chat completion: {_first(error)}", usage=None) from None

    def tokens(self) -> Usage | None:
        """Return the reported usage. Tokens that only the total has (some servers: thoughts) count as answer."""
        if self.usage is None:
            return None
        answer = max(self.usage.completion_tokens, self.usage.total_tokens - self.usage.prompt_tokens)
        return Usage(prompt_tokens=self.usage.prompt_tokens, completion_tokens=answer, cost=None)

    def judgement(self, prompt: Prompt) -> Judgement:
        """Return the verdict in the completion.

        Raises
        ------
        ModelGaveNoVerdict
            Missing, refused, cut short, or not of the schema; without usage, which the caller knows.
        """
        if not self.choices:
            raise ModelGaveNoVerdict("the answer holds no choice")
        choice = self.choices[0]
        if choice.message.refusal:
            raise ModelGaveNoVerdict(f"the model refused: {safe_line(choice.message.refusal, MAX_REASON_CHARS)}")
        if choice.finish_reason not in ("stop", None):
            raise ModelGaveNoVerdict(
                f"the answer ended early ({safe_line(choice.finish_reason, 50)}); `length` means that "
                "max_output_tokens in model.yaml is too small for this model"
            )
        try:
            judgement = Judgement.model_validate_json(one_object(choice.message.content or ""))
        except ValidationError as error:
            raise ModelGaveNoVerdict(f"the verdict is not of the schema: {_first(error)}") from None
        if judgement.runbook_id is not None and judgement.runbook_id not in prompt.runbook_ids:
            raise ModelGaveNoVerdict("the verdict names a runbook that was not offered")
        return judgement


def verdict(completion: Completion, prompt: Prompt, model: str, usage: Usage) -> ModelVerdict:
    """Return the verdict of an answer with its usage. Raise `ModelGaveNoVerdict`, with the usage."""
    try:
        return ModelVerdict(judgement=completion.judgement(prompt), model=model, usage=usage)
    except ModelGaveNoVerdict as error:
        error.usage = usage
        raise


def one_object(text: str) -> str:
    """Return the one JSON object in an answer that may stand in a code fence, in prose, or behind the model's thoughts.

    With two of them it is unknown which one is meant (the alert itself may be quoted): then return the text as it is,
    which is no verdict.
    """
    for end in _ENDS_OF_THOUGHT:
        text = text.rpartition(end)[2]
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        return text
    fenced = _FENCED.findall(text)
    if len(fenced) == 1:
        return str(fenced[0]).strip()
    found = _objects(text)
    return found[0] if len(found) == 1 else text


def _objects(text: str) -> list[str]:
    decoder = json.JSONDecoder()
    found: list[str] = []
    start = text.find("{")
    for _ in range(MAX_OPENING_BRACES):
        if start < 0:
            return found
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            found.append(text[start:end])
        start = text.find("{", end)
    return []


def _first(error: ValidationError) -> str:
    """Describe the first mistake without the input, which is the model's text and may be long."""
    mistake = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, mistake["loc"]))
    return safe_line(f"{where}: {mistake['msg']}" if where else mistake["msg"], MAX_REASON_CHARS)
