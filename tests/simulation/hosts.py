"""The hosts of a simulation: their conditions, Run Command on them, the runbooks that cure them, and the policies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from shutil import copytree
from tempfile import mkdtemp
from typing import Any, NamedTuple

from firstline.runbooks import catalogue, documents
from firstline.runbooks.catalogue import Catalogue

ROOT = Path(__file__).parents[2]
STACK = "firstline-sim"
PREFIX = f"{STACK}_runbook"
HOSTS = tuple(f"web-{number}" for number in range(1, 9))

CURED_BY = {"QueueStuck": "mend-queue", "CacheCold": "warm-cache"}
"""The runbook for each alert that has one. The first runs by itself, the second needs an approval."""

_RUNBOOKS = {
    "mend-queue": """
id: mend-queue
title: Unstick a queue
match:
  alerts: [QueueStuck]
mode: auto
risk: safe
target: hosts
limits: {cooldown: 1m, per_hour: 100, max_hosts: 3}
steps:
  - id: peek
    kind: diagnose
    on_failure: continue
    run: ls
  - id: drain
    kind: act
    timeout: 10m
    run: drain
  - id: restart
    kind: act
    timeout: 10m
    run: restart
verify:
  within: 30s
  every: 10s
  run: test-queue
rollback:
  - id: refill
    run: refill
""",
    "warm-cache": """
id: warm-cache
title: Warm a cache
match:
  alerts: [CacheCold]
mode: approve
risk: safe
limits: {cooldown: 1m, per_hour: 100, max_hosts: 3}
steps:
  - id: warm
    kind: act
    timeout: 1m
    run: warm
verify:
  within: 20s
  every: 10s
  run: is-warm
""",
}

RULES = """
rules:
  - id: odd-noise
    match: {alert_name: OddNoise}
    severity: noise
    reason: It means nothing.
  - id: short-blips
    match: {alert_name: LinkFlaps}
    hold: 5m
    reason: It clears by itself.
  - id: not-production
    match: {environment: [test, dev]}
    at_most: medium
    reason: Nobody is woken for an environment that no user sees.
maintenance: []
heartbeats: []
"""

PEOPLE = """
people:
  ada: {slack: U0ADA, role: approver}
  eve: {slack: U0EVE, role: approver}
  bob: {slack: U0BOB, role: approver}
"""


@cache
def runbooks_folder() -> Path:
    """Return a folder with the simulation's runbooks and policies; the paging policy is the shipped one."""
    folder = Path(mkdtemp(prefix="firstline-simulation-"))
    for name, text in _RUNBOOKS.items():
        (folder / f"{name}.yaml").write_text(text)
    copytree(ROOT / "runbooks" / "policy", folder / "policy")
    (folder / "policy" / "rules.yaml").write_text(RULES)
    (folder / "policy" / "people.yaml").write_text(PEOPLE)
    return folder


@cache
def shipped() -> Catalogue:
    """Return the simulation's runbooks, read once."""
    return catalogue.load(runbooks_folder())


@cache
def _documents() -> dict[str, tuple[str, str, Any]]:
    """Return the runbook, the step and the content of each document by its name."""
    return {
        documents.document_name(PREFIX, runbook, step_id, command): (
            runbook.id,
            step_id,
            documents.content(runbook, step_id, command),
        )
        for runbook in shipped().values()
        for step_id, command in runbook.commands()
    }


class Sent(NamedTuple):
    """A command that Run Command accepted."""

    at: datetime
    id: str
    incident_id: str
    runbook: str
    step: str
    hosts: tuple[str, ...]


@dataclass
class _Command:
    sent: Sent
    ends: datetime
    status: dict[str, str]
    cancelled: bool = False


@dataclass
class Fleet:
    """The hosts.

    Parameters
    ----------
    random
        Draws how long commands take and whether they cure.
    is_ill
        Tells whether a host still has the condition that an alert is about.
    cure
        Ends that condition.
    acts_take
        The seconds that drains and restarts take; None draws them as for every command.
    on_sent
        Told of each command, and when it ends.
    """

    random: Random
    is_ill: Callable[[str, str], bool]
    cure: Callable[[str, str], object]
    switch: str | None = "on"
    acts_take: float | None = None
    on_sent: Callable[[Sent, datetime], object] = lambda sent, ends: None
    sent: list[Sent] = field(default_factory=list)
    _commands: dict[str, _Command] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.documents = {name: content for name, (_, _, content) in _documents().items()}
        self._ids = {f"i-{number:017x}": host for number, host in enumerate(HOSTS, 1)}

    # --- inventory --------------------------------------------------------------------------------------------------

    def describe_instances(self, **request: Any) -> dict[str, Any]:
        """Return the instances that the filters ask for."""
        filters = {given["Name"]: given["Values"] for given in request["Filters"]}
        names, ids = filters.get("tag:Name"), filters.get("instance-id")
        found = [
            {
                "InstanceId": instance_id,
                "State": {"Name": "running"},
                "Tags": [{"Key": "Name", "Value": host}, {"Key": "Firstline", "Value": STACK}],
            }
            for instance_id, host in self._ids.items()
            if (names is not None and host in names) or (ids is not None and instance_id in ids)
        ]
        return {"Reservations": [{"Instances": found}]}

    def describe_instance_information(self, **request: Any) -> dict[str, Any]:
        """Return what Systems Manager knows of the hosts."""
        filters = {given["Key"]: given["Values"] for given in request.get("Filters", [])}
        wanted = filters.get("InstanceIds", list(self._ids))
        nodes = [
            {"InstanceId": instance_id, "PingStatus": "Online", "PlatformType": "Linux", "AgentVersion": "3.3.3000.0"}
            for instance_id in wanted
            if instance_id in self._ids
        ]
        return {"InstanceInformationList": nodes}

    # --- Run Command ------------------------------------------------------------------------------------------------

    def send_command(self, now: datetime, **request: Any) -> dict[str, Any]:
        """Accept a command; it works for some seconds on each host."""
        runbook, step, _ = _documents()[request["DocumentName"]]
        hosts = tuple(self._ids[instance_id] for instance_id in request["InstanceIds"])
        command_id = f"command-{len(self.sent) + 1}"
        sent = Sent(now, command_id, request["Comment"], runbook, step, hosts)
        self.sent.append(sent)
        alert = next(alert for alert, cure in CURED_BY.items() if cure == runbook)
        seconds: float = self.random.choice((0, 3, 10, 40))
        if step in ("drain", "restart") and self.acts_take is not None:
            seconds = self.acts_take
        ends = now + timedelta(seconds=seconds)
        status = {host: self._outcome(alert, step, host) for host in hosts}
        self._commands[command_id] = _Command(sent, ends, status)
        self.on_sent(sent, ends)
        return {"Command": {"CommandId": command_id, "DocumentName": request["DocumentName"], "Status": "Pending"}}

    def _outcome(self, alert: str, step: str, host: str) -> str:
        if step in ("verify", "test"):
            return "Failed" if self.is_ill(alert, host) else "Success"
        lot = self.random.random()
        if step in ("restart", "warm") and lot < 0.7:
            self.cure(alert, host)
        return "Failed" if lot > 0.93 else "Success"

    def list_command_invocations(self, now: datetime, **request: Any) -> dict[str, Any]:
        """Say how a command goes on each host."""
        command = self._commands[request["CommandId"]]
        done = now >= command.ends
        ids = {host: instance_id for instance_id, host in self._ids.items()}
        return {
            "CommandInvocations": [
                _invocation(command.sent.id, ids[host], status if done else "InProgress")
                for host, status in command.status.items()
            ]
        }

    def cancel_command(self, now: datetime, **request: Any) -> dict[str, Any]:
        """Cancel a command."""
        self._commands[request["CommandId"]].cancelled = True
        return {}


def _invocation(command_id: str, instance_id: str, status: str) -> Mapping[str, Any]:
    plugin = {"Name": "run", "Status": status, "StatusDetails": status, "Output": ""}
    return {
        "CommandId": command_id,
        "InstanceId": instance_id,
        "InstanceName": instance_id,
        "Status": status,
        "StatusDetails": status,
        "CommandPlugins": [plugin],
    }
