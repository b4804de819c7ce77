"""A trail and its witnesses: what each says and the other does not."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firstline.incidents.audit_trail import Entry, Fact, chained
from firstline_cli.stacks import Stack
from firstline_cli.witnesses import (
    Command,
    Histories,
    contradictions,
    export,
    histories,
    seen_by_cloudtrail,
    unexplained,
)
from tests.support.builders import NOON, at

HOST, OTHER = "i-0123456789abcdef0", "i-0123456789abcdef1"
DOCUMENT = "firstline_runbook-low-disk-free-space"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:firstline-incident"


def planned(decision: str = "auto") -> Fact:
    facts = {"decision": decision, "plan_digest": "d", "targets": [HOST], "documents": [f"{DOCUMENT}:1"]}
    return Fact(what="planned", who="policy", facts={**facts})


def ran(command_id: str = "c-1", place: str = HOST) -> Fact:
    return Fact(what="ran", who="state machine", facts={"command_id": command_id, "instance_id": place})


APPROVED = Fact(what="decided", who="ada", facts={"decision": "approved", "plan_digest": "d"})


def trail(*facts: Fact) -> list[Entry]:
    return chained("inc-1", facts, NOON, None)


def sending(command_id: str = "c-1", host: str = HOST, document: str = DOCUMENT) -> list[dict[str, Any]]:
    """Return the events of Run Step in an execution's history."""
    asked = {"DocumentName": document, "DocumentVersion": "1", "InstanceIds": [host]}
    return [
        {
            "timestamp": NOON,
            "type": "TaskScheduled",
            "taskScheduledEventDetails": {"resource": "sendCommand", "parameters": json.dumps(asked)},
        },
        {
            "timestamp": at(1),
            "type": "TaskSucceeded",
            "taskSucceededEventDetails": {"output": json.dumps({"Command": {"CommandId": command_id}})},
        },
    ]


def history(*events: dict[str, Any], over: bool = True) -> Histories:
    return Histories({"inc-1": [*events]}, over)


def test_a_trail_that_has_each_command_agrees() -> None:
    assert contradictions(trail(planned(), ran()), history(*sending())) == []
    assert contradictions(trail(planned("approve"), APPROVED, ran()), history(*sending())) == []


def test_many_hosts_in_one_entry_a_step_that_was_not_sent_and_a_deployment_agree() -> None:
    assert contradictions(trail(planned(), ran(place="12 hosts")), history(*sending())) == []
    assert contradictions(trail(planned(), ran("none")), history()) == []
    assert contradictions(trail(planned(), ran("d-7KWXE2", place="api-gateway/prod")), history()) == []


@pytest.mark.parametrize(
    ("facts", "events", "problem"),
    [
        ([planned(), ran()], [], "the trail says that command c-1 ran, but no execution sent it"),
        ([planned()], sending(), "but the trail does not have it"),
        ([planned(), ran()], sending(host=OTHER), f"but no plan on the trail names {OTHER}"),
        ([planned("approve"), ran()], sending(), "but the trail has no approval of it"),
        ([planned("approve"), ran()], sending(document="undo"), "but the trail has no approval of it"),
        ([ran()], sending(), f"but no plan on the trail names {HOST}"),
    ],
    ids=["never sent", "not on the trail", "another host", "not approved", "rollback not approved", "not planned"],
)
def test_a_command_that_the_trail_and_the_execution_disagree_on_is_named(
    facts: list[Fact], events: list[dict[str, Any]], problem: str
) -> None:
    (found,) = contradictions(trail(*facts), history(*events))

    assert problem in found


def judged(severity: str = "critical", by: str = "rules") -> Fact:
    return Fact(what="classified", who=by, facts={"severity": severity, "decided_by": by})


def judging(severity: str = "critical", by: str = "rules") -> dict[str, Any]:
    """Return the event in which a function returns its verdict to the machine."""
    answer = {"Payload": {"classification": {"severity": severity, "decided_by": by}, "next": None}}
    return {"timestamp": NOON, "taskSucceededEventDetails": {"resource": "invoke", "output": json.dumps(answer)}}


def test_a_verdict_that_the_trail_has_otherwise_or_lacks_is_named() -> None:
    without_a_verdict = {"taskSucceededEventDetails": {"resource": "invoke", "output": '{"Payload": 1}'}}
    history_of_it = history(judging("critical", by="rules"), without_a_verdict)

    assert contradictions(trail(judged("critical", by="rules")), history_of_it) == []
    assert contradictions(trail(judged("noise", by="rules")), history_of_it) == [
        "an execution received the verdict critical by rules, but the trail lacks it",
        "the trail has the verdict noise by rules, but no execution received it",
    ]
    assert contradictions(trail(), history_of_it) == [
        "an execution received the verdict critical by rules, but the trail lacks it"
    ]


def test_the_trail_may_lack_the_last_command_of_a_running_execution() -> None:
    assert contradictions(trail(planned()), history(*sending(), over=False)) == []


def test_a_request_that_failed_and_one_for_a_parameter_sent_no_command() -> None:
    scheduled, _ = sending()
    failed = {"timestamp": NOON, "type": "TaskFailed", "taskFailedEventDetails": {}}
    asked = {"timestamp": NOON, "taskScheduledEventDetails": {"resource": "getParameter", "parameters": "{}"}}
    answered = {"timestamp": NOON, "taskSucceededEventDetails": {"output": "{}"}}

    assert history(scheduled, failed, asked, answered).commands() == []


def test_a_command_that_only_cloudtrail_saw_is_named() -> None:
    seen = [
        Command("c-1", f"{DOCUMENT}:1", (HOST,), NOON, "arn:role"),
        Command("c-2", "x:1", (HOST,), NOON, "arn:mallory"),
    ]

    (problem,) = unexplained(seen, history(*sending()).commands())

    assert problem == f"arn:mallory sent command c-2 (x:1 to {HOST}), but no execution did"


class States:
    """Step Functions with two executions of one incident."""

    class exceptions:
        class ExecutionDoesNotExist(Exception): ...

    def __init__(self, running: str | None = None) -> None:
        self.known = {"inc-1": "FAILED", "inc-1-2": "SUCCEEDED"}
        self.known |= {running: "RUNNING"} if running else {}

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:
        name = executionArn.rsplit(":", 1)[1]
        if name not in self.known:
            raise self.exceptions.ExecutionDoesNotExist
        return {"status": self.known[name]}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, *, executionArn: str) -> list[dict[str, Any]]:
        return [{"events": sending(executionArn.rsplit(":", 1)[1])}, {"events": []}]


class CloudTrail:
    """CloudTrail with a command for each of these comments; a command of Firstline has its incident as its comment."""

    def __init__(self, comments: Sequence[str] = ()) -> None:
        self.comments = comments
        self.asked: dict[str, Any] = {}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        return [{"Events": [{"CloudTrailEvent": json.dumps(self.event(comment))} for comment in self.comments]}]

    def event(self, comment: str) -> dict[str, Any]:
        return {
            "eventTime": "2026-03-02T12:00:00Z",
            "userIdentity": {"arn": "arn:role"},
            "requestParameters": {
                "documentName": DOCUMENT,
                "documentVersion": "1",
                "instanceIds": [HOST],
                "comment": comment,
            },
            "responseElements": {"command": {"commandId": "c-1"}},
        }


def stack(client: Any) -> Stack:
    def by_name(_: str) -> Any:
        return client

    return Stack(None, MACHINE, by_name)  # type: ignore[arg-type]


def test_the_history_of_each_generation_is_read() -> None:
    found = histories(stack(States()), "inc-1")

    assert [(command.id, command.by) for command in found.commands()] == [
        ("inc-1", "execution inc-1"),
        ("inc-1-2", "execution inc-1-2"),
    ]
    assert found.over
    assert not histories(stack(States(running="inc-1-2")), "inc-1").over


def test_of_cloudtrails_commands_only_those_of_the_incident_are_read() -> None:
    (seen,) = seen_by_cloudtrail(stack(CloudTrail(comments=("inc-1", "other"))), "inc-1", NOON, at(5))

    assert (seen.id, seen.document, seen.hosts, seen.by) == ("c-1", f"{DOCUMENT}:1", (HOST,), "arn:role")


def test_cloudtrail_is_asked_for_a_time_after_the_incident_because_it_delivers_late() -> None:
    cloudtrail = CloudTrail()

    list(seen_by_cloudtrail(stack(cloudtrail), "inc-1", NOON, at(5)))

    assert cloudtrail.asked["EndTime"] > at(5) + timedelta(minutes=15)


def test_an_exported_trail_and_history_can_be_read_again(tmp_path: Path) -> None:
    entries = trail(planned(), ran())

    export(tmp_path / "kept", entries, history(*sending()))

    lines = (tmp_path / "kept" / "trail.jsonl").read_text().splitlines()
    assert [Entry.model_validate_json(line) for line in lines] == entries
    events = [json.loads(line) for line in (tmp_path / "kept" / "inc-1.jsonl").read_text().splitlines()]
    assert datetime.fromisoformat(events[0]["timestamp"]) == NOON
