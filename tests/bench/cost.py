"""The dollars of each path and of an idle month, which `make cost` writes to docs/cost.md."""

import itertools
from pathlib import Path

from firstline.adapters.dynamodb.table import Table
from tests.bench import paths, prices
from tests.bench.crowd import client_of
from tests.bench.table import declared_table
from tests.support.dynamodb_local import dynamodb_local
from tests.support.needs import NEEDS

PAGE = Path(__file__).parents[2] / "docs" / "cost.md"


def measure() -> dict[str, paths.Work]:
    """Return the work of each path, in units of DynamoDB Local."""
    numbers = itertools.count(1)
    with dynamodb_local("512m") as address:
        client = client_of(address, patient=True)

        def make() -> Table:
            name = f"bench-{next(numbers)}"
            client.create_table(TableName=name, **declared_table())
            return Table(client, name)

        return dict(paths.measure(client, make))


def rows() -> list[tuple[str, str, str]]:
    """Measure the dollars of each path and of an idle month, write docs/cost.md, and return the rows of a table."""
    lack = NEEDS["dynamodb-local"]()
    if lack is not None:
        return [("the cost of each path", f"not measured: {lack}", "")]
    found = measure()
    PAGE.write_text(prices.page(found), encoding="utf-8")
    idle = prices.idle_month()
    whole = sum(dollars for dollars, _, _ in idle.values())
    return [
        *(
            (f"{name}, 1,000 of them", f"${prices.of_path(work).total:.3f}", LIMITS.get(name, ""))
            for name, work in found.items()
        ),
        ("write units until a page is out", f"{paths.play(paths.PAGE_IS_OUT).work.documented:g}", "≤ 40"),
        ("write units of a page from alert to close", f"{found[PAGED].documented:g}", ""),
        ("an idle month, without any free tier", f"${whole:.2f}", "≤ $1.50"),
    ]


PAGED = "paged, acknowledged, resolved"
LIMITS = {
    "duplicate": "≤ $0.002",
    "noise": "≤ $0.10",
    PAGED: "≤ $0.30",
    "remediated (a look, two acts), the alert resolves": "≤ $0.60",
}
