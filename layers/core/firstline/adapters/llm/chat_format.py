"""Form of a request for one JSON object to a chat-completions server, and the form to try when a server refuses it.

Servers that speak OpenAI's API differ in three things that matter here: whether they can be held to a schema
(`json_schema`), only to JSON (`json_object`), or to nothing; their name for the longest answer
(`max_completion_tokens`, or `max_tokens` if they are older); and whether the model knows instructions (`system`) apart
from the user's message.
Nothing else is sent that a server could refuse: no temperature, no stream. docs/models.md has the table.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from firstline.classification.model import answer_schema
from firstline.classification.prompt import Prompt
from firstline.models import Usage

type Shape = Literal["json_schema", "json_object", "text"]
type Limit = Literal["max_completion_tokens", "max_tokens"]
type Role = Literal["system", "user"]

_NEXT_SHAPE: dict[Shape, Shape] = {"json_schema": "json_object", "json_object": "text"}
_OTHER_LIMIT: dict[Limit, Limit] = {"max_completion_tokens": "max_tokens", "max_tokens": "max_completion_tokens"}

_ABOUT_ROLE = re.compile(
    r"system[ _-]?(?:role|message|prompt|instruction)|developer[ _-]?(?:role|message|instruction)"
    r"|roles?\b.{0,80}\bsystem\b|only user\b.{0,40}\broles?\b|roles must alternate|messages?\W{1,3}0\W{1,3}role",
    re.IGNORECASE | re.DOTALL,
)
"""A pattern for servers' complaints about the role of the instructions, such as:

- "System role not supported": Gemma's template, https://github.com/vllm-project/vllm/issues/2964
- "Conversation roles must alternate user/assistant/…": Mistral's, https://github.com/microsoft/autogen/issues/1037
- "Only user, assistant and tool roles are supported, got system": https://github.com/anomalyco/opencode/issues/5034
- "Developer instruction is not enabled for models/…": Gemini, https://github.com/0xPlaygrounds/rig/issues/788
"""

_ABOUT_VALUE = re.compile(r"too (?:large|big|high|long|many)|exceed|at most|maximum|less than or equal", re.IGNORECASE)
"""A pattern for complaints about the value of the limit, which another name for the limit does not mend."""

_ABOUT_SHAPE = re.compile(
    r"response_?format|json[_ ]?(?:schema|object|mode)|structured.?output|guided|grammar|schema"
    r"|failed to (?:generate|validate) json",  # Groq: https://console.groq.com/docs/structured-outputs
    re.IGNORECASE,
)
_ABOUT_SOMETHING = re.compile(r"un(?:supported|recognized|known)|not (?:supported|permitted|allowed)", re.IGNORECASE)
"""A pattern for complaints without a subject; most often older servers do not know the schema."""

MAX_COMPLAINT_CHARS = 600
"""The most characters of a server's message that are searched, because the rest may repeat the question."""

TEMPLATE_TOKENS = 200
"""The most tokens that a chat template adds to two messages."""

_IN_WORDS = "Answer with one JSON object and nothing else: no prose, no code fence. It fits this JSON Schema:"
_DATA_FOLLOWS = "The next message follows. It is the JSON document:"


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """A form of the request for a verdict to a model's server; today's servers accept the default.

    Parameters
    ----------
    shape
        How strictly the answer is held to the schema.
    limit
        The name of the parameter for the longest answer.
    role
        The role of the message that has the instructions.
    """

    shape: Shape = "json_schema"
    limit: Limit = "max_completion_tokens"
    role: Role = "system"

    def arguments(self, prompt: Prompt, max_output_tokens: int) -> dict[str, Any]:
        """Return the body of the request, without the model's name.

        The schema of the answer is in `response_format` or, if the shape is not `json_schema`, in the text of the
        prompt.
        """
        schema, system = answer_schema(prompt.runbook_ids), prompt.system
        response_format: dict[str, Any] = {"type": self.shape}
        if self.shape == "json_schema":
            response_format["json_schema"] = {"name": "verdict", "strict": True, "schema": schema}
        else:
            system = f"{system}\n\n{_IN_WORDS}\n{json.dumps(schema)}"
        if self.role == "system":
            messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt.data}]
        else:
            messages = [{"role": "user", "content": f"{system}\n\n{_DATA_FOLLOWS}\n{prompt.data}"}]
        held = {} if self.shape == "text" else {"response_format": response_format}
        return {"messages": messages, self.limit: max_output_tokens, **held}

    def after(self, said: str) -> "ChatFormat | None":
        """Return the form of request to try after a server refused this one, by the refusal's text (`said`).

        None if no other form can help.
        """
        said = said[:MAX_COMPLAINT_CHARS]
        if _ABOUT_ROLE.search(said):
            return replace(self, role="user") if self.role == "system" else None
        if re.search(rf"\b{self.limit}\b", said, re.IGNORECASE):
            return None if _ABOUT_VALUE.search(said) else self.with_other_limit()
        if _ABOUT_SHAPE.search(said) or _ABOUT_SOMETHING.search(said):
            return self.with_next_shape()
        return None

    def with_other_limit(self) -> "ChatFormat":
        """Return this form with the other name of the parameter for the longest answer.

        The names are `max_tokens` and `max_completion_tokens`; servers refuse or ignore the one they do not know.
        """
        return replace(self, limit=_OTHER_LIMIT[self.limit])

    def with_next_shape(self) -> "ChatFormat | None":
        """Return this form with a weaker demand (schema, then any JSON, then text), or None after text."""
        return replace(self, shape=_NEXT_SHAPE[self.shape]) if self.shape in _NEXT_SHAPE else None


def is_about_form(said: str) -> bool:
    """Return True if a server's message complains about the schema or the role of the instructions."""
    said = said[:MAX_COMPLAINT_CHARS]
    return bool(_ABOUT_ROLE.search(said) or _ABOUT_SHAPE.search(said))


def most(prompt: Prompt, max_output_tokens: int) -> Usage:
    """Return an upper bound of the tokens that a question uses: one per byte of the prompt, and the longest answer."""
    messages = ChatFormat("text", role="user").arguments(prompt, max_output_tokens)["messages"]
    size = sum(len(message["content"].encode()) for message in messages)
    return Usage(prompt_tokens=size + TEMPLATE_TOKENS, completion_tokens=max_output_tokens, cost=None)
