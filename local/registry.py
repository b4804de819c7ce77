"""The stacks that run on this machine: each has a folder, and those that serve leave word of themselves in it."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

CACHE = Path(__file__).parent.parent / ".cache" / "local"
"""A stack's folder is called after its process, and stays until another stack starts."""

_WORD = "stack.json"


def own_folder() -> Path:
    """Of this process's stack."""
    return CACHE / str(os.getpid())


def remember(line: dict[str, Any]) -> None:
    """Leave word of this process's stack for `send` and `firstline`, readable by its owner only."""
    own_folder().mkdir(parents=True, exist_ok=True)
    file = own_folder() / _WORD
    file.touch(mode=0o600)
    file.write_text(json.dumps(line | {"since": time.time()}))


def forget() -> None:
    """This process's stack is gone."""
    (own_folder() / _WORD).unlink(missing_ok=True)


def running(cache: Path = CACHE) -> dict[str, Any] | None:
    """Return the line of the stack that was started last, of those that still run, or None when none does."""
    found = [json.loads(file.read_text()) for file in cache.glob(f"*/{_WORD}") if _lives(file.parent)]
    return max(found, key=lambda line: float(line["since"]), default=None)


def sweep() -> None:
    """Away with what stacks left behind that are gone."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for left in CACHE.iterdir():
        if left.is_dir() and not _lives(left):
            shutil.rmtree(left, ignore_errors=True)


def _lives(folder: Path) -> bool:
    try:
        os.kill(int(folder.name), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True  # somebody else's
    return True
