"""Your own runbooks and policy files on a stack on this machine, to try them from the alert to the page."""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from firstline.errors import ConfigurationError
from firstline.remediation.steps import document_name
from firstline.runbooks import catalogue, documents
from local.emulator.resources import create_document


def link_runbooks(folder: Path, opt_folder: Path) -> None:
    """Link these runbooks into the `/opt` of every function that has runbooks there.

    Raises
    ------
    ConfigurationError
        A runbook is wrong: every problem with its file, line and key.
    """
    for runbook in catalogue.load(folder):
        for opt in opt_folder.iterdir():
            if (opt / "policy").exists():
                (opt / f"{runbook}.yaml").symlink_to((folder / f"{runbook}.yaml").resolve())


def promote(ids: Sequence[str], shipped: Path, folder: Path, opt_folder: Path) -> None:
    """Let every function read these shipped runbooks with `mode: auto`, as an owner's edit of the file would.

    Raises
    ------
    ConfigurationError
        No shipped runbook has such an id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for runbook in ids:
        source = shipped / f"{runbook}.yaml"
        if not source.is_file():
            raise ConfigurationError(f"{runbook}: no shipped runbook has this id, so it cannot be promoted")
        promoted = folder / source.name
        promoted.write_text(
            re.sub(r"(?m)^mode: .*$", "mode: auto", source.read_text(encoding="utf-8")), encoding="utf-8"
        )
        for opt in opt_folder.iterdir():
            if (opt / "policy").exists():
                (opt / source.name).unlink()
                (opt / source.name).symlink_to(promoted.resolve())


def replace_policies(files: Sequence[Path], shipped: Path, folder: Path, opt_folder: Path) -> None:
    """Let every function read these policy files instead of the shipped ones of the same names.

    Raises
    ------
    ConfigurationError
        No shipped file has such a name.
    """
    known = sorted(path.name for path in shipped.iterdir())
    if unknown := [file.name for file in files if file.name not in known]:
        raise ConfigurationError(f"{unknown[0]}: no policy has this name; the policies are {', '.join(known)}")
    shutil.copytree(shipped, folder)
    for file in files:
        shutil.copyfile(file, folder / file.name)
    for opt in opt_folder.iterdir():
        if (opt / "policy").exists():
            (opt / "policy").unlink()
            (opt / "policy").symlink_to(folder.resolve())


def deploy(folder: Path, stack_name: str, client: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    """Create the documents of a folder's runbooks, and yield each one's name and the id of its step."""
    for runbook in catalogue.load(folder).values():
        if runbook.is_off:
            continue
        for step_id, command in runbook.commands():
            name = document_name(f"{stack_name}_runbook", runbook.id, step_id)
            create_document(client("ssm"), name, documents.content(runbook, step_id, command))
            yield name, step_id
