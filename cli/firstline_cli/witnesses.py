"""The records against which an audit trail is checked, which no function can write: executions' histories, CloudTrail.

Step Functions keeps the history of an execution for 90 days after its end, CloudTrail its events for 90 days.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from firstline.incidents.audit_trail import Entry
from firstline.incidents.lifecycle import execution_name
from firstline.remediation.autonomy import NEVER_SENT
from firstline_cli.stacks import Stack

LATE = timedelta(minutes=20)
"""The time within which CloudTrail delivers an event, which AWS says is about 15 minutes:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html"""


@dataclass(frozen=True)
class Command:
    """A command to hosts, as an execution's history or CloudTrail recorded it: who sent it (`by`), and when (`at`).

    `document` is the SSM document's name and version, as `name:3`.
    """

    id: str
    document: str
    hosts: tuple[str, ...]
    at: datetime
    by: str


@dataclass(frozen=True)
class Histories:
    """The events of an incident's Step Functions executions (the first and its successors), by the execution's name.

    `over` is True if all executions have ended.
    """

    events: dict[str, list[dict[str, Any]]]
    over: bool

    def commands(self) -> list[Command]:
        """Return the commands that the executions sent."""
        return [command for name, events in self.events.items() for command in _commands_of(name, events)]

    def verdicts(self) -> set[str]:
        """Return the verdicts that the executions received, each as `<severity> by <decider>`."""
        return {verdict for events in self.events.values() for verdict in _verdicts_of(events)}


def histories(stack: Stack, incident_id: str) -> Histories:
    """Read the histories of an incident's executions: the first one, and its successors in order.

    Raises
    ------
    ClientError
        Step Functions refused to answer.
    """
    states = stack.client("stepfunctions")
    prefix = stack.state_machine.replace(":stateMachine:", ":execution:")
    events: dict[str, list[dict[str, Any]]] = {}
    over, generation = True, 1
    while True:
        name = execution_name(incident_id, generation)
        try:
            over = states.describe_execution(executionArn=f"{prefix}:{name}")["status"] != "RUNNING" and over
            pages = states.get_paginator("get_execution_history").paginate(executionArn=f"{prefix}:{name}")
            events[name] = [event for page in pages for event in page["events"]]
        except states.exceptions.ExecutionDoesNotExist:
            return Histories(events, over)
        generation += 1


def seen_by_cloudtrail(stack: Stack, incident_id: str, since: datetime, until: datetime) -> list[Command]:
    """Return the commands of an incident that CloudTrail recorded, which have the incident's id as their comment.

    Raises
    ------
    ClientError, BotoCoreError
        CloudTrail cannot be asked.
    """
    pages = (
        stack.client("cloudtrail")
        .get_paginator("lookup_events")
        .paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "SendCommand"}],
            StartTime=since,
            EndTime=until + LATE,
        )
    )
    told = (json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"])
    return [_seen(event) for event in told if (event.get("requestParameters") or {}).get("comment") == incident_id]


def contradictions(entries: Sequence[Entry], found: Histories) -> list[str]:
    """Return a sentence for each difference between an incident's audit trail and the histories of its executions.

    A command that is missing on the trail is a difference only once all executions have ended.
    """
    sent = {command.id: command for command in found.commands()}
    ran = {str(entry.facts.get("command_id")) for entry in entries if _is_command(entry)}
    problems = [
        f"the trail says that command {command_id} ran, but no execution sent it" for command_id in ran - sent.keys()
    ]
    problems += _other_verdicts(entries, found)
    for command in sent.values():
        reasons = _against(command, entries)
        if command.id not in ran and found.over:
            reasons.append(", but the trail does not have it")
        problems += [f"{command.by} sent {_told(command)}{reason}" for reason in reasons]
    return sorted(problems)


def _other_verdicts(entries: Sequence[Entry], found: Histories) -> list[str]:
    """Return a sentence for each verdict that is on the audit trail but reached no execution, or vice versa."""
    judged = [entry.facts for entry in entries if entry.what == "classified"]
    written = {_verdict(facts) for facts in judged}
    got = found.verdicts()
    invented = [f"the trail has the verdict {verdict}, but no execution received it" for verdict in written - got]
    return invented + [
        f"an execution received the verdict {verdict}, but the trail lacks it" for verdict in got - written
    ]


def _verdict(said: Mapping[str, Any]) -> str:
    return f"{said.get('severity')} by {said.get('decided_by')}"


def _against(command: Command, entries: Sequence[Entry]) -> list[str]:
    """Return a phrase for each thing that the audit trail (`entries`) lacks to explain a command to hosts.

    The trail should have a plan that names each of the command's hosts, and an approval if the plan asks for one.
    """
    planned = [entry for entry in entries if entry.what == "planned" and "plan_digest" in entry.facts]
    hosts = {host for entry in planned for host in _texts(entry, "targets")}
    approved = any(entry.what == "decided" and entry.facts.get("decision") == "approved" for entry in entries)
    # A plan's entry lists the documents of its steps, and not those of its verification and rollback.
    asked = [entry for entry in planned if command.document in _texts(entry, "documents")] or planned
    reasons = []
    if strangers := sorted(set(command.hosts) - hosts):
        reasons.append(f", but no plan on the trail names {', '.join(strangers)}")
    if asked and not approved and all(entry.facts.get("decision") == "approve" for entry in asked):
        reasons.append(", but the trail has no approval of it")
    return reasons


def unexplained(seen: Sequence[Command], sent: Sequence[Command]) -> list[str]:
    """Return a sentence for each command that CloudTrail recorded but no execution sent."""
    known = {command.id for command in sent}
    return [f"{command.by} sent {_told(command)}, but no execution did" for command in seen if command.id not in known]


def export(folder: Path, entries: Sequence[Entry], found: Histories) -> None:
    """Write the trail and each execution's history into a folder, as files with one JSON document a line."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trail.jsonl").write_text("".join(f"{entry.model_dump_json()}\n" for entry in entries))
    for name, events in found.events.items():
        lines = (json.dumps(event, default=str) for event in events)
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def _commands_of(name: str, events: list[dict[str, Any]]) -> Iterator[Command]:
    scheduled: dict[str, Any] | None = None
    for event in events:
        if details := event.get("taskScheduledEventDetails"):
            scheduled = json.loads(details["parameters"]) if details["resource"] == "sendCommand" else None
        elif scheduled is not None and (details := event.get("taskSucceededEventDetails")):
            sent = json.loads(details["output"])["Command"]
            document = f"{scheduled['DocumentName']}:{scheduled['DocumentVersion']}"
            hosts = tuple(scheduled["InstanceIds"])
            yield Command(sent["CommandId"], document, hosts, event["timestamp"], f"execution {name}")
            scheduled = None


def _verdicts_of(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the verdicts that functions returned to the state machine, each as `<severity> by <decider>`."""
    for event in events:
        details = event.get("taskSucceededEventDetails")
        if details is None or details.get("resource") != "invoke":
            continue
        payload = json.loads(details.get("output") or "{}").get("Payload")
        if isinstance(payload, dict) and isinstance(verdict := payload.get("classification"), dict):
            yield _verdict(verdict)


def _seen(event: dict[str, Any]) -> Command:
    asked = event["requestParameters"]
    answered = (event.get("responseElements") or {}).get("command") or {}
    return Command(
        id=str(answered.get("commandId", "without an id")),
        document=f"{asked.get('documentName')}:{asked.get('documentVersion', '')}",
        hosts=tuple(asked.get("instanceIds", [])),
        at=datetime.fromisoformat(event["eventTime"]),
        by=str(event.get("userIdentity", {}).get("arn", "somebody")),
    )


def _is_command(entry: Entry) -> bool:
    """Return True if an entry of the audit trail says that a command ran on a host.

    The deployment of an earlier release, and a step that was not sent, are no commands.
    """
    # Of a release the entry has its place, `application/deployment group`; of many hosts their number, `12 hosts`.
    on_hosts = "/" not in str(entry.facts.get("instance_id"))
    return entry.what == "ran" and on_hosts and entry.facts.get("command_id") not in (None, "", NEVER_SENT)


def _texts(entry: Entry, name: str) -> list[str]:
    value = entry.facts.get(name)
    return value if isinstance(value, list) else []


def _told(command: Command) -> str:
    return f"command {command.id} ({command.document} to {', '.join(command.hosts)})"
