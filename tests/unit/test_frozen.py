"""Tests of `Frozen`, the base of the models: its use by several threads, and what it leaves out when stored."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Annotated, Any

import pytest
from pydantic import GetCoreSchemaHandler

from firstline.models import Counts, Frozen, Live
from tests.support.builders import a_classification, alert, an_incident, at
from tests.support.stored_defaults import FILE, defaults


class Slow:
    """A type whose first schema is not ready until a second thread builds one too, or 0.2 seconds have passed."""

    builds = 0
    second = Event()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        cls.builds += 1
        if cls.builds == 1:
            cls.second.wait(0.2)
        else:
            cls.second.set()
        return handler(source)


def test_a_model_that_two_threads_use_at_once_is_built_only_once() -> None:
    class Part(Frozen):
        number: Annotated[int, Slow]

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda number: Part(number=number), (1, 2)))

    assert [part.number for part in parts] == [1, 2]
    assert Slow.builds == 1


@pytest.mark.parametrize(
    "model",
    [
        an_incident(storm=True),
        alert(labels={"a": "1"}, host=None),
        a_classification(runbook_id=None, confidence=0.0),
        Live(group_key="g", incident_id="i", opened_at=at(0), last_alert_at=at(0), own=Counts(joined=1), decided=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_model_that_is_stored_without_its_defaults_is_read_back_unchanged(model: Frozen) -> None:
    assert type(model).from_stored(model.to_stored()) == model
    assert len(model.to_stored()) < 0.8 * len(model.model_dump_json()), "without defaults it must be much shorter"


def test_a_null_is_stored_where_it_is_not_the_default() -> None:
    class Kept(Frozen):
        number: int | None = 1

    assert Kept.from_stored(Kept(number=None).to_stored()).number is None


def test_the_default_of_a_stored_field_never_changes() -> None:
    """Compare the defaults with the recorded ones; `python -m tests.support.stored_defaults` records new fields."""
    assert defaults() == json.loads(FILE.read_text())
