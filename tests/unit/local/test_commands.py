"""Run Command's answers, with hosts that run nothing and give the result that a test sets."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.emulator.commands import LIST_OUTPUT_CHARACTERS, CommandEnded, Commands
from local.emulator.hosts import ScriptResult
from local.emulator.server import ServiceError

DOCUMENT: dict[str, Any] = {
    "schemaVersion": "2.2",
    "parameters": {
        "mount": {"type": "String", "interpolationType": "ENV_VAR", "allowedPattern": "^(?:/[a-z/]*)$", "maxChars": 9},
        "days": {"type": "String", "interpolationType": "ENV_VAR", "allowedPattern": "^[0-9]+$", "default": "2"},
    },
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "free_space",
            "inputs": {"timeoutSeconds": "7", "runCommand": ["#!/bin/sh", "df"]},
        }
    ],
}


@dataclass
class FakeHost:
    """A host that answers with `ran`, once `go` is set."""

    ran: ScriptResult
    instance_id: str = "i-0123456789abcdef0"
    name: str = "web-1"
    private_ip: str = "10.0.0.9"
    tags: dict[str, str] = field(default_factory=lambda: {"Firstline": "managed"})
    go: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, dict[str, str], float]] = field(default_factory=list)

    def run(
        self, script: str, *, environment: dict[str, str], timeout_seconds: float, cancelled: threading.Event
    ) -> ScriptResult:
        self.asked.append((script, environment, timeout_seconds))
        while not self.go.wait(0.01):
            if cancelled.is_set():
                return ScriptResult(-1, "", "")
        return self.ran


def commands(host: FakeHost, on_end: Callable[[CommandEnded], None] = lambda _: None) -> Commands:
    return Commands([host], {"doc": DOCUMENT}.get, ("Firstline", "managed"), on_end)  # type: ignore[list-item]


def send(service: Commands, host: FakeHost, **parameters: list[str]) -> str:
    request = {
        "DocumentName": "doc",
        "InstanceIds": [host.instance_id],
        "Parameters": {"mount": ["/data"], **parameters},
        "Comment": "incident-1",
    }
    command_id: str = service.send_command(request)["Command"]["CommandId"]
    return command_id


def listed(service: Commands, command_id: str) -> dict[str, Any]:
    (found,) = service.list_command_invocations({"CommandId": command_id, "Details": True})["CommandInvocations"]
    return dict(found)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after three seconds."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("the condition did not hold within three seconds")


def settled(service: Commands, command_id: str) -> dict[str, Any]:
    eventually(lambda: listed(service, command_id)["Status"] not in ("Pending", "InProgress"))
    return listed(service, command_id)


def test_a_command_runs_in_the_background_and_then_has_its_output() -> None:
    # Given a host that takes its time
    told: list[CommandEnded] = []
    host = FakeHost(ScriptResult(0, "out", "err"))
    service = commands(host, told.append)

    # When a command is sent, it is under way
    command_id = send(service, host)
    assert listed(service, command_id)["Status"] in ("Pending", "InProgress")
    assert listed(service, command_id)["CommandPlugins"][0]["Output"] == ""

    # Then it ends
    host.go.set()
    found = settled(service, command_id)
    assert (found["Status"], found["StatusDetails"], found["Comment"]) == ("Success", "Success", "incident-1")
    assert found["CommandPlugins"][0]["Name"] == "free_space"
    assert "out" in found["CommandPlugins"][0]["Output"]
    assert "err" in found["CommandPlugins"][0]["Output"]
    assert [(ended.comment, ended.status) for ended in told] == [("incident-1", "Success")]


def test_a_host_runs_the_documents_script_with_the_given_and_the_default_parameters_and_its_time_out() -> None:
    host = FakeHost(ScriptResult(0, "", ""))
    host.go.set()
    service = commands(host)
    assert DOCUMENT["mainSteps"][0]["inputs"] == {"timeoutSeconds": "7", "runCommand": ["#!/bin/sh", "df"]}
    assert DOCUMENT["parameters"]["days"]["default"] == "2"

    settled(service, send(service, host, mount=["/data"]))

    assert host.asked == [("#!/bin/sh\ndf", {"SSM_mount": "/data", "SSM_days": "2"}, 7.0)]


@pytest.mark.parametrize(
    ("ran", "status", "details"),
    [
        (ScriptResult(3, "", "boom"), "Failed", "Failed"),
        (ScriptResult(-1, "", "", timed_out=True), "TimedOut", "Execution Timed Out"),
        (ScriptResult(-1, "would have run", "", executed=False), "Failed", "Undeliverable"),
    ],
    ids=[
        "it failed",
        "it took too long",
        "it was not run",
    ],
)
def test_how_a_script_ended_shows_in_the_status(ran: ScriptResult, status: str, details: str) -> None:
    host = FakeHost(ran)
    host.go.set()
    service = commands(host)
    found = settled(service, send(service, host))
    assert (found["Status"], found["StatusDetails"]) == (status, details)


def test_a_cancelled_command_ends() -> None:
    host = FakeHost(ScriptResult(0, "", ""))
    service = commands(host)
    command_id = send(service, host)

    service.cancel_command({"CommandId": command_id})

    assert settled(service, command_id)["Status"] == "Cancelled"


def test_long_output_is_capped_as_ssm_caps_it() -> None:
    host = FakeHost(ScriptResult(0, "x" * 50_000, ""))
    host.go.set()
    service = commands(host)
    command_id = send(service, host)

    assert len(settled(service, command_id)["CommandPlugins"][0]["Output"]) == LIST_OUTPUT_CHARACTERS


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DocumentName": "AWS-RunShellScript"}, "InvalidDocument"),
        ({"InstanceIds": ["i-0000000000000bad0"]}, "InvalidInstanceId"),
        ({"InstanceIds": []}, "ValidationException"),
        ({"InstanceIds": ["i-0123456789abcdef0"] * 51}, "ValidationException"),
        ({"Parameters": {"mount": ["/data; rm -rf /"]}}, "InvalidParameters"),
        ({"Parameters": {"mount": ["/data\n"]}}, "InvalidParameters"),
        ({"Parameters": {"mount": ["/aaaaaaaaaaaaa"]}}, "InvalidParameters"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {"mount": ["/data"], "extra": ["x"]}}, "InvalidParameters"),
    ],
    ids=[
        "an unknown document",
        "an unknown host",
        "no host",
        "more than 50 hosts",
        "a forbidden character",
        "a line break",
        "a value that is too long",
        "a missing parameter",
        "an unknown parameter",
    ],
)
def test_what_ssm_refuses_is_refused_and_nothing_runs(change: dict[str, Any], code: str) -> None:
    host = FakeHost(ScriptResult(0, "", ""))
    request = {"DocumentName": "doc", "InstanceIds": [host.instance_id], "Parameters": {"mount": ["/data"]}}

    with pytest.raises(ServiceError) as caught:
        commands(host).send_command(request | change)

    assert caught.value.code == code
    assert host.asked == []


def test_a_host_without_the_tag_is_never_touched() -> None:
    host = FakeHost(ScriptResult(0, "", ""), tags={"Name": "web-1"})
    with pytest.raises(ServiceError) as caught:
        send(commands(host), host)
    assert caught.value.code == "AccessDeniedException"
    assert host.asked == []


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([], 1),
        ([{"Key": "InstanceIds", "Values": ["i-0123456789abcdef0"]}], 1),
        ([{"Key": "InstanceIds", "Values": ["i-1"]}], 0),
        ([{"Key": "tag:Firstline", "Values": ["managed"]}], 1),
        ([{"Key": "tag:Firstline", "Values": ["other"]}], 0),
        ([{"Key": "PingStatus", "Values": ["ConnectionLost"]}], 0),
    ],
)
def test_hosts_are_found_by_id_status_and_tag(filters: list[dict[str, Any]], count: int) -> None:
    answer = commands(FakeHost(ScriptResult(0, "", ""))).describe_instance_information({"Filters": filters})
    assert len(answer["InstanceInformationList"]) == count


@dataclass
class Fleet:
    """Three hosts, of which the first one's script fails."""

    hosts: list[FakeHost]
    service: Commands
    ids: list[str]

    def sends(self, **limits: str) -> str:
        request = {"DocumentName": "doc", "InstanceIds": self.ids, "Parameters": {"mount": ["/data"]}, **limits}
        command_id: str = self.service.send_command(request)["Command"]["CommandId"]
        return command_id

    def ends(self, command_id: str) -> list[str]:
        """Wait until the command has ended on all hosts, and return its final status details on each."""

        def invocations() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = self.service.list_command_invocations({"CommandId": command_id})[
                "CommandInvocations"
            ]
            return found

        eventually(lambda: all(each["Status"] not in ("Pending", "InProgress") for each in invocations()))
        return [invocation["StatusDetails"] for invocation in invocations()]


@pytest.fixture
def first_fails() -> Fleet:
    hosts = [
        FakeHost(ScriptResult(1 if number == 0 else 0, "", ""), instance_id=f"i-{number:017x}") for number in range(3)
    ]
    service = Commands(hosts, {"doc": DOCUMENT}.get, ("Firstline", "managed"))  # type: ignore[arg-type]
    return Fleet(hosts, service, [host.instance_id for host in hosts])


def test_with_concurrency_1_a_failure_ends_the_command_on_the_other_hosts(first_fails: Fleet) -> None:
    for host in first_fails.hosts:
        host.go.set()

    assert first_fails.ends(first_fails.sends(MaxConcurrency="1", MaxErrors="0")) == [
        "Failed",
        "Terminated",
        "Terminated",
    ]
    assert [len(host.asked) for host in first_fails.hosts] == [1, 0, 0]


def test_the_end_of_a_command_is_told_once_when_no_host_works_any_more() -> None:
    hosts = [FakeHost(ScriptResult(1 if number == 0 else 0, "", ""), instance_id=f"i-{number}") for number in range(3)]
    told: list[dict[str, Any]] = []
    service = Commands(
        hosts,  # type: ignore[arg-type]
        {"doc": DOCUMENT}.get,
        ("Firstline", "managed"),
        on_status_change=told.append,
    )
    fleet = Fleet(hosts, service, [host.instance_id for host in hosts])
    command_id = fleet.sends(MaxConcurrency="2", MaxErrors="100%")
    hosts[0].go.set()
    hosts[1].go.set()
    assert told == []
    hosts[2].go.set()
    fleet.ends(command_id)

    eventually(lambda: len(told) == 1)
    assert (told[0]["command-id"], told[0]["document-name"], told[0]["status"]) == (command_id, "doc", "Failed")


def test_no_more_hosts_run_at_once_than_max_concurrency_allows(first_fails: Fleet) -> None:
    command_id = first_fails.sends(MaxConcurrency="1", MaxErrors="100%")
    for turn, host in enumerate(first_fails.hosts):
        eventually(lambda: bool(host.asked))  # noqa: B023 - called at once
        assert [len(host.asked) for host in first_fails.hosts] == [1] * (turn + 1) + [0] * (2 - turn)
        host.go.set()

    assert first_fails.ends(command_id) == ["Failed", "Success", "Success"]


def test_with_full_concurrency_all_hosts_run_at_once_and_end_on_their_own(first_fails: Fleet) -> None:
    command_id = first_fails.sends(MaxConcurrency="100%", MaxErrors="100%")
    eventually(lambda: all(host.asked for host in first_fails.hosts))
    for host in first_fails.hosts:
        host.go.set()

    assert first_fails.ends(command_id) == ["Failed", "Success", "Success"]


def test_a_cancelled_command_starts_on_no_further_host(first_fails: Fleet) -> None:
    command_id = first_fails.sends(MaxConcurrency="1", MaxErrors="100%")
    first_fails.service.cancel_command({"CommandId": command_id})

    assert first_fails.ends(command_id) == ["Canceled", "Canceled", "Canceled"]
    assert [len(host.asked) for host in first_fails.hosts[1:]] == [0, 0]


def test_a_hash_that_is_not_the_documents_is_refused() -> None:
    host = FakeHost(ScriptResult(0, "", ""))
    hosts: Any = [host]
    # The hash of each version is its number.
    service = Commands(hosts, {"doc": DOCUMENT}.get, ("Firstline", "managed"), read_hash=lambda _, version: version)
    request = {"DocumentName": "doc", "InstanceIds": [host.instance_id], "Parameters": {"mount": ["/data"]}}

    service.send_command(request | {"DocumentVersion": "3", "DocumentHash": "3"})
    with pytest.raises(ServiceError, match="hash of document doc"):
        service.send_command(request | {"DocumentVersion": "4", "DocumentHash": "3"})
