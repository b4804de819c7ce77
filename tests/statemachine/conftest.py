"""One stack for all of these tests, emptied between them; time is skipped instead of waited for."""

from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import pytest
from moto.core import responses
from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

from tests.statemachine.releasing import Service, flags, shop
from tests.statemachine.world import World
from tests.support.direct import direct, opened_directly

# moto looks through all methods of a service's class for each request.
responses.method_names_from_class = cache(responses.method_names_from_class)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Create the stack once, because expanding the template takes a second."""
    before = dict(default_user_config)
    world = World(tmp_path_factory.mktemp("opt"))
    with direct(world.aws_url, world.aws.answer), opened_directly(world.inbox_url, world.inbox):
        world.start()
        yield world
        world.close()
    config: dict[str, Any] = cast(Any, default_user_config)
    config.clear()
    config.update(before)


@pytest.fixture
def skipped(stack: World, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip Wait states and pauses between retries; return the seconds that they would have taken."""
    seconds: list[float] = []

    def skip(wait_seconds: float) -> None:
        seconds.append(wait_seconds)
        stack.passes(wait_seconds)

    def wait(self: Any, env: Any, wait_seconds: float) -> None:
        skip(wait_seconds)

    monkeypatch.setattr(WaitFunction, "_wait_interval", wait)
    monkeypatch.setattr(retrier_decl, "time", SimpleNamespace(sleep=skip))
    monkeypatch.setattr(state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", 0.01)
    return seconds


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """States whose fixed time-outs pass within three seconds, for tasks that never answer."""
    states: set[str] = set()

    def seconds(self: TimeoutSeconds, env: Any) -> float:
        hurry = env.states.context_object.context_object_data["State"]["Name"] in states
        return 3 if hurry else self.timeout_seconds

    monkeypatch.setattr(TimeoutSeconds, "_eval_seconds", seconds)
    return states


@pytest.fixture
def world(stack: World, skipped: list[float], impatient: set[str]) -> Iterator[World]:
    """Return the stack as if it had just been deployed."""
    stack.begin()
    yield stack
    stack.end()


@pytest.fixture(params=[shop, flags], ids=["codedeploy", "appconfig"])
def service(request: pytest.FixtureRequest, world: World) -> Service:
    """Return each of the two services whose releases are taken back."""
    make: Callable[[World], Service] = request.param
    return make(world)
