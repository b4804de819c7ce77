"""Systems Manager's Run Command on one machine: documents' scripts really run, on throw-away hosts.

Requests and answers have the shapes of the SSM API (JSON 1.1), with its statuses, its error names and its caps on
output. What is not about commands stays with moto.
"""

import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.emulator.hosts import Host, Ran
from local.emulator.server import ServiceError

LIST_OUTPUT_CHARACTERS = 2_500
"""ListCommandInvocations cuts a plugin's output to this length."""

GET_OUTPUT_CHARACTERS = 24_000
GET_ERROR_CHARACTERS = 8_000
MAX_TARGETS = 50
_TRUNCATED = "\n---Output truncated---"
_DEFAULT_TIMEOUT_SECONDS = 3_600


@dataclass
class _Invocation:
    """One command on one host."""

    command_id: str
    document: str
    comment: str
    host: Host
    plugin: str
    requested_at: float
    status: str = "Pending"
    details: str = "Pending"
    ran: Ran | None = None
    started_at: float | None = None
    ended_at: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def output(self) -> str:
        if self.ran is None:
            return ""
        text = self.ran.stdout
        if self.ran.stderr:
            text += f"\n----------ERROR-------\n{self.ran.stderr}"
        if self.status == "Failed" and self.ran.executed:
            text += f"\nfailed to run commands: exit status {self.ran.exit_code}"
        return text


@dataclass(frozen=True)
class CommandEnded:
    """The end of a command on a host, for the story that `up` and the demo tell."""

    command_id: str
    document: str
    comment: str
    host: str
    status: str
    output: str


class Commands:
    """Sends commands to hosts and remembers how they went.

    Parameters
    ----------
    read_document
        Gives a document's content by name, or None when there is none.
    allowed_tag
        Only hosts with this tag may be sent anything, as the state machine's IAM policy says.
    on_end
        Called when a command has ended on a host.
    """

    def __init__(
        self,
        hosts: list[Host],
        read_document: Callable[[str], dict[str, Any] | None],
        allowed_tag: tuple[str, str],
        on_end: Callable[[CommandEnded], None] = lambda _: None,
    ) -> None:
        self._hosts = {host.instance_id: host for host in hosts}
        self._read_document = read_document
        self._allowed_tag = allowed_tag
        self._on_end = on_end
        self._sent: dict[str, list[_Invocation]] = {}
        self._lock = threading.Lock()
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "SendCommand": self.send_command,
            "ListCommandInvocations": self.list_command_invocations,
            "GetCommandInvocation": self.get_command_invocation,
            "CancelCommand": self.cancel_command,
            "DescribeInstanceInformation": self.describe_instance_information,
        }

    def send_command(self, request: dict[str, Any]) -> dict[str, Any]:
        """SendCommand, by instance ids.

        Raises
        ------
        ServiceError
            InvalidDocument, InvalidInstanceId, InvalidParameters, AccessDeniedException, ValidationException.
        """
        name = request["DocumentName"]
        document = self._read_document(name)
        if document is None:
            raise ServiceError("InvalidDocument", f"Document with name {name} does not exist.")
        instance_ids = request.get("InstanceIds") or []
        if not 1 <= len(instance_ids) <= MAX_TARGETS:
            raise ServiceError(
                "ValidationException", f"Give 1 to {MAX_TARGETS} InstanceIds; there are {len(instance_ids)}."
            )
        hosts = [self._target(instance_id) for instance_id in instance_ids]
        environment = _checked_parameters(document, request.get("Parameters") or {})
        step = _shell_step(document)
        script = "\n".join(step["inputs"]["runCommand"])
        timeout = float(step["inputs"].get("timeoutSeconds", _DEFAULT_TIMEOUT_SECONDS))
        command_id = str(uuid.uuid4())
        now = time.time()
        sent = [_Invocation(command_id, name, request.get("Comment", ""), host, step["name"], now) for host in hosts]
        with self._lock:
            self._sent[command_id] = sent
        waiting = deque(sent)
        most_errors = _portion(request.get("MaxErrors", "0"), len(sent))
        for _ in range(max(1, _portion(request.get("MaxConcurrency", "50"), len(sent)))):
            threading.Thread(
                target=self._work, args=(waiting, sent, most_errors, script, environment, timeout), daemon=True
            ).start()
        return {
            "Command": {
                "CommandId": command_id,
                "DocumentName": name,
                "Comment": request.get("Comment", ""),
                "Parameters": request.get("Parameters") or {},
                "InstanceIds": instance_ids,
                "Targets": [],
                "RequestedDateTime": now,
                "Status": "Pending",
                "StatusDetails": "Pending",
                "TargetCount": len(sent),
                "CompletedCount": 0,
                "ErrorCount": 0,
            }
        }

    def list_command_invocations(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListCommandInvocations, by command and instance."""
        with self._lock:
            if request.get("CommandId"):
                chosen = list(self._sent.get(request["CommandId"], []))
            else:
                chosen = [invocation for sent in self._sent.values() for invocation in sent]
        wanted = request.get("InstanceId")
        return {
            "CommandInvocations": [
                self._invocation(invocation, details=bool(request.get("Details")))
                for invocation in chosen
                if wanted in (None, invocation.host.instance_id)
            ]
        }

    def get_command_invocation(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetCommandInvocation.

        Raises
        ------
        ServiceError
            InvocationDoesNotExist.
        """
        invocation = self._find(request["CommandId"], request["InstanceId"])
        return {
            "CommandId": invocation.command_id,
            "InstanceId": invocation.host.instance_id,
            "Comment": invocation.comment,
            "DocumentName": invocation.document,
            "PluginName": invocation.plugin,
            "ResponseCode": invocation.ran.exit_code if invocation.ran else -1,
            "Status": invocation.status,
            "StatusDetails": invocation.details,
            "StandardOutputContent": invocation.ran.stdout[:GET_OUTPUT_CHARACTERS] if invocation.ran else "",
            "StandardErrorContent": invocation.ran.stderr[:GET_ERROR_CHARACTERS] if invocation.ran else "",
        }

    def cancel_command(self, request: dict[str, Any]) -> dict[str, Any]:
        """CancelCommand: scripts that still run are ended.

        Raises
        ------
        ServiceError
            InvalidCommandId.
        """
        with self._lock:
            sent = self._sent.get(request["CommandId"])
        if sent is None:
            raise ServiceError("InvalidCommandId", f"There is no command {request['CommandId']}.")
        for invocation in sent:
            invocation.cancelled.set()
        return {}

    def describe_instance_information(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeInstanceInformation: every host is online. Filters by id, ping status and tag are understood."""
        chosen = list(self._hosts.values())
        for condition in [*(request.get("Filters") or []), *(request.get("InstanceInformationFilterList") or [])]:
            key = condition.get("Key", condition.get("key", ""))
            values = condition.get("Values", condition.get("valueSet", []))
            chosen = [host for host in chosen if _fits(host, key, values)]
        return {
            "InstanceInformationList": [
                {
                    "InstanceId": host.instance_id,
                    "PingStatus": "Online",
                    "LastPingDateTime": time.time(),
                    "AgentVersion": "3.3.3000.0",
                    "IsLatestVersion": True,
                    "PlatformType": "Linux",
                    "PlatformName": "Debian GNU/Linux",
                    "ResourceType": "EC2Instance",
                    "ComputerName": host.name,
                    "IPAddress": host.private_ip,
                }
                for host in chosen
            ]
        }

    def _target(self, instance_id: str) -> Host:
        host = self._hosts.get(instance_id)
        if host is None:
            raise ServiceError("InvalidInstanceId", f"Instances [[{instance_id}]] not in a valid state for account.")
        key, value = self._allowed_tag
        if host.tags.get(key) != value:
            raise ServiceError(
                "AccessDeniedException",
                f"Not authorized to perform ssm:SendCommand on {instance_id}: it has no tag {key}={value}.",
            )
        return host

    def _work(
        self,
        waiting: deque[_Invocation],
        sent: list[_Invocation],
        most_errors: int,
        script: str,
        environment: dict[str, str],
        timeout_seconds: float,
    ) -> None:
        """One of `MaxConcurrency` hands: takes the next host until there is none, or too many have failed."""
        while True:
            try:
                invocation = waiting.popleft()
            except IndexError:
                return
            errors = sum(other.details in ("Failed", "Execution Timed Out") for other in sent)
            if errors > most_errors or invocation.cancelled.is_set():
                invocation.status, invocation.details = (
                    "Cancelled",
                    "Terminated" if errors > most_errors else "Canceled",
                )
                invocation.ended_at = time.time()
            else:
                self._run(invocation, script, environment, timeout_seconds)

    def _run(self, invocation: _Invocation, script: str, environment: dict[str, str], timeout_seconds: float) -> None:
        invocation.status, invocation.details, invocation.started_at = "InProgress", "InProgress", time.time()
        invocation.ran = invocation.host.run(
            script, environment=environment, timeout_seconds=timeout_seconds, cancelled=invocation.cancelled
        )
        invocation.ended_at = time.time()
        if not invocation.ran.executed:
            invocation.details, invocation.status = "Undeliverable", "Failed"
        elif invocation.ran.timed_out:
            invocation.details, invocation.status = "Execution Timed Out", "TimedOut"
        elif invocation.cancelled.is_set():
            invocation.details, invocation.status = "Canceled", "Cancelled"
        elif invocation.ran.exit_code == 0:
            invocation.details = invocation.status = "Success"
        else:
            invocation.details = invocation.status = "Failed"
        self._on_end(
            CommandEnded(
                invocation.command_id,
                invocation.document,
                invocation.comment,
                invocation.host.name,
                invocation.details,
                invocation.output,
            )
        )

    def _find(self, command_id: str, instance_id: str) -> _Invocation:
        with self._lock:
            for invocation in self._sent.get(command_id, []):
                if invocation.host.instance_id == instance_id:
                    return invocation
        raise ServiceError("InvocationDoesNotExist", f"There is no command {command_id} on {instance_id}.")

    def _invocation(self, invocation: _Invocation, *, details: bool) -> dict[str, Any]:
        status, status_details = invocation.status, invocation.details
        shown: dict[str, Any] = {
            "CommandId": invocation.command_id,
            "InstanceId": invocation.host.instance_id,
            "InstanceName": invocation.host.name,
            "Comment": invocation.comment,
            "DocumentName": invocation.document,
            "RequestedDateTime": invocation.requested_at,
            "Status": status,
            "StatusDetails": status_details,
            "CommandPlugins": [],
        }
        if details:
            output = invocation.output if invocation.ended_at else ""
            if len(output) > LIST_OUTPUT_CHARACTERS:
                output = output[: LIST_OUTPUT_CHARACTERS - len(_TRUNCATED)] + _TRUNCATED
            shown["CommandPlugins"] = [
                {
                    "Name": invocation.plugin,
                    "Status": status,
                    "StatusDetails": status_details,
                    "ResponseCode": invocation.ran.exit_code if invocation.ran else -1,
                    "Output": output,
                    **({"ResponseStartDateTime": invocation.started_at} if invocation.started_at else {}),
                    **({"ResponseFinishDateTime": invocation.ended_at} if invocation.ended_at else {}),
                }
            ]
        return shown


def _fits(host: Host, key: str, values: list[str]) -> bool:
    if key == "InstanceIds":
        return host.instance_id in values
    if key == "PingStatus":
        return "Online" in values
    if key.startswith("tag:"):
        return host.tags.get(key.removeprefix("tag:")) in values
    return True


def _portion(text: str, whole: int) -> int:
    """`3`, or `25%` of the hosts, as MaxConcurrency and MaxErrors say it."""
    return int(text.removesuffix("%")) * whole // 100 if text.endswith("%") else int(text)


def _shell_step(document: dict[str, Any]) -> dict[str, Any]:
    steps = document.get("mainSteps", [])
    if document.get("schemaVersion") != "2.2" or len(steps) != 1 or steps[0].get("action") != "aws:runShellScript":
        raise ServiceError(
            "InvalidDocument", "Only documents of schema 2.2 with one aws:runShellScript step are run on this machine."
        )
    step: dict[str, Any] = steps[0]
    return step


def _checked_parameters(document: dict[str, Any], given: dict[str, list[str]]) -> dict[str, str]:
    """Check the parameters as SSM does, and return the script's environment: `SSM_<name>` for each."""
    declared: dict[str, dict[str, Any]] = document.get("parameters", {})
    if unknown := sorted(set(given) - set(declared)):
        raise ServiceError("InvalidParameters", f"The document has no parameter {', '.join(unknown)}.")
    environment = {}
    for name, declaration in declared.items():
        if declaration.get("interpolationType") != "ENV_VAR":
            raise ServiceError("InvalidDocument", f"Parameter {name} is not handed over as ENV_VAR.")
        values = given.get(name, [declaration["default"]] if "default" in declaration else [])
        if len(values) != 1:
            raise ServiceError("InvalidParameters", f"Parameter {name} needs exactly one value; it has {len(values)}.")
        value = values[0]
        pattern = declaration.get("allowedPattern")
        if pattern and not re.search(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern, value):
            raise ServiceError("InvalidParameters", f"Parameter {name}: {value!r} does not match {pattern}.")
        if len(value) > int(declaration.get("maxChars", len(value))):
            raise ServiceError(
                "InvalidParameters", f"Parameter {name} is longer than {declaration['maxChars']} characters."
            )
        environment[f"SSM_{name}"] = value
    return environment
