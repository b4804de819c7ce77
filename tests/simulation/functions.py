"""Lambda in the simulation: the real handlers of functions/*/app.py, in this process and in virtual time.

Each invocation has a sandbox: the parts that the function built and remembers. Invocations within each other have
sandboxes of their own, as on Lambda. A sandbox dies with its invocation if that is killed.
"""

import importlib
import importlib.util
import json
import logging
import os
import pkgutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, cast

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse
from slack_sdk.errors import SlackClientError

from firstline.errors import FirstlineError
from firstline.observability import logger, metrics
from firstline.wiring import Wiring
from local.emulator.template import Template
from tests.simulation import hosts
from tests.simulation.calls import Calls, Frame, Killed
from tests.simulation.clock import VirtualClock, frozen_datetime
from tests.simulation.machine import TaskError

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "123456789012", "eu-central-1"
NAMES = ("ingest", "classify", "remediate", "escalate", "notify", "respond", "reconcile")
PARAMETERS = {"EnvironmentName": "prod", "RemediationMode": "auto", "Approvers": "U0ADA,U0EVE,U0BOB"}

KNOWN_ERRORS = (FirstlineError, ClientError, BotoCoreError, OSError, GetParameterError, SlackClientError, TaskError)
"""Errors that tell of the world's trouble; every other one is a bug of the package or of the simulation."""

type Event = Mapping[str, Any]


# --- the template -----------------------------------------------------------------------------------------------------


def _attribute(logical_id: str, name: str | None) -> str:
    """Return a resource's `Ref` or attribute, as AWS would name it."""
    plain = {"Table": hosts.STACK, "PageTopic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{hosts.STACK}-page"}
    if logical_id.endswith("StateMachine"):
        kind = logical_id.removesuffix("StateMachine").lower()
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{hosts.STACK}-{kind}"
        return f"{hosts.STACK}-{kind}" if name == "Name" else arn
    if logical_id.endswith("Function"):
        function = f"{hosts.STACK}-{logical_id.removesuffix('Function').lower()}"
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}" if name == "Arn" else function
    return plain.get(logical_id, f"{hosts.STACK}-{logical_id}")


@cache
def template() -> tuple[Template, Mapping[str, Any]]:
    """Return the template with its parameters given, and its text as data."""
    body: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    pseudo = {
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "AWS::StackName": hosts.STACK,
        "AWS::URLSuffix": "amazonaws.com",
    }
    return Template(body, PARAMETERS, pseudo=pseudo, attribute=_attribute), body


@cache
def environment() -> Mapping[str, str]:
    """Return the variables of all functions together: one name has one value in all of them."""
    resolver, body = template()
    found = dict(body["Globals"]["Function"]["Environment"]["Variables"])
    for resource in body["Resources"].values():
        found |= resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
    found.setdefault("BACKLOG_QUEUE_URL", f"{hosts.STACK}-BacklogQueue")
    resolved = {name: str(value) for name, value in resolver.resolve(found).items()}
    return resolved | {
        "RUNBOOKS_DIR": str(hosts.runbooks_folder()),
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }


@contextmanager
def surroundings(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# --- virtual time in the package's modules ----------------------------------------------------------------------------


class _Now:
    """The clock of the running simulation."""

    clock: VirtualClock | None = None
    calls: Calls | None = None

    @classmethod
    def now(cls) -> datetime:
        return cls.clock.now() if cls.clock else datetime.now(UTC)

    @classmethod
    def sleep(cls, seconds: float) -> None:
        """Let the rest of the world go on meanwhile."""
        if cls.calls is not None:
            cls.calls.let_others_go(seconds, whole=True)


class SerialExecutor:
    """Runs what is submitted at once: the simulation has one thread."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> "SerialExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> "Future[Any]":
        """Run the work; an exception of it waits in the future."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments, **named))
        except Exception as error:  # noqa: BLE001 (as an executor does)
            future.set_exception(error)
        return future

    def map(self, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Run the work for each argument."""
        return [work(*given) for given in zip(*arguments, strict=False)]

    def shutdown(self, *_: object, **__: object) -> None:
        """Do nothing: all work is done."""


_FrozenDatetime = frozen_datetime(cast("VirtualClock", _Now))
_TIME = SimpleNamespace(
    **{name: getattr(time, name) for name in dir(time) if not name.startswith("__")}
    | {
        "sleep": _Now.sleep,
        "time": lambda: _Now.now().timestamp(),
        "monotonic": lambda: _Now.now().timestamp(),
    }
)


def _patch(module: ModuleType) -> None:
    """Put virtual time, and one thread, into a module that reads the time, sleeps, or has threads."""
    names = vars(module)
    if names.get("datetime") is datetime and "datetime.now(" in Path(module.__file__ or "").read_text():
        names["datetime"] = _FrozenDatetime
    if names.get("time") is time:
        names["time"] = _TIME
    if "ThreadPoolExecutor" in names:
        names["ThreadPoolExecutor"] = SerialExecutor


def _sleep(seconds: float) -> None:
    (_Now.sleep if _Now.clock else time.sleep)(seconds)


def _monotonic() -> float:
    return _Now.now().timestamp() if _Now.clock else time.monotonic()


@cache
def _replace_defaults() -> None:
    """Replace default arguments that are the real clock's; outside of a simulation the replacements are the same."""
    _import_all()
    replacements: dict[Any, Any] = {time.sleep: _sleep, time.monotonic: _monotonic}
    for name, module in list(sys.modules.items()):
        if not name.startswith("firstline."):
            continue
        for owner in [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == name]:
            for method in [each for each in vars(owner).values() if isinstance(each, FunctionType)]:
                if method.__defaults__:
                    method.__defaults__ = tuple(_replaced(each, replacements) for each in method.__defaults__)
                if method.__kwdefaults__:
                    named = method.__kwdefaults__.items()
                    method.__kwdefaults__ = {key: _replaced(each, replacements) for key, each in named}


def _replaced(value: Any, replacements: Mapping[Any, Any]) -> Any:
    return next((new for old, new in replacements.items() if value is old), value)


def _import_all() -> None:
    """Import every module of the package: one that is imported later would read the real clock."""
    import firstline

    for found in pkgutil.walk_packages(firstline.__path__, "firstline."):
        if ".llm" not in found.name:
            importlib.import_module(found.name)


class _LoggedCrashes(logging.Handler):
    """Reports errors that the package catches and logs although it does not know them: they are bugs."""

    def __init__(self, calls: Calls, on_crash: Callable[[str, Event, BaseException, list[Any]], object]) -> None:
        super().__init__(logging.ERROR)
        self._calls = calls
        self._on_crash = on_crash

    def emit(self, record: logging.LogRecord) -> None:
        """Look for an unknown error in the record, or behind its error."""
        error = record.exc_info[1] if record.exc_info else None
        while error is not None:
            if not isinstance(error, KNOWN_ERRORS):
                frame = self._calls.frames[-1] if self._calls.frames else None
                self._on_crash(frame.actor if frame else "", {}, error, list(frame.faults) if frame else [])
                return
            error = error.__cause__


@contextmanager
def without_metrics() -> Iterator[None]:
    """Keep metrics from being printed for a block: nothing here reads them."""
    from firstline import observability

    provider = vars(metrics.provider)
    quiet = {"add_metric": lambda **_: None, "flush_metrics": lambda **_: None}
    before = {name: provider[name] for name in quiet if name in provider}
    single = observability.single_metric
    provider.update(quiet)
    vars(observability)["single_metric"] = lambda **_: nullcontext()
    try:
        yield
    finally:
        for name in quiet:
            del provider[name]
        provider.update(before)
        vars(observability)["single_metric"] = single


@contextmanager
def logged_crashes(calls: Calls, on_crash: Callable[[str, Event, BaseException, list[Any]], object]) -> Iterator[None]:
    """Watch the package's log for a block, which prints nothing meanwhile."""
    handler, before = _LoggedCrashes(calls, on_crash), [(each, each.level) for each in logger.handlers]
    for each, _ in before:
        each.setLevel(logging.CRITICAL + 1)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        for each, level in before:
            each.setLevel(level)


@contextmanager
def virtual_time(clock: VirtualClock, calls: Calls) -> Iterator[None]:
    """Let the package read this clock for a block."""
    _replace_defaults()
    changed: list[tuple[ModuleType, dict[str, Any]]] = []
    for name, module in list(sys.modules.items()):
        if module is not None and name.startswith("firstline.") and getattr(module, "__file__", None):
            before = {
                key: vars(module)[key] for key in ("datetime", "time", "ThreadPoolExecutor") if key in vars(module)
            }
            if before:
                _patch(module)
                changed.append((module, before))
    _Now.clock, _Now.calls = clock, calls
    try:
        yield
    finally:
        _Now.clock = _Now.calls = None
        for module, before in changed:
            vars(module).update(before)


# --- the functions ----------------------------------------------------------------------------------------------------


@cache
def app(name: str) -> ModuleType:
    """Return a function's module, under a name of its own."""
    location = importlib.util.spec_from_file_location(f"simulated_{name}", ROOT / "functions" / name / "app.py")
    assert location is not None
    assert location.loader is not None
    module = importlib.util.module_from_spec(location)
    with surroundings(environment()):
        location.loader.exec_module(module)
    vars(module)["datetime"] = _FrozenDatetime
    return module


@cache
def _shared() -> Mapping[str, Any]:
    """Return parts that are the same for every sandbox and never change: they are slow to read."""
    from firstline.settings import RemediateSettings

    with surroundings(environment()):
        wiring = Wiring(RemediateSettings)
        parts = ("catalogue", "paging_policy", "remediation_rules", "rules", "model")
        return {name: getattr(wiring, name) for name in parts}


class _SimWiring(Wiring):
    """A function's parts, with clients of the simulation."""

    def __init__(self, model: Any, config: Any, client: Callable[[str], Any]) -> None:
        super().__init__(model, config)
        self._sim_client = client

    def _client(self, service: str, config: Any = None) -> Any:
        return self._sim_client(service)


class Functions:
    """Every function of the stack.

    Parameters
    ----------
    client
        Returns the simulation's client of a service.
    secrets
        Makes the secrets of a new sandbox.
    on_crash
        Told of an error that is none of Firstline's own: a function's name, its event, the error, the faults it met.
    """

    def __init__(
        self,
        calls: Calls,
        client: Callable[[str], Any],
        secrets: Callable[[], Any],
        on_crash: Callable[[str, Event, BaseException, list[Any]], object],
    ) -> None:
        self._calls = calls
        self._client = client
        self._secrets = secrets
        self._on_crash = on_crash
        self._idle: dict[str, list[_SimWiring]] = defaultdict(list)
        self.invocations: dict[str, int] = defaultdict(int)

    def call(self, name: str, event: Event) -> Any:
        """Invoke a function and return its answer.

        Raises
        ------
        Killed
            The process ended.
        Exception
            The handler raised it.
        """
        module = app(name)
        self.invocations[name] += 1
        sandbox = self._idle[name].pop() if self._idle[name] else self._cold(module)
        state = event.get("state")
        frame = Frame(f"{name}/{state}" if state else name, self._calls.clock.now(), 55 if name == "reconcile" else 30)
        before, vars(module)["wiring"] = vars(module)["wiring"], sandbox
        self._calls.frames.append(frame)
        try:
            # As JSON, the way it travels: nobody changes another's values.
            answer = module.handler(json.loads(json.dumps(event)), _context(name))
            self._idle[name].append(sandbox)
            return json.loads(json.dumps(answer))
        except Exception as error:
            self._idle[name].append(sandbox)
            if not isinstance(error, KNOWN_ERRORS):
                self._on_crash(name, event, error, frame.faults)
            raise
        finally:
            self._calls.frames.pop()
            vars(module)["wiring"] = before

    def restart(self) -> None:
        """Begin with cold functions, as after a deployment."""
        self._idle.clear()

    def _cold(self, module: ModuleType) -> _SimWiring:
        made: Wiring = vars(module)["wiring"]
        sandbox = _SimWiring(made._model, made._config, self._client)
        sandbox.__dict__ |= _shared()
        sandbox.__dict__["secrets"] = self._secrets()
        return sandbox

    # --- as the state machine invokes -------------------------------------------------------------------------------

    def invoke(self, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Serve `lambda:invoke`: the payload of the answer, or the error as Step Functions names it."""
        name = arguments["FunctionName"].rsplit("-", 1)[-1]
        event = arguments["Payload"]
        state = context.get("State", {}).get("Name", "")
        kind = self._calls.faults.choose(f"machine/{state}:lambda.{name}", ("busy", "lost", "others first"), _Now.now())
        if kind == "busy":
            raise TaskError("Lambda.TooManyRequestsException", "Simulated")
        if kind == "others first":
            self._calls.let_others_go(10)
        try:
            answer = self.call(name, event)
        except Killed as killed:
            raise TaskError(killed.error, "Simulated") from None
        except Exception as error:
            cause = json.dumps({"errorMessage": str(error)[:500], "errorType": type(error).__name__})
            raise TaskError(type(error).__name__, cause) from error
        if kind == "lost":
            raise TaskError("Lambda.SdkClientException", "Simulated: the answer is lost")
        return {"Payload": answer, "StatusCode": 200, "ExecutedVersion": "$LATEST"}


def _context(name: str) -> Any:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{hosts.STACK}-{name}"
    return SimpleNamespace(
        function_name=f"{hosts.STACK}-{name}",
        function_version="$LATEST",
        memory_limit_in_mb=512,
        invoked_function_arn=arn,
        aws_request_id="00000000-0000-4000-8000-000000000000",
        get_remaining_time_in_millis=lambda: 30_000,
    )
