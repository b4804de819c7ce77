"""Previews for people: the past incidents that a rule, a window or a silence would have hidden."""

from rich.console import Console

from firstline.reports.preview import Preview
from firstline.text import count

PREVIEW_DAYS = 30
_LISTED = 20


def print_preview(console: Console, name: str, found: Preview, days: int) -> None:
    """Print which incidents of the last `days` days a rule, maintenance window or silence would have hidden or delayed.

    `name` is the name of the rule, window or silence. The hidden incidents that were real come last.
    """
    console.print(
        f"In the last {days} days {count(found.seen, 'incident')} closed. {name} would have hidden "
        f"{len(found.hidden) + len(found.real)} of them, and delayed {len(found.late)}."
    )
    for title, records in (("hidden", found.hidden), ("late", found.late)):
        for record in records[:_LISTED]:
            console.print(f"  {title}: {record.incident.incident_id} ({record.outcome})")
        if len(records) > _LISTED:
            console.print(f"  … and {len(records) - _LISTED} more")
    if found.real:
        were = "WAS" if len(found.real) == 1 else "WERE"
        console.print(f"{len(found.real)} OF THE HIDDEN INCIDENTS {were} REAL:", style="bold red")
        for record, why in found.real:
            console.print(f"  {record.incident.incident_id}: {why}", style="red")
