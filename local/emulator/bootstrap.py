"""The process of one Lambda function: its runtime client, which ends when the process that started it ends.

Started as a script, with the function's folder as working directory: `python local/emulator/bootstrap.py app.handler`.
"""

import json
import os
import sys
import threading
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from awslambdaric.__main__ import main
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

_wait_next_invocation = LambdaRuntimeClient.wait_next_invocation
_ahead = timedelta(0)


class _Clock(datetime):
    """The handler's `datetime`, whose present is that of the incident that the invocation is about."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.now(tz) + _ahead


def _take_next(self: LambdaRuntimeClient) -> Any:
    """Wait for the next invocation, and put the handler's clock forward as the emulator says."""
    global _ahead
    taken = _wait_next_invocation(self)
    custom = json.loads(taken.client_context or "{}").get("custom", {})
    _ahead = timedelta(seconds=float(custom.get("ahead_seconds", 0)))
    module = sys.modules.get(sys.argv[1].rsplit(".", 1)[0])
    if _ahead and module is not None and getattr(module, "datetime", None) is datetime:
        setattr(module, "datetime", _Clock)  # noqa: B010
    return taken


def _end_with_parent() -> None:
    # The other end of our stdin closes however the parent ends, even by SIGKILL.
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    LambdaRuntimeClient.wait_next_invocation = _take_next
    sys.path[0] = str(Path.cwd())  # instead of this script's folder: the function must not see local/
    main(sys.argv)
