"""Virtual time, one thread, and a quiet log for the package, while a simulation runs.

Every module of the package that reads the time, sleeps or has threads gets the simulation's instead.
"""

import importlib
import logging
import pkgutil
import sys
import time
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, cast

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError
from slack_sdk.errors import SlackClientError

from firstline import sources
from firstline.errors import FirstlineError, UnreadablePayload
from firstline.observability import logger, metrics
from tests.simulation.calls import Calls
from tests.simulation.clock import VirtualClock, frozen_datetime
from tests.simulation.machine import TaskError

KNOWN_ERRORS = (FirstlineError, ClientError, BotoCoreError, OSError, GetParameterError, SlackClientError, TaskError)
"""Errors that tell of the world's trouble; every other one is a bug of the package or of the simulation."""

type OnCrash = Callable[[str, Mapping[str, Any], BaseException, list[Any]], object]
"""Told of an error that is none of Firstline's own: a function's name, its event, the error, the faults it met."""


class Now:
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


VirtualDatetime = frozen_datetime(cast("VirtualClock", Now))
_TIME = SimpleNamespace(
    **{name: getattr(time, name) for name in dir(time) if not name.startswith("__")}
    | {
        "sleep": Now.sleep,
        "time": lambda: Now.now().timestamp(),
        "monotonic": lambda: Now.now().timestamp(),
    }
)


_REPLACED = ("datetime", "time", "ThreadPoolExecutor")


@cache
def _reads_the_clock(path: str) -> bool:
    return "datetime.now(" in Path(path).read_text()


def _patch(module: ModuleType) -> None:
    """Put virtual time, and one thread, into a module that reads the time, sleeps, or has threads."""
    names = vars(module)
    if names.get("datetime") is datetime and _reads_the_clock(module.__file__ or ""):
        names["datetime"] = VirtualDatetime
    if names.get("time") is time:
        names["time"] = _TIME
    if "ThreadPoolExecutor" in names:
        names["ThreadPoolExecutor"] = SerialExecutor


def _sleep(seconds: float) -> None:
    (Now.sleep if Now.clock else time.sleep)(seconds)


def _monotonic() -> float:
    return Now.now().timestamp() if Now.clock else time.monotonic()


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

    def __init__(self, calls: Calls, on_crash: OnCrash) -> None:
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
    single = vars(observability)["single_metric"]
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
def unreadable(names: Container[str]) -> Iterator[None]:
    """Let the release of a block be unable to read what these sources send; `names` may change meanwhile."""
    read = sources.normalize_batch

    def normalize_batch(source: str, *given: Any, **named: Any) -> Any:
        if source in names:
            raise UnreadablePayload("Simulated: this release does not know the shape")
        return read(source, *given, **named)

    vars(sources)["normalize_batch"] = normalize_batch
    try:
        yield
    finally:
        vars(sources)["normalize_batch"] = read


@contextmanager
def logged_crashes(calls: Calls, on_crash: OnCrash) -> Iterator[None]:
    """Watch the package's log for a block, which prints nothing meanwhile."""
    handler, before = _LoggedCrashes(calls, on_crash), [(each, each.level) for each in logger.handlers]
    for each, _ in before:
        each.setLevel(logging.CRITICAL + 1)
    plain: Any = logger  # a logger of the standard library behind Powertools' one
    plain.addHandler(handler)
    try:
        yield
    finally:
        plain.removeHandler(handler)
        for each, level in before:
            each.setLevel(level)


@contextmanager
def virtual_time(clock: VirtualClock, calls: Calls) -> Iterator[None]:
    """Let the package read this clock for a block."""
    _replace_defaults()
    changed: list[tuple[ModuleType, dict[str, Any]]] = []
    for name, module in list(sys.modules.items()):
        if module is not None and name.startswith("firstline.") and getattr(module, "__file__", None):
            before = {key: value for key, value in vars(module).items() if key in _REPLACED}
            if before:
                _patch(module)
                changed.append((module, before))
    Now.clock, Now.calls = clock, calls
    try:
        yield
    finally:
        Now.clock = Now.calls = None
        for module, before in changed:
            vars(module).update(before)
