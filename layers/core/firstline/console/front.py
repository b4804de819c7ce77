"""The respond function's router of people's requests: presses in Slack, commands, the approval page, console forms.

| request | answer |
|---|---|
| `POST /respond/slack`, signed by Slack | 200, also if the press had no effect: Slack shows the reason |
| the same without a valid signature | 401, without the reason |
| the same with a body that is no interaction | 400 |
| `POST /operate/…`, signed by an AWS caller | see `people.operate_requests` |
| `GET /approvals/<incident>` | the plan, to an approver with a link |
| `POST /approvals/<incident>` | the decision; see `console.approval_requests` |
| another method under `/approvals` | 405 |
| `POST /console/…` | the console's forms; see `console.forms` |
| anything else | 404 |

If the table does not answer to a press, HistoryUnavailable is raised, and Slack tells the person that nothing happened.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from firstline.channels.delivery import Channel, say
from firstline.console import calendar_feed, page_links
from firstline.console.approval_requests import ApprovalHandler, Reply
from firstline.console.forms import ConsoleForms
from firstline.console.sessions import Sessions
from firstline.console.web import api_url, body_of, security_headers
from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.incidents.audit_trail import Trail
from firstline.incidents.lifecycle import Executions
from firstline.incidents.store import Incidents
from firstline.models import Hold, NormalizedAlert
from firstline.observability import logger
from firstline.people.buttons import Press, authenticate, read_press
from firstline.people.links import SECRET, address
from firstline.people.on_call import OnCallOverrides
from firstline.people.operate import Operations
from firstline.people.operate_requests import OperateHandler
from firstline.people.press_handler import PressHandler
from firstline.policy.people import People
from firstline.remediation.steps import Documents
from firstline.remediation.store import Remediations

type Response = dict[str, Any]


@dataclass(frozen=True)
class PeopleFront:
    """The router of the requests of browsers, of Slack and of the command line.

    Parameters
    ----------
    people
        Reads the list of people, when a request first needs it.
    secrets
        Returns the active values of the secret of a given name; none if it is not set.
    channels
        Connects the stack's channels for one request.
    submit
        Hands an alert to ingest's queue.
    on_call
        Returns the service that changes who is on call, from the list of people and a function that tells everybody.
    zone
        The time zone in which times are shown.
    held
        Returns the silence, window or inhibition that holds an alert, or None; may raise HistoryUnavailable.
    """

    incidents: Incidents
    remediations: Remediations
    executions: Executions
    trail: Trail
    documents: Documents
    people: Callable[[], People]
    secrets: Callable[[str], Sequence[str]]
    channels: Callable[[], Mapping[str, Channel]]
    submit: Callable[[NormalizedAlert], None]
    sessions: Sessions
    on_call: Callable[[People, Callable[[str], object]], OnCallOverrides]
    zone: tzinfo = UTC
    held: Callable[[NormalizedAlert, datetime], Hold | None] = lambda alert, now: None  # noqa: ARG005

    def handle(self, event: Mapping[str, Any], now: datetime) -> Response:
        """Answer an HTTP request of API Gateway (HTTP API, format 2.0).

        Raises
        ------
        HistoryUnavailable
            The table could not be reached when a button was pressed.
        """
        method = event["requestContext"]["http"]["method"]
        match (method, event["rawPath"].split("/")[1:]):
            case ("POST", ["respond", "slack"]):
                return self._answer_slack(event, now)
            case ("POST", ["operate", *parts]):
                handler = OperateHandler(
                    self.people(),
                    lambda: self._operations(self.channels()),
                    self._on_call,
                    lambda schedule, person, whole: calendar_feed.address(
                        api_url(event), schedule, person, self.secrets(calendar_feed.SECRET), whole=whole
                    ),
                )
                return _json(*handler.handle(event, [*map(unquote, parts)], body_of(event), now))
            case ("GET", ["approvals", incident_id]):
                token = (event.get("queryStringParameters") or {}).get("token", "")
                return _page(self._approvals.show(incident_id, token, now))
            case ("POST", ["approvals", incident_id]):
                return _page(self._approvals.answer(incident_id, body_of(event), now, self.channels()))
            case ("POST", ["console", *_]):
                return self._console.handle(event, now)
            case (_, ["approvals", _]):
                return _text(HTTPStatus.METHOD_NOT_ALLOWED, "GET or POST", Allow="GET, POST")
        return _text(HTTPStatus.NOT_FOUND, "Not found")

    def _answer_slack(self, event: Mapping[str, Any], now: datetime) -> Response:
        body = body_of(event)
        try:
            authenticate(event.get("headers") or {}, body, self.secrets("slack/signing-secret"), now)
            if press := read_press(body):
                self._handle_press(press, api_url(event), now)
        except Unauthenticated as error:
            logger.warning("A request to Slack's address was refused", extra={"why": str(error)})
            return _text(HTTPStatus.UNAUTHORIZED, "Unauthorized")
        except UnreadablePayload as error:
            logger.warning("Slack sent a request that is no interaction", extra={"why": str(error)})
            return _text(HTTPStatus.BAD_REQUEST, str(error))
        return _text(HTTPStatus.OK, "")

    def _handle_press(self, press: Press, api_url: str, now: datetime) -> None:
        channels = self.channels()
        slack = channels.get("slack")
        PressHandler(
            operations=self._operations(channels),
            people=self.people(),
            address=lambda link: address(link, api_url, self._signing_keys()),
            ticket=lambda person, incident_id: self._console.ticket_for(person, api_url, now, to=incident_id),
            # Only a bot can answer one person: not a webhook, nor a bot whose token could not be read.
            whisper=getattr(slack, "whisper", None),
            open_form=getattr(slack, "open_form", None),
        ).handle(press, now)

    def _operations(self, channels: Mapping[str, Channel]) -> Operations:
        return Operations(
            incidents=self.incidents,
            remediations=self.remediations,
            executions=self.executions,
            trail=self.trail,
            channels=channels,
            approvers=self.people().approvers,
            shared=self.people().shared_approvers,
            submit=self.submit,
            held=self.held,
        )

    def _on_call(self) -> OnCallOverrides:
        return self.on_call(self.people(), lambda text: say(text, self.channels()))

    @property
    def _console(self) -> ConsoleForms:
        return ConsoleForms(
            sessions=self.sessions,
            people=self.people,
            operations=lambda: self._operations(self.channels()),
            link_keys=lambda: self.secrets(page_links.SECRET),
            on_call=self._on_call,
        )

    @property
    def _approvals(self) -> ApprovalHandler:
        return ApprovalHandler(
            keys=self._signing_keys,
            approvers=self.people().approvers,
            incidents=self.incidents,
            documents=self.documents,
            operations=self._operations,
            zone=self.zone,
        )

    def _signing_keys(self) -> Sequence[str]:
        return self.secrets(SECRET)


def _text(status: HTTPStatus, body: str, **headers: str) -> Response:
    return {"statusCode": status, "headers": {"Content-Type": "text/plain; charset=utf-8", **headers}, "body": body}


def _json(status: HTTPStatus, answer: Mapping[str, Any]) -> Response:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(answer)}


def _page(reply: Reply) -> Response:
    headers = {"Content-Type": "text/html; charset=utf-8", **security_headers()}
    if reply.location is not None:
        headers["Location"] = reply.location
    return {"statusCode": reply.status, "headers": headers, "body": reply.html}
