"""The end of a command wakes the execution that waits for it, whenever and however often it is told."""

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
    """The commands' ends, and the token of whoever waits."""

    def __init__(self, token: str | None) -> None:
        self.token, self.ends = token, [("", "")]

    def end(self, command_id: str, status: str, now: datetime) -> str | None:
        self.ends.append((command_id, status))
        return self.token


class Executions:
    """Executions of which some still wait."""

    def __init__(self, waiting: bool) -> None:
        self.waiting = waiting
        self.signals: list[tuple[str, str, str]] = []

    def signal(self, token: str, signal: str, by: str) -> bool:
        self.signals.append((token, signal, by))
        return self.waiting


@pytest.mark.parametrize(
    ("token", "waiting", "told"), [("t-1", True, True), ("t-1", False, False), (None, True, False)]
)
def test_who_waits_is_woken_and_the_end_is_kept_in_any_case(token: str | None, waiting: bool, told: bool) -> None:
    commands, executions = Kept(token), Executions(waiting)
    ports: Any = {"end": commands.end, "executions": executions}

    assert command_ended(DETAIL, NOW, **ports) is told

    assert commands.ends[-1] == ("c-1", "Failed")
    assert executions.signals == ([("t-1", "ended", "Run Command")] if token else [])
