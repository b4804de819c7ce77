"""The approval page's handler: a GET changes nothing (scanners follow links, too), only the form decides."""

from collections.abc import Callable, Mapping, Sequence
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
from firstline.people.actor import Actor
from firstline.people.operate import Action, Operations
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
    """The answer to a browser: a page, or the address of one."""

    status: HTTPStatus
    html: str
    location: str | None = None


@dataclass(frozen=True)
class ApprovalHandler:
    """Answers the requests of approvers' browsers.

    Parameters
    ----------
    keys
        Reads the active signing keys.
    approvers
        The names of the people who may approve now: the link of a person who left the list is no longer valid.
    operations
        Builds what acts and tells these channels.
    zone
        The stack's time zone, in which people read times.
    """

    keys: Callable[[], Sequence[str]]
    approvers: Sequence[str]
    incidents: Incidents
    documents: Documents
    operations: Callable[[Mapping[str, Channel]], Operations]
    zone: tzinfo = UTC

    def show(self, incident_id: str, token: str, now: datetime) -> Reply:
        """Show the plan to the holder of a link and change nothing. No input of a visitor makes it raise."""
        return _reply(incident_id, lambda: self._show(incident_id, token, now))

    def decide(self, incident_id: str, body: bytes, now: datetime, channels: Mapping[str, Channel]) -> Reply:
        """Act on the form. No input of a visitor makes it raise.

        Parameters
        ----------
        channels
            The stack's channels; Slack is told who decided what.
        """
        return _reply(incident_id, lambda: self._decide(incident_id, body, now, channels))

    def _decide(self, incident_id: str, body: bytes, now: datetime, channels: Mapping[str, Channel]) -> Reply:
        token, approves = _read_form(body)
        link = self._link(incident_id, token, now)
        # A link is shown to its owner alone, who was an approver then and is one now.
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
            raise TooLate("Firstline knows no such plan any more.")
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
    """Return the form's link, and True if it approves.

    Raises
    ------
    UnreadablePayload
        The body is not what the page's form sends.
    """
    try:
        if len(body) > MAX_FORM_BYTES:
            raise ValueError(f"{len(body)} bytes")
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=4)
        (token,), (decision,) = fields["token"], fields["decision"]
        return token, {"approve": True, "refuse": False}[decision]
    except (ValueError, KeyError):
        raise UnreadablePayload("That is not what the page's form sends. Open the link again.") from None


def _reply(incident_id: str, answer: Callable[[], Reply]) -> Reply:
    """Return the answer, or a page that says why there is none."""
    try:
        return answer()
    except UnreadablePayload as error:
        status, said, title = HTTPStatus.BAD_REQUEST, str(error), "This does not count"
    except ApprovalRefused as refused:
        logger.warning("Refused at the approval page", extra={"incident_id": incident_id, "why": str(refused)})
        status, said, title = _STATUSES[type(refused)], str(refused), "This does not count"
    except ConfigurationError:
        logger.exception("The approval page is closed")
        status, said, title = HTTPStatus.FORBIDDEN, links.MISCONFIGURED, "Not now"
    except HistoryUnavailable:
        logger.exception("The approval page cannot reach the table")
        said = "Firstline cannot reach its table at the moment. Nothing was decided. Try again in a few seconds."
        status, title = HTTPStatus.SERVICE_UNAVAILABLE, "Not now"
    except ExecutionsUnavailable:
        logger.exception("A decision was written down, but the execution could not be told; reconcile will")
        said = "It is written down. AWS is slow to react, so it takes effect within a minute or two."
        status, title = HTTPStatus.ACCEPTED, "Noted"
    return Reply(status, approval_page.refusal(said, incident_id, title))
