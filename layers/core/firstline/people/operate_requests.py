"""The requests of the command `firstline`, which API Gateway authenticated as an AWS caller.

| request | answer |
|---|---|
| `POST /operate/whoami` | 200: the caller's name and role |
| `POST /operate/incidents`, a report | 202: the group that its incident will have |
| `POST /operate/incidents/<incident>/<action>` | 200: what was done, and how the incident stands |
| an action that is stored, but could not yet be told to the execution | 202 |
| a caller who is not on the list of people, or whose role does not suffice | 403 |
| an unknown incident or path | 404 |
| `POST /operate/oncall/<schedule>/calendar` | 200: the address of a calendar feed |
| `POST /operate/oncall/<schedule>`, an override; `…/withdraw` ends one | 200: who is on call, from when to when |
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
    ConfigurationError,
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
from firstline.models import Frozen
from firstline.observability import logger
from firstline.people.action import Action
from firstline.people.actor import LATER, Actor
from firstline.people.on_call import AskedOverride, AskedWithdrawal, OnCallOverrides
from firstline.people.operate import Operations
from firstline.people.reported_alerts import PersonsReport
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


class AskedCalendar(Frozen):
    """A request for the address of a calendar feed: with everybody's shifts if `all`, else with the caller's own."""

    all: bool = False


type Answer = tuple[HTTPStatus, dict[str, Any]]


@dataclass(frozen=True)
class OperateHandler:
    """The handler of the requests under `/operate`.

    Parameters
    ----------
    operations, on_call
        Build the actions on incidents and on on-call overrides, when a request first needs them.
    calendar
        Returns the address of a calendar feed: of a schedule, for a person, with everybody's shifts or theirs alone.
        Raises `NotEntitled` or `ConfigurationError` without a usable key.
    """

    people: People
    operations: Callable[[], Operations]
    on_call: Callable[[], OnCallOverrides]
    calendar: Callable[[str, str, bool], str]

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
            logger.warning("A request of the command line was refused", extra={"path": parts, "why": str(refused)})
            status = next(status for kind, status in _STATUSES.items() if isinstance(refused, kind))
            return status, {"said": str(refused)}
        except ExecutionsUnavailable:
            logger.exception("An action is stored, but its execution could not be told; reconcile tells it in a minute")
            return HTTPStatus.ACCEPTED, {"said": LATER}
        except (HistoryUnavailable, QuarantineUnavailable):
            logger.exception("A person's action could not be stored; the person was asked to repeat it")
            return HTTPStatus.SERVICE_UNAVAILABLE, {"said": "AWS does not answer. Nothing was changed: try again."}

    def _actor(self, event: Mapping[str, Any]) -> Actor:
        """Return the caller as API Gateway proved it; raise NotPermitted for somebody who is not on the list."""
        authorizer = event["requestContext"].get("authorizer") or {}
        arn = str((authorizer.get("iam") or {}).get("userArn") or "")
        if not arn:
            raise NotPermitted("The request has no signature of AWS: sign it, as the command `firstline` does.")
        person = self.people.of_principal(arn)
        if person is None:
            raise NotPermitted(
                f"{arn} belongs to nobody on the list of people: add it to {FILE} under the person's `iam`, and deploy."
            )
        return Actor(person=person, through="command line", principal=arn[:256])

    def _route(self, parts: list[str], actor: Actor, body: bytes, now: datetime) -> Answer:
        match parts:
            case ["whoami"]:
                person = actor.person
                said = f"You are {person.name}, {person.role}."
                return HTTPStatus.OK, {"said": said, "name": person.name, "role": person.role}
            case ["incidents"]:
                alert, held = self.operations().open(_read(PersonsReport, body), actor, now)
                said = f"Reported: {alert.alert_name}. Its incident opens within seconds.{held}"
                return HTTPStatus.ACCEPTED, {"said": said, "group_key": alert.group_key}
            case ["incidents", incident_id, does] if incident_id:
                return self._act(incident_id, _read(Action, body, does=does.replace("-", "_")), actor, now)
            case ["oncall", schedule]:
                made, said = self.on_call().override(schedule, _read(AskedOverride, body), actor, now)
                return HTTPStatus.OK, {"said": said, "id": made.id, "override": made.model_dump(mode="json")}
            case ["oncall", schedule, "calendar"]:
                return HTTPStatus.OK, self._calendar(schedule, _read(AskedCalendar, body), actor)
            case ["oncall", schedule, "withdraw"]:
                made, said = self.on_call().withdraw(schedule, _read(AskedWithdrawal, body), actor, now)
                return HTTPStatus.OK, {"said": said, "id": made.id, "override": made.model_dump(mode="json")}
        return HTTPStatus.NOT_FOUND, {"said": "There is no such path: POST /operate/incidents/<incident>/<action>."}

    def _calendar(self, schedule: str, asked: AskedCalendar, actor: Actor) -> dict[str, Any]:
        self.on_call().check(schedule)
        try:
            url = self.calendar(schedule, actor.person.name, asked.all)
        except ConfigurationError as error:
            raise OperationRefused(str(error)) from None
        of = "everybody's shifts" if asked.all else "your shifts"
        said = f"The calendar of {of} on {schedule}. Whoever has the address can read it, as long as you are listed."
        return {"said": said, "url": url}

    def _act(self, incident_id: str, action: Action, actor: Actor, now: datetime) -> Answer:
        done = self.operations().act(action, incident_id, actor, now)
        answer: dict[str, Any] = {"said": done.said, "incident_id": incident_id}
        if done.record is not None:
            answer["who"] = status_of(done.record, now).who
        return HTTPStatus.OK, answer


def _read[Body: BaseModel](model: type[Body], body: bytes, **more: str) -> Body:
    """Read a request's JSON body, with the fields `more` from the path added, as `model`. Raises UnreadablePayload."""
    try:
        if len(body) > MAX_BODY_BYTES:
            raise UnreadablePayload(f"The body has {len(body)} bytes: send at most {MAX_BODY_BYTES}.")
        given = json.loads(body or b"{}")
        if not isinstance(given, dict):
            raise UnreadablePayload("The body is no JSON object: send one, such as {}.")
        return model.model_validate(given | more)
    except ValidationError as error:
        raise UnreadablePayload(f"{'; '.join(map(_in_words, error.errors()[:3]))}.") from None
    except (ValueError, RecursionError):
        raise UnreadablePayload("The body is no JSON: send a JSON object, such as {}.") from None


def _in_words(mistake: Mapping[str, Any]) -> str:
    """Return one of pydantic's errors as a text that begins with the field's name.

    The text of an error that Firstline's own validators raised is returned unchanged, as it names the field itself.
    """
    if mistake["type"] == "value_error":
        return str(mistake["msg"]).removeprefix("Value error, ")
    place = ".".join(map(str, mistake["loc"]))
    return f"{place}: {mistake['msg']}" if place else str(mistake["msg"])
