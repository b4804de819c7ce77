"""The commands with which people act on an incident: signed requests to the stack, which knows the caller."""

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from firstline_cli.console import REFUSED, USAGE, console_of, refusal
from firstline_cli.incident_ids import IncidentArgument, full_id, record_of
from firstline_cli.requests import post
from firstline_cli.stacks import CHOSEN, StackOption, stack_of

type _Output = Literal["text", "json"]

OutputOption = Annotated[_Output, typer.Option("--output", "-o", help="How to print the answer.")]
ReasonArgument = Annotated[str, typer.Argument(help="Why.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

ANSWERS = ("real", "noise", "wrong-cause", "critical", "high", "medium", "low")


def add_to(app: typer.Typer) -> None:
    """Add this module's commands, such as `ack` and `resolve`, to an application."""
    commands: dict[str, Callable[..., None]] = {
        "ack": acknowledge,
        "resolve": resolve,
        "reopen": reopen,
        "escalate": escalate,
        "note": note,
        "judge": judge,
        "approve": approve,
        "refuse": refuse,
        "open": open_,
        "whoami": whoami,
        "console": console,
    }
    for name, command in commands.items():
        app.command(name)(command)


def acknowledge(incident: IncidentArgument, output: OutputOption = "text", stack: StackOption = CHOSEN) -> None:
    """Take an incident, so that nobody else is paged for it."""
    _act(stack, incident, "acknowledge", output)


def resolve(
    incident: IncidentArgument,
    seen: Annotated[
        int | None,
        typer.Option(help="How many of its alerts you have seen, each counted once; by default all."),
    ] = None,
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Say that an incident is over. It stays open if alerts joined that you have not seen."""
    found = stack_of(stack)
    record = record_of(found.table, incident)
    # `joined` counts an alert that got worse or fired again once more; people are shown each alert once.
    joined = record.live.joined if record.live else record.alert_count
    known = joined if seen is None else joined - max(0, record.alert_count - seen)
    _say(post(found, f"incidents/{record.incident.incident_id}/resolve", {"seen": known}), output)


def reopen(
    incident: IncidentArgument,
    reason: ReasonArgument = "",
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Open a new incident in place of one that was closed too early."""
    _act(stack, incident, "reopen", output, text=reason)


def escalate(
    incident: IncidentArgument,
    reason: ReasonArgument = "",
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Page the next level now, even if somebody has acknowledged the incident."""
    _act(stack, incident, "escalate", output, text=reason)


def note(
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(help="What it was and what fixed it; - reads stdin.")],
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Store what fixed an incident, for the next one of its group. Write commands one a line, each beginning with $."""
    _act(stack, incident, "note", output, text=sys.stdin.read() if text == "-" else text)


def judge(
    incident: IncidentArgument,
    answer: Annotated[
        str, typer.Argument(help="real, noise, wrong-cause, or the severity that would have been right.")
    ],
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Say whether an incident's verdict was right. Your answer counts for the next incident of its group."""
    if answer not in ANSWERS:
        raise refusal(f"The answer {answer!r} is unknown; write one of {', '.join(ANSWERS)}.")
    said = {"said": answer.replace("-", "_")}
    if answer not in ANSWERS[:3]:
        said = {"said": "wrong_severity", "severity": answer}
    _act(stack, incident, "judge", output, **said)


def approve(
    incident: IncidentArgument,
    yes: YesOption = False,
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Show the plan of an incident that waits for approval, ask whether to run it, and approve it."""
    _decide(stack, incident, "approve", output, ask=not yes)


def refuse(incident: IncidentArgument, output: OutputOption = "text", stack: StackOption = CHOSEN) -> None:
    """Refuse the plan of an incident that waits for approval, so that it never runs."""
    _decide(stack, incident, "refuse", output, ask=False)


def open_(
    text: Annotated[str, typer.Argument(help="What is wrong.")],
    severity: Annotated[Literal["critical", "high", "medium", "low"], typer.Option(help="How bad it is.")],
    service: Annotated[str, typer.Option(help="The service that it is about.")] = "",
    host: Annotated[str, typer.Option(help="The host that it is about.")] = "",
    environment: Annotated[str, typer.Option(help="Its environment.")] = "",
    output: OutputOption = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Report a problem that no monitor saw. A report is an alert like any other: critical and high page."""
    found = stack_of(stack)
    body: dict[str, Any] = {"text": text, "severity": severity}
    body |= {name: value for name, value in (("service", service), ("host", host)) if value}
    if environment or found.environment:
        body["environment"] = environment or found.environment
    _say(post(found, "incidents", body), output)


def whoami(output: OutputOption = "text", stack: StackOption = CHOSEN) -> None:
    """Say under which name the stack knows you, and your role."""
    _say(post(stack_of(stack), "whoami", {}), output)


def _act(stack: str, incident: str, does: str, output: _Output, **fields: Any) -> None:
    found = stack_of(stack)
    _say(post(found, f"incidents/{full_id(found.table, incident)}/{does}", fields), output)


def _decide(stack: str, incident: str, does: str, output: _Output, *, ask: bool) -> None:
    from firstline.incidents.message_facts import why_idle
    from firstline_cli.one_incident import plan_lines

    found = stack_of(stack)
    record = record_of(found.table, incident)
    if record.plan is None:
        raise refusal("This incident has no plan that waits for an approval.", REFUSED)
    if ask:
        if not at_terminal():
            raise refusal(
                "`approve` asks first, and this is no terminal: read the plan with `firstline show`, then give --yes.",
                USAGE,
            )
        for line in plan_lines(record.plan):
            console_of().print(line)
        idle = why_idle(record)
        typer.confirm(f"{idle} Approve it all the same?" if idle else "Run it?", abort=True, err=True)
    _say(post(found, f"incidents/{record.incident.incident_id}/{does}", {"plan_digest": record.plan.digest()}), output)


def at_terminal() -> bool:
    """Return True if a person at a terminal can answer a question."""
    return sys.stdin.isatty()


def _say(answer: dict[str, Any], output: _Output) -> None:
    if output == "json":
        print(json.dumps(answer, indent=2))
    else:
        print(answer["said"], *([answer["who"]] if answer.get("who") else []))


def console(
    incident: Annotated[str, typer.Argument(help="The incident to open, by the end of its id; else the list.")] = "",
    show: Annotated[bool, typer.Option("--show", help="Print the link instead of opening a browser.")] = False,
    stack: StackOption = CHOSEN,
) -> None:
    """Open the web console in a browser, signed in under your name. The link is good once, for a minute."""
    import webbrowser

    found = stack_of(stack)
    wanted = {"incident": full_id(found.table, incident)} if incident else {}
    url = str(post(found, "tickets", wanted, under="console").get("url", ""))
    if show or not webbrowser.open(url):
        print(url)
