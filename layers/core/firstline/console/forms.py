"""The console's forms, through which every write of the console goes. The respond function serves them.

A ticket is an address that signs one person in to the console, once, within a minute.

| request below `/console` | effect |
|---|---|
| `POST /tickets`, signed with the caller's AWS credentials | a ticket for the person who called |
| `POST /enter` | uses a ticket up, or reads the link in a text message, and begins a session |
| `POST /leave` | ends the session |
| `POST /incidents/<id>/<action>` | acts on the incident as the session's person |
| `POST /oncall/<schedule>/<take, override or withdraw>` | changes who is on call, as the session's person |

A form takes effect if its session, its form token and the person's role allow that; then the browser is sent back to
the page. `people.operate` carries the action out, as for Slack and the command line.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, get_args

from pydantic import ValidationError

from firstline.console import page_links, web
from firstline.console.frame import Frame
from firstline.console.render import render
from firstline.console.sessions import (
    NOT_IN,
    SESSION_LASTS,
    TICKET_LASTS,
    Pass,
    Sessions,
    check_form,
    hash_of,
    session_for,
)
from firstline.console.web import UNREADABLE, HttpAnswer, Response, see_other
from firstline.errors import (
    ApprovalRefused,
    ConfigurationError,
    DoneAlready,
    ExecutionsUnavailable,
    FeedbackRefused,
    HistoryUnavailable,
    NotEntitled,
    NotPermitted,
    OperationRefused,
    QuarantineUnavailable,
    UnreadablePayload,
)
from firstline.models import INCIDENT_ID
from firstline.observability import logger
from firstline.people.action import Action, Does
from firstline.people.actor import REOPENED, Actor
from firstline.people.links import MISCONFIGURED
from firstline.people.on_call import AskedOverride, AskedWithdrawal, OnCallOverrides
from firstline.people.operate import Operations
from firstline.policy.people import FILE, People, Person

_USED = "This link was used already, or its minute is over. Ask for a new one: `firstline console`, or *Open* in Slack."


@dataclass(frozen=True)
class ConsoleForms:
    """The handler of the console's forms.

    Parameters
    ----------
    people
        Reads the list of people as it is now, so that a person who left it may do nothing, whatever their session says.
    operations
        Connects the stack's channels, and returns the service that acts on incidents.
    link_keys
        Returns the keys that sign the links in text messages.
    on_call
        Connects the schedules, and returns the service that changes who is on call.
    """

    sessions: Sessions
    people: Callable[[], People]
    operations: Callable[[], Operations]
    link_keys: Callable[[], Sequence[str]]
    on_call: Callable[[], OnCallOverrides]

    def handle(self, event: Mapping[str, Any], now: datetime) -> Response:
        """Answer a POST of API Gateway (HTTP API, format 2.0). No input of a visitor raises an error."""
        _, path = web.method_and_path(event)
        back = "/".join(["", "console", *path[:2]]) if path[:1] == ["incidents"] else ""
        back = "/console/oncall" if path[:1] == ["oncall"] else back
        refuse = partial(self._refusal, now=now, back=back, wrote=_wrote(event))
        try:
            if path == ["tickets"]:
                return self._ticket(event, now).response()
            _check_site(event)
            return self._answer(path, event, now).response()
        except ConfigurationError:
            logger.exception("The links in text messages are closed: mend the key that this error names")
            return refuse(HTTPStatus.FORBIDDEN, MISCONFIGURED).response()
        except (NotEntitled, NotPermitted) as refused:
            logger.warning("A form of the console was refused", extra={"why": str(refused)})
            return refuse(HTTPStatus.FORBIDDEN, str(refused)).response()
        except DoneAlready as first:
            return refuse(HTTPStatus.CONFLICT, str(first), title="Done already").response()
        except (ApprovalRefused, FeedbackRefused, OperationRefused) as refused:
            return refuse(HTTPStatus.CONFLICT, str(refused)).response()
        except UnreadablePayload as error:
            return refuse(HTTPStatus.BAD_REQUEST, str(error)).response()
        except ValidationError:
            return refuse(HTTPStatus.BAD_REQUEST, UNREADABLE).response()
        except (HistoryUnavailable, QuarantineUnavailable):
            logger.exception("A form of the console could not be carried out: the table or the queue does not answer")
            why = "AWS does not answer at the moment. Nothing was changed. Try again in a few seconds."
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, why).response()

    def ticket_for(self, person: Person, api_url: str, now: datetime, *, to: str = "") -> str:
        """Return a ticket: an address that signs a person in to the console, once, within a minute.

        Parameters
        ----------
        api_url
            The address of the stack's API, without a slash at the end.
        to
            The id of the incident whose page the ticket opens; empty for the list of incidents.
        """
        given = Pass(key=person.key, name=person.name, role=person.role, expires_at=now + TICKET_LASTS)
        return f"{api_url}/console/enter?ticket={self.sessions.mint(given, now)}{f'&to={to}' if to else ''}"

    def _ticket(self, event: Mapping[str, Any], now: datetime) -> HttpAnswer:
        """Answer a request for a ticket, an address that signs the caller in to the console once.

        API Gateway has checked the signature of the request, and names the caller.
        """
        caller = str(event["requestContext"].get("authorizer", {}).get("iam", {}).get("userArn", ""))
        person = self.people().of_principal(caller)
        if person is None:
            why = f"{caller or 'the caller'} belongs to nobody in {FILE}: add it under the person's `iam`, and deploy"
            return _json(HTTPStatus.FORBIDDEN, {"said": why})
        url = self.ticket_for(person, web.api_url(event), now, to=_wanted_incident(event))
        said = f"This link is {person.name}'s, good once, for a minute."
        return _json(HTTPStatus.OK, {"said": said, "url": url})

    def _answer(self, path: Sequence[str], event: Mapping[str, Any], now: datetime) -> HttpAnswer:
        form = web.form_of(event)
        if path == ["enter"]:
            return self._enter(form, now)
        token = web.cookie_of(event)
        me = self.sessions.find(token, now) if token else None
        if me is None:
            return self._refusal(HTTPStatus.UNAUTHORIZED, NOT_IN, now, wrote=_wrote(event))
        check_form(token, form.get("form", ""))
        match path:
            case ["leave"]:
                self.sessions.end(token, now)
                cookie = web.session_cookie("", 0)
                said = self._refusal(HTTPStatus.OK, "You have left the console.", now, title="Done")
                return HttpAnswer(HTTPStatus.OK, said.body, cookie=cookie)
            case ["incidents", incident_id, does] if does in get_args(Does.__value__):
                return self._act(incident_id, does, form, (me, token), now)
            case ["oncall", schedule, does] if does in ("take", "override", "withdraw"):
                return self._change_on_call(schedule, does, form, (me, token), now)
        return self._refusal(HTTPStatus.NOT_FOUND, "The console has no such form.", now)

    def _enter(self, form: Mapping[str, str], now: datetime) -> HttpAnswer:
        """Begin a session with a ticket (an address for one sign-in) or with the link in a text message.

        The form that sends such a link can also acknowledge the link's incident.
        """
        incident_id = form.get("incident", "")
        if "link" in form:
            given = page_links.read(form["link"], incident_id, self.link_keys(), now)
        else:
            found = self.sessions.redeem(form.get("ticket", ""), now)
            if found is None:
                raise NotEntitled(_USED)
            given, incident_id = found, form.get("to", "")
        self._current(given)
        token = self.sessions.begin(session_for(given, now), now)
        cookie = web.session_cookie(token, int(SESSION_LASTS.total_seconds()))
        known = re.fullmatch(INCIDENT_ID, incident_id) is not None
        page = f"/console/incidents/{incident_id}" if known else "/console/incidents"
        if form.get("do") == "acknowledge" and given.incident_id is not None:
            try:
                page = self._act(given.incident_id, "acknowledge", form, (given, token), now).headers["Location"]
            except OperationRefused:
                logger.info("There was nothing to acknowledge", extra={"incident_id": given.incident_id})
        return see_other(page, cookie)

    def _act(
        self, incident_id: str, does: str, form: Mapping[str, str], mine: tuple[Pass, str], now: datetime
    ) -> HttpAnswer:
        me, token = mine
        person = self._current(me)
        if not me.may(does, incident_id):
            raise NotEntitled(
                f"{me.name} may not do this: it takes another role in {FILE}."
                if me.incident_id is None
                else "Your link is good for reading one incident, and for taking it. Open the console for the rest."
            )
        action = action_of(does, form)
        actor = Actor(person=person, through="console", principal=f"session {hash_of(token)[:12]}")
        done: str = does
        try:
            said = self.operations().act(action, incident_id, actor, now).said
            done = "held" if does == "reopen" and said != REOPENED else does
        except ExecutionsUnavailable:
            logger.exception("An action is stored, but its execution could not be told; reconcile tells it in a minute")
            done = "late"
        # A browser that reloads the next page does not send the form again.
        return see_other(f"/console/incidents/{incident_id}?done={done}")

    def _change_on_call(
        self, schedule: str, does: str, form: Mapping[str, str], mine: tuple[Pass, str], now: datetime
    ) -> HttpAnswer:
        me, token = mine
        if me.incident_id is not None:
            raise NotEntitled("Your link is good for one incident. Open the console to change who is on call.")
        actor = Actor(person=self._current(me), through="console", principal=f"session {hash_of(token)[:12]}")
        desk, reason = self.on_call(), form.get("reason", "")[:200]
        match does:
            case "withdraw":
                desk.withdraw(schedule, AskedWithdrawal(id=form.get("id", "")), actor, now)
            case "take":
                desk.override(schedule, AskedOverride(reason=reason), actor, now)
            case _:
                begin, end = (desk.moment(schedule, form.get(name, "")) for name in ("begin", "end"))
                person = form.get("person") or None
                asked = AskedOverride(person=person, begins_at=begin, ends_at=end, reason=reason)
                desk.override(schedule, asked, actor, now)
        return see_other(f"/console/oncall?done={does}")

    def _current(self, given: Pass) -> Person:
        """Return the holder of a pass, with the lower of the roles that they had then and have now.

        Raises
        ------
        NotEntitled
            The holder is no longer on the list of people.
        """
        people = self.people()
        slack = given.key.removeprefix("slack:")
        person = people.of_slack(slack, given.name) if slack != given.key else people.named(given.key)
        if person is None:
            raise NotEntitled(f"{given.name} is not in {FILE} any more, so this session may do nothing.")
        return person if given.person.may(person.role) else given.person

    def _refusal(
        self,
        status: HTTPStatus,
        reason: str,
        now: datetime,
        back: str = "",
        *,
        title: str = "This did not count",
        wrote: str = "",
    ) -> HttpAnswer:
        values = Frame("", UTC, now).values(title, narrow=True)
        return HttpAnswer(status, render("refusal.html", **values, reason=reason, back=back, wrote=wrote))


def action_of(does: str, form: Mapping[str, str]) -> Action:
    """Return the action that a form asks for; `does` is the action's name, such as `resolve`.

    Raises ValidationError if the name or a field has a value that no form offers.
    """
    fields: dict[str, Any] = {"does": does, "text": form.get("text", ""), "plan_digest": form.get("digest", "")}
    if does in ("resolve", "note", "escalate"):
        fields["seen"] = form.get("seen") or None
    if does == "judge":
        said, _, severity = form.get("said", "").partition("-")
        fields |= {"said": "wrong_severity", "severity": severity} if said == "severity" else {"said": said}
    return Action.model_validate(fields)


def _wanted_incident(event: Mapping[str, Any]) -> str:
    """Return the id of the incident whose page a ticket (an address for one sign-in) is to open.

    Empty for the list of incidents, or if the request has no valid id.
    """
    try:
        asked = json.loads(web.body_of(event) or b"{}")
    except (ValueError, RecursionError):
        return ""
    wanted = asked.get("incident") if isinstance(asked, dict) else None
    return wanted if isinstance(wanted, str) and re.fullmatch(INCIDENT_ID, wanted) else ""


def _wrote(event: Mapping[str, Any]) -> str:
    """Return what a person typed into the text or the reason of a form of the console.

    Empty if they typed nothing, or if another site sent the form.
    """
    try:
        _check_site(event)
        form = web.form_of(event)
    except (NotEntitled, UnreadablePayload):
        return ""
    return (form.get("text") or form.get("reason") or "").strip()


def _check_site(event: Mapping[str, Any]) -> None:
    """Raise NotEntitled if the browser says that another site sent the form."""
    if (event.get("headers") or {}).get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotEntitled("Another site sent this form. Open the console itself.")


def _json(status: HTTPStatus, content: Mapping[str, str]) -> HttpAnswer:
    return HttpAnswer(status, json.dumps(content), "application/json")
