"""`python -m local`: run Firstline on this machine, send alerts to it, see how it does."""

import getpass
import json
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from firstline.reporting import Report
from local import heartbeats_cli, rules_cli
from local.durations import span
from local.stacks import StackOption, TableOption, running_stack, table_of

if TYPE_CHECKING:
    from firstline.runbooks.model import Runbook
    from local.learning.writing import Drafts


app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
runbooks = typer.Typer(help="Check runbooks, and render them as SSM documents.", no_args_is_help=True)
app.add_typer(runbooks, name="runbooks")
app.add_typer(rules_cli.rules, name="rules")
app.add_typer(rules_cli.silence, name="silence")
app.add_typer(heartbeats_cli.heartbeat, name="heartbeat")

_LOG_WIDTH = 150
RUNBOOKS = Path(__file__).parent.parent / "runbooks"


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Of the api URL; 0 takes any free one.")] = 0,
    time_lapse: Annotated[float, typer.Option(help="Let long waits pass this many times faster.", min=1)] = 1.0,
    parameter: Annotated[
        list[str] | None, typer.Option(help="A parameter of the template, as Name=value. May be given several times.")
    ] = None,
    secret: Annotated[
        list[str] | None, typer.Option(help="A secret of the stack, as llm/api-key=value. May be given several times.")
    ] = None,
    runbooks: Annotated[
        Path | None,
        typer.Option(help="A folder with more runbooks, beside those that ship.", exists=True, file_okay=False),
    ] = None,
    audit_seconds: Annotated[int | None, typer.Option(help="Run the audit this often.", min=1)] = None,
    quiet: Annotated[bool, typer.Option(help="Do not tell on stderr what happens.")] = False,
) -> None:
    """Serve until stopped. One JSON line on stdout says when it is ready, and where everything is."""
    from local import registry
    from local.stack import Options, Stack
    from local.story import Story

    story = Story(Console(stderr=True, quiet=quiet))
    stack = Stack(
        Options(
            port=port,
            time_lapse=time_lapse,
            parameters=dict(_named_value(text) for text in parameter or []),
            secrets=dict(_named_value(text) for text in secret or []),
            runbooks=runbooks,
            audit_seconds=audit_seconds,
            on_command=story.command,
            on_message=story.message,
        )
    )
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        stack.start()
        registry.remember(stack.line())
        story.watch(stack.executions)
        story.say("local", f"sandbox of the hosts: {stack.sandbox}")
        story.say("local", f"what people get: {stack.url('inbox')}/")
        story.say("local", f"the functions' logs: {stack.options.folder / 'logs'}")
        print(json.dumps(stack.line()), flush=True)
        stopped.wait()
    finally:
        registry.forget()
        story.close()
        stack.close()


@app.command()
def demo() -> None:
    """Fire alerts of every source at a Firstline of its own, tell each one's story, and check how it ends."""
    from local.demo import run

    console = Console()
    if not console.is_terminal:
        console = Console(width=_LOG_WIDTH)
    raise typer.Exit(0 if run(console) else 1)


@app.command()
def send(
    source: Annotated[str, typer.Argument(help="cloudwatch, datadog, generic, grafana, pagerduty, prometheus, …")],
    file: Annotated[Path, typer.Argument(help="The body as the sender would send it; - reads stdin.")],
    stack: StackOption = "",
) -> None:
    """Send a body to a running stack as its sender would, signed or with its token."""
    from local import senders

    running = running_stack(stack)
    if source not in running["secrets"]:
        raise typer.BadParameter(f"There is no source {source!r}; known are {', '.join(running['secrets'])}.")
    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    answer = senders.send(running["api"], source, body, running["secrets"][source])
    print(f"{answer.status} {answer.body.decode(errors='replace')}")
    raise typer.Exit(0 if 200 <= answer.status < 300 else 1)


@app.command()
def report(
    hours: Annotated[
        float | None, typer.Option(help="How far to look back: 24, --model 7 days, --people 30, --runbooks 90.")
    ] = None,
    of_runbooks: Annotated[bool, typer.Option("--runbooks", help="How each runbook did, and what it earned.")] = False,
    of_model: Annotated[bool, typer.Option("--model", help="What the model took, by day and by incident.")] = False,
    of_people: Annotated[
        bool, typer.Option("--people", help="Which verdicts people called right, what was hidden, rules they suggest.")
    ] = False,
    environment: Annotated[str, typer.Option(help="With --runbooks: whose modes to show.")] = "dev",
    stack: StackOption = "",
    table: TableOption = "",
) -> None:
    """MTTA, MTTR, and how many incidents ended by themselves, by a runbook, with a human; and what the model cost."""
    from firstline.adapters.history import TableIncidents
    from firstline.reporting import report as reckon
    from local.records import runbooks_grid
    from local.spending import print_spending
    from local.words import print_lessons

    incidents = table_of(stack, table)
    if of_model:
        print_spending(_wide_console(), incidents, datetime.now(UTC) - timedelta(hours=hours or 7 * 24))
    elif of_people:
        print_lessons(_wide_console(), incidents, (hours or 30 * 24) / 24)
    elif of_runbooks:
        _wide_console().print(runbooks_grid(incidents, RUNBOOKS, environment, (hours or 90 * 24) / 24))
    else:
        since = datetime.now(UTC) - timedelta(hours=hours or 24)
        _print_report(reckon(TableIncidents(incidents).closed_since(since)), hours or 24)


@app.command()
def audit(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution.")],
    stack: StackOption = "",
    table: TableOption = "",
) -> None:
    """Who or what decided, on which grounds, and what came of it; says where the chain is broken, if it is."""
    from local.records import print_trail

    raise typer.Exit(0 if print_trail(_wide_console(), table_of(stack, table), incident) else 1)


@app.command()
def judge(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution.")],
    answer: Annotated[
        str, typer.Argument(help="real, noise, wrong-cause, or the severity that would have been right.")
    ],
    by: Annotated[str, typer.Option(help="Who says so; it is kept.")] = getpass.getuser(),
    stack: StackOption = "",
    table: TableOption = "",
) -> None:
    """Was this right? What people say counts for the next incident of the group."""
    from local.words import say

    print(_or_refused(lambda: say(table_of(stack, table), incident, answer, by)))


@app.command()
def note(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution.")],
    text: Annotated[str, typer.Argument(help="What it was and what fixed it; - reads stdin.")],
    by: Annotated[str, typer.Option(help="Who says so; it is kept.")] = getpass.getuser(),
    stack: StackOption = "",
    table: TableOption = "",
) -> None:
    """Keep what fixed an incident, for whoever meets it next. Commands: one a line, each beginning with $."""
    from local.words import write

    words = sys.stdin.read() if text == "-" else text
    print(_or_refused(lambda: write(table_of(stack, table), incident, words, by)))


@app.command()
def learn(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution. It must be over.")],
    out: Annotated[Path | None, typer.Option(help="The folder; by default .cache/learn/<incident>.")] = None,
    stack: StackOption = "",
    table: TableOption = "",
) -> None:
    """Draft what an incident teaches: a postmortem, an eval case, a runbook where commands were noted. For review."""
    from local.learning.writing import write

    folder = out or Path(".cache") / "learn" / incident
    print(_or_refused(lambda: _drafted(write(table_of(stack, table), incident, folder, RUNBOOKS))))


@app.command("try")
def try_(
    runbook: Annotated[str, typer.Argument(help="Its id, as in runbooks/<id>.yaml.")],
    alert: Annotated[
        Path | None, typer.Option(help="An alert, with the keys of a runbook's examples; by default its first example.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="--alert is a body as this source sends it.")] = None,
    scenario: Annotated[
        str | None, typer.Option(help="A file of local/scenarios/<runbook>, or none; by default the first cure.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and the scripts; run nothing.")] = False,
) -> None:
    """Run one runbook on a throw-away host that has its fault, and show each step."""
    from local.trying import CannotTry, try_runbook

    console = Console()
    if not console.is_terminal:
        console = Console(width=_LOG_WIDTH)
    try:
        well = try_runbook(
            console, RUNBOOKS, runbook, alert_file=alert, source=source, scenario_name=scenario, dry_run=dry_run
        )
    except CannotTry as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if well else 1)


@runbooks.command()
def render() -> None:
    """Check the runbooks, then write their SSM documents and the editors' schema."""
    from firstline.runbooks.catalogue import Catalogue
    from local.linting.check import read_checked, rendered

    sound, problems = read_checked(RUNBOOKS)
    if problems:
        for problem in problems:
            print(f"runbooks/{problem}", file=sys.stderr)
        print("Nothing was rendered.", file=sys.stderr)
        raise typer.Exit(1)
    for path, text in rendered(Catalogue(sound)).items():
        target = RUNBOOKS / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(f"wrote runbooks/{path}")
    _print_accepted(sound)


@runbooks.command()
def check() -> None:
    """Say what is wrong with the runbooks, by file and line."""
    from firstline.runbooks import catalogue
    from local.linting.check import check as problems_of

    problems = problems_of(RUNBOOKS)
    _print_accepted(catalogue.read(RUNBOOKS)[0])
    for problem in problems:
        print(f"runbooks/{problem}", file=sys.stderr)
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    print(count if problems else "The runbooks are sound, and their documents up to date.")
    raise typer.Exit(1 if problems else 0)


def _print_accepted(sound: "list[Runbook]") -> None:
    """The dangerous commands that somebody has said are meant: nobody should have to look for those."""
    from local.linting.scripts import accepted

    for runbook in sound:
        for location, one in accepted(runbook):
            print(f"accepted  runbooks/{runbook.id}.yaml {'.'.join(map(str, location))}: {one.danger}: {one.because}")


@runbooks.command()
def reset(
    runbook: Annotated[str, typer.Argument(help="Its id, as in runbooks/<id>.yaml.")],
    by: Annotated[str, typer.Option(help="Who says that it is mended; it is kept.")] = getpass.getuser(),
    stack: StackOption = "",
    table: TableOption = "",
) -> None:
    """Let a runbook that did not help run by itself again, as far as its mode allows."""
    from firstline.adapters.remediations import TableRemediations

    if TableRemediations(table_of(stack, table)).reset(runbook, by, datetime.now(UTC)):
        print(f"{runbook} may run by itself again, where its mode is auto.")
    else:
        print(f"Nothing to do: nothing keeps {runbook} from running by itself but its own mode.")


def _named_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not Name=value.")
    return name, value


def _drafted(drafts: "Drafts") -> str:
    lines = [f"{drafts.folder / name}" for name in ("postmortem.md", "PULL_REQUEST.md")] + [str(drafts.case)]
    if drafts.runbook:
        lines.append(f"{drafts.runbook} (a draft in shadow; {len(drafts.problems)} things are left to mend)")
    return "\n".join([*lines, "Drafts for people to review: nothing of it is used by itself."])


def _or_refused(say: Callable[[], str]) -> str:
    from firstline.errors import FeedbackRefused

    try:
        return say()
    except FeedbackRefused as refused:
        print(refused, file=sys.stderr)
        raise typer.Exit(1) from None


def _wide_console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_LOG_WIDTH)


def _print_report(numbers: Report, hours: float) -> None:
    from local.spending import money

    table = Table(title=f"The last {hours:g} hours", title_justify="left", show_header=False)
    rows = {
        "Incidents": str(numbers.incidents),
        "Suppressed as noise": str(numbers.suppressed),
        "Alerts in them": str(numbers.alerts),
        "Mean time to acknowledge (MTTA)": span(numbers.mean_time_to_acknowledge),
        "Mean time to resolve (MTTR)": span(numbers.mean_time_to_resolve),
        "Cured by a runbook": _share(numbers.auto_resolved_share),
        "Cleared by themselves": _share(numbers.self_cleared_share),
        "Escalated to a human": _share(numbers.escalated_share),
        "A model was asked about": str(numbers.asked),
        "Its tokens, in and out": f"{numbers.usage.prompt_tokens:,} and {numbers.usage.completion_tokens:,}",
        "What it cost": money(numbers.usage.cost),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
