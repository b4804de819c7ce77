"""Systems Manager's Run Command on one machine: the scripts of documents really run, on throw-away hosts.

Requests and answers are those of the SSM API (JSON 1.1), with its statuses, error names and limit of output, as far as
Firstline uses them. moto answers everything that is not about commands.
"""

import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.emulator.hosts import Host, ScriptResult
from local.emulator.server import ServiceError

LIST_OUTPUT_CHARACTERS = 2_500
"""The length to which ListCommandInvocations cuts a plugin's output."""

FINAL = ("Failed", "TimedOut", "Cancelled", "Success")
"""The final statuses of a command, worst first."""

MAX_TARGETS = 50
_TRUNCATED = "\n---Output truncated---"
_DEFAULT_TIMEOUT_SECONDS = 3_600


@dataclass(frozen=True)
class _Command:
    """One SendCommand: a script with its environment and time-out."""

    id: str
    document: str
    comment: str
    plugin: str
    script: str
    environment: dict[str, str]
    timeout_seconds: float
    requested_at: float
    cancelled: threading.Event = field(default_factory=threading.Event)
    told: threading.Lock = field(default_factory=threading.Lock)
    """A lock that the first thread to report the command's end takes and never releases."""


@dataclass
class _Invocation:
    """One command on one host."""

    command: _Command
    host: Host
    status: str = "Pending"
    details: str = "Pending"
    result: ScriptResult | None = None
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def output(self) -> str:
        """The output as SSM shows it: stdout, stderr and a failure's exit status."""
        if self.result is None:
            return ""
        text = self.result.stdout
        if self.result.stderr:
            text += f"\n----------ERROR-------\n{self.result.stderr}"
        if self.status == "Failed" and self.result.executed:
            text += f"\nfailed to run commands: exit status {self.result.exit_code}"
        return text

    def end(self, status: str, details: str) -> None:
        # The status is set last, because readers take the status as the sign that the rest is set.
        self.details, self.ended_at, self.status = details, time.time(), status


@dataclass(frozen=True)
class CommandEnded:
    """The end of a command on a host, for the lines that `up` and the demo print."""

    document: str
    comment: str
    host: str
    status: str
    output: str


class Commands:
    """Run Command: it runs commands on hosts and stores their results.

    Parameters
    ----------
    read_document
        Returns a document's content by name, or None if there is no such document.
    allowed_tag
        The key and value of the tag that a host must have, as in the state machine's IAM policy.
    on_end
        Called when a command has ended on a host.
    read_hash
        Returns the hash of a document by its name and version, which is compared with a hash in the request.
    on_status_change
        Called when a command has ended on all its hosts, with the detail of EventBridge's event.
    """

    def __init__(
        self,
        hosts: list[Host],
        read_document: Callable[[str], dict[str, Any] | None],
        allowed_tag: tuple[str, str],
        on_end: Callable[[CommandEnded], None] = lambda _: None,
        read_hash: Callable[[str, str], str | None] = lambda _name, _version: None,
        on_status_change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self._on_status_change = on_status_change
        self._read_hash = read_hash
        self._hosts = {host.instance_id: host for host in hosts}
        self._read_document = read_document
        self._allowed_tag = allowed_tag
        self._on_end = on_end
        self._sent: dict[str, list[_Invocation]] = {}
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "SendCommand": self.send_command,
            "ListCommandInvocations": self.list_command_invocations,
            "CancelCommand": self.cancel_command,
            "DescribeInstanceInformation": self.describe_instance_information,
        }

    def send_command(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer SendCommand for a list of instance ids, and run the script on each host in the background.

        Raises
        ------
        ServiceError
            InvalidDocument, InvalidInstanceId, InvalidParameters, AccessDeniedException or ValidationException.
        """
        name, comment = request["DocumentName"], request.get("Comment", "")
        document = self._read_document(name)
        if document is None:
            raise ServiceError("InvalidDocument", f"Document with name {name} does not exist.")
        if not self._is_hash(name, request.get("DocumentVersion", "1"), request.get("DocumentHash")):
            raise ServiceError("InvalidDocument", f"The hash of document {name} is not the one that the request names.")
        ids = request.get("InstanceIds") or []
        if not 1 <= len(ids) <= MAX_TARGETS:
            raise ServiceError("ValidationException", f"Give 1 to {MAX_TARGETS} InstanceIds; there are {len(ids)}.")
        hosts = [self._target(instance_id) for instance_id in ids]
        environment = _checked_parameters(document, request.get("Parameters") or {})
        step = _shell_step(document)
        inputs = step["inputs"]
        timeout = float(inputs.get("timeoutSeconds", _DEFAULT_TIMEOUT_SECONDS))
        script = "\n".join(inputs["runCommand"])
        command = _Command(
            str(uuid.uuid4()), name, comment, step["name"], script, environment, timeout, requested_at=time.time()
        )
        sent = self._sent[command.id] = [_Invocation(command, host) for host in hosts]
        waiting = deque(sent)
        max_errors = _portion(request.get("MaxErrors", "0"), len(sent))
        for _ in range(max(1, _portion(request.get("MaxConcurrency", "50"), len(sent)))):
            threading.Thread(target=self._work, args=(waiting, sent, max_errors), daemon=True).start()
        return {"Command": {"CommandId": command.id, "DocumentName": name, "Comment": comment, "Status": "Pending"}}

    def _is_hash(self, name: str, version: str, asked: str | None) -> bool:
        known = self._read_hash(name, version) if asked else None
        return known is None or known == asked

    def list_command_invocations(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer ListCommandInvocations, for one command or all, on one instance or all."""
        sent = self._sent.copy()
        command_id, instance_id = request.get("CommandId"), request.get("InstanceId")
        chosen = sent.get(command_id, []) if command_id else [each for command in sent.values() for each in command]
        details = bool(request.get("Details"))
        found = [_listed(each, details=details) for each in chosen if instance_id in (None, each.host.instance_id)]
        return {"CommandInvocations": found}

    def cancel_command(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer CancelCommand, and end the command's running scripts.

        Raises
        ------
        ServiceError
            InvalidCommandId: there is no such command.
        """
        if request["CommandId"] not in self._sent:
            raise ServiceError("InvalidCommandId", f"There is no command {request['CommandId']}.")
        self._sent[request["CommandId"]][0].command.cancelled.set()
        return {}

    def describe_instance_information(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer DescribeInstanceInformation with filters by id, ping status or tag. Every host is online."""
        chosen = list(self._hosts.values())
        for condition in request.get("Filters") or []:
            chosen = [host for host in chosen if _fits(host, condition["Key"], condition["Values"])]
        online = {"PingStatus": "Online", "AgentVersion": "3.3.3000.0", "PlatformType": "Linux"}
        found = [{"InstanceId": host.instance_id, "ComputerName": host.name, **online} for host in chosen]
        return {"InstanceInformationList": found}

    def _target(self, instance_id: str) -> Host:
        host = self._hosts.get(instance_id)
        if host is None:
            raise ServiceError("InvalidInstanceId", f"Instances [[{instance_id}]] not in a valid state for account.")
        key, value = self._allowed_tag
        if host.tags.get(key) != value:
            message = f"Not authorized to perform ssm:SendCommand on {instance_id}: it has no tag {key}={value}."
            raise ServiceError("AccessDeniedException", message)
        return host

    def _work(self, waiting: deque[_Invocation], sent: list[_Invocation], max_errors: int) -> None:
        """Run a command on one host of `waiting` after the other; after more than `max_errors` errors, cancel the rest.

        As many threads as MaxConcurrency allows do this at the same time. `sent` has the command's invocations on all
        its hosts.
        """
        while True:
            try:
                invocation = waiting.popleft()
            except IndexError:
                self._tell_end(sent)
                return
            errors = sum(other.details in ("Failed", "Execution Timed Out") for other in sent)
            if errors > max_errors:
                invocation.end("Cancelled", "Terminated")
            elif invocation.command.cancelled.is_set():
                invocation.end("Cancelled", "Canceled")
            else:
                self._run(invocation, invocation.command)

    def _run(self, invocation: _Invocation, command: _Command) -> None:
        invocation.status, invocation.details, invocation.started_at = "InProgress", "InProgress", time.time()
        result = invocation.result = invocation.host.run(
            command.script,
            environment=command.environment,
            timeout_seconds=command.timeout_seconds,
            cancelled=command.cancelled,
        )
        if not result.executed:
            invocation.end("Failed", "Undeliverable")
        elif result.timed_out:
            invocation.end("TimedOut", "Execution Timed Out")
        elif command.cancelled.is_set():
            invocation.end("Cancelled", "Canceled")
        elif result.exit_code == 0:
            invocation.end("Success", "Success")
        else:
            invocation.end("Failed", "Failed")
        host, output = invocation.host.name, invocation.output
        self._on_end(CommandEnded(command.document, command.comment, host, invocation.details, output))

    def _tell_end(self, sent: list[_Invocation]) -> None:
        """Report the command's end, if it has ended on every host and no other thread reported it."""
        command = sent[0].command
        over = all(invocation.status in FINAL for invocation in sent)
        if over and command.told.acquire(blocking=False):
            asked = datetime.fromtimestamp(command.requested_at, UTC).isoformat(timespec="milliseconds")
            self._on_status_change(
                {
                    "command-id": command.id,
                    "document-name": command.document,
                    "requested-date-time": asked.replace("+00:00", "Z"),
                    "status": _status_of([invocation.status for invocation in sent]),
                }
            )


def _status_of(statuses: list[str]) -> str:
    """Return the status of a whole command: the worst among those of its hosts."""
    return next(status for status in FINAL if status in statuses)


def _listed(invocation: _Invocation, *, details: bool) -> dict[str, Any]:
    command, status = invocation.command, {"Status": invocation.status, "StatusDetails": invocation.details}
    listed: dict[str, Any] = {
        "CommandId": command.id,
        "InstanceId": invocation.host.instance_id,
        "InstanceName": invocation.host.name,
        "Comment": command.comment,
        "DocumentName": command.document,
        "RequestedDateTime": command.requested_at,
        **status,
        "CommandPlugins": [],
    }
    if details:
        output = invocation.output if invocation.ended_at else ""
        if len(output) > LIST_OUTPUT_CHARACTERS:
            output = output[: LIST_OUTPUT_CHARACTERS - len(_TRUNCATED)] + _TRUNCATED
        code = invocation.result.exit_code if invocation.result else -1
        times = {"ResponseStartDateTime": invocation.started_at, "ResponseFinishDateTime": invocation.ended_at}
        known_times = {name: at for name, at in times.items() if at}
        plugin = {"Name": command.plugin, **status, "ResponseCode": code, "Output": output, **known_times}
        listed["CommandPlugins"] = [plugin]
    return listed


def _fits(host: Host, key: str, values: list[str]) -> bool:
    if key == "InstanceIds":
        return host.instance_id in values
    if key == "PingStatus":
        return "Online" in values
    if key.startswith("tag:"):
        return host.tags.get(key.removeprefix("tag:")) in values
    return True


def _portion(text: str, whole: int) -> int:
    """Return the number of hosts that MaxConcurrency or MaxErrors means: `3` is 3, `25%` a quarter of the `whole`."""
    return int(text.removesuffix("%")) * whole // 100 if text.endswith("%") else int(text)


def _shell_step(document: dict[str, Any]) -> dict[str, Any]:
    steps = document.get("mainSteps", [])
    if document.get("schemaVersion") != "2.2" or len(steps) != 1 or steps[0].get("action") != "aws:runShellScript":
        message = "Only documents of schema 2.2 with a single step aws:runShellScript run on this machine."
        raise ServiceError("InvalidDocument", message)
    step: dict[str, Any] = steps[0]
    return step


def _checked_parameters(document: dict[str, Any], given: dict[str, list[str]]) -> dict[str, str]:
    """Check the parameters as SSM does, and return the script's environment: `SSM_<name>` for each.

    `given` has the request's parameters, each a list with one value. One that is missing has the `document`'s default.
    """
    declared: dict[str, dict[str, Any]] = document.get("parameters", {})
    if unknown := sorted(set(given) - set(declared)):
        raise ServiceError("InvalidParameters", f"The document has no parameter {', '.join(unknown)}.")
    environment = {}
    for name, declaration in declared.items():
        if declaration.get("interpolationType") != "ENV_VAR":
            raise ServiceError("InvalidDocument", f"Parameter {name} needs interpolationType: ENV_VAR.")
        values = given.get(name, [declaration["default"]] if "default" in declaration else [])
        if len(values) != 1:
            raise ServiceError("InvalidParameters", f"Parameter {name} needs exactly one value; it has {len(values)}.")
        value = values[0]
        pattern = declaration.get("allowedPattern")
        if pattern and not re.search(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern, value):
            raise ServiceError("InvalidParameters", f"Parameter {name}: {value!r} does not match {pattern}.")
        if len(value) > int(declaration.get("maxChars", len(value))):
            message = f"Parameter {name} is longer than {declaration['maxChars']} characters."
            raise ServiceError("InvalidParameters", message)
        environment[f"SSM_{name}"] = value
    return environment
