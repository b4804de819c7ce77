"""The evaluation of IAM policies, as far as this stack's policies need it; anything else raises an error.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

ACCOUNT = "123456789012"
"""The account that everything on this machine belongs to."""

type Statement = Mapping[str, Any]
type Context = Mapping[str, str | Sequence[str]]
"""The values of a request's condition keys, by key; a request without a key has no entry for it."""


class NotUnderstood(Exception):
    """A policy uses an element or a condition that is not evaluated here."""


def allows(statements: Iterable[Statement], action: str, resource: str, context: Context) -> bool:
    """Return True if a principal with these statements may do `action` on the ARN `resource`.

    `context` has the request's values of condition keys.
    """
    applying = [statement for statement in statements if _applies(statement, action, resource, context)]
    return bool(applying) and all(statement["Effect"] == "Allow" for statement in applying)


def fits(pattern: str, text: str) -> bool:
    """Return True if a text fits IAM's pattern, in which `*` is any text, and `?` any one character."""
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Return IAM's pattern as a regular expression. A stack has a few hundred, and each is asked about many times."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)


def conditions_hold(statement: Statement, context: Context) -> bool:
    """Return True if all conditions of a statement hold for a request with these condition keys (`context`)."""
    return all(_holds(kind, key, _list(wanted), context) for kind, key, wanted in _conditions(statement))


def _applies(statement: Statement, action: str, resource: str, context: Context) -> bool:
    if unknown := set(statement) - {"Sid", "Effect", "Action", "Resource", "NotResource", "Condition"}:
        raise NotUnderstood(
            f"the emulator does not know {', '.join(unknown)} in the statement {statement}; teach it in iam.py"
        )
    return (
        any(fits(pattern.lower(), action.lower()) for pattern in _list(statement["Action"]))
        and _covers(statement, resource)
        and conditions_hold(statement, context)
    )


def _covers(statement: Statement, resource: str) -> bool:
    if "NotResource" in statement:
        return not any(fits(pattern, resource) for pattern in _list(statement["NotResource"]))
    return any(fits(pattern, resource) for pattern in _list(statement["Resource"]))


def _conditions(statement: Statement) -> Iterable[tuple[str, str, Any]]:
    for kind, keys in statement.get("Condition", {}).items():
        for key, wanted in keys.items():
            yield kind, key, wanted


def _holds(kind: str, key: str, wanted: list[str], context: Context) -> bool:
    given = {name.lower(): _list(value) for name, value in context.items()}.get(key.lower(), [])
    match kind:
        case "Null":
            return wanted == ["false" if given else "true"]
        case "StringEquals" if len(given) < 2:
            return any(value in wanted for value in given)
        case "StringLike" | "ArnLike" if len(given) < 2:
            return any(fits(pattern, value) for value in given for pattern in wanted)
        case "ForAllValues:StringLike":
            return all(any(fits(pattern, value) for pattern in wanted) for value in given)
    raise NotUnderstood(f"the emulator does not know the condition {kind} on {key}; teach it in iam.py")


def _list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | Mapping) else list(value)
