"""The number of open incidents, counted in the index `due`, which holds only open incidents."""

from firstline.adapters.dynamodb.live import PARTS_OF_DUE
from firstline.adapters.dynamodb.table import Table

MOST_IN_PART = 2_500
"""The most incidents that are counted in each partition of the index: 20,000 in all."""


def count_open(table: Table) -> int:
    """Count the open incidents, up to 20,000. As a rule, one request for each of the index's eight partitions.

    Raises
    ------
    HistoryUnavailable
        The table could not be read.
    """
    keys = (table.query(f"DUE#{part}", index="due", limit=MOST_IN_PART) for part in range(PARTS_OF_DUE))
    return sum(1 for part in keys for _ in part)
