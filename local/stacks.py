"""Which stack a command is about: one that runs on this machine, or the table of one on AWS."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from firstline.adapters.table import Table

TableOption = Annotated[str, typer.Option(help="A stack's table on AWS, read with the AWS SDK's own credentials.")]
StackOption = Annotated[str, typer.Option(help="The JSON line of a running stack; by default the one started last.")]


def running_stack(stack: str) -> dict[str, Any]:
    """The word of a stack that runs here."""
    from local import registry

    if stack:
        given: dict[str, Any] = json.loads(stack)
        return given
    found = registry.running()
    if found is None:
        raise typer.BadParameter("No stack is running here: start one with `python -m local up`, or give --stack.")
    return found


def table_of(stack: str, table: str) -> "Table":
    """The table of a stack on AWS, by its name, or of one that runs here."""
    from local.records import on_aws, on_this_machine

    return on_aws(table) if table else on_this_machine(running_stack(stack))


def table_if_any(stack: str, table: str) -> "Table | None":
    """The same, but none when nothing is named and nothing runs here."""
    from local import registry

    return table_of(stack, table) if table or stack or registry.running() else None
