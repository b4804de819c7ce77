"""An LLM behind any OpenAI-compatible endpoint: one question, one checked answer, one deadline.

The `openai` client costs several times the import of everything else, so it is imported when a call is made and not
before (`adapters/openai_chat.py` holds the imports).
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError

from firstline.classification.model import Judgement, ModelVerdict, answer_schema
from firstline.classification.prompt import Prompt
from firstline.classification.redaction import safe_line
from firstline.errors import ModelGaveNoVerdict
from firstline.observability import metrics

MAX_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is. `model` is what the server calls it: a model's name, or Azure's deployment name.

    `api_key` is asked for at each call, so that a rotated key is picked up; None means that the LLM is off.
    """

    base_url: str
    model: str
    api_key: Callable[[], str | None]
    deadline_seconds: float
    max_output_tokens: int


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    total_tokens: int = Field(default=0, ge=0)


class _Completion(BaseModel):
    """As much of a chat completion as counts. Servers differ in the rest."""

    choices: list[_Choice]
    usage: _Usage | None = None


class ChatModel:
    """A `classification.model.Model` that asks an OpenAI-compatible server.

    Example
    -------
    >>> endpoint = Endpoint("https://api.openai.com/v1", "gpt-5-mini", lambda: key, 10, 1_500)
    >>> ChatModel(endpoint).verdict(prompt)
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        """Ask once and check the answer.

        Raises
        ------
        ModelGaveNoVerdict
            Off, unreachable, slow, refusing, cut short or wrong, with the reason; within the deadline, whatever the
            server does. Reading the key, importing the client and looking up the name count too.
        """
        try:
            return _verdict(self._complete(prompt), prompt, self._endpoint.model)
        except ModelGaveNoVerdict:
            metrics.add_metric(name="LlmNoVerdict", unit="Count", value=1)
            raise

    def _complete(self, prompt: Prompt) -> bytes:
        """The answer's body, from a thread that may be left behind.

        The deadline inside (asyncio) ends everything that waits for the network and closes the connection; the one out
        here also ends the wait for what cannot be cancelled, such as a name server that does not answer.
        """
        answer: Future[bytes] = Future()
        threading.Thread(target=self._answer, args=(prompt, answer), name="llm", daemon=True).start()
        seconds = self._endpoint.deadline_seconds
        try:
            return answer.result(timeout=seconds)
        except ModelGaveNoVerdict:
            raise
        except TimeoutError:
            raise ModelGaveNoVerdict(f"no answer within {seconds:g} s") from None
        except Exception as error:  # whatever a client can raise: it must not stop an incident
            raise ModelGaveNoVerdict(safe_line(f"{type(error).__name__}: {error}", MAX_REASON_CHARS)) from error

    def _answer(self, prompt: Prompt, answer: Future[bytes]) -> None:
        try:
            answer.set_result(self._ask(prompt))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits for it
            answer.set_exception(error)

    def _ask(self, prompt: Prompt) -> bytes:
        endpoint = self._endpoint
        key = endpoint.api_key()
        if key is None:
            raise ModelGaveNoVerdict("no API key: set the secret llm/api-key, or empty the model's URL to turn it off")
        from firstline.adapters import openai_chat

        return asyncio.run(
            openai_chat.complete(
                base_url=endpoint.base_url,
                api_key=key,
                model=endpoint.model,
                system=prompt.system,
                data=prompt.data,
                schema=answer_schema(prompt.runbook_ids),
                max_output_tokens=endpoint.max_output_tokens,
                deadline_seconds=endpoint.deadline_seconds,
            )
        )


def _verdict(body: bytes, prompt: Prompt, model: str) -> ModelVerdict:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        raise ModelGaveNoVerdict(f"the answer is not a chat completion: {_first(error)}") from None
    tokens = completion.usage.total_tokens if completion.usage else 0
    if not completion.choices:
        raise ModelGaveNoVerdict("the answer holds no choice", tokens=tokens)
    choice = completion.choices[0]
    if choice.message.refusal:
        refusal = safe_line(choice.message.refusal, MAX_REASON_CHARS)
        raise ModelGaveNoVerdict(f"the model refused: {refusal}", tokens=tokens)
    if choice.finish_reason not in ("stop", None):
        raise ModelGaveNoVerdict(
            f"the answer ended early ({safe_line(choice.finish_reason, 50)}); `length` means that LlmMaxOutputTokens "
            "is too small for this model",
            tokens=tokens,
        )
    try:
        judgement = Judgement.model_validate_json(choice.message.content or "")
    except ValidationError as error:
        raise ModelGaveNoVerdict(f"the verdict is not of the schema: {_first(error)}", tokens=tokens) from None
    if judgement.runbook_id is not None and judgement.runbook_id not in prompt.runbook_ids:
        raise ModelGaveNoVerdict("the verdict names a runbook that was not offered", tokens=tokens)
    return ModelVerdict(judgement=judgement, model=model, tokens=tokens)


def _first(error: ValidationError) -> str:
    """The first mistake, without the input: that is the model's text and may be long."""
    mistake = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, mistake["loc"]))
    return safe_line(f"{where}: {mistake['msg']}" if where else mistake["msg"], MAX_REASON_CHARS)
