"""The command `firstline model try`: a trial of models on the stack's judged incidents, which names the price first."""

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.llm.chat_model import ChatModel, Endpoint
from firstline.classification.earned_say import earned_by
from firstline.classification.model import Model
from firstline.errors import ConfigurationError
from firstline.policy import rules
from firstline.policy.model import ModelPolicy, load_model_policy
from firstline.reports.wording import money
from firstline.runbooks import catalogue, match
from firstline.text import count
from firstline_cli import checkout, trial
from firstline_cli.checkout import runbooks_folder
from firstline_cli.console import WRONG, console_of, known_zone, refusal
from firstline_cli.feedback_report import earned_table
from firstline_cli.stacks import CHOSEN, StackOption, stack_of
from firstline_cli.trial import Comparison, Tried

KEY = "FIRSTLINE_MODEL_KEY"
model = typer.Typer(help="Models: what they would change, and what they have earned.", no_args_is_help=True)


@model.callback()
def _models() -> None:
    """Do nothing; without a callback, Typer would make `try` the group itself."""


@model.command("try")
def try_models(
    last: Annotated[int, typer.Option(min=1, max=1_000, help="How many of the last judged incidents to use.")] = 300,
    models: Annotated[
        list[str] | None, typer.Option("--model", help="A model's name; may be given more than once.")
    ] = None,
    base_url: Annotated[str, typer.Option(help="The models' server, up to /v1; by default that of model.yaml.")] = "",
    days: Annotated[float, typer.Option(min=1, help="How many days to look back.")] = 90,
    time_zone: Annotated[
        str, typer.Option(help="The time zone of hours in rules; by default the stack's TimeZone.", callback=known_zone)
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the first question.")] = False,
    stack: StackOption = CHOSEN,
) -> None:
    """Ask models about incidents that people judged, and show which kinds of changes to a verdict each may make.

    A model may make a kind of change, such as a higher severity, once people's judgements have proved it right often
    enough. A model that fails several times in a row is not asked further, and the command ends with code 1.
    """
    policy = _policy(base_url)
    names = list(dict.fromkeys(models or ([policy.model] if policy.model else [])))
    if not names:
        raise refusal("No model is named: give --model, or write its name into runbooks/policy/model.yaml.")
    found, declared, runbooks = stack_of(stack), rules.load(checkout.RULES), catalogue.load(runbooks_folder())
    since = datetime.now(UTC) - timedelta(days=days)
    offered = partial(match.offered, runbooks)
    zone = time_zone or found.time_zone
    incidents = trial.judged_incidents(found.table, last, since=since, rules=declared, offered=offered, time_zone=zone)
    if not incidents:
        raise refusal(
            f"Nobody has judged an incident of the last {days:g} days: use Slack's buttons, or `firstline judge`."
        )
    connected = {name: connect(name, policy) for name in names}
    console = console_of()
    price = trial.price_of(trial.most_tokens(incidents, policy.max_output_tokens), policy.price_per_million_tokens)
    console.print(
        f"{count(len(incidents), 'judged incident')}. Each of {count(len(names), 'model')} needs {price}.",
        soft_wrap=True,
    )
    if not yes:
        typer.confirm("Ask them?", abort=True)
    history = TableIncidents(found.table)
    ask = partial(trial.replay, rules=declared, keep=history.save_disagreement, policy=policy, key=KEY)
    tried = []
    for name, asked in connected.items():
        with console.status(name):
            tried.append(ask(name, asked, incidents))
    _show(console, tried, len(incidents))
    console.print(earned_table(earned_by(history.disagreements(), policy.missed_page_cost)))
    if any(each.gave_up or not each.costs for each in tried):
        raise typer.Exit(WRONG)


def connect(name: str, policy: ModelPolicy) -> Model:
    """Return the client of a model on the policy's server, with the key in `FIRSTLINE_MODEL_KEY`.

    Without that variable, end the command: a question could only fail.
    """
    if not os.environ.get(KEY):
        raise refusal(f"{KEY} is not set: put the model's key into it; if the server needs none, any word will do.")
    endpoint = Endpoint(
        base_url=policy.base_url,
        model=name,
        api_key=lambda: os.environ.get(KEY) or None,
        max_output_tokens=policy.max_output_tokens,
        price=policy.price_per_million_tokens,
        key_name=KEY,
    )
    return ChatModel(endpoint, deadline_seconds=policy.deadline_seconds)


def _policy(base_url: str) -> ModelPolicy:
    try:
        policy = load_model_policy(runbooks_folder() / "policy" / "model.yaml")
    except ConfigurationError as error:
        raise refusal(error) from None
    return policy.model_copy(update={"base_url": base_url}) if base_url else policy


def _show(console: Console, tried: list[Tried], incidents: int) -> None:
    """Print a table of how many incidents each model answered, its tokens and their price, and its errors.

    Then print what verdicts cost in needless pages without each model and with it, on the incidents that all compared
    models answered. `incidents` is the number of incidents in the trial.
    """
    grid = Grid(
        *("model", "answered", "no verdict", "not asked", "would differ", "tokens", "paid"),
        title=f"Models on {count(incidents, 'judged incident')}",
        title_justify="left",
    )
    for each in tried:
        counts = (len(each.costs), each.unanswered, incidents - len(each.costs) - each.unanswered, each.disagreements)
        grid.add_row(each.model, *map(str, counts), f"{each.usage.tokens:,}", money(each.usage.cost))
    console.print(grid)
    for each in tried:
        if each.trouble:
            console.print(f"{each.model}: {each.trouble}", soft_wrap=True)
    for comparison in trial.comparisons(tried):
        _show_costs(console, comparison)
    for each in tried:
        if not each.costs:
            why = "it gave no verdict" if each.unanswered else "rules, words or memory decide each incident"
            console.print(f"{each.model} could not be compared: {why}.", soft_wrap=True)


def _show_costs(console: Console, comparison: Comparison) -> None:
    over = f"the {len(comparison.incidents)} incidents" if len(comparison.incidents) > 1 else "the only incident"
    answering = "all of these models" if len(comparison.tried) > 1 else "this model"
    console.print(f"Costs in needless pages, over {over} that {answering} answered:", soft_wrap=True)
    grid = Grid("model", "cost per 100 without", "if all counted")
    for each in comparison.tried:
        grid.add_row(each.model, *(f"{cost:.1f}" for cost in each.per_100(comparison.incidents)))
    console.print(grid)
