"""Failed calls to AWS in words: what was refused, and the fix."""

import re
from typing import Any

_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:\w+)(?: on resource:? (\S+))?", re.IGNORECASE)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "UnauthorizedOperation",
        "AuthorizationErrorException",
    }
)
_EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"}
)


def in_words(error: BaseException, asked: str = "") -> str:
    """Describe a failed call to AWS on one line, with the fix.

    Parameters
    ----------
    asked
        The action of the call, such as `ssm:PutParameter`, in case the error does not name it.
    """
    failure = _of(error)
    if failure is None:
        return f"AWS cannot be reached ({' '.join(str(error).split())}): check AWS_REGION, AWS_PROFILE and the network"
    code, message = failure
    if code in _EXPIRED:
        return f"your AWS credentials are not valid any more ({code}): log in again"
    if is_denied(error):
        action = _missing_action(error) or asked or "a permission that AWS does not name"
        return f"AWS refused the call: your role lacks {action}. Add it, or use a profile that has it"
    return f"AWS refused the call ({code}: {' '.join(message.split())})"


def is_denied(error: BaseException) -> bool:
    """Return True if AWS answered that the caller lacks a permission."""
    failure = _of(error)
    return failure is not None and failure[0] in _DENIED


def _missing_action(error: BaseException) -> str | None:
    """Return the action that AWS says is missing, with its resource, or None if it does not say."""
    failure = _of(error)
    named = _ACTION.search(failure[1]) if failure else None
    if named is None:
        return None
    resource = (named[2] or "").strip(".,")
    return f"{named[1]} on {resource}" if resource else named[1]


def _of(error: BaseException | None) -> tuple[str, str] | None:
    """Return the code and message of AWS's error, of this exception or of one that caused it; None if AWS sent none."""
    while error is not None:
        answer: Any = getattr(error, "response", None)
        if isinstance(answer, dict) and "Error" in answer:
            return str(answer["Error"].get("Code", "")), str(answer["Error"].get("Message", ""))
        error = error.__cause__
    return None
