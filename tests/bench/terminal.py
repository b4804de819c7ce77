"""The time of a command at the terminal, against a bare boto3 script with the same requests, both in new processes.

The requests of a command to a local stack are recorded with their answers. The stack then stops, because it would take
the CPU from what is measured. The command runs in turn with a script that makes these requests and ignores the answers,
in front of a server that replays the answers.
"""

import base64
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any, NamedTuple

from firstline.incidents.status import SHORT_ID_LENGTH
from tests.e2e.running import ROOT, LocalStack, environment

PAIRS = 15
INCIDENTS = 12
LIMIT = 1.3

_COMMAND = "from firstline_cli.main import app\napp()\n"

_RECORDER = f"""
import base64, json, sys
from botocore.client import BaseClient
from botocore.httpsession import URLLib3Session
calls, answers, call, send = [], [], BaseClient._make_api_call, URLLib3Session.send
def record(client, operation, parameters):
    calls.append({{"service": client.meta.service_model.service_name, "operation": operation, "with": parameters}})
    return call(client, operation, parameters)
def record_answer(session, request):
    target = request.headers.get("X-Amz-Target")
    if target is None:
        calls.append({{"url": request.url, "body": request.body.decode()}})
    answer = send(session, request)
    kept = {{name: value for name, value in answer.headers.items() if name.lower() in ("content-type", "x-amz-crc32")}}
    answers.append({{
        "target": target and target.decode(),
        "status": answer.status_code,
        "headers": kept,
        "body": base64.b64encode(answer.content).decode(),
    }})
    return answer
BaseClient._make_api_call, URLLib3Session.send = record, record_answer
try:
    {_COMMAND.replace(chr(10), chr(10) + "    ")}
finally:
    print(json.dumps([calls, answers]), file=sys.stderr)
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


class Recording(NamedTuple):
    """A command with its arguments, the stack's line, its requests, and their answers in the same order."""

    name: str
    arguments: list[str]
    line: dict[str, Any]
    calls: list[dict[str, Any]]
    answers: list[dict[str, Any]]


class Spent(NamedTuple):
    """The seconds that a process took, of the CPU and of the clock; or ratios of both."""

    cpu: float
    wall: float


def rows() -> list[tuple[str, str, str]]:
    """Measure each command of a night on call against its bare script, and return the rows of a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recordings = _record(folder)
        return [_row(recording, folder) for recording in recordings]


def _row(recording: Recording, folder: Path) -> tuple[str, str, str]:
    with _replay(recording.answers) as server:
        line = json.dumps(recording.line | {"aws": server.url, "api": server.url})
        calls = [call | {"url": f"{server.url}/operate"} if "url" in call else call for call in recording.calls]
        command = [sys.executable, "-c", _COMMAND, *recording.arguments, "--stack", line]
        bare = [sys.executable, "-c", _BARE, line, json.dumps(calls)]
        cpu, wall = _ratios(command, bare, folder, server)
    measured = f"{cpu:.2f} CPU, {wall:.2f} wall ({len(calls)} requests)"
    return f"firstline {recording.name} ÷ bare boto3 script", measured, f"≤ {LIMIT:.2f}"


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


def _record(folder: Path) -> list[Recording]:
    """Return a recording of each command, made in front of a local stack with open incidents."""
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
        commands = _commands(opened[0][-SHORT_ID_LENGTH:])
        return [_recording(name, arguments, stack.line, folder) for name, arguments in commands.items()]
    finally:
        stack.stop()


def _alert(number: int) -> dict[str, Any]:
    message = "The latency of the checkout is above 2 s."
    return {"alert_name": f"Slow{number}", "severity": "critical", "host": f"web-{number}", "message": message}


def _recording(name: str, arguments: list[str], line: dict[str, Any], folder: Path) -> Recording:
    done = _run([sys.executable, "-c", _RECORDER, *arguments, "--stack", json.dumps(line)], folder)
    calls, answers = json.loads(done.stderr.splitlines()[-1])
    return Recording(name, arguments, line, calls, answers)


class _Replay(ThreadingHTTPServer):
    """A server that gives the answers of one recording in their order and refuses any other request."""

    daemon_threads = True

    def __init__(self, answers: Sequence[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers = answers
        self.given = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    """The answer to one request of a replay."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    server: _Replay

    def do_POST(self) -> None:
        """Send the next recorded answer, or 400 if the request is not the recorded one."""
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.answers[self.server.given]
        self.server.given += 1
        if answer["target"] != self.headers["X-Amz-Target"]:
            self.send_error(400)
            return
        body = base64.b64decode(answer["body"])
        self.send_response(answer["status"])
        for name, value in {**answer["headers"], "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print no line about a request."""


@contextmanager
def _replay(answers: Sequence[dict[str, Any]]) -> Iterator[_Replay]:
    with _Replay(answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def _ratios(command: Sequence[str], bare: Sequence[str], folder: Path, server: _Replay) -> Spent:
    """Return the median ratios of a command's times to a bare script's; the two run in turn."""
    for each in (command, bare):  # bytecode is written and files are cached before anything counts
        _spent(each, folder, server)
    pairs = [(_spent(command, folder, server), _spent(bare, folder, server)) for _ in range(PAIRS)]
    return Spent(
        median(mine.cpu / other.cpu for mine, other in pairs), median(mine.wall / other.wall for mine, other in pairs)
    )


def _spent(command: Sequence[str], folder: Path, server: _Replay) -> Spent:
    server.given = 0
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _run(command, folder)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    if server.given != len(server.answers):
        raise RuntimeError(f"{command} made {server.given} requests, but {len(server.answers)} were recorded")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(cpu, ended - began)


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a process at the stack's checkout to its end.

    Raises
    ------
    RuntimeError
        It failed; the message holds what it printed.
    """
    users = environment(folder / "stacks") | {"PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=users, cwd=folder / "checkout")
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return done
