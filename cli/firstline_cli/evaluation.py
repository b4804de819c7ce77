"""`firstline eval`: how good the verdicts are on an organisation's own judged incidents."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from evals import cli as evals_cli
from firstline.policy.costs import MISSED_PAGE_COST
from firstline_cli.checkout import CHECKOUT, runbooks_folder
from firstline_cli.console import refusal
from firstline_cli.learn.many_cases import write_cases
from firstline_cli.overlay import MINE
from firstline_cli.stacks import CHOSEN, StackOption, table_of

evaluation = typer.Typer(add_completion=False)


@evaluation.command("eval")
def measure(
    last: Annotated[
        int, typer.Option(min=0, max=1_000, help="First make cases of this many of the stack's last judged incidents.")
    ] = 0,
    days: Annotated[float, typer.Option(min=1, help="With --last: how many days to look back.")] = 90,
    cases: Annotated[
        Path | None, typer.Option(help="The folder of your cases, with their baseline; by default mine/cases.")
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", help="A model to ask besides; may be given more than once.")
    ] = None,
    base_url: Annotated[
        str, typer.Option(envvar="EVAL_BASE_URL", help="The models' OpenAI-compatible server, up to /v1.")
    ] = evals_cli.OPENAI,
    missed_page_cost: Annotated[
        float, typer.Option(min=0, help="The number of needless pages that cost as much as a missed one.")
    ] = MISSED_PAGE_COST,
    all_cases: Annotated[bool, typer.Option("--all", help="List every case, not only the wrong ones.")] = False,
    accept: Annotated[bool, typer.Option(help="Make these results the baseline of your cases.")] = False,
    stack: StackOption = CHOSEN,
) -> None:
    """Judge your own eval cases by your runbooks and rules, and print how good the verdicts are.

    What wrong verdicts cost is counted in needless pages. With --last N, first make cases of judged incidents.
    """
    folder = cases or CHECKOUT / MINE / "cases"
    if last:
        written = write_cases(table_of(stack), folder, last, since=datetime.now(UTC) - timedelta(days=days))
        print(f"{folder}: {len(written.new)} new cases; {written.known} were there before.")
        for left_out in written.left_out:
            print(f"Left out: {left_out}")
        if not written.new and not written.known:
            raise refusal(
                f"Nobody has judged an incident of the last {days:g} days: use Slack's buttons, or `firstline judge`."
            )
    elif not folder.is_dir():
        raise refusal(f"There is no folder of cases {folder}: `firstline eval --last 50` makes it of judged incidents.")
    evals_cli.evals(
        models=models,
        base_url=base_url,
        obedient=False,
        all_cases=all_cases,
        accept=accept,
        cases=folder,
        runbooks=runbooks_folder(),
        missed_page_cost=missed_page_cost,
    )
