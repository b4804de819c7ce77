"""The registry of the stacks on this machine: each has a folder with the JSON line that `python -m local up` prints."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "FIRSTLINE_STACKS"
"""The environment variable with the folder of the registry; another folder hides stacks from each other."""

_OF_THIS_CHECKOUT = Path(__file__).parents[2] / ".cache" / "local"

_WORD = "stack.json"


def stacks_folder(of_checkout: Path = _OF_THIS_CHECKOUT) -> Path:
    """Return the folder of the registry, which has a folder for each stack, named after the stack's process id.

    It is the one that the environment variable FIRSTLINE_STACKS names, or else `of_checkout`.
    """
    return Path(os.environ.get(FOLDER_VARIABLE) or of_checkout)


def own_folder() -> Path:
    """Return the folder of this process's stack."""
    return stacks_folder() / str(os.getpid())


def remember(line: dict[str, Any]) -> None:
    """Register this process's stack for `send` and `firstline`; only the user may read the file, which has secrets."""
    own_folder().mkdir(parents=True, exist_ok=True)
    file = own_folder() / _WORD
    file.touch(mode=0o600)
    file.write_text(json.dumps(line | {"since": time.time()}))


def forget() -> None:
    """Remove this process's stack from the registry."""
    (own_folder() / _WORD).unlink(missing_ok=True)


def running(of_checkout: Path = _OF_THIS_CHECKOUT) -> dict[str, Any] | None:
    """Return the addresses, names and secrets of the running stack that was registered last; None if none runs.

    The registry is the one in FIRSTLINE_STACKS, or else in the folder `of_checkout`.
    """
    files = stacks_folder(of_checkout).glob(f"*/{_WORD}")
    found = [json.loads(file.read_text()) for file in files if _lives(file.parent)]
    return max(found, key=lambda line: float(line["since"]), default=None)


def sweep() -> None:
    """Remove the folders of stacks that no longer run."""
    stacks_folder().mkdir(parents=True, exist_ok=True)
    for left in stacks_folder().iterdir():
        if left.is_dir() and not _lives(left):
            shutil.rmtree(left, ignore_errors=True)


def _lives(folder: Path) -> bool:
    try:
        os.kill(int(folder.name), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True  # another user's
    return True
