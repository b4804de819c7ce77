"""JSON schemas of the events for other systems. `python -m tests.support.event_schemas` writes them to docs/schemas.

Within a version a schema only gets further fields, because listeners were written against it.
"""

import json
from pathlib import Path

from pydantic import BaseModel

from firstline.models.event import IncidentEvent, WebhookMessage

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
SCHEMAS: dict[str, type[BaseModel]] = {"incident-event.json": IncidentEvent, "webhook-message.json": WebhookMessage}


def schema(model: type[BaseModel]) -> str:
    """Return a model's JSON schema as its file holds it; every field is required, because nulls are sent, too."""
    content = model.model_json_schema(mode="serialization")
    # A listener must take what a later release adds, which `extra="forbid"` is not meant to refuse.
    for part in [content, *content.get("$defs", {}).values()]:
        part.pop("additionalProperties", None)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **content}, indent=2) + "\n"


def write() -> None:
    """Write the schema of every event to its file."""
    FOLDER.mkdir(exist_ok=True)
    for name, model in SCHEMAS.items():
        (FOLDER / name).write_text(schema(model), encoding="utf-8")


if __name__ == "__main__":
    write()
