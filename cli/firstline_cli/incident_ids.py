"""The look-up of an incident by the end of its id, as people type it."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from firstline_cli.console import UNKNOWN, refusal

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.table import Table
    from firstline.models import IncidentRecord

IncidentArgument = Annotated[str, typer.Argument(help="Its id, or the end of it: the last 8 characters do.")]

SHORTEST, LONGEST_SHORT = 4, 20
_FORM = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SHOWN = 10


def full_id(table: "Table", given: str) -> str:
    """Return the whole id of the incident whose id ends with `given`; end the command if none or several do.

    Closed incidents, of the last 30 days, count only if no open one fits. More than 20 characters are taken for a whole
    id, unchecked.
    """
    if not _FORM.fullmatch(given):
        raise refusal(f"{given!r} is no incident's id, which has only letters, digits, hyphens, underscores.", UNKNOWN)
    if len(given) > LONGEST_SHORT:
        return given
    if len(given) < SHORTEST:
        raise refusal(f"{given!r} is too short: give the last 8 characters of the incident's id.", UNKNOWN)
    from firstline.adapters.dynamodb.short_ids import ids_ending

    meant = ids_ending(table, given, datetime.now(UTC))
    if len(meant) == 1:
        return meant[0]
    if meant:
        shown = "\n".join(f"  {incident_id}" for incident_id in meant[:_SHOWN])
        raise refusal(f"{given!r} is the end of {len(meant)} incidents; give more of the id:\n{shown}", UNKNOWN)
    raise refusal(f"No incident's id ends with {given!r}: `firstline incidents --all` lists the last day's.", UNKNOWN)


def record_of(table: "Table", given: str) -> "IncidentRecord":
    """Return the record of the incident with this id or end of an id; end the command if none or several fit."""
    from firstline.adapters.dynamodb.incidents import TableIncidents
    from firstline.classification.feedback_store import UNKNOWN as NO_SUCH_INCIDENT

    record = TableIncidents(table).record(full_id(table, given))
    if record is None:
        raise refusal(NO_SUCH_INCIDENT, UNKNOWN)
    return record
