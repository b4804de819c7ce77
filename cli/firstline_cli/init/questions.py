"""The six questions of `init`: environment, page address, Slack, PagerDuty, approvers, sources. Each has an option."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer

from firstline_cli.console import USAGE, refusal
from firstline_cli.init.secrets import Secrets, mistake, read

ENVIRONMENTS = ("dev", "staging", "prod")
SOURCES = ("cloudwatch", "prometheus", "grafana", "datadog", "pagerduty", "generic", "deployments")
_ADDRESS = re.compile(r"[^@\s<>]{1,64}@[^@\s<>.]+(\.[^@\s<>.]+)+")
"""The form of a mail address. SNS refuses one without a dot behind the @, which would undo a whole deployment."""


def is_terminal() -> bool:
    """Return True if a person at a terminal can answer."""
    return sys.stdin.isatty()


def ask[Answer](question: str, given: str | None, default: str, check: Callable[[str], Answer]) -> Answer:
    """Return an answer that passed `check`: the option's (`given`), else the person's at a terminal, else the default.

    Parameters
    ----------
    question
        The question as the person sees it; it also begins the message with which the command ends.
    check
        Converts the text into the answer. If it raises `ValueError`, the person is told its message and asked again;
        the command ends if the text is the option's, or no person is at a terminal.
    """
    while True:
        answer = given
        if answer is None:
            answer = typer.prompt(question, default=default, err=True) if is_terminal() else default
        try:
            return check(answer.strip())
        except ValueError as error:
            if given is not None or not is_terminal():
                raise refusal(f"{question}: {error}.", USAGE) from None
            typer.echo(f"{error}.", err=True)


def ask_secret(secrets: Secrets, name: str, question: str, option: str, given: str | None) -> str | None:
    """Return the secret that the option (`given`) refers to or a person types unseen; None to leave the stored one.

    `given` is the option's value or None, and `option` the option's name for messages. `name` is the secret's name. End
    the command if the secret that the option refers to is missing, or its form is wrong.
    """
    if given is not None:
        value = read(option, given)
        if wrong := mistake(name, value):
            raise refusal(f"{option}: {wrong}.", USAGE)
        return value
    if not is_terminal():
        return None
    there = secrets.is_set(name)
    while True:
        skip = "Enter keeps the one that is set" if there else "Enter leaves it out"
        value = str(typer.prompt(f"{question} ({skip})", default="", hide_input=True, show_default=False, err=True))
        value = value.strip()
        if not value:
            return None
        wrong = mistake(name, value)
        if wrong is None:
            return value
        typer.echo(f"{wrong}.", err=True)


def an_environment(answer: str) -> str:
    """Return the name of the environment in the answer. Raises ValueError if there is no such environment."""
    if answer.casefold() not in ENVIRONMENTS:
        raise ValueError(f"{answer!r} is no environment; write {', '.join(ENVIRONMENTS)}")
    return answer.casefold()


def an_address(answer: str) -> str:
    """Return the mail address to page, or "" for an empty answer or `none`. Raises ValueError if it is no address."""
    if answer.casefold() in ("", "none"):
        return ""
    if not _ADDRESS.fullmatch(answer):
        raise ValueError(f"{answer!r} is no mail address; write one, or none")
    return answer


def some_sources(answer: str) -> tuple[str, ...]:
    """Split an answer such as `prometheus, datadog` into names of sources. Raises ValueError if one is unknown."""
    words = [word for word in re.split(r"[,;\s]+", answer.casefold()) if word]
    chosen = tuple(dict.fromkeys(words)) if words != ["none"] else ()
    if unknown := [name for name in chosen if name not in SOURCES]:
        raise ValueError(f"{unknown[0]!r} is no source; known are {', '.join(SOURCES)}")
    return chosen


def some_approvers(answer: str) -> Mapping[str, Mapping[str, Any]]:
    """Parse `ada=U01ABCDEF bob=U02GHIJ,arn:aws:iam::…:user/bob` into entries of people.yaml, or raise ValueError."""
    from pydantic import ValidationError

    from firstline.policy.people import People

    people: dict[str, dict[str, Any]] = {}
    for word in answer.split() if answer.casefold() not in ("", "none") else ():
        name, equals, identities = word.partition("=")
        entry: dict[str, Any] = {"role": "approver"}
        for identity in _identities(identities):
            if identity.startswith("arn:"):
                entry.setdefault("iam", []).append(identity)
            else:
                entry["slack"] = identity
        if not equals or len(entry) == 1:
            raise ValueError(f"{word!r} is no approver; write name=SlackUserId, name=ARN, or name=SlackUserId,ARN")
        if name in people:
            raise ValueError(f"{name} stands there twice; write {name}=SlackUserId,ARN for both of one person")
        people[name] = entry
    try:
        People.model_validate({"people": people})
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(said) from None
    return people


def _identities(text: str) -> Sequence[str]:
    """Split `U02GHIJ,arn:aws:iam::…:user/bob` at commas before a Slack id or an ARN, as an ARN may contain a comma."""
    return [part for part in re.split(r",(?=arn:|[UW][A-Z0-9]{3})", text) if part]
