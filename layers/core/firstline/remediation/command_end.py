"""The end of a command, as EventBridge tells it: it wakes the execution that waits in `Await Step`.

The event is best effort. It may come before the execution waits, late, twice or never: so it is written down first, and
it says only that the command should be read.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from firstline.incidents.lifecycle import Executions
from firstline.observability import logger


def command_ended(
    detail: Mapping[str, Any],
    now: datetime,
    *,
    end: Callable[[str, str, datetime], str | None],
    executions: Executions,
) -> bool:
    """Wake the execution that waits for a command. Return False if none does, or not any more.

    Parameters
    ----------
    detail
        Systems Manager's event about the end of a command on all its hosts:
        https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
    end
        Writes down that a command has ended, and how; returns the task token of the execution that waits for it, or
        None. Raises `HistoryUnavailable` if the table cannot be reached.
    """
    command_id, status = str(detail["command-id"]), str(detail["status"])
    token = end(command_id, status, now)
    told = token is not None and executions.signal(token, "ended", "Run Command")
    logger.info("a command ended", extra={"command_id": command_id, "status": status, "told": told})
    return told
