"""Faults of commands, really had on a throw-away host: what Run Command says of them, and what was done.

What the state machine makes of each is in tests/statemachine/test_faults.py, with a table of all.
"""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from firstline.runbooks import documents
from firstline.runbooks.model import Runbook
from local.emulator.commands import LIST_OUTPUT_CHARACTERS, Commands
from local.emulator.hosts import Host, Hosts
from tests.support import needs

ENDED_SECONDS = 40.0


def a_runbook(run: str, timeout: str = "5s", verify: str = "test -e /run/cured", **step: Any) -> Runbook:
    """A runbook whose one act is this script."""
    return Runbook.model_validate(
        {
            "id": "faulty",
            "title": "Try a fault",
            "match": {"alerts": ["Fault"]},
            "mode": "auto",
            "risk": "safe",
            "limits": {"cooldown": "1m", "per_hour": 1, "max_hosts": 1},
            "steps": [{"id": "act", "kind": "act", "run": run, "timeout": timeout, **step}],
            "verify": {"run": verify, "within": "10s", "every": "10s", "timeout": "5s"},
        }
    )


class Machine:
    """A host, and Run Command in front of it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._documents: dict[str, dict[str, Any]] = {}
        self._commands = Commands([host], self._documents.get, ("Firstline", "managed"))

    def sends(self, runbook: Runbook, step_id: str = "act") -> str:
        """Send one document of a runbook."""
        command = dict(runbook.commands())[step_id]
        name = f"{runbook.id}-{step_id}"
        self._documents[name] = documents.content(runbook, step_id, command)
        request = {"DocumentName": name, "InstanceIds": [self.host.instance_id], "Parameters": {}}
        command_id: str = self._commands.send_command(request)["Command"]["CommandId"]
        return command_id

    def now(self, command_id: str) -> dict[str, Any]:
        """Return the present state of a command."""
        request = {"CommandId": command_id, "Details": True}
        (found,) = self._commands.list_command_invocations(request)["CommandInvocations"]
        return dict(found)

    def ends(self, command_id: str) -> dict[str, Any]:
        """Return the final state of a command."""
        deadline = time.monotonic() + ENDED_SECONDS
        while time.monotonic() < deadline:
            found = self.now(command_id)
            if found["Status"] not in ("Pending", "InProgress"):
                return found
            time.sleep(0.05)
        raise AssertionError(f"still {found['Status']} after {ENDED_SECONDS:.0f} s")


@pytest.fixture
def machine() -> Iterator[Machine]:
    needs.require("host")
    hosts = Hosts()
    try:
        yield Machine(hosts.start("web-1", {"Firstline": "managed"}))
    finally:
        hosts.close()


def output(found: dict[str, Any]) -> str:
    text: str = found["CommandPlugins"][0]["Output"]
    return text


def test_after_the_agent_died_its_command_and_all_that_follow_fail(machine: Machine) -> None:
    first = machine.ends(machine.sends(a_runbook("echo done > /data/first")))
    assert first["Status"] == "Success"
    command_id = machine.sends(a_runbook("touch /data/began; sleep 60; echo done > /data/second", timeout="2m"))
    while machine.host.run("test -e /data/began").exit_code:
        time.sleep(0.05)

    os.kill(machine.host._pid, signal.SIGKILL)  # the host's first process: all others go with it

    assert machine.ends(command_id)["Status"] == "Failed"
    # Nothing that comes after it does anything, and all of it says so at once.
    for step in ("act", "verify"):
        assert machine.ends(machine.sends(a_runbook("true"), step))["Status"] == "Failed"


def test_ten_megabytes_of_output_neither_block_nor_fill_the_answer(machine: Machine) -> None:
    runbook = a_runbook("head -c 10485760 /dev/zero | tr '\\0' x; echo; echo the end > /data/ended", timeout="30s")

    found = machine.ends(machine.sends(runbook))

    assert found["Status"] == "Success"
    assert machine.host.run("cat /data/ended").stdout == "the end\n"
    assert len(output(found)) == LIST_OUTPUT_CHARACTERS
    assert "truncated" in output(found)


def test_a_step_that_sleeps_past_its_time_out_is_ended_with_all_that_it_began(machine: Machine) -> None:
    runbook = a_runbook("sleep 71 & sleep 72; touch /data/finished", timeout="5s", verify="false")

    found = machine.ends(machine.sends(runbook))

    assert (found["Status"], found["StatusDetails"]) == ("TimedOut", "Execution Timed Out")
    assert machine.host.run("test -e /data/finished").exit_code == 1
    assert "sleep 7" not in machine.host.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout


def test_an_act_is_done_although_the_verification_before_it_hangs(machine: Machine) -> None:
    runbook = a_runbook("echo acted | tee /data/acted", timeout="20s", verify="sleep 73")

    found = machine.ends(machine.sends(runbook))

    assert (found["Status"], output(found)) == ("Success", "acted\n")
    assert "sleep 73" not in machine.host.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout


def test_what_is_cured_already_is_left_alone(machine: Machine) -> None:
    """Sent twice, for whatever reason, an act that helped acts once."""
    runbook = a_runbook("echo acted >> /data/acts; touch /run/cured", verify="test -e /run/cured")

    assert output(machine.ends(machine.sends(runbook))) == ""
    assert output(machine.ends(machine.sends(runbook))) == f"{documents.HOLDS_ALREADY}\n"
    assert machine.host.run("cat /data/acts").stdout == "acted\n"


def test_a_precondition_that_fails_leaves_the_host_as_it_is(machine: Machine) -> None:
    found = machine.ends(machine.sends(a_runbook("touch /data/acted", requires="echo 'a backup runs' >&2; false")))

    assert found["Status"] == "Failed"
    assert "a backup runs" in output(found)
    assert documents.NOT_NOW in output(found)
    assert machine.host.run("test -e /data/acted").exit_code == 1
