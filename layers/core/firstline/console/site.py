"""The console's pages: every GET, which changes nothing.

| address below `/console` | page |
|---|---|
| `/incidents?unowned&severity&service&q&closed` | the list |
| `/incidents/<id>`, or the end of the id | one incident; `…/status` its status, `…/plan` its plan with the scripts |
| `/oncall` | who is on call, who comes next, overrides |
| `/silences`, `/reports?days&by&change` | the silences; the report of the last days |
| `/enter?ticket=…`, `/enter/<incident>?link=…` | the form to sign in, with a ticket (good once) or a link |
| `/htmx-<hash>.js` | the one script |

Without a session every page but the last two says how to get one. Forms are sent to the respond function (`forms.py`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from http import HTTPStatus
from itertools import chain
from typing import Any, cast

from firstline.classification.feedback_store import UNKNOWN
from firstline.console import assets, oncall_page, web
from firstline.console.frame import Frame
from firstline.console.incident_page import gather, incident_page, status_part
from firstline.console.list_page import list_page
from firstline.console.plan_page import plan_page
from firstline.console.render import render
from firstline.console.reports_page import Asked, reports_page
from firstline.console.sessions import NOT_IN, Pass
from firstline.console.silences_page import silences_page
from firstline.console.web import HttpAnswer, Response
from firstline.errors import HistoryUnavailable, NotEntitled
from firstline.incidents.audit_trail import Trail
from firstline.incidents.status import Filter
from firstline.incidents.store import Incidents
from firstline.models import SEVERITY_RANK, Severity
from firstline.observability import logger
from firstline.people.actor import LATER, REOPENED
from firstline.people.on_call import OverridesOf
from firstline.policy.holds import Silence
from firstline.policy.oncall import Roster
from firstline.policy.people import People
from firstline.remediation.steps import Documents
from firstline.text import one_line

CLOSED_FOR = timedelta(days=1)
"""The time for which the list shows closed incidents if the visitor asks for them."""


DONE = {
    "acknowledge": "You have the incident. Paging has stopped.",
    "resolve": "Resolved. The incident closes in a moment.",
    "note": "The note is stored: whoever meets this next reads it.",
    "judge": "Noted. Thank you.",
    "escalate": "The next level is paged now.",
    "reopen": REOPENED,
    "held": f"{REOPENED} But it is held, and nobody else hears of it yet: its page says by what.",
    "approve": "Your approval is stored. The plan below says whether it runs.",
    "refuse": "Refused: the plan never runs.",
    "late": LATER,
}
"""The sentence on an incident's page after a form, by a word in the address, of which no other text is shown."""

_END = re.compile(r"[A-Za-z0-9_-]{4,20}")
"""The form of the end of an incident's id that people type."""


@dataclass(frozen=True)
class Site:
    """The handler that answers a GET with a page of the console.

    Parameters
    ----------
    silences
        Returns the silences that expire after the given time.
    ids_ending
        Returns the ids of the incidents whose id has the given end, as lists show it.
    session
        Returns the pass to which a session's token belongs at the given time, or None.
    schedules, people
        Read the owner's files, when a page first needs them.
    execution_url
        The AWS console's page of the state machine's executions, up to the colon before an execution's name; empty for
        no link.
    """

    stack: str
    zone: tzinfo
    execution_url: str
    incidents: Incidents
    ids_ending: Callable[[str, datetime], Sequence[str]]
    trail: Trail
    silences: Callable[[datetime], Sequence[Silence]]
    documents: Documents
    session: Callable[[str, datetime], Pass | None]
    schedules: Callable[[], Mapping[str, Roster]]
    overrides_of: OverridesOf
    people: Callable[[], People]

    def handle(self, event: Mapping[str, Any], now: datetime) -> Response:
        """Answer a GET of API Gateway (HTTP API, format 2.0). No input of a visitor raises an error."""
        method, path = web.method_and_path(event)
        if path == [assets.script_name()]:
            return assets.script()
        frame = Frame(self.stack, self.zone, now)
        try:
            if method != "GET":
                why = "This address only shows pages: use the forms of the console."
                return refusal(frame, HTTPStatus.METHOD_NOT_ALLOWED, "Not here", why).response()
            return self._answer(path, event, now, frame).response()
        except NotEntitled as refused:
            return refusal(frame, HTTPStatus.FORBIDDEN, "Not for you", str(refused)).response()
        except HistoryUnavailable:
            logger.exception("The console could not read the table; its visitor was asked to try again")
            why = "Firstline cannot reach its table at the moment. Try again in a few seconds."
            return refusal(frame, HTTPStatus.SERVICE_UNAVAILABLE, "Not now", why).response()

    def _answer(self, path: Sequence[str], event: Mapping[str, Any], now: datetime, frame: Frame) -> HttpAnswer:
        match path:
            case ["enter"] | ["enter", _]:
                return _enter(path[1] if len(path) > 1 else "", event, frame)
            case [""] | []:
                return web.see_other("/console/incidents")
        token = web.cookie_of(event)
        me = self.session(token, now) if token else None
        if me is None:
            return refusal(frame, HTTPStatus.UNAUTHORIZED, "Sign in", NOT_IN)
        mine = Frame(self.stack, self.zone, now, me, token, assets.script_name())
        match path:
            case ["incidents", incident_id, *rest] if len(rest) <= 1:
                return self._incident(incident_id, rest[0] if rest else "", event, mine)
            case [name] if me.incident_id is not None and name in ("incidents", "oncall", "silences", "reports"):
                return web.see_other(f"/console/incidents/{me.incident_id}")
            case ["incidents"]:
                return self._list(event, mine)
            case ["oncall"]:
                said = oncall_page.DONE.get(web.query(event, "done") or "", "")
                page = oncall_page.oncall_page(self.schedules(), self.overrides_of, self.people(), mine, said=said)
                return HttpAnswer(body=page)
            case ["silences"]:
                return HttpAnswer(body=silences_page(self.silences(now - CLOSED_FOR), mine))
            case ["reports"]:
                return HttpAnswer(body=self._reports(event, mine))
        return refusal(mine, HTTPStatus.NOT_FOUND, "Not found", "The console has no such page.")

    def _reports(self, event: Mapping[str, Any], frame: Frame) -> str:
        wanted = [web.query(event, name) or "" for name in ("days", "by", "change")]
        asked = Asked(wanted[0], wanted[1], wanted[2], frame)
        records = chain(self.incidents.open_records(), self.incidents.closed_since(asked.reads_since))
        return reports_page(self.incidents.with_pages(records), asked, self.schedules(), frame)

    def _list(self, event: Mapping[str, Any], frame: Frame) -> HttpAnswer:
        asked = web.query(event, "severity")
        wanted = Filter(
            unowned=bool(web.query(event, "unowned")),
            at_least=cast("Severity", asked) if asked in SEVERITY_RANK and asked != "info" else None,
            service=one_line(web.query(event, "service") or "", 80),
            text=one_line(web.query(event, "q") or "", 80),
        )
        closed = bool(web.query(event, "closed"))
        records = list(self.incidents.open_records())
        if closed:
            records += self.incidents.closed_since(frame.now - CLOSED_FOR)
        return HttpAnswer(body=list_page(records, wanted, frame, closed=closed))

    def _incident(self, incident_id: str, part: str, event: Mapping[str, Any], frame: Frame) -> HttpAnswer:
        if not frame.visitor.may_see(incident_id):
            raise NotEntitled("Your link opens another incident only: use the button in this incident's message.")
        record = self.incidents.record(incident_id)
        if record is None:
            return self._named_by_its_end(incident_id, part, frame)
        match part:
            case "":
                view = gather(record, frame.now, incidents=self.incidents, trail=self.trail)
                said = DONE.get(web.query(event, "done") or "", "")
                return HttpAnswer(body=incident_page(view, frame, execution_url=self.execution_url, said=said))
            case "status":
                return HttpAnswer(body=status_part(record, frame))
            case "plan" if record.plan is not None:
                return HttpAnswer(
                    body=plan_page(record, record.plan, frame, documents=self.documents, incidents=self.incidents)
                )
        return refusal(frame, HTTPStatus.NOT_FOUND, "Not found", "This incident has no such page.")

    def _named_by_its_end(self, end: str, part: str, frame: Frame) -> HttpAnswer:
        """Send the browser to the page of the incident whose id ends with `end`, if there is exactly one.

        Else return a page that says how many there are. `part` is the part of the page, such as `plan`, or empty.
        """
        short = frame.visitor.incident_id is None and _END.fullmatch(end) is not None
        found = self.ids_ending(end, frame.now) if short else []
        if len(found) == 1:
            return web.see_other("/".join(("/console/incidents", found[0], *([part] if part else []))))
        why = f"{len(found)} incidents' ids end with {end}: take the one you mean from the list." if found else UNKNOWN
        return refusal(frame, HTTPStatus.NOT_FOUND, "Not found", why, "/console/incidents")


def _enter(incident_id: str, event: Mapping[str, Any], frame: Frame) -> HttpAnswer:
    """Return the page whose form signs a visitor in, with a ticket (good once) or the link in a text message.

    `incident_id` is the incident that the link is for; it is empty for a ticket. To open the page uses no ticket up,
    because previews of messages open links, too.
    """
    token = one_line(web.query(event, "link" if incident_id else "ticket") or "", 2_000)
    title = "You were paged" if incident_id else "Open the console"
    to = one_line(web.query(event, "to") or "", 80)
    values = frame.values(title, narrow=True)
    return HttpAnswer(body=render("enter.html", **values, token=token, incident_id=one_line(incident_id, 80), to=to))


def refusal(frame: Frame, status: HTTPStatus, title: str, reason: str, back: str = "") -> HttpAnswer:
    """Return a page that says why a request was refused, with a link `back` if it is not empty."""
    return HttpAnswer(
        status, render("refusal.html", **frame.values(title, narrow=True), reason=reason, back=back, wrote="")
    )
