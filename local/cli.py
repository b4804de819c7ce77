"""`python -m local`: run Firstline on this machine, send alerts to it, try a runbook."""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

_LOG_WIDTH = 150
_REPEAT = "May be given several times."
ROOT = Path(__file__).parent.parent


@app.command()
def up(
    port: Annotated[int, typer.Option(help="The port of the api URL; 0 takes any free one.")] = 0,
    time_lapse: Annotated[float, typer.Option(help="Let long waits pass this many times faster.", min=1)] = 1.0,
    parameter: Annotated[list[str] | None, typer.Option(help=f"A template parameter as Name=value. {_REPEAT}")] = None,
    secret: Annotated[list[str] | None, typer.Option(help=f"A secret, as llm/api-key=value. {_REPEAT}")] = None,
    runbooks: Annotated[
        Path | None, typer.Option(help="A folder of runbooks, beside those that ship.", exists=True, file_okay=False)
    ] = None,
    promote: Annotated[
        list[str] | None, typer.Option(help=f"A shipped runbook that runs by itself here (mode: auto). {_REPEAT}")
    ] = None,
    policy: Annotated[
        list[Path] | None,
        typer.Option(help=f"A policy file in place of the shipped one. {_REPEAT}", exists=True, dir_okay=False),
    ] = None,
    reconcile_seconds: Annotated[int | None, typer.Option(help="Run reconcile this often.", min=1)] = None,
    quiet: Annotated[bool, typer.Option(help="Print nothing on stderr.")] = False,
) -> None:
    """Run a stack until stopped. When it is ready, one JSON line on stdout has its addresses and secrets."""
    from firstline.errors import ConfigurationError
    from firstline_cli import overlay
    from local.demo.story import Story
    from local.emulator import registry
    from local.emulator.stack import APPROVER, Options, Stack
    from local.emulator.template import TemplateError

    story = Story(Console(stderr=True, quiet=quiet))
    try:
        root = overlay.tree(ROOT)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    stack = Stack(
        Options(
            root=root,
            port=port,
            time_lapse=time_lapse,
            parameters=dict(_named_value(text) for text in parameter or []),
            secrets=dict(_named_value(text) for text in secret or []),
            runbooks=runbooks,
            promoted=tuple(promote or ()),
            policies=tuple(policy or ()),
            reconcile_seconds=reconcile_seconds,
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
        console = stack.console()
        if not quiet:
            # Whole, as no line of the story is: people click it.
            print(f"The console, as {APPROVER} (the link works once): {console}", file=sys.stderr)
        print(json.dumps(stack.line() | {"console": console}), flush=True)
        stopped.wait()
    except (ConfigurationError, TemplateError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    finally:
        registry.forget()
        story.close()
        stack.close()


@app.command()
def demo() -> None:
    """Fire alerts of every source at a new local Firstline, print what happens, and check how each incident ends."""
    from local.demo.run import run

    raise typer.Exit(0 if run(_console()) else 1)


@app.command()
def send(
    source: Annotated[str, typer.Argument(help="cloudwatch, datadog, generic, grafana, pagerduty, prometheus, …")],
    file: Annotated[Path, typer.Argument(help="The body as the sender would send it; - reads stdin.", allow_dash=True)],
    stack: Annotated[str, typer.Option(help="The JSON line of a running stack; by default the one started last.")] = "",
) -> None:
    """Send a body to a running stack as a sender would, signed or with the source's token."""
    from local.demo import senders
    from local.emulator import registry

    try:
        running = json.loads(stack) if stack else registry.running()
    except ValueError:
        raise typer.BadParameter("--stack is no JSON: give the line that `python -m local up` printed.") from None
    if running is None:
        raise typer.BadParameter("No stack is running here: start one with `python -m local up`, or give --stack.")
    if source not in running["secrets"]:
        raise typer.BadParameter(f"There is no source {source!r}; known are {', '.join(running['secrets'])}.")
    try:
        # Typer's own check (exists=True) takes - for the name of a file.
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read ({error.strerror}): give a file, or - for stdin.") from None
    answer = senders.send(running["api"], source, body, running["secrets"][source])
    print(f"{answer.status} {answer.body.decode(errors='replace')}")
    raise typer.Exit(0 if 200 <= answer.status < 300 else 1)


@app.command("try")
def try_(
    runbook: Annotated[str, typer.Argument(help="Its id, as in runbooks/<id>.yaml.")],
    alert: Annotated[
        Path | None, typer.Option(help="An alert, with the keys of a runbook's examples; by default its first example.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="--alert is a body as this source sends it.")] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="A file of local/rehearsal/scenarios/<runbook> or mine/scenarios/<runbook>, or none; "
            "by default the first cure."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and the scripts; run nothing.")] = False,
) -> None:
    """Run one runbook on a throw-away host with the fault that it cures, and show each step."""
    from firstline_cli import overlay
    from local.rehearsal.trial import CannotTry, try_runbook

    try:
        well = try_runbook(
            _console(),
            overlay.together(ROOT),
            runbook,
            alert_file=alert,
            source=source,
            scenario_name=scenario,
            dry_run=dry_run,
        )
    except CannotTry as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if well else 1)


def _named_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} has no `=`: write Name=value.")
    return name, value


def _console() -> Console:
    """Return a console for stdout, 150 columns wide if that is a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=_LOG_WIDTH)
