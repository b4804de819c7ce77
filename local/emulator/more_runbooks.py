"""Runbooks and policy files of your own for a stack on this machine."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table
from firstline.errors import ConfigurationError
from firstline.runbooks import catalogue, documents
from local.emulator.resources import create_document


def link_runbooks(folder: Path, opt_folder: Path) -> None:
    """Link a folder's runbooks into the `/opt` of every function that reads runbooks; `opt_folder` has each `/opt`.

    Raises
    ------
    ConfigurationError
        A runbook is wrong; the message has each problem with its file, line and key.
    """
    for runbook in catalogue.load(folder):
        for opt in opt_folder.iterdir():
            if (opt / "policy").exists():
                (opt / f"{runbook}.yaml").symlink_to((folder / f"{runbook}.yaml").resolve())


def promote(ids: Sequence[str], runbooks: Path, table: Table, now: datetime) -> None:
    """Let the runbooks `ids` of the folder `runbooks` run without approval, as `firstline runbooks promote` does.

    Raises
    ------
    ConfigurationError
        The folder has no runbook with one of these ids.
    """
    for runbook in ids:
        if not (runbooks / f"{runbook}.yaml").is_file():
            raise ConfigurationError(f"--promote {runbook}: no runbook in {runbooks} has this id")
        TableRemediations(table).promote(runbook, "the owner", now)


def replace_policies(files: Sequence[Path], shipped: Path, folder: Path, opt_folder: Path) -> None:
    """Let every function read these policy files in place of the shipped files with the same names.

    The folder of shipped policy files (`shipped`) is copied to the new `folder`, with these files over it, and linked
    into the `/opt` of each function that reads policy files; `opt_folder` has each `/opt`.

    Raises
    ------
    ConfigurationError
        No shipped policy file has the name of one of these.
    """
    known = sorted(path.name for path in shipped.iterdir())
    if unknown := [file.name for file in files if file.name not in known]:
        raise ConfigurationError(f"--policy {unknown[0]}: no policy file has this name; there are {', '.join(known)}")
    shutil.copytree(shipped, folder)
    for file in files:
        shutil.copyfile(file, folder / file.name)
    for opt in opt_folder.iterdir():
        if (opt / "policy").exists():
            (opt / "policy").unlink()
            (opt / "policy").symlink_to(folder.resolve())


def deploy(folder: Path, stack_name: str, client: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    """Create an SSM document for each command of a folder's runbooks, except of runbooks whose mode is off.

    Yield each document's name, which begins with `stack_name`, with the id of its command's step. `client` returns the
    boto3 client for a service by its name.
    """
    for runbook in catalogue.load(folder).values():
        if runbook.is_off:
            continue
        for step_id, command in runbook.commands():
            name = documents.document_name(f"{stack_name}_runbook", runbook, step_id, command)
            create_document(client("ssm").meta.region_name, name, documents.content(runbook, step_id, command))
            yield name, step_id
