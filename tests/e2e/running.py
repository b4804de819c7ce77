"""The local stack as a user runs it: `python -m local up` in a process of its own, used through what it prints."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.ingest.quarantine import Quarantined, unpack
from firstline.models import IncidentRecord
from local.demo import senders
from local.emulator.registry import FOLDER_VARIABLE

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 180.0
"""The time for anything that should happen by itself; only a broken stack or a busy machine needs it all."""

QUIET_SECONDS = 25.0
"""The grouping window, with conftest's time lapse: an incident whose alerts resolved stays open for so long."""

_START_SECONDS = 180.0
_STOP_SECONDS = 20.0
_PLANT = "e2e-plant"


def until[Seen](
    what: str, look: Callable[[], Seen], seconds: float = PATIENCE_SECONDS, *, every: float | None = None
) -> Seen:
    """Look again and again until there is something to see, and return it.

    Without `every` it looks less often the longer it waits: what takes ten seconds may be seen a second late, but
    a look costs the stack several requests.
    """
    began = time.monotonic()
    while True:
        seen = look()
        if seen:
            return seen
        waited = time.monotonic() - began
        if waited > seconds:
            pytest.fail(f"{what}: not within {seconds:g} s (last seen: {seen!r})")
        time.sleep(every or min(1.0, 0.2 + waited / 8))


def environment(stacks: Path) -> dict[str, str]:
    """Return a user's environment, as if `firstline` were installed, that knows the stacks of one folder.

    It lacks the credentials and names that tests/conftest.py gives to this process.
    """
    users = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    packages = os.pathsep.join(map(str, (ROOT / "cli", ROOT / "layers" / "core", ROOT)))
    return users | {FOLDER_VARIABLE: str(stacks), "PYTHONPATH": packages}


def awaits(record: IncidentRecord, awaiting: str) -> bool:
    """Return whether the incident's execution waits for this."""
    return record.live is not None and record.live.awaiting == awaiting


class Visit(NamedTuple):
    """A state that an execution was in; `left` is None while it is."""

    state: str
    entered: datetime
    left: datetime | None


class LocalStack:
    """One `python -m local up`; what it prints goes to two files in `folder`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local", "up", *options],
                cwd=ROOT,
                env=environment(folder / "stacks"),
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self._line: dict[str, Any] = {}
        self._opened: list[str] = []
        self.client: Callable[[str], Any] = cache(self._new_client)

    @property
    def line(self) -> dict[str, Any]:
        """Wait until the stack is ready, and return the line that it printed then."""
        if not self._line:
            until("`local up` says that it is ready", self._is_ready, _START_SECONDS)
            self._line = json.loads(self.stdout())
        return self._line

    def stdout(self) -> str:
        """Everything that it printed so far."""
        return self._stdout.read_text()

    def stderr(self) -> str:
        """The story that it told so far."""
        return self._stderr.read_text()

    def stop(self) -> int:
        """End it as a supervisor does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=_STOP_SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()

    # --- what senders and people do -----------------------------------------------------------------------------------

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> senders.Answer:
        """POST to the API, whatever that is."""
        return senders.post(f"{self.line['api']}{path}", body, headers)

    def send(self, source: str, payload: Any) -> senders.Answer:
        """POST as the source does, with its proof."""
        return senders.send(self.line["api"], source, payload, self.line["secrets"][source])

    def open(self, source: str, payload: Any) -> str:
        """Send an alert that opens one incident; its id."""
        answer = self.send(source, payload)
        assert answer.status == 202, answer
        (incident,) = answer.json()["incidents"]
        self._opened.append(incident)
        return str(incident)

    def press(self, incident: str, action: str, user: str = "ada") -> None:
        """Press a button of the incident's message in Slack."""
        self._act("/press", {"incident": incident, "action": action, "user": user}, 200)

    def judge(self, incident: str, choice: str, user: str = "ada") -> None:
        """Answer "was this right?" in the menu under the message."""
        self._act("/press", {"incident": incident, "action": "judge", "choice": choice, "user": user}, 200)

    def resolve_with_a_note(self, incident: str, text: str, user: str = "ada") -> None:
        """Ask for the form for what fixed an open incident, and send it, which resolves the incident."""
        self.press(incident, "note", user)
        self._act("/submit", {"incident": incident, "text": text, "user": user}, 200)

    def act_in_pagerduty(self, incident: str, action: str) -> None:
        """Acknowledge or resolve in PagerDuty, which then calls the webhook."""
        self._act("/pagerduty/act", {"incident": incident, "action": action}, 202)

    # --- what can be seen ---------------------------------------------------------------------------------------------

    def record(self, incident: str) -> IncidentRecord:
        """The incident as the table knows it."""
        record = TableIncidents(Table(self.client("dynamodb"), self.line["table"])).record(incident)
        assert record is not None, f"{incident} is not in the table"
        return record

    def wait(
        self,
        incident: str,
        what: str,
        holds: Callable[[IncidentRecord], bool],
        seconds: float = PATIENCE_SECONDS,
    ) -> IncidentRecord:
        """Wait until something holds of the incident."""

        def look() -> IncidentRecord | None:
            record = self.record(incident)
            return record if holds(record) else None

        try:
            found = until(f"{incident}: {what}", look, seconds)
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}\nwas in: {[visit.state for visit in self.visits(incident)]}", pytrace=False)
        assert found is not None
        return found

    def wait_for(self, incident: str, awaiting: str) -> IncidentRecord:
        """Wait until its execution waits for a recovery, an acknowledgement, a resolution or quiet."""
        return self.wait(incident, f"awaits {awaiting}", lambda record: awaits(record, awaiting))

    def wait_asked(self, incident: str, awaiting: str = "acknowledgement") -> IncidentRecord:
        """Wait until people have a plan that waits for a yes: with their page, or, below it, with a message."""
        asks = self.wait(
            incident,
            f"asks for an approval and awaits {awaiting}",
            lambda record: record.waits_for_approval and awaits(record, awaiting),
        )
        assert bool(self.messages(incident, "pagerduty", "trigger")) == (awaiting == "acknowledgement")
        return asks

    def wait_closed(self, incident: str) -> IncidentRecord:
        """Wait until it is over, and its execution too."""
        patience = PATIENCE_SECONDS + QUIET_SECONDS
        record = self.wait(incident, "is closed", lambda record: record.status == "CLOSED", patience)
        until(f"{incident}: its execution ends", lambda: self.execution(incident)["status"] != "RUNNING")
        return record

    def messages(self, incident: str, channel: str, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the messages about the incident that people got through a channel."""
        return [
            message
            for message in _get_json(f"{self.line['inbox']}/messages?incident={incident}")
            if message["channel"] == channel and kind in (None, message["kind"])
        ]

    def news(self) -> list[str]:
        """Return what the page topic's subscribers got that is about no incident of its own."""
        found = _get_json(f"{self.line['inbox']}/messages")
        return [message["text"] for message in found if message["channel"] == "sns" and not message["incident"]]

    def wait_told(self, incident: str, channel: str, kind: str | None = None, *, says: str = "") -> dict[str, Any]:
        """Wait until somebody was told so through a channel."""

        def look() -> list[dict[str, Any]]:
            return [message for message in self.messages(incident, channel, kind) if says in message["text"]]

        return until(f"{incident}: {channel} {kind or ''} {says!r}", look)[0]

    def execution(self, incident: str) -> dict[str, Any]:
        """Step Functions' word on the incident's execution."""
        arn = self.line["state_machine"].replace(":stateMachine:", ":execution:")
        described: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=f"{arn}:{incident}")
        return described

    def events(self, incident: str) -> list[dict[str, Any]]:
        """The history of the incident's execution."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        arn = self.execution(incident)["executionArn"]
        return [event for page in pages.paginate(executionArn=arn) for event in page["events"]]

    def visits(self, incident: str) -> list[Visit]:
        """The states that the incident's execution went through."""
        visits: list[Visit] = []
        for event in self.events(incident):
            if "stateEnteredEventDetails" in event:
                visits.append(Visit(event["stateEnteredEventDetails"]["name"], event["timestamp"], None))
            elif "stateExitedEventDetails" in event:
                visits[-1] = visits[-1]._replace(left=event["timestamp"])
        return visits

    def quarantined(self, body: bytes) -> Quarantined:
        """The delivery with this body, out of the quarantine queue."""
        sqs = self.client("sqs")
        queue = next(url for url in sqs.list_queues()["QueueUrls"] if url.endswith("-quarantine"))

        def look() -> Quarantined | None:
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
            for message in answer.get("Messages", []):
                for kept in unpack([json.loads(message["Body"])])[0]:
                    if kept.body == body:
                        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                        return kept
            return None

        found = until(f"{body[:60]!r} is in the quarantine", look, seconds=10)
        assert found is not None
        return found

    # --- what an operator does ----------------------------------------------------------------------------------------

    @contextmanager
    def failing(self, operation: str) -> Iterator[None]:
        """A service of AWS, or one operation of it, fails for a while."""
        self._fail(operation, 1_000_000)
        try:
            yield
        finally:
            self._fail(operation, 0)

    def close_what_was_left_open(self) -> None:
        """Close the incidents that a failed test left open: their locks and groups would make other tests fail."""
        for incident in self._opened:
            if self.record(incident).status != "CLOSED":
                self.press(incident, "resolve")
                self.wait_closed(incident)
        self._opened.clear()

    def set_secret(self, name: str, value: str) -> None:
        """Put a secret beside the stack's others, as one does after a deployment."""
        stack = self.line["state_machine"].rsplit(":", 1)[1].removesuffix("-incident")
        self.client("ssm").put_parameter(
            Name=f"/firstline/{stack}/{name}", Value=value, Type="SecureString", Overwrite=True
        )

    def on_host(self, host: str, script: str) -> str:
        """Run a script on a host through Run Command; its output."""
        ssm = self.client("ssm")
        instances = ssm.describe_instance_information()["InstanceInformationList"]
        (target,) = [instance["InstanceId"] for instance in instances if instance["ComputerName"] == host]
        name = f"{_PLANT}-{abs(hash(script))}"
        if name not in {document["Name"] for document in ssm.list_documents()["DocumentIdentifiers"]}:
            step = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": script.splitlines()}}
            content = {"schemaVersion": "2.2", "mainSteps": [step]}
            ssm.create_document(Name=name, Content=json.dumps(content), DocumentType="Command", DocumentFormat="JSON")
        command = ssm.send_command(DocumentName=name, InstanceIds=[target])["Command"]["CommandId"]

        def look() -> dict[str, Any] | None:
            (ran,) = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
            return ran if ran["Status"] not in ("Pending", "InProgress") else None

        ran = until(f"the script on {host} ends", look)
        assert ran is not None
        assert ran["Status"] == "Success", ran
        return str(ran["CommandPlugins"][0]["Output"])

    def processes(self, function: str) -> list[int]:
        """The processes that run a function; `ps` shows its name."""
        return [
            pid
            for pid in descendants(self.process.pid)
            if _command_line(pid).endswith(f" firstline-local-{function.capitalize()}Function")
        ]

    # ------------------------------------------------------------------------------------------------------------------

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            pytest.fail(f"`local up` ended by itself with {self.process.returncode}:\n{self.stderr()}", pytrace=False)
        return self.stdout().endswith("\n")

    def _act(self, path: str, fields: dict[str, str], wanted: int) -> None:
        answer = senders.post(
            f"{self.line['inbox']}{path}", json.dumps(fields).encode(), {"Content-Type": "application/json"}
        ).json()
        assert answer["status"] == wanted, answer

    def _fail(self, operation: str, times: int) -> None:
        body = json.dumps({"operation": operation, "times": times}).encode()
        assert senders.post(f"{self.line['aws']}/_local/fail", body, {}).status == 200

    def _new_client(self, service: str) -> Any:
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.line["aws"],
            region_name=self.line["state_machine"].split(":")[3],
            aws_access_key_id=self.line["state_machine"].split(":")[4],
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they started, as far as they still run."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (parent := _parent(int(folder.name))) is not None:
            children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        waiting += (direct := children.get(waiting.pop(), []))
        found += direct
    return found


def lives(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not waited for does not."""
    return _parent(pid) is not None


def _parent(pid: int) -> int | None:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else int(parent)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)
