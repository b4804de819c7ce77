"""The look-up of incidents by the end of their ids, which lists show and people type."""

from datetime import datetime, timedelta

from firstline.adapters.dynamodb.table import Table

LOOK_BACK = timedelta(days=30)
"""The time for which the end of an id finds a closed incident."""


def ids_ending(table: Table, end: str, now: datetime) -> list[str]:
    """Return the ids of the incidents whose id ends with `end`. Closed ones, of 30 days, count only if none is open.

    Raises
    ------
    HistoryUnavailable
        The table could not be read.
    """
    for status, since in (("OPEN", None), ("CLOSED", f"{now - LOOK_BACK:%Y-%m-%d}")):
        heads = table.query(status, index="by_status", since=since)
        ids = [str(head["pk"]).removeprefix("INCIDENT#") for head in heads]
        if found := [incident_id for incident_id in ids if incident_id.endswith(end)]:
            return found
    return []
