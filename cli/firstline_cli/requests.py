"""Requests to a stack's API, signed with the caller's AWS credentials."""

import json
from typing import Any

from firstline_cli.console import AWS_FAILED, REFUSED, UNKNOWN, USAGE, refusal
from firstline_cli.stacks import Stack

TIMEOUT_SECONDS = 15

CODES = {400: USAGE, 403: REFUSED, 404: UNKNOWN, 409: REFUSED, 410: REFUSED}
"""The exit code of a command by the API's status; for any other status it is `AWS_FAILED`."""


def post(stack: Stack, path: str, body: dict[str, Any], *, under: str = "operate") -> dict[str, Any]:
    """Post a body to `/<under>/<path>` and return the answer; end the command with the reason if it is refused.

    The answer is JSON, and its `said` is a sentence for the person.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError
    from botocore.httpsession import URLLib3Session

    if not stack.api_url:
        raise refusal(f"Stack {stack.name} has no output ApiUrl: deploy it again (`make deploy`).", UNKNOWN)
    credentials = stack.session.get_credentials() if stack.session else None
    if credentials is None:
        raise refusal("No AWS credentials were found: log in, or set AWS_PROFILE.", AWS_FAILED)
    headers = {"Content-Type": "application/json"}
    request = AWSRequest("POST", f"{stack.api_url}/{under}/{path}", headers, json.dumps(body).encode())
    try:
        SigV4Auth(credentials, "execute-api", stack.region).add_auth(request)
        answer = URLLib3Session(timeout=TIMEOUT_SECONDS).send(request.prepare())
    except BotoCoreError as error:
        why = f"{stack.api_url} cannot be reached ({error}): look whether something was changed, and try again."
        raise refusal(why, AWS_FAILED) from None
    said = _read(answer.content)
    if answer.status_code in (200, 202) and "said" in said:
        return said
    code = CODES.get(answer.status_code, AWS_FAILED)
    raise refusal(said.get("said") or _of_gateway(stack, answer.status_code, said), code)


def _read(content: bytes) -> dict[str, Any]:
    from firstline.text import strip_invisible

    try:
        said = json.loads(content)
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {name: strip_invisible(value) if isinstance(value, str) else value for name, value in said.items()}


def _of_gateway(stack: Stack, status: int, said: dict[str, Any]) -> str:
    """Return a message for an answer that API Gateway gave, and not Firstline's code: its reason, and what to do.

    `status` and `said` are the HTTP status and the JSON of the answer.
    """
    why = said.get("message") or "no reason"
    if status == 403:
        policy = stack.operator_policy or "the stack's output OperatorPolicyArn"
        return f"The API of {stack.name} does not let you in ({why}): attach the policy {policy} to your user or role."
    return f"The API of {stack.name} answered {status} ({why}): look whether something was changed, and try again."
