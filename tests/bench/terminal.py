"""The time of a command at the terminal, against a bare boto3 script with the same requests, both in new processes.

The requests of a command to a local stack are recorded. Then the command runs in turn with a script that makes these
requests and ignores the answers.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from firstline.incidents.status import SHORT_ID_LENGTH
from firstline_cli.console import REFUSED
from tests.e2e.running import ROOT, LocalStack, environment

PAIRS = 15
INCIDENTS = 12
LIMIT = 1.3

_COMMAND = "from firstline_cli.main import app\napp()\n"

_RECORDER = f"""
import json, sys
from botocore.client import BaseClient
from botocore.httpsession import URLLib3Session
calls, call, send = [], BaseClient._make_api_call, URLLib3Session.send
def record(client, operation, parameters):
    calls.append({{"service": client.meta.service_model.service_name, "operation": operation, "with": parameters}})
    return call(client, operation, parameters)
def record_post(session, request):
    if request.headers.get("X-Amz-Target") is None:
        calls.append({{"url": request.url, "body": request.body.decode()}})
    return send(session, request)
BaseClient._make_api_call, URLLib3Session.send = record, record_post
try:
    {_COMMAND.replace(chr(10), chr(10) + "    ")}
finally:
    print(json.dumps(calls), file=sys.stderr)
"""

_BARE = """
import json, sys
from boto3.session import Session
line, calls = json.loads(sys.argv[1]), json.loads(sys.argv[2])
session = Session("ada", "local", region_name="eu-west-1")
clients = {}
for call in calls:
    if "url" in call:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.httpsession import URLLib3Session
        request = AWSRequest("POST", call["url"], {"Content-Type": "application/json"}, call["body"].encode())
        SigV4Auth(session.get_credentials(), "execute-api", "eu-west-1").add_auth(request)
        URLLib3Session().send(request.prepare()).content
    else:
        name = call["service"]
        if name not in clients:
            clients[name] = session.client(name, endpoint_url=line["aws"])
        clients[name]._make_api_call(call["operation"], call["with"])
"""


class Spent(NamedTuple):
    """The seconds that a process took, of the CPU and of the clock; or ratios of both."""

    cpu: float
    wall: float


def rows() -> list[tuple[str, str, str]]:
    """Measure each command of a night on call against its bare script, and return the rows of a table."""
    found = []
    with _stack() as (stack, folder, incident):
        for name, arguments in _commands(incident).items():
            given = [*arguments, "--stack", json.dumps(stack.line)]
            calls = _recorded(given, folder)
            command = [sys.executable, "-c", _COMMAND, *given]
            bare = [sys.executable, "-c", _BARE, json.dumps(stack.line), json.dumps(calls)]
            cpu, wall = _ratios(command, bare, folder)
            measured = f"{cpu:.2f} CPU, {wall:.2f} wall ({len(calls)} requests)"
            found.append((f"firstline {name} ÷ bare boto3 script", measured, f"≤ {LIMIT:.2f}"))
    return found


def _commands(incident: str) -> dict[str, list[str]]:
    added = ["silence", "add", "alert_name=Bench*", "--reason", "a bench"]
    return {
        "incidents": ["incidents"],
        "show": ["show", incident],
        "ack": ["ack", incident],
        "silence list": ["silence", "list"],
        "silence add": added,
        "oncall who": ["oncall", "who"],
        "report": ["report"],
    }


@contextmanager
def _stack() -> Iterator[tuple[LocalStack, Path, str]]:
    """Yield a local stack with open incidents, its folder, and the end of one incident's id."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        turns = {"starts": "2026-01-01", "rotation": ["ada", "bob"], "time_zone": "Europe/Berlin"}
        policies = folder / "checkout" / "runbooks" / "policy"
        policies.mkdir(parents=True)
        shutil.copy(ROOT / "local" / "emulator" / "people.yaml", policies)
        schedules = policies / "oncall.yaml"
        schedules.write_text(json.dumps({"schedules": {"platform": turns}}), encoding="utf-8")
        stack = LocalStack(folder, "--quiet", "--policy", str(schedules))
        try:
            opened = [stack.open("generic", _alert(number)) for number in range(INCIDENTS)]
            for incident in opened:
                stack.wait_for(incident, "acknowledgement")
            yield stack, folder, opened[0][-SHORT_ID_LENGTH:]
        finally:
            stack.stop()


def _alert(number: int) -> dict[str, Any]:
    message = "The latency of the checkout is above 2 s."
    return {"alert_name": f"Slow{number}", "severity": "critical", "host": f"web-{number}", "message": message}


def _recorded(arguments: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """Run a command once and return the requests that it made."""
    done = _run([sys.executable, "-c", _RECORDER, *arguments], folder)
    calls: list[dict[str, Any]] = json.loads(done.stderr.splitlines()[-1])
    return calls


def _ratios(command: Sequence[str], bare: Sequence[str], folder: Path) -> Spent:
    """Return the median ratios of a command's times to a bare script's; the two run in turn."""
    for each in (command, bare):  # bytecode is written and files are cached before anything counts
        _spent(each, folder)
    pairs = [(_spent(command, folder), _spent(bare, folder)) for _ in range(PAIRS)]
    return Spent(
        median(mine.cpu / other.cpu for mine, other in pairs), median(mine.wall / other.wall for mine, other in pairs)
    )


def _spent(command: Sequence[str], folder: Path) -> Spent:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _run(command, folder)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(cpu, ended - began)


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a process at the stack's checkout to its end. A refusal is fine: a second `ack` is one, and takes as long."""
    users = environment(folder / "stacks") | {"PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=users, cwd=folder / "checkout")
    if done.returncode not in (0, REFUSED):
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return done
