"""The checkout of Firstline that a command reads, and its runbooks and policies, with the owner's from `mine/`."""

from collections.abc import Callable, Iterable
from pathlib import Path

from firstline_cli import overlay
from firstline_cli.console import WRONG, refusal


def _find_checkout(folders: Iterable[Path]) -> Path | None:
    """Return the first folder that is a checkout of Firstline, because it has `runbooks/policy/`; None if none is."""
    return next((folder for folder in folders if (folder / "runbooks" / "policy").is_dir()), None)


_HERE = Path.cwd()
CHECKOUT = _find_checkout((_HERE, *_HERE.parents, *Path(__file__).parents)) or _HERE
"""The checkout around the working directory; else the one that holds this file, after `pip install -e`."""


def _together() -> Path:
    from firstline.errors import ConfigurationError

    try:
        return overlay.together(CHECKOUT)
    except ConfigurationError as error:
        raise refusal(error, WRONG) from None


RUNBOOKS: Path
"""The shipped runbooks with the owner's over them."""

RULES: Path
"""The rules among them."""

EMULATORS = CHECKOUT / ".cache" / "local"


def __getattr__(name: str) -> Path:
    """Return the path `RUNBOOKS` (a folder) or `RULES` (rules.yaml), which is found when a command first reads it.

    The owner's files are read only then, so a wrong one stops only commands that need these paths: an incident can
    still be acknowledged.
    """
    if name not in ("RUNBOOKS", "RULES"):
        raise AttributeError(name)
    folder = _together()
    globals().update(RUNBOOKS=folder, RULES=folder / overlay.POLICY / "rules.yaml")
    found: Path = globals()[name]
    return found


def runbooks_folder() -> Path:
    """Return the folder of the checkout's runbooks; end the command if there is no checkout."""
    folder = _together()
    if not folder.is_dir():
        raise refusal(f"There are no runbooks in {CHECKOUT}: run this command in a checkout of Firstline.")
    return folder


def read_policy[Policy](loader: Callable[[Path], Policy], file: Path) -> Policy:
    """Read a policy file with `loader`; end the command with the reason if the file is wrong.

    `loader` returns the policy in a file, and raises ConfigurationError if the file is wrong.
    """
    from firstline.errors import ConfigurationError

    try:
        return loader(file)
    except ConfigurationError as error:
        raise refusal(error, WRONG) from None
