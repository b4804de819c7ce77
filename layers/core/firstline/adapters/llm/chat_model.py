"""A language model behind an OpenAI-compatible server: one question, one checked answer, one deadline.

A question goes through the server's circuit breaker (`adapters/dynamodb/model_circuit.py`) and the day's ceiling
(`spending.py` beside it). Then `openai_chat.py` sends it in the form that the server takes (`chat_format.py`), which
the stack remembers (`shared_forms.py`), and `chat_answer.py` checks the answer.

The `openai` client takes several times as long to import as everything else, so only a call imports it.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from firstline.adapters.dynamodb.model_circuit import SharedCircuit
from firstline.adapters.dynamodb.spending import Reservation, Spending
from firstline.adapters.llm import chat_answer
from firstline.adapters.llm.chat_answer import Completion
from firstline.adapters.llm.chat_format import ChatFormat, most
from firstline.adapters.llm.shared_forms import SharedForms
from firstline.classification.model import ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict, ModelUnavailable, NoModelKey, QuestionRefused
from firstline.models import Usage
from firstline.observability import logger, metrics
from firstline.policy.model import Price
from firstline.privacy.safe_text import safe_line

MAX_REASON_CHARS = 300

FAIR_SHARE = 0.5
"""The share of the time below which a late answer is not the server's failure: a cold start took the rest."""

BOOKKEEPING_SHARE, BOOKKEEPING_SECONDS = 0.1, 1.0
"""The time that is kept free before the deadline to record failures and usage: a share of it, at most a second."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model's address, name, key, longest answer in tokens, and price for a million tokens (by default unknown).

    `model` is the server's name for the model, such as Azure's deployment name.

    `api_key` is called for each question, so that a rotated key is used; it returns None if no key is set. Error
    messages name the key `key_name`.
    """

    base_url: str
    model: str
    api_key: Callable[[], str | None]
    max_output_tokens: int
    price: Price = Price()  # noqa: RUF009 - it is immutable
    key_name: str = "llm/api-key"

    @property
    def circuit(self) -> str:
        """The name of the circuit breaker for this server and model: `<host>/<model>`."""
        return f"{urlsplit(self.base_url).netloc[:200]}/{self.model}"


class ChatModel:
    """A model (`classification.model.Model`) behind an OpenAI-compatible server.

    Example
    -------
    >>> endpoint = Endpoint("https://api.openai.com/v1", "gpt-5-mini", lambda: key, 1_500)
    >>> ChatModel(endpoint, deadline_seconds=10).verdict(prompt)
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        deadline_seconds: float,
        circuit: SharedCircuit | None = None,
        account: Spending | None = None,
        forms: SharedForms | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._deadline_seconds = deadline_seconds
        self._circuit = circuit
        self._account = account
        self._forms = forms
        self._form = ChatFormat()
        self._form_is_proven = self._has_recalled = False
        self._refused_limits: set[str] = set()

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        """Ask the model and return its checked verdict, before the deadline.

        The time to read the key, import the client and look up the server's name counts too.

        Raises
        ------
        ModelGaveNoVerdict
            The circuit is open, the ceiling is reached, the key is missing, the server failed, refused or was too slow,
            or its answer is no valid verdict. The message says which.
        """
        try:
            verdict = self._within_the_deadline(prompt)
        except ModelGaveNoVerdict as error:
            metrics.add_metric(name="LlmNoVerdict", unit="Count", value=1)
            _count(error.usage or Usage())
            raise
        _count(verdict.usage)
        return verdict

    def _within_the_deadline(self, prompt: Prompt) -> ModelVerdict:
        """Ask the model in another thread, and return its verdict or raise at the deadline.

        The thread's own time-out (asyncio) ends waits for the network and closes the connection. The wait here also
        ends if the thread hangs in what cannot be cancelled, such as a look-up of a name; the thread then lives on.
        """
        answer: Future[ModelVerdict] = Future()
        seconds = self._deadline_seconds
        end = time.monotonic() + seconds - min(BOOKKEEPING_SECONDS, seconds * BOOKKEEPING_SHARE)
        threading.Thread(target=self._answer, args=(prompt, end, answer), name="llm", daemon=True).start()
        try:
            return answer.result(timeout=seconds)
        except ModelGaveNoVerdict:
            raise
        except TimeoutError:
            raise ModelUnavailable(f"the model gave no answer within {seconds:g} s", usage=None) from None
        except Exception as error:  # no error of a client may stop an incident
            raise ModelGaveNoVerdict(safe_line(f"{type(error).__name__}: {error}", MAX_REASON_CHARS)) from error

    def _answer(self, prompt: Prompt, end: float, answer: Future[ModelVerdict]) -> None:
        try:
            answer.set_result(self._ask(prompt, end))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits for it
            answer.set_exception(error)

    def _ask(self, prompt: Prompt, until: float) -> ModelVerdict:
        endpoint = self._endpoint
        held: list[Reservation] = []

        def ask() -> Completion:
            if self._account:
                held.append(self._account.hold(endpoint.price.of(most(prompt, endpoint.max_output_tokens))))
            return self._converse(prompt, until)

        usage: Usage | None = Usage()
        try:
            completion = self._circuit.call(endpoint.circuit, ask) if self._circuit else ask()
            tokens = completion.tokens
            usage = None if tokens is None else endpoint.price.of(tokens)
            if tokens and tokens.completion_tokens > endpoint.max_output_tokens:
                self._prefer_older_limit()
            return chat_answer.verdict(completion, prompt, endpoint.model, usage)
        except ModelGaveNoVerdict as error:
            usage = error.usage = error.usage and endpoint.price.of(error.usage)
            raise
        finally:
            if self._account and held:
                self._account.settle(held[0], usage)

    def _converse(self, prompt: Prompt, until: float) -> Completion:
        """Ask in the form of request that the server accepted last; after a refusal, ask in other forms.

        Raise ModelGaveNoVerdict when the monotonic clock shows `until` (in seconds), or when no other form is left.
        """
        endpoint, began = self._endpoint, time.monotonic()
        form = self._known_form()
        tried, is_a_guess = {form}, False
        key = _key(endpoint)
        import asyncio

        from firstline.adapters.llm import openai_chat

        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise ModelGaveNoVerdict("the deadline passed before the model could be asked again")
            request = {"model": endpoint.model, **form.arguments(prompt, endpoint.max_output_tokens)}
            try:
                completion = Completion.read(asyncio.run(openai_chat.complete(endpoint.base_url, key, left, request)))
            except ModelUnavailable as error:
                if (plain := self._plain_after(error, form)) and plain not in tried:
                    form, is_a_guess = plain, True
                    tried.add(form)
                    continue
                if left < (until - began) * FAIR_SHARE:
                    raise ModelGaveNoVerdict(f"{error}, after a slow start", usage=error.usage) from error
                raise
            except QuestionRefused as error:
                other_form = form.after(error.said)
                if other_form is None or other_form in tried:
                    raise
                if other_form.limit != form.limit:
                    self._refused_limits.add(form.limit)
                form = other_form
                tried.add(form)
            else:
                self._form_is_proven = True
                self._remember(form, for_the_stack=not is_a_guess)
                return completion

    def _plain_after(self, error: ModelUnavailable, form: ChatFormat) -> ChatFormat | None:
        """Return a form of request without a schema, to try at once after a failed request; None if that is no use.

        It is of use if the model's server itself failed (500), maybe because of the schema, unless the server is known
        to have accepted this form (`form`) before. If a proxy may have failed instead, return None, but ask the next
        question in another form.
        """
        if not error.broken or self._form_is_proven:
            return None
        other = replace(form, shape="text" if form.shape != "text" else "json_schema")
        if error.broken == "something":
            self._form = other
        return other if error.broken == "application" and other.shape == "text" else None

    def _known_form(self) -> ChatFormat:
        """Return the form of request that the server accepted last; a new process reads it from the table once."""
        if self._forms is not None and not self._has_recalled:
            self._has_recalled = True
            known = self._forms.recall(self._endpoint.circuit)
            if known is not None:
                self._form, self._form_is_proven = known, True
        return self._form

    def _prefer_older_limit(self) -> None:
        """Send the longest answer's length as `max_tokens` from now on: the server ignored `max_completion_tokens`."""
        if self._form.limit == "max_completion_tokens" and "max_tokens" not in self._refused_limits:
            self._remember(self._form.with_other_limit())

    def _remember(self, form: ChatFormat, *, for_the_stack: bool = True) -> None:
        """Send requests in this form from now on in this process; with `for_the_stack`, store it for all processes."""
        if form == self._form:
            return
        logger.warning(
            "The model's server gets its questions in another form", circuit=self._endpoint.circuit, form=str(form)
        )
        self._form = form
        if self._forms is not None and for_the_stack:
            self._forms.keep(self._endpoint.circuit, form)


def _count(usage: Usage) -> None:
    metrics.add_metric(name="LlmTokens", unit="Count", value=usage.tokens)
    metrics.add_metric(name="LlmCost", unit="Count", value=usage.cost or 0.0)


def _key(endpoint: Endpoint) -> str:
    try:
        key = endpoint.api_key()
    except Exception as error:  # SSM and its client can raise many
        reason = f"{endpoint.key_name} cannot be read: {type(error).__name__}: {error}"
        raise ModelGaveNoVerdict(safe_line(reason, MAX_REASON_CHARS)) from error
    if key is None:
        fix = f"set the secret {endpoint.key_name}, or write `model: null` into model.yaml"
        raise NoModelKey(f"no API key for the model: {fix}")
    return key
