"""Runbooks of a folder of one's own beside those that ship, on a stack on this machine: to try them whole."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from firstline.runbooks import catalogue, documents
from firstline.runbooks.steps import document_name


def give_to_functions(folder: Path, opt_folder: Path) -> None:
    """Every function that has runbooks under its `/opt` gets these, too.

    Raises
    ------
    ConfigurationError
        A runbook is wrong: every problem with its file, line and key.
    """
    for runbook in catalogue.load(folder):
        for opt in opt_folder.iterdir():
            if (opt / "policy").exists():
                (opt / f"{runbook}.yaml").symlink_to((folder / f"{runbook}.yaml").resolve())


def deploy(folder: Path, stack_name: str, client: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    """Create the documents of a folder's runbooks; the name of each, and the id of its step."""
    for runbook in catalogue.load(folder).values():
        if runbook.is_off:
            continue
        for step_id, command in runbook.commands():
            name = document_name(f"{stack_name}_runbook", runbook.id, step_id)
            client("ssm").create_document(
                Name=name,
                Content=json.dumps(documents.content(runbook, step_id, command)),
                DocumentType="Command",
                DocumentFormat="JSON",
            )
            yield name, step_id
