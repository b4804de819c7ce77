"""Recurring traffic, as a table on a terminal: how often the model was asked, and what that depends on."""

from dataclasses import replace
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from evals.traffic import CAUSES, DAYS, WARM_UP, Counted, Settings, replay

MANY = Settings(incidents=9_000)

VARIANTS: tuple[tuple[str, Settings], ...] = (
    ("300 incidents a day", MANY),
    ("100 a day", replace(MANY, incidents=3_000)),
    ("100 a day, deployed once a month", replace(MANY, incidents=3_000, deployed_every=timedelta(days=30))),
    ("100 a day, nobody says or takes anything", replace(MANY, incidents=3_000, takes=0, speaks=0)),
    ("100 a day, somebody speaks of every second", replace(MANY, incidents=3_000, speaks=0.5)),
)


def show(out: Console) -> None:
    """Replay each variant and print what came of it."""
    out.print(
        f"{DAYS} days, {CAUSES} causes (Zipf), a quarter of them new on the way; half of the services deployed once "
        f"a week; somebody says 'mine' to {MANY.takes:.0%} of what people resolve, and speaks of {MANY.speaks:.0%} of "
        f"all verdicts. Warm-up: {WARM_UP.days} days. Without memory the model is asked each time: 100 %."
    )
    table = Table(title="incidents that needed the model, after the warm-up", title_justify="left")
    for name in ("", "needed it", "never seen before", "memory right", "turned critical", "downgraded"):
        table.add_column(name, justify="right" if name else "left")
    found: list[Counted] = []
    for title, settings in VARIANTS:
        with out.status(f"{title}: {settings.incidents} incidents"):
            found.append(one := replay(settings))
        right = one.right_from_memory / one.from_memory
        shares = (one.share, one.new_after_warm_up / one.after_warm_up, right)
        table.add_row(title, *(f"{share:.1%}" for share in shares), str(one.turned_critical), str(len(one.downgraded)))
    out.print(table)
    why = ", ".join(f"{what} {count / found[0].after_warm_up:.1%}" for what, count in found[0].why_asked.most_common())
    out.print(f"Why it was asked, in the first row: {why}.", highlight=False)
