"""Would IAM allow it? As much of its evaluation as this stack's policies use, and an error at anything else.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

type Statement = Mapping[str, Any]


class NotUnderstood(Exception):
    """A policy uses something that is not evaluated here: to guess would prove nothing."""


def allows(statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Tell whether a principal with these statements may do `action` on the ARN `resource`.

    Parameters
    ----------
    context
        The request's condition keys with their values; a key that is not here is absent.
    """
    applying = [one for one in statements if _applies(one, action, resource, context)]
    return bool(applying) and all(one["Effect"] == "Allow" for one in applying)


def fits(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` for anything, `?` for one character, and nothing else is special."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _applies(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    if unknown := set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"}:
        raise NotUnderstood(f"{', '.join(unknown)} in {statement}")
    return (
        any(fits(pattern.lower(), action.lower()) for pattern in _list(statement["Action"]))
        and any(fits(pattern, resource) for pattern in _list(statement["Resource"]))
        and all(_holds(kind, key, _list(wanted), context) for kind, key, wanted in _conditions(statement))
    )


def _conditions(statement: Statement) -> Iterable[tuple[str, str, Any]]:
    for kind, keys in statement.get("Condition", {}).items():
        for key, wanted in keys.items():
            yield kind, key, wanted


def _holds(kind: str, key: str, wanted: list[str], context: Mapping[str, str]) -> bool:
    given = {name.lower(): value for name, value in context.items()}.get(key.lower())
    match kind:
        case "StringEquals":
            return given is not None and given in wanted
        case "StringLike" | "ArnLike":
            return given is not None and any(fits(pattern, given) for pattern in wanted)
        case "ForAllValues:StringLike":
            return given is None or any(fits(pattern, given) for pattern in wanted)
    raise NotUnderstood(f"{kind} on {key}")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
