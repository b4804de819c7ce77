"""The answers to a browser: a GET changes nothing (scanners follow links, too), only the form decides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qs

from firstline.channels.delivery import Channel, tell_all
from firstline.errors import (
    ApprovalRefused,
    ExecutionsUnavailable,
    HistoryUnavailable,
    NotEntitled,
    Superseded,
    TooLate,
    UnreadablePayload,
)
from firstline.incidents.lifecycle import Executions
from firstline.incidents.store import Incidents
from firstline.observability import logger
from firstline.people import approval_page, approve, links
from firstline.people.review import review
from firstline.remediation.steps import Documents

MAX_FORM_BYTES = 4_096

_STATUSES: dict[type[ApprovalRefused], HTTPStatus] = {
    NotEntitled: HTTPStatus.FORBIDDEN,
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
class Desk:
    """The approval page's handler.

    Parameters
    ----------
    keys
        Reads the active signing keys.
    approvers
        The stack's Approvers as they are now: a person who left the list has no valid link any more.
    """

    keys: Callable[[], Sequence[str]]
    approvers: Sequence[str]
    incidents: Incidents
    documents: Documents

    def show(self, incident_id: str, token: str, now: datetime) -> Reply:
        """Show the plan to the holder of a link and change nothing. Nothing that a visitor sends makes it raise."""
        try:
            return self._show(incident_id, token, now)
        except ApprovalRefused as refused:
            return _refusal(refused, incident_id)
        except HistoryUnavailable:
            logger.exception("The approval page cannot be shown")
            return _later(incident_id)

    def decide(
        self, incident_id: str, body: bytes, now: datetime, *, executions: Executions, channels: Mapping[str, Channel]
    ) -> Reply:
        """Act on the form. Nothing that a visitor sends makes it raise.

        Parameters
        ----------
        channels
            The channels that are told who decided what.
        """
        try:
            token, approves = _read_form(body)
            link = self._link(incident_id, token, now)
            answer = approve.Answer(approves, link.approver, f"{link.name} (approval page)", link.plan_digest)
            record = approve.decide(
                incident_id, answer, now, approvers=self.approvers, incidents=self.incidents, executions=executions
            )
        except UnreadablePayload as error:
            return Reply(HTTPStatus.BAD_REQUEST, approval_page.refusal(str(error), incident_id))
        except ApprovalRefused as refused:
            return _refusal(refused, incident_id)
        except HistoryUnavailable:
            logger.exception("A decision could not be written down")
            return _later(incident_id)
        except ExecutionsUnavailable:
            logger.exception("A decision was written down, but the execution could not be told; reconcile will")
            said = "It is written down. AWS is slow to react, so it takes effect within a minute or two."
            return Reply(HTTPStatus.ACCEPTED, approval_page.refusal(said, incident_id, title="Noted"))
        logger.info("Somebody decided on the approval page", extra={"incident_id": incident_id, "approves": approves})
        tell_all(approve.announcement(record, answer.by, approves, now), channels, rounds=1)
        # Relative to this page. A browser that reloads what comes next does not send the form again.
        return Reply(HTTPStatus.SEE_OTHER, "", location=f"{incident_id}?token={token}")

    def _link(self, incident_id: str, token: str, now: datetime) -> links.Link:
        link = links.read(token, self.keys(), incident_id=incident_id, now=now)
        if link.approver not in self.approvers:
            raise NotEntitled(approve.not_an_approver(link.approver, self.approvers))
        return link

    def _show(self, incident_id: str, token: str, now: datetime) -> Reply:
        link = self._link(incident_id, token, now)
        record = self.incidents.record(incident_id)
        if record is None or record.plan is None:
            raise TooLate("Firstline knows no such plan any more.")
        if not (link.plan_digest == record.plan_digest == record.plan.digest()):
            raise Superseded(approve.ANOTHER_PLAN)
        closed = None
        try:
            approve.still_open(record, now)
        except ApprovalRefused as over:
            closed = str(over)
        gathered = review(record, record.plan, now, documents=self.documents, incidents=self.incidents)
        return Reply(HTTPStatus.OK, approval_page.plan_page(gathered, link, token, now, closed=closed))


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


def _refusal(refused: ApprovalRefused, incident_id: str) -> Reply:
    logger.warning("Refused at the approval page", extra={"incident_id": incident_id, "why": str(refused)})
    return Reply(_STATUSES[type(refused)], approval_page.refusal(str(refused), incident_id))


def _later(incident_id: str) -> Reply:
    said = "Firstline cannot reach its table at the moment. Nothing was decided. Try again in a few seconds."
    return Reply(HTTPStatus.SERVICE_UNAVAILABLE, approval_page.refusal(said, incident_id, title="Not now"))
