"""One running stack for all of these tests, and a second one whose people want to be asked and whose model talks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import Browsers
from tests.e2e.model import KEY, Model
from tests.e2e.running import LocalStack

MODEL_DEADLINE_SECONDS = 6
TIME_LAPSE = "12"
"""The factor by which time passes faster: a page is to be acknowledged within 25 seconds instead of 5 minutes."""


@pytest.fixture(scope="session")
def model() -> Iterator[Model]:
    """The model that `asking` asks. It babbles until a test lets it talk sense."""
    scripted = Model()
    scripted.begin()
    yield scripted
    scripted.close()


@pytest.fixture(scope="session")
def stacks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: Model
) -> Iterator[dict[str, LocalStack]]:
    """The stacks that any of the chosen tests needs, begun together: each takes some seconds to be ready."""
    policy = tmp_path_factory.mktemp("policy") / "model.yaml"
    asked = {"base_url": model.url, "model": "scripted", "deadline_seconds": MODEL_DEADLINE_SECONDS}
    policy.write_text(json.dumps(asked))
    people = policy.with_name("people.yaml")
    schedules = policy.with_name("oncall.yaml")
    turns = {"starts": "2026-01-01", "rotation": ["ada", "bob"], "time_zone": "Europe/Berlin"}
    schedules.write_text(json.dumps({"schedules": {"platform": turns}}))
    approvers = {name: {"slack": f"U0{name.upper()}", "role": "approver"} for name in ("ada", "bob")}
    people.write_text(json.dumps({"people": approvers}))
    options = {
        "stack": [
            *("--time-lapse", TIME_LAPSE, "--policy", str(schedules)),
            *("--runbooks", str(Path(__file__).parent / "runbooks")),
        ],
        "asking": [
            *("--time-lapse", TIME_LAPSE, "--reconcile-seconds", "10"),
            *("--runbooks", str(Path(__file__).parent / "runbooks")),
            *("--parameter", "RemediationMode=approve", "--policy", str(people), "--policy", str(policy)),
        ],
    }
    needed = {name for item in request.session.items if isinstance(item, pytest.Function) for name in item.fixturenames}
    begun = {name: LocalStack(tmp_path_factory.mktemp(name), *options[name]) for name in options if name in needed}
    yield begun
    for running in begun.values():
        running.process.terminate()
    for running in begun.values():
        running.stop()


@pytest.fixture
def stack(stacks: dict[str, LocalStack]) -> Iterator[LocalStack]:
    """A Firstline that remediates by itself and has no model."""
    yield stacks["stack"]
    stacks["stack"].close_what_was_left_open()


@pytest.fixture
def asking(stacks: dict[str, LocalStack]) -> Iterator[LocalStack]:
    """A Firstline that asks people before it remediates, and a model how bad it is; reconcile runs every 10 seconds."""
    stacks["asking"].set_secret("llm/api-key", KEY)
    yield stacks["asking"]
    stacks["asking"].close_what_was_left_open()


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    """The browsers of all tests, each begun when a test first needs it."""
    used = Browsers(tmp_path_factory.mktemp("browsers"))
    yield used
    used.close()
