"""The handler of the approval page. A GET changes nothing, because scanners follow links; only the form decides."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from http import HTTPStatus
from urllib.parse import parse_qs

from firstline.channels.delivery import Channel
from firstline.console import approval_page
from firstline.errors import (
    ApprovalRefused,
    ConfigurationError,
    ExecutionsUnavailable,
    HistoryUnavailable,
    NotEntitled,
    NotNow,
    Superseded,
    TooLate,
    UnreadablePayload,
)
from firstline.incidents.store import Incidents
from firstline.observability import logger
from firstline.people import approve, links
from firstline.people.action import Action
from firstline.people.actor import LATER, Actor
from firstline.people.operate import Operations
from firstline.policy.people import Person
from firstline.remediation.steps import Documents

MAX_FORM_BYTES = 4_096

_STATUSES: dict[type[ApprovalRefused], HTTPStatus] = {
    NotEntitled: HTTPStatus.FORBIDDEN,
    NotNow: HTTPStatus.CONFLICT,
    Superseded: HTTPStatus.CONFLICT,
    TooLate: HTTPStatus.GONE,
}


@dataclass(frozen=True)
class Reply:
    """The answer to a browser: a page, or a redirect to `location`."""

    status: HTTPStatus
    html: str
    location: str | None = None


@dataclass(frozen=True)
class ApprovalHandler:
    """The handler of the requests of approvers' browsers.

    Parameters
    ----------
    keys
        Reads the active keys that sign approvers' links.
    approvers
        The names of the people who may approve now. The link of a person who is not among them is refused.
    operations
        Returns the service that carries out a decision and tells the given channels of it.
    zone
        The time zone in which times are shown.
    """

    keys: Callable[[], Sequence[str]]
    approvers: Sequence[str]
    incidents: Incidents
    documents: Documents
    operations: Callable[[Mapping[str, Channel]], Operations]
    zone: tzinfo = UTC

    def show(self, incident_id: str, token: str, now: datetime) -> Reply:
        """Show the plan to the holder of a link, and change nothing. No input of a visitor raises an error."""
        return _reply(incident_id, lambda: self._show(incident_id, token, now))

    def answer(self, incident_id: str, body: bytes, now: datetime, channels: Mapping[str, Channel]) -> Reply:
        """Carry out the decision in the page's form. No input of a visitor raises an error.

        Parameters
        ----------
        channels
            The stack's channels; Slack is told who decided what.
        """
        return _reply(incident_id, lambda: self._decide(incident_id, body, now, channels))

    def _decide(self, incident_id: str, body: bytes, now: datetime, channels: Mapping[str, Channel]) -> Reply:
        token, approves = _read_form(body)
        link = self._link(incident_id, token, now)
        # A link is shown to its owner alone, who was an approver then and still is.
        person = Person(key=link.approver, name=link.name, role="approver")
        actor = Actor(person=person, through="approval page", principal=f"link of {link.approver}")
        action = Action(does="approve" if approves else "refuse", plan_digest=link.plan_digest)
        self.operations(channels).act(action, incident_id, actor, now)
        # Relative to this page. A browser that reloads the next page does not send the form again.
        return Reply(HTTPStatus.SEE_OTHER, "", location=f"{incident_id}?token={token}")

    def _link(self, incident_id: str, token: str, now: datetime) -> links.Link:
        link = links.read(token, self.keys(), incident_id=incident_id, now=now)
        approve.check_approver(link.approver, self.approvers, link.name)
        return link

    def _show(self, incident_id: str, token: str, now: datetime) -> Reply:
        link = self._link(incident_id, token, now)
        record = self.incidents.record(incident_id)
        if record is None or record.plan is None:
            raise TooLate("Firstline does not know this plan any more. Ask for a new link in Slack.")
        approve.check_plan(record, link.plan_digest)
        closed = None
        try:
            approve.still_open(record, now)
        except ApprovalRefused as over:
            closed = str(over)
        valid = record.model_copy(update={"approvals": approve.counting(record.approvals, self.approvers)})
        gathered = approval_page.review(valid, record.plan, now, documents=self.documents, incidents=self.incidents)
        page = approval_page.plan_page(gathered, link, token, now, zone=self.zone, closed=closed)
        return Reply(HTTPStatus.OK, page)


def _read_form(body: bytes) -> tuple[str, bool]:
    """Return the token of the form's link, and True if the form approves, False if it refuses.

    Raises
    ------
    UnreadablePayload
        The body is not one that the approval page's form sends.
    """
    if len(body) <= MAX_FORM_BYTES:
        with suppress(ValueError, KeyError):
            fields = parse_qs(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=4)
            (token,), (decision,) = fields["token"], fields["decision"]
            return token, {"approve": True, "refuse": False}[decision]
    raise UnreadablePayload("Your browser did not send the page's form. Open the link again.")


def _reply(incident_id: str, answer: Callable[[], Reply]) -> Reply:
    """Return what `answer` returns, or for one of Firstline's errors a page with the reason."""
    try:
        return answer()
    except UnreadablePayload as error:
        status, said, title = HTTPStatus.BAD_REQUEST, str(error), "This does not count"
    except ApprovalRefused as refused:
        logger.warning(
            "A request to the approval page was refused", extra={"incident_id": incident_id, "why": str(refused)}
        )
        status, said, title = _STATUSES[type(refused)], str(refused), "This does not count"
    except ConfigurationError:
        logger.exception("The approval page is closed: mend the key that this error names")
        status, said, title = HTTPStatus.FORBIDDEN, links.MISCONFIGURED, "Not now"
    except HistoryUnavailable:
        logger.exception("The approval page could not reach the table; its visitor was asked to try again")
        said = "Firstline cannot reach its table at the moment. Nothing was decided. Try again in a few seconds."
        status, title = HTTPStatus.SERVICE_UNAVAILABLE, "Not now"
    except ExecutionsUnavailable:
        logger.exception("A decision is stored, but its execution could not be told; reconcile tells it in a minute")
        status, said, title = HTTPStatus.ACCEPTED, LATER, "Noted"
    return Reply(status, approval_page.refusal(said, incident_id, title))
