"""The look-up of similar incidents, as a table on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from evals import similarity
from evals.console import ratio


def show(out: Console, incidents: Sequence[similarity.Labelled]) -> None:
    """Precision and recall of the look-up of similar incidents."""
    kinds = similarity.pairs(incidents)
    out.print(f"{len(incidents)} incidents, {sum(kinds.values())} labelled pairs that the two reads can meet:")
    for kind, count in sorted(kinds.items()):
        out.print(f"  {count:5} {kind}")
    table = Table(title=f"similar incidents, at most {similarity.AT}", title_justify="left")
    for name in ("", "incidents", "precision", "recall", "recall of reworded", "wrong", "missed"):
        table.add_column(name, justify="right" if name else "left")
    in_sight, hidden = ([one for one in incidents if one.in_sight is seen] for seen in (True, False))
    rows = (("all", incidents), ("causes that it was set with", in_sight), ("causes kept out of sight", hidden))
    for title, some in rows:
        found = similarity.measure(some, incidents)
        numbers = (found.precision, found.recall, found.recall_of_reworded)
        counts = (len(found.wrong), len(found.missed))
        table.add_row(title, str(found.incidents), *map(ratio, numbers), *map(str, counts))
    by_name = similarity.measure(incidents, incidents, look=similarity.by_name_only)
    table.add_row(
        "all, by equal names only",
        str(by_name.incidents),
        ratio(by_name.precision),
        ratio(by_name.recall),
        ratio(by_name.recall_of_reworded),
        str(len(by_name.wrong)),
        str(len(by_name.missed)),
    )
    out.print(table)
