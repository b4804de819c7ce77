"""The end of a command, from EventBridge: it is stored, and wakes the execution that waits for the command."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firstline.remediation.command_end import command_ended

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DETAIL = {
    "command-id": "c-1",
    "document-name": "shop_runbook-safe-low-disk.free",
    "expire-after": "2026-03-02T13:00:00.000Z",
    "parameters": {"mountpoint": ["/"]},
    "requested-date-time": "2026-03-02T11:59:50.000Z",
    "status": "Failed",
}


class Kept:
    """A store of the commands' ends, and the task token of the execution that waits, if one does."""

    def __init__(self, token: str | None) -> None:
        self.token, self.ends = token, [("", "")]

    def end(self, command_id: str, status: str, now: datetime) -> str | None:
        self.ends.append((command_id, status))
        return self.token


class Executions:
    """Executions that record signals; `waiting` says whether one still waits for the token."""

    def __init__(self, waiting: bool) -> None:
        self.waiting = waiting
        self.signals: list[tuple[str, str, str]] = []

    def signal(self, token: str, signal: str, by: str) -> bool:
        self.signals.append((token, signal, by))
        return self.waiting


@pytest.mark.parametrize(
    ("token", "waiting", "told"),
    [("t-1", True, True), ("t-1", False, False), (None, True, False)],
    ids=["an execution waits", "it waits no more", "no token is stored"],
)
def test_the_end_of_a_command_is_stored_and_wakes_the_execution_that_waits(
    token: str | None, waiting: bool, told: bool
) -> None:
    commands, executions = Kept(token), Executions(waiting)
    ports: Any = {"end": commands.end, "executions": executions}

    assert command_ended(DETAIL, NOW, **ports) is told

    assert commands.ends[-1] == ("c-1", "Failed")
    assert executions.signals == ([("t-1", "ended", "Run Command")] if token else [])
