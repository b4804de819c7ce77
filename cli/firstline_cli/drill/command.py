"""The commands `firstline test`: alarm, page, runbook. Each resolves its test alert, even if the command is stopped."""

import io
import secrets as randomness
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from firstline_cli.console import UNKNOWN, USAGE, WRONG, refusal
from firstline_cli.stacks import CHOSEN, StackOption, stack_of

if TYPE_CHECKING:
    from firstline.runbooks.model import Runbook
    from firstline_cli.drill.senders import Sender, TestAlert
    from firstline_cli.drill.watch import Seen, Watch
    from firstline_cli.stacks import Stack

test = typer.Typer(help="Try a stack with an alert of your own; reports leave it out.", no_args_is_help=True)

SourceOption = Annotated[
    str, typer.Option(help="prometheus, generic or cloudwatch; by default the first of them that is open.")
]
WaitOption = Annotated[int, typer.Option(help="How many seconds to wait for each leg.", min=1)]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
WAIT_SECONDS = 90


@test.command()
def alarm(source: SourceOption = "", wait: WaitOption = WAIT_SECONDS, stack: StackOption = CHOSEN) -> None:
    """Send an alert that wakes nobody, and show each leg of its way until people are told."""
    from firstline_cli.drill import watch

    found = stack_of(stack)
    sent = _alert("medium", "This is a test of Firstline. Nothing is wrong, and nobody has to do anything.")
    with _sent(found, source, sent) as watched:
        _follow(watched, {"in the table": watch.opened, "classified": watch.classified, "told": watch.told}, wait)


@test.command()
def page(
    source: SourceOption = "", yes: YesOption = False, wait: WaitOption = WAIT_SECONDS, stack: StackOption = CHOSEN
) -> None:
    """Send a critical alert, which really wakes the person on call; show each leg of its way until the page is out."""
    from firstline_cli.drill import watch

    found = stack_of(stack)
    if not yes and not typer.confirm("This pages the person on call now. Go on?", err=True):
        raise typer.Exit(1)
    sent = _alert("critical", "This is a test of Firstline's page. Nothing is wrong. Acknowledge it, please.")
    with _sent(found, source, sent) as watched:
        _follow(watched, {"in the table": watch.opened, "classified": watch.pages, "page taken": watch.paged}, wait)
        if not yes and not typer.confirm("Did it ring?", err=True):
            raise refusal(
                "The channels named above took the page and did not ring: check them, and run `firstline doctor`.",
                WRONG,
            )


@test.command()
def runbook(
    runbook_id: Annotated[str, typer.Argument(help="A runbook that only looks.")] = "look-processes",
    host: Annotated[str, typer.Option(help="The instance id, or the whole name, of a tagged host.")] = "",
    source: SourceOption = "",
    wait: WaitOption = 180,
    stack: StackOption = CHOSEN,
) -> None:
    """Send an alert that a read-only runbook fits, and show each leg of its way until the runbook's steps ended.

    On a stack that asks before every runbook, it says who can approve, and where, and waits for that.
    """
    from firstline.runbooks import catalogue
    from firstline_cli.checkout import runbooks_folder
    from firstline_cli.drill import watch

    known = {runbook.id: runbook for runbook in catalogue.read(runbooks_folder())[0]}
    if runbook_id not in known:
        raise refusal(f"There is no runbook {runbook_id!r}; known are {', '.join(known)}.", UNKNOWN)
    chosen = known[runbook_id]
    if chosen.risk != "read_only":
        raise refusal(
            f"{runbook_id} changes hosts ({chosen.risk}), so it is not tried on one of yours; try it in a sandbox: "
            f"python -m local try {runbook_id}. Runbooks that only look: "
            f"{', '.join(runbook.id for runbook in known.values() if runbook.risk == 'read_only')}.",
            USAGE,
        )
    if not host:
        raise refusal("No host is named: give --host with the id or name of an instance with the stack's tag.", USAGE)
    if not chosen.examples.match:
        raise refusal(f"{runbook_id} has no `examples.match`, and the test alert is made of its first: add one.", USAGE)
    example = chosen.examples.match[0]
    sent = _alert(
        "medium",
        f"This is a test of Firstline with the runbook {runbook_id}. Nothing is wrong.",
        name=example.alert,
        host=host,
        labels=dict(example.labels),
    )
    if acts := _acting(sent, list(known.values())):
        raise refusal(
            f"The test alert {sent.title} would find {acts.id} before {runbook_id}, and {acts.id} changes hosts "
            f"({acts.risk}): let `examples.match` of {runbook_id} begin with an alert that finds it by its name.",
            USAGE,
        )
    found = stack_of(stack)
    with _sent(found, source, sent) as watched:
        legs = {"in the table": watch.opened, "classified": watch.classified, "planned": watch.planned}
        _follow(watched, legs, wait)
        _await_approval(found, watched, wait)
        _follow(watched, {"ran": partial(watch.ran, found)}, wait)


def _alert(
    severity: str, message: str, *, name: str = "", host: str = "", labels: dict[str, str] | None = None
) -> "TestAlert":
    from firstline_cli.drill.senders import TestAlert

    return TestAlert(
        key=randomness.token_hex(4),
        severity=severity,
        message=message,
        name=name,
        host=host or None,
        labels=labels or {},
    )


def _acting(alert: "TestAlert", known: "list[Runbook]") -> "Runbook | None":
    """Return the runbook that changes hosts and would be chosen for the test alert; None if none would be.

    The test alert has no metric, so it may find another runbook than the example that it is made of.
    """
    from firstline.runbooks.catalogue import Catalogue
    from firstline.runbooks.match import offered
    from firstline.sources import normalize
    from firstline_cli.drill.senders import BODIES

    read = (normalize(source, body(alert, "firing"))[0] for source, body in BODIES.items())
    chosen = (next(iter(offered(Catalogue(known), each)), None) for each in read)
    return next((runbook for runbook in chosen if runbook and runbook.risk != "read_only"), None)


@contextmanager
def _sent(stack: "Stack", source: str, alert: "TestAlert") -> "Iterator[Watch]":
    """Send the alert, let the caller watch it, and resolve it at the end, even after an error.

    It is sent as the `source` sends alerts, or as the first open source does if `source` is empty. If it could not be
    sent, it may have arrived all the same, so it is resolved, too; then no further error is told.
    """
    from firstline_cli.drill.senders import sender_of
    from firstline_cli.drill.watch import Watch

    sender: Sender = sender_of(stack, source)
    watched = Watch(stack, alert.key)
    try:
        watched.incident_id = sender.send(alert, "firing")
    except BaseException:
        # What went wrong first is what a person has to mend.
        with suppress(Exception), redirect_stderr(io.StringIO()):
            _end(sender, alert)
        raise
    print(f"✓ {'sent':<12} {watched.clock() - watched.began:6.1f} s  {alert.title} → {sender.place}")
    try:
        yield watched
    finally:
        _end(sender, alert)
        print("The alert is resolved; its incident closes by itself within minutes, and counts in no report.")


def _end(sender: "Sender", alert: "TestAlert") -> None:
    try:
        sender.send(alert, "resolved")
    finally:
        sender.forget(alert)


def _await_approval(stack: "Stack", watched: "Watch", wait: int) -> None:
    """Print who can approve a plan that asks and where, then who did; end the command if nobody does in `wait` seconds.

    Do nothing if the plan runs by itself.
    """
    from firstline_cli.drill import watch

    record = watched.record()
    plan = record.plan if record else None
    if record is None or plan is None or plan.decision != "approve":
        return
    # The emulator has a list of people of its own, in which nobody has to be looked for.
    names = [] if stack.is_local else _approvers()
    if not names and not stack.is_local:
        fix = "give somebody the role approver in mine/runbooks/policy/people.yaml, and deploy"
        raise refusal(f"✗ approved: nobody may approve plans → {fix}", WRONG)
    whom = f"{plan.approvals} approvers" if plan.approvals > 1 else "An approver"
    which = f" ({', '.join(names)})" if names else ""
    short = watch.end_of(record)
    print(
        f"→ {whom}{which} can approve it within {wait} seconds: *Approve* under its message in Slack, "
        f"`firstline console {short}`, or `firstline approve {short}` in another terminal."
    )
    late = "nobody approved it, so only the run was not tried; have an approver at hand, or give --wait more seconds"
    _follow(watched, {"approved": watch.approved}, wait, late)


def _approvers() -> list[str]:
    """Return the names of those who may approve plans, by the checkout's list of people."""
    from firstline.policy.people import load_people
    from firstline_cli.checkout import read_policy, runbooks_folder

    return sorted(read_policy(load_people, runbooks_folder() / "policy" / "people.yaml").approvers)


def _follow(watched: "Watch", legs: "Mapping[str, Seen]", wait: int, late: str = "firstline doctor") -> None:
    """Print each leg of a test alert's way, such as `classified`, when it ends.

    `legs` has by name the functions that see a leg's end. End the command if a leg takes more than `wait` seconds, with
    `late` as the fix, or if it ends with nobody told or paged, or without a run of the runbook.
    """
    from firstline_cli.drill import watch

    for name, seen in legs.items():
        line = next(watched.until(name, seen, wait), None)
        if line is None:
            raise refusal(f"✗ {name}: not reached within {wait} seconds → {late}", WRONG)
        print(line)
        if watch.failed(line):
            raise refusal(f"The test failed at {name!r}: `firstline doctor` says what is wrong with the stack.", WRONG)
