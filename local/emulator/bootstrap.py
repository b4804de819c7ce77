"""The process of one Lambda function, which ends when the process that started it ends.

It is started as a script, in one of two ways. `python local/emulator/bootstrap.py app.handler name` runs a function,
with its folder as working directory. With only one argument, of any text, it is the process from which functions are
forked (local/emulator/forks.py): it imports their libraries and the packages of their layers once, and nothing of the
functions themselves.
"""

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import socket
import sys
import threading
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

_HEAVY = (
    *("boto3", "boto3.s3.transfer", "botocore.client", "botocore.httpsession", "cryptography.x509"),
    *(
        "aws_lambda_powertools.logging.logger",
        "aws_lambda_powertools.metrics",
        "aws_lambda_powertools.utilities.typing",
    ),
    *("pydantic", "pydantic.json_schema", "yaml", "jinja2", "rapidfuzz", "slack_sdk.web.client"),
)
"""The libraries that take most of a function's start. None may read the environment when it is imported, as
awslambdaric does."""

PACKAGES, LATE_PACKAGES = "FORKS_PACKAGES", "FORKS_LATE_PACKAGES"
"""The environment variables with the names of the layers' packages to import before the fork, and of those in them that
only the functions import which use them."""

_SERVICES = ("dynamodb", "ssm", "stepfunctions")
"""The services whose models botocore reads for nearly every function."""

_ahead = timedelta(0)


class _Clock(datetime):
    """A `datetime` whose `now()` is later than the real time by `_ahead`.

    `_ahead` is the time by which the emulator has shortened the waits of the incident that the function works on.
    """

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.now(tz) + _ahead


def _run() -> None:
    """Run the function until the process that started it ends."""
    from awslambdaric.__main__ import main
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    wait_next_invocation = LambdaRuntimeClient.wait_next_invocation

    def take_next(self: LambdaRuntimeClient) -> Any:
        """Return the next invocation, and put the handler's clock forward by the invocation's `ahead_seconds`."""
        global _ahead
        taken = wait_next_invocation(self)
        custom = json.loads(taken.client_context or "{}").get("custom", {})
        _ahead = timedelta(seconds=float(custom.get("ahead_seconds", 0)))
        module = sys.modules.get(sys.argv[1].rsplit(".", 1)[0])
        if _ahead and module is not None and getattr(module, "datetime", None) is datetime:
            setattr(module, "datetime", _Clock)  # noqa: B010
        return taken

    threading.Thread(target=_end_with_parent, daemon=True).start()
    LambdaRuntimeClient.wait_next_invocation = take_next
    main(sys.argv)


def _end_with_parent() -> None:
    # The other end of our stdin closes however the parent ends, even by SIGKILL.
    os.read(0, 1)
    os._exit(0)


def _fork_on_request() -> None:
    """Fork a process for each request on stdin, and return in each fork; never return in the parent.

    A request is JSON with three open files: the function's stdin, its log, and the pipe to which the process id and
    later the exit code are written.
    """
    for name in _HEAVY:
        with suppress(ImportError):
            importlib.import_module(name)
    _read_service_models()
    _import_packages(os.environ.get(PACKAGES, "").split())
    _build_models()
    gc.freeze()  # or each fork's collections would copy the pages of all that was imported
    requests = socket.socket(fileno=os.dup(0))
    running: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([requests.fileno(), *running], [], [])[0]:
            if ready in running:
                pid, teller = running.pop(ready)
                _tell(teller, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(teller)
                os.close(ready)
                continue
            message, files, _, _ = socket.recv_fds(requests, 1 << 20, 3)
            if not message:
                os._exit(0)  # the stack is gone
            stdin, log, teller = files
            pid = os.fork()
            if pid == 0:
                requests.close()
                _become(json.loads(message), stdin, log)
                return
            _tell(teller, pid)
            running[os.pidfd_open(pid)] = pid, teller
            os.close(stdin)
            os.close(log)


def _read_service_models() -> None:
    """Let all botocore sessions share one loader, and read the service models that nearly every function needs."""
    import botocore.session

    botocore.session.create_loader = cache(botocore.session.create_loader)
    loader = botocore.session.create_loader(None)
    loader.load_data("endpoints")
    for service in _SERVICES:
        for kind in ("service-2", "endpoint-rule-set-1"):
            loader.load_service_model(service, kind)


def _import_packages(names: list[str]) -> None:
    """Import some modules and all that is in them, but for what is in `LATE_PACKAGES`."""
    late = os.environ.get(LATE_PACKAGES, "").split()
    for name in set(names).difference(late):
        with suppress(Exception):  # the function that imports it fails with the same error, and says so
            module = importlib.import_module(name)
            path = getattr(module, "__path__", ())
            _import_packages([found.name for found in pkgutil.iter_modules(path, f"{name}.")])


def _build_models() -> None:
    """Build pydantic's models that wait for their first use: each function would do so for those that it uses."""
    from pydantic import BaseModel

    models = [BaseModel]
    for model in models:
        models += model.__subclasses__()
        with suppress(Exception):
            model.model_rebuild()


def _tell(pipe: int, number: int) -> None:
    with suppress(BrokenPipeError):
        os.write(pipe, b"%d\n" % number)


def _become(request: dict[str, Any], stdin: int, log: int) -> None:
    """Make a forked process that of a function: set its stdin, log, environment, folder and arguments."""
    for target, source in enumerate((stdin, log, log)):
        os.dup2(source, target)
    os.closerange(3, 1 << 16)  # such as the pipes of other functions
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv[1:] = request["arguments"]
    sys.path[1:1] = filter(None, os.environ["PYTHONPATH"].split(os.pathsep))
    _show(sys.argv)


def _show(arguments: list[str]) -> None:
    """Show these arguments in `ps` instead of those with which this process was started.

    `arg_start` and `arg_end` are fields 48 and 49 of /proc/self/stat (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
    """
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    text = b"\0".join(map(os.fsencode, [sys.executable, *arguments]))
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, text, min(len(text), end - start - 1))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        _fork_on_request()
    sys.path[0] = str(Path.cwd())  # instead of this script's folder: the function must not see local/
    _run()
