"""Systems Manager by script: each test says how a step's commands go, and reads what was really sent.

Takes the place of `local.emulator.commands.Commands` in `local.emulator.cloud.Cloud`: requests arrive over HTTP in
SSM's own shapes.
"""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from local.emulator.commands import LIST_OUTPUT_CHARACTERS
from local.emulator.events import command_ended
from local.emulator.server import ServiceError

NEVER = 1_000_000

type End = Literal["heard", "early", "twice", "lost"]
"""EventBridge tells the end of a command when its execution waits for it, or before, or twice, or not at all."""


@dataclass(frozen=True)
class Run:
    """The scripted end of one SendCommand.

    Attributes
    ----------
    status, output
        How it ends on every host, but for those in `on_host` (status by instance id).
    unfinished_reads
        How many reads still see it in progress on the hosts that are not in `on_host`.
    unseen_reads
        How many reads see no host at all, as right after a send.
    listed
        On how many hosts it is seen at all, if not on each.
    refusal
        SSM's error: code and message. The command is not accepted.
    lost
        The command is accepted, but the connection drops before the answer.
    hangs
        The command is accepted, but the answer does not come until the test is over.
    unreadable, uncancellable
        SSM fails whenever the command is read, or cancelled.
    on_read
        What happens in the world while the machine reads.
    end
        How EventBridge tells of its end.
    """

    status: str = "Success"
    output: str = ""
    on_host: dict[str, str] = field(default_factory=dict)
    unfinished_reads: int = 0
    unseen_reads: int = 0
    listed: int | None = None
    refusal: tuple[str, str] | None = None
    lost: bool = False
    hangs: bool = False
    unreadable: bool = False
    uncancellable: bool = False
    on_read: Callable[[], object] | None = None
    end: End = "heard"


THROTTLED = Run(refusal=("ThrottlingException", "Rate exceeded"))
"""SSM's throttling with the name that its model has since 2025; Step Functions says Ssm.ThrottlingException."""

THROTTLED_NAMELESS = Run(refusal=("Throttling", "Rate exceeded"))
"""The same without a name that the SDK knows; Step Functions says Ssm.SsmException."""


@dataclass
class Sent:
    """A command that SSM accepted."""

    step: str
    document: str
    parameters: dict[str, list[str]]
    instance_ids: list[str]
    comment: str
    version: str
    rates: tuple[str, str]
    run: Run
    request: dict[str, Any]
    command_id: str
    reads: int = 0
    cancelled: bool = False


class RunCommand:
    """The fake. Steps without a script succeed at once.

    Parameters
    ----------
    documents
        The step id of every document that exists, by the document's name. A document of a scripted step exists too.
    """

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._documents = documents
        self.sent: list[Sent] = []
        self.attempts: list[str] = []
        self.windows: set[str] = set()
        self.over = threading.Event()
        self.tell: Callable[[dict[str, Any]], object] = lambda _: None
        self._scripts: dict[str, list[Run]] = {}
        self._commands: dict[str, Sent] = {}
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "SendCommand": self._send,
            "ListCommandInvocations": self._list,
            "CancelCommand": self._cancel,
            "DescribeInstanceInformation": self._describe,
        }

    def script(self, step: str, *runs: Run) -> None:
        """Script how the commands of a step end, one after the other; the last one repeats."""
        self._scripts[step] = list(runs)

    @property
    def newest(self) -> str:
        """The id of the command that was sent last."""
        return self.sent[-1].command_id

    @property
    def newest_is_silent(self) -> bool:
        """True if nobody tells the end of the command that was sent last."""
        return bool(self.sent) and self.sent[-1].run.end == "lost"

    def steps(self) -> list[str]:
        """Return the steps whose commands were accepted, in order."""
        return [sent.step for sent in self.sent]

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        document = request["DocumentName"]
        step = self._documents.get(document) or next(
            (name for name in self._scripts if document.endswith(f"-{name}")), ""
        )
        if not step:
            raise ServiceError("InvalidDocument", f"Document with name {document} does not exist.")
        self.attempts.append(step)
        run = self._next(step)
        if run.refusal:
            raise ServiceError(*run.refusal)
        command_id = str(uuid.uuid4())
        sent = Sent(
            step=step,
            document=document,
            parameters=request["Parameters"],
            instance_ids=request["InstanceIds"],
            comment=request["Comment"],
            version=request["DocumentVersion"],
            rates=(request["MaxConcurrency"], request["MaxErrors"]),
            run=run,
            request=request,
            command_id=command_id,
        )
        self._commands[command_id] = sent
        self.sent.append(sent)
        if run.end == "early":
            self.tell_end(command_id)
        if run.lost:
            raise ConnectionResetError("the answer is lost")
        if run.hangs:
            self.over.wait(60)
        return {"Command": {"CommandId": command_id, "DocumentName": document, "Status": "Pending"}}

    def awaited(self, command_id: str) -> None:
        """Tell of the end of a command when its execution begins to wait for it."""
        sent = self._commands[command_id]
        for _ in range({"heard": 1, "twice": 2}.get(sent.run.end, 0)):
            self.tell_end(command_id)

    def tell_end(self, command_id: str) -> None:
        """Tell, as EventBridge does, that a command has ended."""
        document = self._commands[command_id].document
        detail = {"command-id": command_id, "document-name": document, "status": "Success"}
        self.tell(command_ended(detail, "eu-central-1", "123456789012"))

    def _next(self, step: str) -> Run:
        runs = self._scripts.get(step, [])
        return (runs.pop(0) if len(runs) > 1 else runs[0]) if runs else Run()

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        sent = self._commands[request["CommandId"]]
        sent.reads += 1
        if sent.run.unreadable:
            raise ServiceError("InternalServerError", "An internal error occurred.")
        if sent.run.on_read and sent.reads == 1:
            sent.run.on_read()
        if sent.reads <= sent.run.unseen_reads:
            return {"CommandInvocations": []}
        in_progress = sent.reads - sent.run.unseen_reads <= sent.run.unfinished_reads
        return {
            "CommandInvocations": [
                _invocation(request["CommandId"], host, sent.run, in_progress, details=request.get("Details", False))
                for host in sent.instance_ids[: sent.run.listed]
            ]
        }

    def _cancel(self, request: dict[str, Any]) -> dict[str, Any]:
        sent = self._commands[request["CommandId"]]
        if sent.run.uncancellable:
            raise ServiceError("InternalServerError", "An internal error occurred.")
        sent.cancelled = True
        return {}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        filters = {filtered["Key"]: filtered["Values"] for filtered in request.get("Filters", [])}
        # Asked by tag, it is how many hosts there are in all that counts.
        ids = filters.get("InstanceIds", [f"i-{number:017x}" for number in range(10)])
        return {
            "InstanceInformationList": [
                {
                    "InstanceId": instance_id,
                    "PingStatus": "Online",
                    "PlatformType": "Windows" if instance_id in self.windows else "Linux",
                    "AgentVersion": "3.3.3000.0",
                }
                for instance_id in ids
            ]
        }


def _invocation(command_id: str, host: str, run: Run, in_progress: bool, *, details: bool) -> dict[str, Any]:
    status = run.on_host.get(host, "InProgress" if in_progress else run.status)
    output = "" if status == "InProgress" else run.output[:LIST_OUTPUT_CHARACTERS]
    plugin = {"Name": "run", "Status": status, "StatusDetails": status, "Output": output}
    return {
        "CommandId": command_id,
        "InstanceId": host,
        "InstanceName": host,
        "Status": status,
        "StatusDetails": status,
        "CommandPlugins": [plugin] if details else [],
    }
