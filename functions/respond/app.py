"""Take what people press in Slack, and what approvers decide on their page."""

from base64 import b64decode
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstline.adapters.channels import connect
from firstline.adapters.documents import SsmDocuments
from firstline.adapters.executions import StepFunctions
from firstline.adapters.history import TableIncidents
from firstline.adapters.secrets import Secrets
from firstline.adapters.slack import SlackBot
from firstline.adapters.table import Table
from firstline.adapters.trail import TableTrail
from firstline.approvals.links import SECRET, ApprovalPage
from firstline.approvals.page import HEADERS
from firstline.approvals.visiting import Desk, Reply
from firstline.channels.delivery import Channel
from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.hearing import Ear
from firstline.observability import logger, metrics
from firstline.responding import answer_press, authenticate, read_press
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
        channels = _channels()
        bot = channels.get("slack")
        slack = bot if isinstance(bot, SlackBot) else None
        if press.button in ("judge", "note", "write"):
            Ear(
                history=_history(),
                executions=_executions(),
                trail=TableTrail(_table()),
                channels=channels,
                whisper=slack.whisper if slack else None,
                open_form=slack.open_form if slack else None,
            ).hear(press, now)
        else:
            answer_press(
                press,
                history=_history(),
                executions=_executions(),
                channels=channels,
                whisper=slack.whisper if slack else None,
                approvers=_settings().approvers,
                page=ApprovalPage(_api_url(), _signing_keys),
                now=now,
            )
    return _text(HTTPStatus.OK, "")


@app.get("/approvals/<incident_id>")
def show_plan(incident_id: str) -> Response[str]:
    token = (app.current_event.query_string_parameters or {}).get("token", "")
    return _answered(_desk().show(incident_id, token, datetime.now(UTC)))


@app.post("/approvals/<incident_id>")
def decide_on_plan(incident_id: str) -> Response[str]:
    reply = _desk().decide(
        incident_id,
        _raw_body(),
        datetime.now(UTC),
        executions=_executions(),
        channels={name: channel for name, channel in _channels().items() if name == "slack"},
    )
    return _answered(reply)


@app.route("/approvals/<incident_id>", method=["PUT", "PATCH", "DELETE"])
def neither_look_nor_decide(incident_id: str) -> Response[str]:
    return Response(HTTPStatus.METHOD_NOT_ALLOWED, content_types.TEXT_PLAIN, "GET or POST", {"Allow": "GET, POST"})


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


def _answered(reply: Reply) -> Response[str]:
    headers: dict[str, str | list[str]] = {**HEADERS}
    if reply.location is not None:
        headers["Location"] = reply.location
    return Response(reply.status, "text/html; charset=utf-8", reply.html, headers)


def _api_url() -> str:
    """Where this request came in: a function can't be given its own API's address, which depends on the function."""
    domain = app.current_event.request_context.domain_name
    on_this_machine = domain.partition(":")[0] == "127.0.0.1"
    return f"{'http' if on_this_machine else 'https'}://{domain}"


def _signing_keys() -> tuple[str, ...]:
    return _secrets().lines(SECRET)


def _desk() -> Desk:
    return Desk(keys=_signing_keys, approvers=_settings().approvers, history=_history(), documents=_documents())


def _channels() -> dict[str, Channel]:
    return connect(_settings(), _secrets(), _history().save_slack_message, hurried=True)


@cache
def _settings() -> RespondSettings:
    return RespondSettings.from_environment()


@cache
def _secrets() -> Secrets:
    return Secrets(_settings().secrets_prefix)


@cache
def _table() -> Table:
    settings = _settings()
    return Table(boto3.client("dynamodb"), settings.table_name, keep_days=settings.history_days)


@cache
def _history() -> TableIncidents:
    return TableIncidents(_table())


@cache
def _executions() -> StepFunctions:
    return StepFunctions(boto3.client("stepfunctions"))


@cache
def _documents() -> SsmDocuments:
    return SsmDocuments(boto3.client("ssm"))
