"""Lambda in one process: the real handlers of functions/*/app.py, and the ways in which an invocation goes wrong.

Takes the place of `local.emulator.runtime.Functions` in `local.emulator.cloud.Cloud`.
"""

import importlib.util
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from boto3.session import Session

from local.emulator.runtime import FunctionSpec, Invocation, TooManyRequests

_new_client: Callable[..., Any] = Session.client
_clients: dict[tuple[str, str, str], Any] = {}


def _client(session: Session, service: str, config: Any = None, **arguments: Any) -> Any:
    """Reuse clients, because creating them is most of a cold start and tells these tests nothing."""
    key = service, os.environ["AWS_ENDPOINT_URL"], repr((vars(config) if config else None, arguments))
    if key not in _clients:
        _clients[key] = _new_client(session, service, config=config, **arguments)
    return _clients[key]


type Event = dict[str, Any]
type Handler = Callable[[Event], Any]
type Trouble = Callable[[Handler, Event], Any]
"""Stands between Lambda and the handler: calls it, or not, and answers, or raises."""


NAMES_NO_STATE = ""
"""The `state` of an invocation that names none: planning, in the remediate function."""


_environment = threading.RLock()  # `meanwhile` may call another function
"""Held while a function works: the process has one environment, and a stopped execution may outlive its test."""


class _Died(Exception):
    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def dies(handler: Handler, event: Event) -> Any:
    """Kill the process before the handler has done anything."""
    raise _Died("Runtime.ExitError")


def reply_lost(handler: Handler, event: Event) -> Any:
    """Let the handler do all its work, but report a time-out."""
    handler(event)
    raise _Died("Sandbox.Timedout")


def busy(handler: Handler, event: Event) -> Any:
    """Lambda takes no more invocations of the function."""
    raise TooManyRequests("Rate Exceeded.")


def crashes(handler: Handler, event: Event) -> Any:
    """Raise an unexpected exception in the handler."""
    raise ZeroDivisionError("division by zero")


def misunderstands(handler: Handler, event: Event) -> Any:
    """Leave out a field that the contract needs."""
    return handler({name: value for name, value in event.items() if name not in ("incident", "incident_id")})


def from_a_later_version(handler: Handler, event: Event) -> Any:
    """Send a field that the contract does not have, as a machine of a later version would."""
    return handler({**event, "added_by_a_later_version": True})


def from_an_earlier_version(handler: Handler, event: Event) -> Any:
    """Leave out a field that has a default, as a machine of an earlier version would."""
    return handler({name: value for name, value in event.items() if name != "generation"})


def answers_no_next(handler: Handler, event: Event) -> Any:
    """Answer without the next state, as a function of an earlier version would."""
    return {name: value for name, value in handler(event).items() if name != "next"}


def answers_nonsense(handler: Handler, event: Event) -> Any:
    """Return an answer without anything that the machine reads."""
    return {"surprise": True}


def answers(value: Any) -> Trouble:
    """Return this answer instead of the handler's."""
    return lambda handler, event: value


def meanwhile(action: Callable[[], object]) -> Trouble:
    """Something happens in the world after the handler has worked and before the machine goes on."""

    def trouble(handler: Handler, event: Event) -> Any:
        answer = handler(event)
        action()
        return answer

    return trouble


def just_before(action: Callable[[], object]) -> Trouble:
    """Something happens in the world after the machine has decided and before the handler works."""

    def trouble(handler: Handler, event: Event) -> Any:
        action()
        return handler(event)

    return trouble


@dataclass
class _Planned:
    function: str
    state: str | None
    troubles: list[Trouble]
    for_good: bool


class Functions:
    """Every function of the template, by the name of its folder for tests and by its ARN for the machine.

    Invocations run one at a time, each with its own function's environment.

    Parameters
    ----------
    warm
        Modules that were loaded already, by the function's name; the others are loaded anew, which is a cold start.
    now
        The time in the functions' world.
    near
        What takes the place of a service's client.
    """

    def __init__(
        self,
        specs: Sequence[FunctionSpec],
        service_environment: Mapping[str, str],
        *,
        overrides: Mapping[str, str],
        warm: dict[str, ModuleType],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        near: Callable[[str, Any], Any] = lambda service, client: client,
    ) -> None:
        self._now = now
        self._near = near
        self._overrides = overrides
        self._specs = {spec.name: spec for spec in specs}
        self._names = {spec.folder.name: spec.name for spec in specs}
        self._service_environment = service_environment
        self._modules = warm
        self._planned: list[_Planned] = []
        self.invoked: list[tuple[str, str]] = []

    def plan(self, function: str, *troubles: Trouble, state: str | None = None, for_good: bool = False) -> None:
        """Let the next invocations of a function (for one of its states) go like this, one each, or all of them."""
        self._planned.append(_Planned(function, state, list(troubles), for_good))

    def call(self, function: str, event: Event) -> Any:
        """Call a handler as AWS would, and get what it returns."""
        spec = self._specs[self._names[function]]
        environment = {**self._service_environment, **spec.environment, **self._overrides}
        with _environment, _variables(environment), patch.object(Session, "client", self._client()):
            handler = self._module(spec).handler
            context = SimpleNamespace(
                function_name=spec.name,
                function_version="$LATEST",
                memory_limit_in_mb=spec.memory_mb,
                invoked_function_arn=spec.arn,
                aws_request_id="00000000-0000-4000-8000-000000000000",
                get_remaining_time_in_millis=lambda: int(spec.timeout_seconds * 1_000),
            )
            self.invoked.append((function, event.get("state", NAMES_NO_STATE)))
            trouble = self._next_trouble(function, event)
            if trouble:
                return trouble(lambda event: handler(event, context), event)
            return handler(event, context)

    def _client(self) -> Callable[..., Any]:
        near = self._near
        return lambda session, service, *args, **named: near(service, _client(session, service, *args, **named))

    # --- what Cloud asks for ----------------------------------------------------------------------------------------

    def named(self, name_or_arn: str) -> str | None:
        """Return the function's name."""
        name = name_or_arn.rsplit(":", 1)[-1]
        return name if name in self._specs else None

    def invoke(self, name: str, payload: bytes) -> Invocation:
        """Invoke and wait; errors have the shape that Lambda gives them."""
        event = json.loads(payload)
        try:
            answer = self.call(self._specs[name].folder.name, event)
        except TooManyRequests:
            raise
        except _Died as death:
            return _failed(death.error, f"RequestId: 1 Error: {death.error}")
        except Exception as error:  # noqa: BLE001 (the Lambda runtime does the same)
            return _failed(type(error).__name__, str(error))
        return Invocation(json.dumps(answer).encode(), failed=False)

    def _next_trouble(self, function: str, event: Event) -> Trouble | None:
        for planned in self._planned:
            fits = planned.function == function and planned.state in (None, event.get("state", NAMES_NO_STATE))
            if fits and planned.troubles:
                return planned.troubles[0] if planned.for_good else planned.troubles.pop(0)
        return None

    def _module(self, spec: FunctionSpec) -> ModuleType:
        if spec.name not in self._modules:
            # Under a name of its own: each folder's module is called `app`.
            location = importlib.util.spec_from_file_location(
                f"firstline_{spec.folder.name}_app", spec.folder / "app.py"
            )
            assert location is not None
            assert location.loader is not None
            module = importlib.util.module_from_spec(location)
            location.loader.exec_module(module)
            module.datetime = _clock(lambda: self._now())  # type: ignore[attr-defined]
            self._modules[spec.name] = module
        return self._modules[spec.name]


@contextmanager
def _variables(environment: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a while. `patch.dict` would write all of the process's variables anew after each call."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _clock(now: Callable[[], datetime]) -> Any:
    """Return what a handler takes for `datetime`."""
    return SimpleNamespace(now=lambda zone: now().astimezone(zone))


def _failed(error_type: str, message: str) -> Invocation:
    return Invocation(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), failed=True)
