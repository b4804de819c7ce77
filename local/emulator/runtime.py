"""The Lambda service on one machine: functions in processes of their own, behind Lambda's Runtime API.

Errors, time-outs, crashes and environments reach the caller in the shapes that Lambda gives them, so that Step
Functions retries and catches as it would on AWS.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_RUNTIME = "/2018-06-01/runtime"
_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_INIT_SECONDS = 60.0
_ASYNC_RETRIES = 2
_PATIENCE_SECONDS = 2.0


class TooManyRequests(Exception):
    """Every process of the function stayed busy; Lambda calls it TooManyRequestsException."""


@dataclass(frozen=True)
class FunctionSpec:
    """One function as the template declares it.

    `python_path` are the folders of the layers that hold packages, `environment` is complete but for what Lambda itself
    sets.
    """

    name: str
    arn: str
    folder: Path
    handler: str
    timeout_seconds: float
    memory_mb: int
    environment: dict[str, str]
    python_path: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Invocation:
    """How one invocation ended. `failed` says that `payload` is an error object, as `X-Amz-Function-Error` does."""

    payload: bytes
    failed: bool


@dataclass
class _Request:
    payload: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    taken_at: float | None = None
    taken: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    result: Invocation | None = None

    def finish(self, payload: bytes, *, failed: bool) -> None:
        if self.result is None:
            self.result = Invocation(payload, failed)
        self.taken.set()
        self.done.set()


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class _Environment:
    """One execution environment: a process and the Runtime API that it polls. Serves one request at a time."""

    def __init__(self, spec: FunctionSpec, service: dict[str, str], log_path: Path) -> None:
        self._spec = spec
        self._waiting: queue.Queue[_Request | None] = queue.Queue()
        self._current: _Request | None = None
        self._init_error: bytes | None = None
        self._api = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._api.daemon_threads = True
        threading.Thread(target=self._api.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        search_path = os.pathsep.join(str(folder) for folder in spec.python_path)
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONPATH": search_path,
            **service,
            **spec.environment,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": str(log_path),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_address[1]}",
            "LAMBDA_TASK_ROOT": str(spec.folder),
            "_HANDLER": spec.handler,
        }
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(_BOOTSTRAP), spec.handler, spec.name],  # the name is for whoever looks at `ps`
                cwd=spec.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def invoke(self, payload: bytes) -> Invocation:
        request = _Request(payload)
        self._current = request
        self._waiting.put(request)
        if not self.alive:
            self._fail_current()
        if not request.taken.wait(_INIT_SECONDS):
            self.close()
            request.finish(_error("Sandbox.Timedout", f"{self._spec.name} did not start."), failed=True)
        elif not request.done.wait(self._spec.timeout_seconds):
            request.finish(
                _error(
                    "Sandbox.Timedout",
                    f"RequestId: {request.id} Error: Task timed out after {self._spec.timeout_seconds:.2f} seconds",
                ),
                failed=True,
            )
            self.close()
        self._current = None
        if request.result is None:
            raise RuntimeError(f"The invocation {request.id} of {self._spec.name} ended without a result.")
        return request.result

    def close(self) -> None:
        if self.alive:
            self.process.kill()
        self.process.wait(timeout=10)

    def _watch(self) -> None:
        self.process.wait()
        self._fail_current()
        self._waiting.put(None)
        self._api.shutdown()
        self._api.server_close()
        if self.process.stdin:
            self.process.stdin.close()

    def _fail_current(self) -> None:
        request = self._current
        if request is None:
            return
        code = self.process.wait()
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        message = f"RequestId: {request.id} Error: Runtime exited with error: {how}"
        request.finish(self._init_error or _error("Runtime.ExitError", message), failed=True)

    def _next(self) -> _Request | None:
        request = self._waiting.get()
        if request is not None:
            request.taken_at = time.time()
            request.taken.set()
        return request

    def _take_result(self, path: str, body: bytes) -> None:
        if path.endswith("/init/error"):
            self._init_error = body
            return
        request = self._current
        if request is not None and f"/{request.id}/" in path:
            request.finish(body, failed=path.endswith("/error"))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        environment = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                request = environment._next() if self.path == f"{_RUNTIME}/invocation/next" else None
                if request is None:
                    self._answer(404, b"{}")
                    return
                deadline = time.time() + environment._spec.timeout_seconds
                self._answer(
                    200,
                    request.payload,
                    {
                        "Lambda-Runtime-Aws-Request-Id": request.id,
                        "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                        "Lambda-Runtime-Invoked-Function-Arn": environment._spec.arn,
                        "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{request.id.replace('-', '')[:24]}",
                    },
                )

            def do_POST(self) -> None:
                body = self._body()
                environment._take_result(self.path, body)
                self._answer(202, b'{"status":"OK"}')

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    for name, value in (headers or {}).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the process died while we answered; _watch reports it

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


class Functions:
    """All functions of a stack. Processes are started when they are first needed and used again, as on Lambda.

    Parameters
    ----------
    service_environment
        What every function gets beside its own: endpoint, region and credentials.
    log_folder
        Each function's stdout and stderr go to `<name>.log` in it.
    """

    def __init__(
        self,
        specs: list[FunctionSpec],
        *,
        service_environment: dict[str, str],
        log_folder: Path,
        processes_each: int = 4,
        wait_seconds: float = 60.0,
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._service_environment = service_environment
        self._log_folder = log_folder
        self._wait_seconds = wait_seconds
        self._idle: dict[str, list[_Environment]] = {spec.name: [] for spec in specs}
        self._all: dict[str, list[_Environment]] = {spec.name: [] for spec in specs}
        self._processes_each = processes_each
        self._changed = threading.Condition()
        self._closed = False
        log_folder.mkdir(parents=True, exist_ok=True)

    def names(self) -> list[str]:
        """List the functions that can be invoked."""
        return list(self._specs)

    def named(self, name_or_arn: str) -> str | None:
        """Return the name of a function, given its name or ARN, or None when there is no such function."""
        parts = name_or_arn.split(":")
        name = parts[6] if name_or_arn.startswith("arn:") and len(parts) > 6 else parts[0]
        return name if name in self._specs else None

    def process_ids(self) -> dict[str, list[int]]:
        """Return the live processes of each function, for tests that kill them."""
        with self._changed:
            return {name: [e.process.pid for e in all_ if e.alive] for name, all_ in self._all.items()}

    def invoke(self, name: str, payload: bytes) -> Invocation:
        """Run a function once and wait for its answer.

        Raises
        ------
        TooManyRequests
            All of its processes stayed busy for `wait_seconds`.
        KeyError
            There is no such function.
        """
        environment = self._take(name)
        try:
            return environment.invoke(payload)
        finally:
            self._give_back(name, environment)

    def invoke_later(self, name: str, payload: bytes) -> None:
        """Run a function in the background, with two retries on failure as Lambda does for events."""

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
        """End every process."""
        self._closed = True
        with self._changed:
            environments = [environment for all_ in self._all.values() for environment in all_]
        for environment in environments:
            environment.close()

    def _take(self, name: str) -> _Environment:
        began = time.monotonic()
        with self._changed:
            while True:
                self._all[name] = [environment for environment in self._all[name] if environment.alive]
                idle = self._idle[name] = [environment for environment in self._idle[name] if environment.alive]
                if idle:
                    return idle.pop()
                waited = time.monotonic() - began
                processes = len(self._all[name])
                # A second process costs a second of start-up: the first is often free again before that.
                if processes == 0 or (processes < self._processes_each and waited >= _PATIENCE_SECONDS):
                    environment = _Environment(
                        self._specs[name], self._service_environment, self._log_folder / f"{name}.log"
                    )
                    self._all[name].append(environment)
                    return environment
                if waited >= self._wait_seconds:
                    raise TooManyRequests(f"{name}: all processes are busy.")
                self._changed.wait(timeout=0.5)

    def _give_back(self, name: str, environment: _Environment) -> None:
        with self._changed:
            if environment.alive and not self._closed:
                self._idle[name].append(environment)
            elif environment.alive:
                environment.process.kill()
            self._changed.notify_all()
