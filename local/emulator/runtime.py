"""The Lambda service on one machine: functions in processes of their own, behind Lambda's Runtime API.

Errors, time-outs and crashes have the names and messages that Lambda gives them, so that Step Functions retries and
catches as it would on AWS.
"""

import json
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from werkzeug.wrappers import Request, Response

from local.emulator.bootstrap import LATE_PACKAGES, PACKAGES
from local.emulator.forks import Forks
from local.emulator.server import Server

_NEXT = "/2018-06-01/runtime/invocation/next"
_COMMON = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
}
_INIT_SECONDS = 60.0
_ASYNC_RETRIES = 2
_SECOND_PROCESS_AFTER_SECONDS = 2.0


class TooManyRequests(Exception):
    """All processes of a function stayed busy; Lambda's name for this is TooManyRequestsException."""


@dataclass(frozen=True)
class FunctionSpec:
    """A function as the template declares it.

    `python_path` has the folders of the layers with packages, `environment` the variables of the template, `role` the
    logical id of its role.
    """

    name: str
    arn: str
    folder: Path
    handler: str
    timeout_seconds: float
    memory_mb: int
    environment: dict[str, str]
    python_path: tuple[Path, ...] = ()
    role: str = ""


@dataclass(frozen=True)
class Invocation:
    """The result of an invocation. If `failed`, `payload` is Lambda's error object as JSON."""

    payload: bytes
    failed: bool


@dataclass
class _Call:
    """An invocation in progress. `taken` is set when the function's process has fetched it."""

    payload: bytes
    ahead_seconds: float = 0.0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    taken: threading.Event = field(default_factory=threading.Event)
    result: Future[Invocation] = field(default_factory=Future)

    def finish(self, payload: bytes, *, failed: bool) -> None:
        with suppress(InvalidStateError):  # the first end counts
            self.result.set_result(Invocation(payload, failed))
        self.taken.set()

    def fail(self, error_type: str, message: str) -> None:
        self.finish(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), failed=True)


def in_common(specs: Sequence[FunctionSpec]) -> dict[str, str]:
    """Return the variables that all functions have in common, with the folders of packages that all of them have."""
    variables = [set(spec.environment.items()) for spec in specs]
    folders = [str(folder) for folder in specs[0].python_path if all(folder in spec.python_path for spec in specs)]
    return {**dict(set.intersection(*variables)), "PYTHONPATH": os.pathsep.join(folders)}


class _Environment:
    """An execution environment: a function's process with the Runtime API that it polls, for one call at a time."""

    def __init__(self, spec: FunctionSpec, service: dict[str, str], log_path: Path, forks: Forks) -> None:
        self.idle = False
        self._spec = spec
        self._waiting: queue.Queue[_Call | None] = queue.Queue()
        self._current: _Call | None = None
        self._init_error: bytes | None = None
        self._api = Server(self._answer)
        self._api.start()
        environment = {
            **_COMMON,
            "PYTHONPATH": os.pathsep.join(str(folder) for folder in spec.python_path),
            **service,
            # Lambda gives each function the credentials of its own role; see roles.py.
            **({"AWS_ACCESS_KEY_ID": spec.role} if spec.role else {}),
            **spec.environment,
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": str(log_path),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_RUNTIME_API": self._api.url.removeprefix("http://"),
            "LAMBDA_TASK_ROOT": str(spec.folder),
            "_HANDLER": spec.handler,
        }
        with log_path.open("ab") as log:
            arguments = [spec.handler, spec.name]  # `ps` shows the name
            self.process = forks.start(arguments, folder=spec.folder, environment=environment, log=log)
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def invoke(self, payload: bytes, ahead_seconds: float) -> Invocation:
        call = self._current = _Call(payload, ahead_seconds)
        self._waiting.put(call)
        if not self.alive:
            self._fail_current()
        if not call.taken.wait(_INIT_SECONDS):
            call.fail("Sandbox.Timedout", f"{self._spec.name} did not start within {_INIT_SECONDS:g} seconds.")
            self.close()
        try:
            return call.result.result(self._spec.timeout_seconds)
        except TimeoutError:
            seconds = self._spec.timeout_seconds
            call.fail("Sandbox.Timedout", f"RequestId: {call.id} Error: Task timed out after {seconds:.2f} seconds")
            self.close()
            return call.result.result()
        finally:
            self._current = None

    def close(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)

    def _watch(self) -> None:
        """Wait until the process ends, then fail its current call and close its Runtime API."""
        self.process.wait()
        self._fail_current()
        self._waiting.put(None)
        self._api.close()
        if self.process.stdin:
            self.process.stdin.close()

    def _fail_current(self) -> None:
        call, code = self._current, self.process.wait()
        if call is None:
            return
        if self._init_error:
            call.finish(self._init_error, failed=True)
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        call.fail("Runtime.ExitError", f"RequestId: {call.id} Error: Runtime exited with error: {how}")

    def _answer(self, request: Request) -> Response:
        """Answer a request to the Runtime API: return the next call, or take the result of the current one."""
        if request.method == "POST":
            self._take_result(request.path, request.get_data())
            return Response('{"status":"OK"}', 202, content_type="application/json")
        call = self._waiting.get() if request.path == _NEXT else None
        if call is None:
            return Response("{}", 404, content_type="application/json")
        call.taken.set()
        now = time.time()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": call.id,
            "Lambda-Runtime-Deadline-Ms": str(int((now + self._spec.timeout_seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._spec.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(now):08x}-{call.id.replace('-', '')[:24]}",
            # For bootstrap.py, which puts the function's clock forward.
            "Lambda-Runtime-Client-Context": json.dumps({"custom": {"ahead_seconds": call.ahead_seconds}}),
        }
        return Response(call.payload, 200, headers, content_type="application/json")

    def _take_result(self, path: str, body: bytes) -> None:
        if path.endswith("/init/error"):
            self._init_error = body
        elif (call := self._current) is not None and f"/{call.id}/" in path:
            call.finish(body, failed=path.endswith("/error"))


class Functions:
    """The functions of a stack. As on Lambda, processes are started when they are needed, and then used again.

    Parameters
    ----------
    service_environment
        Environment variables of all functions: endpoint, region and credentials.
    log_folder
        The folder for each function's output, in `<name>.log`.
    processes_each
        The most processes of one function at a time.
    wait_seconds
        The longest wait of an invocation for a process that is idle.
    ahead
        Returns the seconds by which the clock of a function must be ahead when it gets a payload.
    forks
        The starter of processes, which the caller closes; without it, the functions have one of their own.
    packages
        Packages of the functions' layers that are imported once for all processes, in the environment that all
        functions have in common.
    late_packages
        Packages in those that only the functions import which use them.
    """

    def __init__(
        self,
        specs: list[FunctionSpec],
        *,
        service_environment: dict[str, str],
        log_folder: Path,
        processes_each: int = 4,
        wait_seconds: float = 60.0,
        ahead: Callable[[bytes], float] = lambda _: 0.0,
        forks: Forks | None = None,
        packages: Sequence[str] = (),
        late_packages: Sequence[str] = (),
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._service_environment = service_environment
        self._log_folder = log_folder
        self._wait_seconds = wait_seconds
        self._ahead = ahead
        self._environments: dict[str, list[_Environment]] = {spec.name: [] for spec in specs}
        self._closes_forks = forks is None
        preloaded = {PACKAGES: " ".join(packages), LATE_PACKAGES: " ".join(late_packages)} if packages else {}
        self._forks = forks or Forks({**_COMMON, **in_common(specs), **preloaded})
        self._forks.begin()
        self._processes_each = processes_each
        self._changed = threading.Condition()
        self._closed = False
        log_folder.mkdir(parents=True, exist_ok=True)

    def named(self, name_or_arn: str) -> str | None:
        """Return the name of the function with this name or ARN, or None if there is no such function."""
        parts = name_or_arn.split(":")
        name = parts[6] if name_or_arn.startswith("arn:") and len(parts) > 6 else parts[0]
        return name if name in self._specs else None

    def process_ids(self) -> dict[str, list[int]]:
        """Return the ids of each function's live processes, for tests that kill them."""
        with self._changed:
            return {
                name: [each.process.pid for each in made if each.alive] for name, made in self._environments.items()
            }

    def invoke(self, name: str, payload: bytes) -> Invocation:
        """Invoke a function and return its result.

        Raises
        ------
        TooManyRequests
            All processes of the function stayed busy for `wait_seconds`, an argument of this class, by default 60.
        KeyError
            There is no such function.
        """
        environment = self._take(name)
        try:
            return environment.invoke(payload, self._ahead(payload))
        finally:
            self._give_back(environment)

    def invoke_later(self, name: str, payload: bytes) -> None:
        """Invoke a function in the background, and again up to twice if it fails, as Lambda does for events."""

        def run() -> None:
            for attempt in range(1 + _ASYNC_RETRIES):
                try:
                    if self._closed or not self.invoke(name, payload).failed:
                        return
                except TooManyRequests:
                    pass
                time.sleep(2**attempt)

        threading.Thread(target=run, daemon=True).start()

    def close(self) -> None:
        """End all processes."""
        self._closed = True
        with self._changed:
            environments = [environment for started in self._environments.values() for environment in started]
        for environment in environments:
            environment.close()
        if self._closes_forks:
            self._forks.close()

    def _take(self, name: str) -> _Environment:
        """Return an idle process of a function; if none is idle, start one or wait for one."""
        began = time.monotonic()
        with self._changed:
            while True:
                alive = self._environments[name] = [each for each in self._environments[name] if each.alive]
                for environment in alive:
                    if environment.idle:
                        environment.idle = False
                        return environment
                waited = time.monotonic() - began
                # A second process costs a second of start-up: the first is often free again before that.
                if not alive or (len(alive) < self._processes_each and waited >= _SECOND_PROCESS_AFTER_SECONDS):
                    log_path = self._log_folder / f"{name}.log"
                    alive.append(_Environment(self._specs[name], self._service_environment, log_path, self._forks))
                    return alive[-1]
                if waited >= self._wait_seconds:
                    raise TooManyRequests(f"{name}: all {len(alive)} processes are busy; try again.")
                self._changed.wait(timeout=0.5)

    def _give_back(self, environment: _Environment) -> None:
        with self._changed:
            environment.idle = True
            if self._closed:
                environment.process.kill()
            self._changed.notify_all()
