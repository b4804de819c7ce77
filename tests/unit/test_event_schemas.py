"""Tests of the published JSON schemas: they equal the models and name every field that is sent."""

import json

import pytest

from firstline.channels.webhook import render
from tests.support.builders import a_notification, a_waiting_record
from tests.support.event_schemas import FOLDER, SCHEMAS, schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_equals_the_schema_of_its_model(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schema(SCHEMAS[name]), (
        "write it anew: python -m tests.support.event_schemas"
    )


def test_the_webhook_schema_names_every_field_of_a_message() -> None:
    published = json.loads((FOLDER / "webhook-message.json").read_text(encoding="utf-8"))
    message = render(a_notification("paged", a_waiting_record()), stack="firstline").model_dump(mode="json")
    assert set(message) == set(published["properties"])
    assert set(message["incident"]) == set(published["$defs"]["IncidentFacts"]["properties"])
