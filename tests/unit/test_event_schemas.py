"""The published schemas are those of the models, and say what is sent."""

import json

import pytest

from firstline.channels.webhook import render
from tests.support.builders import a_notification, a_waiting_record
from tests.support.event_schemas import FOLDER, SCHEMAS, schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_has_not_drifted_from_its_model(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schema(SCHEMAS[name]), (
        "write it anew: python -m tests.support.event_schemas"
    )


def test_the_schemas_name_every_field_of_a_message() -> None:
    published = json.loads((FOLDER / "webhook-message.json").read_text(encoding="utf-8"))
    message = render(a_notification("paged", a_waiting_record()), stack="firstline").model_dump(mode="json")
    assert set(message) == set(published["properties"])
    assert set(message["incident"]) == set(published["$defs"]["IncidentFacts"]["properties"])
