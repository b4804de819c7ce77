"""Functions run in processes of their own, and fail as they do on Lambda."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.emulator.forks import BOOTSTRAP, Forks
from local.emulator.runtime import _COMMON, Functions, FunctionSpec, Invocation, TooManyRequests

HANDLER = """
import os, sys, time
import helper

count = 0

def handler(event, context):
    global count
    count += 1
    match event.get("do"):
        case "raise":
            raise KeyError("no such thing")
        case "exit":
            os._exit(7)
        case "sleep":
            open(event.get("began", os.devnull), "w").close()
            time.sleep(event["seconds"])
    return {
        "event": event, "count": count, "pid": os.getpid(), "cwd": os.getcwd(), "helper": helper.WHERE,
        "own": os.environ["OWN"], "name": context.function_name, "left": context.get_remaining_time_in_millis(),
        "secret": os.environ.get("NOT_FOR_FUNCTIONS"), "local": "local" in sys.modules or os.path.exists("engine.py"),
    }
"""

type Make = Callable[..., Functions]


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """The process that imports the libraries, once for all tests; it begins beside a secret of the machine."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NOT_FOR_FUNCTIONS", "of the machine")
        shared = Forks(_COMMON)
        shared.begin()
    yield shared
    shared.close()


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: Forks) -> Iterator[Make]:
    folder = tmp_path / "functions" / "ping"
    layer = tmp_path / "layer"
    folder.mkdir(parents=True)
    layer.mkdir()
    (layer / "helper.py").write_text("WHERE = 'layer'")
    monkeypatch.setenv("NOT_FOR_FUNCTIONS", "of the machine")
    started: list[Functions] = []

    def build(code: str = HANDLER, *, timeout_seconds: float = 10, **options: Any) -> Functions:
        (folder / "app.py").write_text(code)
        spec = FunctionSpec(
            name="ping",
            arn="arn:aws:lambda:eu-west-1:123456789012:function:ping",
            folder=folder,
            handler="app.handler",
            timeout_seconds=timeout_seconds,
            memory_mb=256,
            environment={"OWN": "its own"},
            python_path=(layer,),
        )
        started.append(Functions([spec], service_environment={}, log_folder=tmp_path / "logs", forks=forks, **options))
        return started[-1]

    yield build
    for functions in started:
        functions.close()


def _runs(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def answer(invocation: Invocation) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(invocation.payload)
    return found


def at_work(functions: Functions, folder: Path, seconds: float) -> Future[Invocation]:
    """Invoke the function in a thread of its own, and return when it has begun to sleep for so many seconds."""
    began = folder / "began"
    event = {"do": "sleep", "seconds": seconds, "began": str(began)}
    invoked: Future[Invocation] = Future()
    threading.Thread(target=lambda: invoked.set_result(functions.invoke("ping", json.dumps(event).encode()))).start()
    while not began.exists():
        assert not invoked.done(), "it never began"
        time.sleep(0.01)
    return invoked


def test_a_function_gets_its_event_environment_and_layers_and_nothing_of_the_machine(
    make: Make, tmp_path: Path
) -> None:
    done = make().invoke("ping", json.dumps({"n": 1, "text": 'ü "'}).encode())

    assert not done.failed
    told = answer(done)
    assert told["event"] == {"n": 1, "text": 'ü "'}
    assert (told["own"], told["helper"], told["name"]) == ("its own", "layer", "ping")
    assert told["cwd"] == str(tmp_path / "functions" / "ping")
    assert 0 < told["left"] <= 10_000
    assert told["secret"] is None, "a variable of the machine's own environment"
    assert told["local"] is False, "the emulator's code"


def test_the_next_invocation_is_in_the_same_process(make: Make) -> None:
    functions = make()
    first, second = (answer(functions.invoke("ping", b"{}")) for _ in range(2))
    assert (second["count"], second["pid"]) == (2, first["pid"])


def test_an_exception_is_an_error_with_its_type(make: Make) -> None:
    functions = make()
    failed = functions.invoke("ping", b'{"do": "raise"}')
    assert failed.failed
    assert answer(failed)["errorType"] == "KeyError"
    assert "no such thing" in answer(failed)["errorMessage"]
    assert not functions.invoke("ping", b"{}").failed  # and the process lives on


def test_a_crash_is_an_exit_error_and_the_next_invocation_gets_a_new_process(make: Make) -> None:
    functions = make()
    before = answer(functions.invoke("ping", b"{}"))["pid"]

    crashed = functions.invoke("ping", b'{"do": "exit"}')

    assert crashed.failed
    assert answer(crashed)["errorType"] == "Runtime.ExitError"
    assert "exit status 7" in answer(crashed)["errorMessage"]
    after = answer(functions.invoke("ping", b"{}"))
    assert after["pid"] != before
    assert after["count"] == 1, "its modules are as new"


def test_a_process_that_is_killed_at_work_fails_the_invocation_at_once(make: Make, tmp_path: Path) -> None:
    functions = make()
    invoked = at_work(functions, tmp_path, seconds=9)
    (pid,) = functions.process_ids()["ping"]

    os.kill(pid, signal.SIGKILL)

    killed = answer(invoked.result())
    assert killed["errorType"] == "Runtime.ExitError", "without a look at the process it would have timed out"
    assert "signal 9" in killed["errorMessage"]


def test_a_time_out_ends_the_process(make: Make) -> None:
    functions = make(timeout_seconds=1)
    functions.invoke("ping", b"{}")
    (pid,) = functions.process_ids()["ping"]

    late = functions.invoke("ping", b'{"do": "sleep", "seconds": 30}')

    assert late.failed
    assert answer(late)["errorType"] == "Sandbox.Timedout"
    assert "timed out after 1.00 seconds" in answer(late)["errorMessage"]
    assert functions.process_ids()["ping"] == []
    assert not Path(f"/proc/{pid}").exists()


def test_code_that_cannot_be_imported_says_so(make: Make) -> None:
    failed = make("import nothing_of_that_name").invoke("ping", b"{}")
    assert failed.failed
    assert answer(failed)["errorType"] == "Runtime.ImportModuleError"
    assert "nothing_of_that_name" in answer(failed)["errorMessage"]


def test_when_every_process_is_busy_the_caller_hears_it(make: Make, tmp_path: Path) -> None:
    functions = make(processes_each=1, wait_seconds=0.2)
    invoked = at_work(functions, tmp_path, seconds=3)
    with pytest.raises(TooManyRequests):
        functions.invoke("ping", b"{}")
    assert not invoked.result().failed
    assert not functions.invoke("ping", b"{}").failed


def test_processes_end_with_whoever_started_them(make: Make, tmp_path: Path) -> None:
    # Given a function whose parent dies without a word: its end of the pipe closes, and nothing else happens
    functions = make()
    functions.invoke("ping", b"{}")
    (environment,) = functions._environments["ping"]
    assert environment.process.stdin is not None

    environment.process.stdin.close()

    assert environment.process.wait(timeout=60) == 0


def test_ps_shows_which_function_a_process_runs(make: Make) -> None:
    functions = make()
    functions.invoke("ping", b"{}")
    (pid,) = functions.process_ids()["ping"]
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    assert arguments[-3:] == [bytes(BOOTSTRAP), b"app.handler", b"ping"]


def test_a_process_inherits_no_files_of_another(make: Make) -> None:
    functions = make(FILES)
    alone = answer(functions.invoke("ping", b"{}"))
    busy = threading.Thread(target=functions.invoke, args=("ping", b'{"seconds": 4}'))
    busy.start()
    time.sleep(0.2)
    assert answer(functions.invoke("ping", b"{}")) == alone
    busy.join()


def test_functions_start_again_when_the_process_that_forks_them_was_killed(make: Make, tmp_path: Path) -> None:
    # Given a function, and the process from which it was forked
    functions = make()
    pid = answer(functions.invoke("ping", b"{}"))["pid"]
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid()

    # When that is killed while the function works
    invoked = at_work(functions, tmp_path, seconds=9)
    os.kill(parent, signal.SIGKILL)

    # Then the call fails as that of a killed function, and the next one begins anew.
    assert answer(invoked.result())["errorType"] == "Runtime.ExitError"
    assert answer(functions.invoke("ping", b"{}"))["count"] == 1
    deadline = time.monotonic() + 60
    while _runs(pid):
        assert time.monotonic() < deadline, "nobody could ever end it"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("which", "name"),
    [
        ("ping", "ping"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:ping", "ping"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:ping:$LATEST", "ping"),
        ("pong", None),
    ],
)
def test_functions_are_found_by_name_and_arn(make: Make, which: str, name: str | None) -> None:
    assert make().named(which) == name


FILES = """
import os, time

def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return {name: os.readlink(f"/proc/self/fd/{name}").split(":")[0] for name in os.listdir("/proc/self/fd")[:-1]}
"""

CLOCK = """
from datetime import UTC, datetime

def handler(event, context):
    return {"now": datetime.now(UTC).isoformat()}
"""


def test_a_function_sees_the_time_that_its_payload_is_given(make: Make) -> None:
    functions = make(CLOCK, ahead=lambda payload: float(json.loads(payload)["ahead"]))

    def seconds_ahead(ahead: float) -> float:
        before = datetime.now(UTC)
        told = datetime.fromisoformat(answer(functions.invoke("ping", json.dumps({"ahead": ahead}).encode()))["now"])
        assert before <= told - timedelta(seconds=ahead) <= datetime.now(UTC)
        return (told - before).total_seconds()

    assert seconds_ahead(0) < 3_600
    assert seconds_ahead(86_400) >= 86_400
    assert seconds_ahead(0) < 3_600
