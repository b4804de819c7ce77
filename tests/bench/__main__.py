"""`make bench`: the cost of Firstline, as ratios of two things measured in one run. It prints and judges nothing.

`make bench PART=crowd` measures only the parts with that word in their title.

A machine's speed says little about Lambda's, so what counts are ratios. Both sides run in turn, several times, and the
best time counts, because everything that disturbs a measurement makes it slower.
"""

import os
import sys
import warnings
from collections.abc import Callable

os.environ |= {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "Firstline",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    "POWERTOOLS_METRICS_DISABLED": "true",
}

from rich.console import Console
from rich.table import Table

from tests.bench import (
    contention,
    cost,
    costs,
    imports,
    remediation,
    requests,
    similar,
    terminal,
    throughput,
    transitions,
)

type Row = tuple[str, str, str]

PARTS: list[tuple[str, Callable[[], list[Row]]]] = [
    ("Imports: starting ingest and classify", imports.rows),
    ("DynamoDB requests", requests.rows),
    ("An alert in the table", costs.rows),
    ("What it costs (writes docs/cost.md)", cost.rows),
    ("A crowd: 1,000 senders, 100 at once, in virtual time", contention.rows),
    ("The same crowd on this machine, with DynamoDB Local", contention.rows_on_this_machine),
    ("Similar incidents", similar.rows),
    ("State transitions", transitions.rows),
    ("Remediation", remediation.rows),
    ("Commands at the terminal, against a bare boto3 script (processes, cold)", terminal.rows),
    ("authenticate + normalise + fold, against json.loads + HMAC", throughput.rows),
]


def main() -> None:
    """Measure all parts, or those that the arguments name, and print a table of each."""
    # Powertools warns of an invocation without metrics, and here all of them are without.
    warnings.filterwarnings("ignore", "No application metrics", UserWarning)
    console = Console()
    chosen = [part for part in PARTS if all(word.lower() in part[0].lower() for word in sys.argv[1:])]
    if not chosen:
        sys.exit("no part has that word in its title; the parts are:\n" + "\n".join(title for title, _ in PARTS))
    for title, measure in chosen:
        table = Table("what", "measured", "to reach", title=title, title_justify="left", min_width=88)
        for row in measure():
            table.add_row(*row)
        console.print(table)


if __name__ == "__main__":
    main()
