"""The defaults of fields that stored items may lack. `python -m tests.support.stored_defaults` records new ones.

An item without a field reads as the default that the field has now. So a recorded default never changes: give the field
another name, or let every reader know both values.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from firstline.models import Classification, EarlierIncident, Incident, Live, NormalizedAlert

FILE = Path(__file__).parents[1] / "events" / "stored-defaults.json"
STORED: tuple[type[BaseModel], ...] = (Classification, EarlierIncident, Incident, Live, NormalizedAlert)
"""The models that `Frozen.to_stored` writes to the table."""


def defaults() -> dict[str, dict[str, Any]]:
    """Return the defaults of the fields of every stored model, and of the models inside it."""
    found: dict[str, dict[str, Any]] = {}
    for stored in STORED:
        schema = stored.model_json_schema()
        for name, part in {stored.__name__: schema, **schema.get("$defs", {})}.items():
            fields = part.get("properties", {}).items()
            found.setdefault(name, {}).update(
                {field: about["default"] for field, about in fields if "default" in about}
            )
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(defaults(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
