"""Form of the request to a chat-completions server for one JSON object, and the form to try when it is refused.

Servers that speak OpenAI's API differ in two things that matter here. One is whether they can be held to a schema
(`json_schema`), only to JSON (`json_object`), or to nothing. The other is their name for the longest answer:
`max_completion_tokens`, or `max_tokens` if they are older. docs/models.md has the table.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from firstline.classification.model import answer_schema
from firstline.classification.prompt import Prompt
from firstline.models import Usage

type Shape = Literal["json_schema", "json_object", "text"]

_NEXT_SHAPE: dict[Shape, Shape] = {"json_schema": "json_object", "json_object": "text"}

_ABOUT_SHAPE = re.compile(
    r"response_?format|json_?(?:schema|object|mode)|structured.?output|guided|grammar|schema"
    r"|un(?:supported|recognized|known)|not (?:supported|permitted|allowed)",
    re.IGNORECASE,
)

TEMPLATE_TOKENS = 200
"""More than any chat template adds to two messages."""

_IN_WORDS = "Answer with one JSON object and nothing else: no prose, no code fence. It fits this JSON Schema:"


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """A form of a request. Today's servers understand the default."""

    shape: Shape = "json_schema"
    limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"

    def arguments(self, prompt: Prompt, max_output_tokens: int) -> dict[str, Any]:
        """Return the request without the model's name. Without `json_schema`, the instructions contain the schema."""
        schema, system = answer_schema(prompt.runbook_ids), prompt.system
        response_format: dict[str, Any] = {"type": self.shape}
        if self.shape == "json_schema":
            response_format["json_schema"] = {"name": "verdict", "strict": True, "schema": schema}
        else:
            system = f"{system}\n\n{_IN_WORDS}\n{json.dumps(schema)}"
        messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt.data}]
        held = {} if self.shape == "text" else {"response_format": response_format}
        return {"messages": messages, self.limit: max_output_tokens, **held}

    def after(self, said: str) -> "ChatFormat | None":
        """Return the form to try after this refusal, or None if the refusal is not about the form."""
        if self.limit == "max_completion_tokens" and self.limit in said.lower():
            return self.with_older_limit()
        if self.shape in _NEXT_SHAPE and _ABOUT_SHAPE.search(said):
            return replace(self, shape=_NEXT_SHAPE[self.shape])
        return None

    def with_older_limit(self) -> "ChatFormat":
        """Return the same form for a server that does not know, or ignores, `max_completion_tokens`."""
        return replace(self, limit="max_tokens")


def most(prompt: Prompt, max_output_tokens: int) -> Usage:
    """Return the most tokens that a question can need if the server keeps to the limit. A token has a byte or more."""
    messages = ChatFormat("text").arguments(prompt, max_output_tokens)["messages"]
    size = sum(len(message["content"].encode()) for message in messages)
    return Usage(prompt_tokens=size + TEMPLATE_TOKENS, completion_tokens=max_output_tokens, cost=None)
