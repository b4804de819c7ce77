"""Tests of the contracts across releases: messages of an older or newer state machine and function can be read.

An execution may run for days after a deployment with the functions of the newest release, and a deployment may be
rolled back. So both sides must read the messages of older and newer releases, which are recorded in tests/events.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from firstline import __version__, contracts
from firstline.models import Frozen
from tests.support.contract_examples import EXAMPLES, RELEASES, path_of
from tests.template.machine import LAMBDA, Machine

MACHINE = Machine.load(Path(__file__).parents[2] / "statemachine" / "incident.asl.yaml")
OF_EARLIER_MACHINES = ["Announce Quiet"]
"""The states that only machines of an earlier release have: the functions still answer them."""

STATES = [
    *(name for name, state in MACHINE.tasks() if state["Resource"].startswith(LAMBDA) and not name.endswith(" Again")),
    *OF_EARLIER_MACHINES,
]
NOTIFY = {"Record Suppression", "Announce Remediation", "Notify Ops", "Announce Quiet", "Await Quiet", "Close Incident"}
DIRECTIONS = ["input", "output"]

every_message = pytest.mark.parametrize(
    ("state", "direction"), [(state, direction) for state in STATES for direction in DIRECTIONS]
)


def recorded(state: str, direction: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(path_of(state).read_text(encoding="utf-8"))[direction]
    return said


def contract(state: str, direction: str) -> type[BaseModel]:
    noun = "Notify" if direction == "output" and state in NOTIFY else re.sub("[^A-Za-z]", "", state)
    model: type[BaseModel] = getattr(contracts, f"{noun}{direction.title()}")
    return model


def read(state: str, direction: str, said: Any) -> BaseModel:
    """Parse a message with its contract as the handlers do, ignoring unknown keys."""
    return contract(state, direction).model_validate(said, extra="ignore")


def places(said: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each object within a message, except for objects whose keys are data, such as labels."""
    if isinstance(said, dict):
        yield path
        for name, value in said.items():
            if name not in ("labels", "annotations", "parameters", "request", "result"):
                yield from places(value, (*path, name))
    elif isinstance(said, list):
        for number, value in enumerate(said):
            yield from places(value, (*path, number))


def test_the_messages_of_every_task_state_are_recorded() -> None:
    assert set(STATES) == set(EXAMPLES)
    assert all(path_of(state).exists() for state in STATES)


@pytest.mark.parametrize("release", RELEASES)
@every_message
def test_messages_of_every_recorded_release_can_be_read(state: str, direction: str, release: str) -> None:
    """Skip states that a release did not have yet."""
    path = path_of(state, release)
    if path.exists():
        said = json.loads(path.read_text(encoding="utf-8"))[direction]
        assert read(state, direction, said).model_fields_set <= set(said)


def test_a_state_of_an_earlier_machine_is_none_of_this_one() -> None:
    assert not set(OF_EARLIER_MACHINES) & set(MACHINE.states)


def test_this_release_is_recorded_as_the_newest() -> None:
    assert RELEASES[-1] == __version__


@every_message
def test_a_recorded_message_is_the_same_after_reading_and_writing(state: str, direction: str) -> None:
    said = recorded(state, direction)

    assert json.loads(read(state, direction, said).model_dump_json(by_alias=True)) == said


@every_message
def test_a_key_of_a_newer_version_is_ignored_at_any_depth(state: str, direction: str) -> None:
    said = recorded(state, direction)
    whole = read(state, direction, said)

    for path in places(said):
        newer = json.loads(json.dumps(said))
        place = newer
        for name in path:
            place = place[name]
        place["a_key_of_a_newer_version"] = {"any": "thing"}
        assert read(state, direction, newer) == whole, path


@every_message
def test_a_key_that_an_older_version_does_not_send_has_its_default(state: str, direction: str) -> None:
    said, model = recorded(state, direction), contract(state, direction)
    optional = [name for name, field in model.model_fields.items() if not field.is_required()]

    for name in optional:
        older = {key: value for key, value in said.items() if key != name}
        assert getattr(read(state, direction, older), name) == model.model_fields[name].get_default(
            call_default_factory=True, validated_data={}
        )


@every_message
def test_every_key_is_recorded(state: str, direction: str) -> None:
    """Only a recorded key is tested against the contracts of the next release."""
    assert set(recorded(state, direction)) == set(contract(state, direction).model_fields)


def test_every_handler_ignores_unknown_keys_when_it_reads_its_input() -> None:
    """The models inside a message refuse unknown keys, unless the reader passes `extra="ignore"`."""
    assert Frozen.model_config["extra"] == "forbid"
    for app in ("classify", "escalate", "notify", "remediate"):
        code = (Path(__file__).parents[2] / "functions" / app / "app.py").read_text(encoding="utf-8")
        reads = re.findall(r"(?:model_validate|validate_python)\(event(.*?)\)", code)
        assert reads
        assert set(reads) == {', extra="ignore"'}, app
