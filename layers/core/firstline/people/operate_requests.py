"""The requests of the command `firstline`, which API Gateway authenticated as an AWS caller.

| request | answer |
|---|---|
| `POST /operate/whoami` | 200: the caller's name and role |
| `POST /operate/incidents`, a report | 202: the group that its incident will have |
| `POST /operate/incidents/<incident>/<action>` | 200: what was done, and how the incident stands |
| the same, written down but not yet told to the execution | 202 |
| a caller who is not on the list of people, or whose role does not suffice | 403 |
| an unknown incident or path | 404 |
| `POST /operate/oncall/<schedule>`, an override | 200: who is on call, from when to when |
| an action that has no effect, or comes too late | 409, 410 |
| a body that makes no sense | 400 |
| the table or the queue does not answer | 503: nothing was changed |

Each answer is an object with a sentence for the person under `said`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ValidationError

from firstline.errors import (
    ApprovalRefused,
    ExecutionsUnavailable,
    FeedbackRefused,
    FirstlineError,
    HistoryUnavailable,
    NotEntitled,
    NotPermitted,
    OperationRefused,
    QuarantineUnavailable,
    TooLate,
    UnknownIncident,
    UnreadablePayload,
)
from firstline.incidents.status import status_of
from firstline.observability import logger
from firstline.people.actor import Actor
from firstline.people.on_call import AskedOverride, OnCallDesk
from firstline.people.operate import LATER, Action, Operations
from firstline.people.reported import PersonsReport
from firstline.policy.people import FILE, People

MAX_BODY_BYTES = 16_384

_STATUSES: dict[type[FirstlineError], HTTPStatus] = {
    UnreadablePayload: HTTPStatus.BAD_REQUEST,
    NotPermitted: HTTPStatus.FORBIDDEN,
    NotEntitled: HTTPStatus.FORBIDDEN,
    UnknownIncident: HTTPStatus.NOT_FOUND,
    TooLate: HTTPStatus.GONE,
    OperationRefused: HTTPStatus.CONFLICT,
    ApprovalRefused: HTTPStatus.CONFLICT,
    FeedbackRefused: HTTPStatus.CONFLICT,
}
"""The status of each refusal; the first class that fits counts."""

type Answer = tuple[HTTPStatus, dict[str, Any]]


@dataclass(frozen=True)
class OperateHandler:
    """Answers the requests under `/operate`.

    Parameters
    ----------
    operations, on_call
        Build what acts, when it is first needed.
    """

    people: People
    operations: Callable[[], Operations]
    on_call: Callable[[], OnCallDesk]

    def handle(self, event: Mapping[str, Any], parts: list[str], body: bytes, now: datetime) -> Answer:
        """Answer one request. No input of a caller makes it raise.

        Parameters
        ----------
        parts
            The parts of the path behind `/operate`.
        """
        try:
            return self._route(parts, self._actor(event), body, now)
        except (UnreadablePayload, OperationRefused, ApprovalRefused, FeedbackRefused) as refused:
            logger.warning("Refused at a terminal", extra={"path": parts, "why": str(refused)})
            status = next(status for kind, status in _STATUSES.items() if isinstance(refused, kind))
            return status, {"said": str(refused)}
        except ExecutionsUnavailable:
            logger.exception("An action was written down, but the execution could not be told; reconcile will")
            return HTTPStatus.ACCEPTED, {"said": LATER}
        except (HistoryUnavailable, QuarantineUnavailable):
            logger.exception("An action could not be written down")
            return HTTPStatus.SERVICE_UNAVAILABLE, {"said": "AWS does not answer. Nothing was changed: try again."}

    def _actor(self, event: Mapping[str, Any]) -> Actor:
        """Return the caller as API Gateway proved it; raise NotPermitted for somebody who is not on the list."""
        authorizer = event["requestContext"].get("authorizer") or {}
        arn = str((authorizer.get("iam") or {}).get("userArn") or "")
        person = self.people.of_principal(arn) if arn else None
        if person is None:
            raise NotPermitted(
                f"{arn or 'A caller without a signature'} is nobody's on the list of people: add it to {FILE} under "
                "the person's `iam`, and deploy."
            )
        return Actor(person=person, through="command line", principal=arn[:256])

    def _route(self, parts: list[str], actor: Actor, body: bytes, now: datetime) -> Answer:
        match parts:
            case ["whoami"]:
                person = actor.person
                said = f"You are {person.name}, {person.role}."
                return HTTPStatus.OK, {"said": said, "name": person.name, "role": person.role}
            case ["incidents"]:
                alert = self.operations().open(_read(PersonsReport, body), actor, now)
                said = f"Reported: {alert.alert_name}. Its incident opens within seconds."
                return HTTPStatus.ACCEPTED, {"said": said, "group_key": alert.group_key}
            case ["incidents", incident_id, does] if incident_id:
                return self._act(incident_id, _read(Action, body, does=does.replace("-", "_")), actor, now)
            case ["oncall", schedule]:
                made, said = self.on_call().override(schedule, _read(AskedOverride, body), actor, now)
                return HTTPStatus.OK, {"said": said, "override": made.model_dump(mode="json")}
        return HTTPStatus.NOT_FOUND, {"said": "There is no such path: POST /operate/incidents/<incident>/<action>."}

    def _act(self, incident_id: str, action: Action, actor: Actor, now: datetime) -> Answer:
        done = self.operations().act(action, incident_id, actor, now)
        answer: dict[str, Any] = {"said": done.said, "incident_id": incident_id}
        if done.record is not None:
            answer["who"] = status_of(done.record, now).who
        return HTTPStatus.OK, answer


def _read[Body: BaseModel](model: type[Body], body: bytes, **more: str) -> Body:
    """Read a body as this model; `more` are fields that the path says."""
    try:
        if len(body) > MAX_BODY_BYTES:
            raise UnreadablePayload(f"{len(body)} bytes are too many: at most {MAX_BODY_BYTES}.")
        given = json.loads(body or b"{}")
        if not isinstance(given, dict):
            raise UnreadablePayload("The body is no JSON object.")
        return model.model_validate(given | more)
    except ValidationError as error:
        places = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()[:3]]
        wrong = "; ".join(f"{place}: {why}" if place else why.removeprefix("Value error, ") for place, why in places)
        raise UnreadablePayload(f"{wrong}.") from None
    except (ValueError, RecursionError):
        raise UnreadablePayload("The body is no JSON.") from None
