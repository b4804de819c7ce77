"""The command `firstline doctor`, which runs all checks at the same time, each with its own deadline."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstline_cli.stacks import CHOSEN, StackOption

if TYPE_CHECKING:
    from firstline_cli.doctor.findings import Check, Finding
    from firstline_cli.stacks import Stack

DEADLINE_SECONDS = 20

doctor = typer.Typer(add_completion=False)


@doctor.command("doctor")
def doctor_(
    output: Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="How to print it.")] = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Check a stack and what it needs: who is woken, channels, sources, hosts, parameters, limits. It changes nothing.

    A line begins with ✓ if all is well, with ! for something to know, with ✗ if something is wrong; the fix stands
    behind the arrow. The command ends with 1 if something is wrong.
    """
    from firstline_cli.stacks import stack_of

    found = list(examine(stack_of(stack), checks()))
    if output == "json":
        print(json.dumps([finding.plain() for finding in found], indent=2, ensure_ascii=False))
    else:
        for finding in found:
            print(finding.line())
    raise typer.Exit(1 if any(finding.state == "wrong" for finding in found) else 0)


def checks() -> "dict[str, Check]":
    """Return the checks by name, in the order of the report."""
    from firstline_cli.doctor import account, hosts, people, posts, reach, sources, texts

    return {
        "pages": people.who_is_woken,
        "slack": people.slack,
        "pagerduty": people.pagerduty,
        "teams": posts.teams,
        "webhook": posts.webhook,
        "sms": texts.texts,
        "approvers": people.approvers,
        "keys": people.keys,
        "schedules": reach.calendars,
        "console": reach.console,
        "canary": reach.canary,
        "sources": sources.sources,
        "refused": sources.refused,
        "hosts": hosts.hosts,
        "remediation": account.remediation,
        "alarms": account.alarms,
        "deployment": account.state,
        "parameters": account.parameters,
        "mine": account.own_files,
        "neighbours": account.neighbours,
        "quotas": account.quotas,
        "throttles": account.throttles,
    }


def examine(stack: "Stack", checks: "Mapping[str, Check]", deadline: float = DEADLINE_SECONDS) -> "Iterator[Finding]":
    """Run the checks at the same time, and yield their findings in the order of the checks.

    A check that fails or exceeds the deadline (in seconds) is a finding itself, and stops no other check.
    """
    from firstline_cli.doctor.findings import Finding

    pool = ThreadPoolExecutor(max_workers=len(checks))
    running = {name: pool.submit(_findings, name, check, stack) for name, check in checks.items()}
    try:
        for name, future in running.items():
            try:
                yield from future.result(timeout=deadline)
            except TimeoutError:
                yield Finding("note", name, f"not checked: no answer within {deadline:g} seconds", "try again")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _findings(name: str, check: "Check", stack: "Stack") -> "list[Finding]":
    from firstline_cli import aws_words
    from firstline_cli.doctor.findings import Finding

    found: list[Finding] = []
    try:
        found.extend(check(stack))
    except Exception as error:  # noqa: BLE001 - one check that fails must not keep the others from being read
        found.append(Finding("note", name, f"not checked: {aws_words.in_words(error)}"))
    return found
