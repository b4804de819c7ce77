"""The end of a command, from an event of EventBridge, which wakes the execution that waits in `Await Step`.

EventBridge may deliver the event before the execution waits, late, twice or never. So the end is stored first, and the
signal says only that the execution should read the command.
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
    """Store that a command ended, and wake the execution that waits for it. Return False if none waits.

    Parameters
    ----------
    detail
        Systems Manager's event about the end of a command on all its hosts:
        https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
    end
        Stores a command's end (its id, status and time) and returns the task token of the execution that waits for the
        command, or None. Raises `HistoryUnavailable` if the table cannot be reached.
    """
    command_id, status = str(detail["command-id"]), str(detail["status"])
    token = end(command_id, status, now)
    told = token is not None and executions.signal(token, "ended", "Run Command")
    logger.info("a command ended", extra={"command_id": command_id, "status": status, "told": told})
    return told
