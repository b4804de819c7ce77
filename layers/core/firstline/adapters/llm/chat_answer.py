"""Reader of a chat-completions server's answer: lenient where servers differ, strict about the verdict itself.

Servers have many words for why an answer ended (`finish_reason`). An answer is refused only for words that are known to
mean an early end; a verdict that is cut off with another word does not fit the schema. These words mean a normal end:

| word | who says it | source |
|---|---|---|
| `stop`, null, absent | OpenAI | https://platform.openai.com/docs/api-reference/chat/object |
| `eos`, `eos_token`, `stop_sequence` | Together, TGI | https://github.com/vespa-engine/vespa/pull/33327 |
| `end_turn` | Bedrock's gateways, xAI | https://github.com/aws-samples/bedrock-access-gateway/issues/11 |
| `tool_calls` with an answer | servers that see a tool's call in it | https://github.com/ml-explore/mlx-lm/pull/782 |

`_EARLY` has the words for an early end, from https://api-docs.deepseek.com/api/create-chat-completion (DeepSeek),
https://github.com/genkit-ai/genkit/pull/6259 (z.AI, OpenRouter), https://docs.mistral.ai/api (Mistral),
https://ai.google.dev/api/generate-content#FinishReason (Gemini) and https://docs.sglang.ai (SGLang, vLLM: `abort`).
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from firstline.adapters.llm.answer_text import find_object
from firstline.adapters.llm.server_error import error_inside
from firstline.adapters.llm.verdict_dialects import in_our_spelling
from firstline.classification.guardrails import safe_words
from firstline.classification.model import Judgement, ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict
from firstline.models import Usage
from firstline.privacy.safe_text import safe_line

MAX_REASON_CHARS = 300

_TOO_LONG = "`max_output_tokens` in model.yaml is too small for this model"
_REPEATS = "the model repeats itself and finds no end; use a larger model"
_TAIL_CHARS = 40
_TAIL_TIMES = 4
"""The occurrences of an unfinished answer's last 40 characters from which on the model counts as repeating itself."""

_FILTERED = "a content filter of the server stopped it"
_FAILED = "the server could not finish it"

_EARLY = {
    **dict.fromkeys(("length", "maxtokens", "maxoutputtokens", "maxcompletiontokens", "tokenlimit"), _TOO_LONG),
    **dict.fromkeys(
        ("modellength", "modelcontextwindowexceeded", "contextlengthexceeded", "contextlength"),
        "the model's context is full",
    ),
    **dict.fromkeys(
        ("contentfilter", "contentfiltered", "safety", "sensitive", "guardrailintervened", "prohibitedcontent"),
        _FILTERED,
    ),
    **dict.fromkeys(("blocklist", "recitation", "spii", "moderation"), _FILTERED),
    **dict.fromkeys(("refusal", "refused"), "the model refused"),
    **dict.fromkeys(("error", "abort", "aborted", "cancelled", "canceled", "timeout", "timelimit"), _FAILED),
    **dict.fromkeys(("networkerror", "insufficientsystemresource", "engineoverloaded", "interrupted"), _FAILED),
    **dict.fromkeys(("incomplete", "pauseturn", "malformedfunctioncall"), _FAILED),
}
"""The meaning, for people, of each word (its letters only) that is known to tell an early end of an answer."""

_A_CALL = {"toolcalls", "toolcall", "functioncall", "tooluse"}
_TEXT_PARTS = (None, "text", "output_text")
"""The types of content parts that belong to the answer; `thinking`, `reasoning` and unknown types do not."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The parts of a chat completion that Firstline uses. `tokens` is None if the server does not report its usage."""

    content: str | dict[str, Any] = ""
    refusal: str = ""
    finish: str = ""
    has_choice: bool = True
    has_thoughts: bool = False
    filtered: list[str] = field(default_factory=list)
    tokens: Usage | None = None

    @classmethod
    def read(cls, body: bytes) -> "Completion":
        """Return the completion in the body of an answer with status 200.

        Raises
        ------
        ModelGaveNoVerdict
            The body is no chat completion (the usage is unknown then), or it holds an error (`error_inside`).
        """
        answer = _json(body)
        if isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]
        if not isinstance(answer, dict):
            raise ModelGaveNoVerdict(f"the server's answer is not a chat completion: {_kind(body)}", usage=None)
        tokens = _tokens(answer)
        if (error := error_inside(answer, tokens)) is not None:
            raise error
        choices = answer.get("choices")
        if not isinstance(choices, list):
            raise ModelGaveNoVerdict("the server's answer is not a chat completion: choices is no list", usage=tokens)
        if not choices:
            return cls(has_choice=False, tokens=tokens)
        choice = _dict(choices[0])
        message = _dict(choice.get("message"))
        refusal = message.get("refusal")
        content = message.get("content") or choice.get("text") or _arguments(message)
        finish = choice.get("finish_reason")
        return cls(
            content=content if isinstance(content, dict) else _words(content),
            refusal=_words(refusal) or _words(content, ("refusal",)),
            finish=finish if isinstance(finish, str) else "",
            has_thoughts=any(message.get(name) for name in ("reasoning_content", "reasoning", "thinking")),
            filtered=[name for name, found in _filters(choice) if _dict(found).get("filtered") is True],
            tokens=tokens,
        )

    def judgement(self, prompt: Prompt) -> Judgement:
        """Return the verdict in the completion.

        Raises
        ------
        ModelGaveNoVerdict
            The verdict is missing, refused, cut short, not of the schema, or it cites only what the prompt does not
            hold. The error is without usage.
        """
        if not self.has_choice:
            raise ModelGaveNoVerdict("the server's answer has no text: its list of choices is empty")
        if self.refusal:
            raise ModelGaveNoVerdict(f"the model refused: {safe_words(self.refusal, MAX_REASON_CHARS)}")
        if why := self._why_early():
            raise ModelGaveNoVerdict(f"the answer ended early ({safe_line(self.finish, 50)}): {why}")
        found = self.content if isinstance(self.content, dict) else find_object(self.content)
        if found is None:
            raise ModelGaveNoVerdict(f"the verdict is not of the schema: {self._instead()}")
        try:
            judgement = Judgement.model_validate(in_our_spelling(found, prompt.runbook_ids))
        except ValidationError as error:
            raise ModelGaveNoVerdict(f"the verdict is not of the schema: {_first(error)}") from None
        if judgement.runbook_id is not None and judgement.runbook_id not in prompt.runbook_ids:
            raise ModelGaveNoVerdict("the verdict names a runbook that was not offered")
        if judgement.cites and set(judgement.cites).isdisjoint(prompt.evidence_ids):
            # A small model that cites its own inventions writes such a summary, too.
            raise ModelGaveNoVerdict("the verdict rests on nothing that was given: it cites only what is not there")
        return judgement

    def _why_early(self) -> str | None:
        word = re.sub("[^a-z]", "", self.finish.lower())
        if word in _A_CALL and not self.content:
            return "the model called a tool, and none was offered"
        why = _EARLY.get(word)
        if why == _TOO_LONG and str(self.content).count(str(self.content)[-_TAIL_CHARS:] or "-") >= _TAIL_TIMES:
            return _REPEATS
        return f"{why} ({', '.join(self.filtered)})" if why and self.filtered else why

    def _instead(self) -> str:
        """Describe an answer that holds no verdict: quote the model's words, or say that the answer is empty."""
        said = safe_words(str(self.content), MAX_REASON_CHARS)
        if said:
            return f"one JSON object is expected. The model said: {said}"
        if self.has_thoughts:
            return "the answer is empty, but the model's thoughts are not: the server took the answer for thoughts"
        return "the answer is empty"


def verdict(completion: Completion, prompt: Prompt, model: str, usage: Usage | None) -> ModelVerdict:
    """Return the verdict in a completion, with the model's name and the usage (None: unknown).

    Raises `ModelGaveNoVerdict`, which has the usage too.
    """
    try:
        judgement = completion.judgement(prompt)
        return ModelVerdict(judgement=judgement, model=model, usage=usage or Usage(cost=None))
    except ModelGaveNoVerdict as error:
        error.usage = usage
        raise


def _json(body: bytes) -> object:
    try:
        answer: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer


def _kind(body: bytes) -> str:
    """Describe a body that is no JSON object: empty, a stream of events, or something else."""
    if not body.strip():
        return "its body is empty"
    if body.lstrip().startswith((b"data:", b"event:")):
        return "it is a stream of events, which was not asked for"
    return "its body is no JSON object"


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(content: object, kinds: tuple[str | None, ...] = _TEXT_PARTS) -> str:
    """Return the text of a message's content, which is a text or a list of parts; only parts of `kinds` are read.

    None in `kinds` stands for a text without a type.
    """
    if isinstance(content, str):
        return content if None in kinds else ""
    words: list[str] = []
    for part in content if isinstance(content, list) else []:
        if isinstance(part, str):
            words.append(part if None in kinds else "")
        elif isinstance(part, dict) and part.get("type") in kinds:
            text = part.get(str(part.get("type")), part.get("text"))
            text = _dict(text).get("value", text)
            words.append(text if isinstance(text, str) else "")
    return "".join(words)


def _arguments(message: dict[str, Any]) -> object:
    """Return the arguments of a message's only tool call, or None: some servers turn the schema into a tool."""
    calls = message.get("tool_calls")
    only = calls[0] if isinstance(calls, list) and len(calls) == 1 else None
    called = _dict(_dict(only).get("function")) or _dict(message.get("function_call"))  # its older name
    return called.get("arguments")


def _filters(choice: dict[str, Any]) -> list[tuple[str, object]]:
    """Return the names of Azure's content filters, each with its result (learn.microsoft.com/azure/ai-foundry)."""
    return list(_dict(choice.get("content_filter_results")).items())


def _tokens(answer: dict[str, Any]) -> Usage | None:
    """Return the reported usage, or None if there is none; null and impossible numbers count as absent.

    Some servers count the tokens of thoughts only in the total; these are added to `completion_tokens`.
    """
    usage = _dict(answer.get("usage"))
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    answered = _count(usage, "completion_tokens", "output_tokens")
    total = _count(usage, "total_tokens")
    if not (prompt or answered or total):
        return None  # no answer takes nothing: a server that says so does not count
    return Usage(prompt_tokens=prompt, completion_tokens=max(answered, total - prompt), cost=None)


def _count(usage: dict[str, Any], *names: str) -> int:
    for name in names:
        number = usage.get(name)
        if isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < 1e12:
            return int(number)
    return 0


def _first(error: ValidationError) -> str:
    """Describe the first error of a validation, without the model's text, which may be long."""
    mistake = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, mistake["loc"]))
    return safe_line(f"{where}: {mistake['msg']}" if where else mistake["msg"], MAX_REASON_CHARS)
