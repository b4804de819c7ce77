"""Take what people press in Slack, and explain to a browser that approvals are given there."""

from base64 import b64decode
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.adapters.channels import connect
from firstline.adapters.executions import Executions
from firstline.adapters.history import History
from firstline.adapters.secrets import Secrets
from firstline.adapters.slack import SlackBot
from firstline.adapters.table import Table
from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.observability import logger, metrics
from firstline.responding import answer_press, approval_page, authenticate, read_press
from firstline.settings import RespondSettings

app = APIGatewayHttpResolver()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`POST /respond/slack` and `/approvals/{incident_id}`."""
    return app.resolve(event, context)


@app.post("/respond/slack")
def press_button() -> Response[str]:
    now = datetime.now(UTC)
    body = _raw_body()
    authenticate(app.current_event.headers, body, _secrets().lines("slack/signing-secret"), now)
    press = read_press(body)
    if press:
        channels = connect(_settings(), _secrets(), _history().save_slack_message, hurried=True)
        slack = channels.get("slack")
        answer_press(
            press,
            history=_history(),
            executions=_executions(),
            channels=channels,
            whisper=slack.whisper if isinstance(slack, SlackBot) else None,
            approvers=_settings().approvers,
            now=now,
        )
    return _text(HTTPStatus.OK, "")


@app.get("/approvals/<incident_id>")
def explain_approval(incident_id: str) -> Response[str]:
    return _page(HTTPStatus.OK, incident_id)


@app.route("/approvals/<incident_id>", method=["POST", "PUT", "PATCH", "DELETE"])
def refuse_to_approve(incident_id: str) -> Response[str]:
    return _page(HTTPStatus.METHOD_NOT_ALLOWED, incident_id)


@app.exception_handler(Unauthenticated)
def unauthenticated(error: Unauthenticated) -> Response[str]:
    logger.warning("Refused a request", extra={"why": str(error)})
    return _text(HTTPStatus.UNAUTHORIZED, "Unauthorized")


@app.exception_handler(UnreadablePayload)
def unreadable(error: UnreadablePayload) -> Response[str]:
    logger.warning("Slack sent something else than an interaction", extra={"why": str(error)})
    return _text(HTTPStatus.BAD_REQUEST, str(error))


def _raw_body() -> bytes:
    """What Slack signed, byte for byte."""
    body = app.current_event.body or ""
    return b64decode(body) if app.current_event.is_base64_encoded else body.encode()


def _text(status: HTTPStatus, body: str) -> Response[str]:
    return Response(status_code=status, content_type=content_types.TEXT_PLAIN, body=body)


def _page(status: HTTPStatus, incident_id: str) -> Response[str]:
    headers: dict[str, str | list[str]] = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "GET"
    return Response(
        status_code=status, content_type="text/html; charset=utf-8", body=approval_page(incident_id), headers=headers
    )


@cache
def _settings() -> RespondSettings:
    return RespondSettings.from_environment()


@cache
def _secrets() -> Secrets:
    return Secrets(_settings().secrets_prefix)


@cache
def _history() -> History:
    return History(Table(boto3.client("dynamodb"), _settings().table_name))


@cache
def _executions() -> Executions:
    return Executions(boto3.client("stepfunctions"))
