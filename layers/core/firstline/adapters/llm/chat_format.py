"""The form in which a chat-completions server is asked for one JSON object, and its words for wanting another form.

Servers that speak OpenAI's API differ in two things that matter here. Whether they can be held to a schema:
`json_schema`, only to JSON (`json_object`), or to nothing. And what they call the longest answer:
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

_ABOUT_LIMIT = re.compile(r"max_completion_tokens", re.IGNORECASE)
_ABOUT_SHAPE = re.compile(
    r"response_?format|json_?(?:schema|object|mode)|structured.?output|guided|grammar|schema"
    r"|un(?:supported|recognized|known)|not (?:supported|permitted|allowed)",
    re.IGNORECASE,
)

TEMPLATE_TOKENS = 200
"""More than any chat template puts around two messages."""

_IN_WORDS = "Answer with one JSON object and nothing else: no prose, no code fence. It fits this JSON Schema:"


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """A form of a question. The default is what the servers of today understand."""

    shape: Shape = "json_schema"
    limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"

    def arguments(self, prompt: Prompt, max_output_tokens: int) -> dict[str, Any]:
        """Write the request, but for the model. Without `json_schema` the schema stands in the instructions."""
        schema = answer_schema(prompt.runbook_ids)
        system = prompt.system
        if self.shape != "json_schema":
            system = f"{system}\n\n{_IN_WORDS}\n{json.dumps(schema)}"
        arguments: dict[str, Any] = {
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt.data}],
            self.limit: max_output_tokens,
        }
        if self.shape == "json_schema":
            arguments["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": schema},
            }
        elif self.shape == "json_object":
            arguments["response_format"] = {"type": "json_object"}
        return arguments

    def after(self, said: str) -> "ChatFormat | None":
        """Choose the form to try after a refusal in these words; None if they are about something else."""
        if self.limit == "max_completion_tokens" and _ABOUT_LIMIT.search(said):
            return self.with_older_limit()
        if self.shape in _NEXT_SHAPE and _ABOUT_SHAPE.search(said):
            return replace(self, shape=_NEXT_SHAPE[self.shape])
        return None

    def with_older_limit(self) -> "ChatFormat":
        """Return the same form for a server that does not know, or does not heed, `max_completion_tokens`."""
        return replace(self, limit="max_tokens")


def most(prompt: Prompt, max_output_tokens: int) -> Usage:
    """Return the most that a question can take: a token is never less than a byte of what it stands for.

    It holds for a server that heeds the limit for its answer.
    """
    messages = ChatFormat("text").arguments(prompt, max_output_tokens)["messages"]
    characters = sum(len(message["content"].encode()) for message in messages)
    return Usage(prompt_tokens=characters + TEMPLATE_TOKENS, completion_tokens=max_output_tokens, cost=None)
