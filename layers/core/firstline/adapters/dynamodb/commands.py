"""Commands of Systems Manager (Run Command) on hosts, whose end an execution waits for.

| what | pk | sk |
|---|---|---|
| a command: who waits for it, and that it has ended | `COMMAND#<id>` | `COMMAND` |

The state machine writes the token, and is refused if the command has ended. The end is written under no condition, so
whichever of the token and the end is written second finds the first.
"""

from datetime import datetime

from firstline.adapters.dynamodb.table import TableStore, stamp
from firstline.models.live import LAYOUT

KEEP_SECONDS = 7 * 86_400
"""The time for which a command is stored, which is longer than any command runs."""


class TableCommands(TableStore):
    """The commands of Systems Manager that executions wait for, in the table.

    Its method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def end(self, command_id: str, status: str, now: datetime) -> str | None:
        """Store that a command has ended, and with which status.

        Return the task token of the execution that waits for the command; None if no token is stored yet.
        """
        written = self._table.update(
            f"COMMAND#{command_id}",
            "COMMAND",
            "SET ended_at = if_not_exists(ended_at, :now), ended_as = :status, layout = :layout, "
            "expires_at = if_not_exists(expires_at, :expires)",
            {
                ":now": stamp(now),
                ":status": status,
                ":layout": LAYOUT,
                ":expires": int(now.timestamp()) + KEEP_SECONDS,
            },
            condition=None,
        )
        token: str | None = written.get("task_token") if written else None
        return token
