"""The buttons of an incident's page for one visitor, the main one first. Pure."""

from dataclasses import dataclass, field
from typing import Literal

from firstline.console.sessions import Pass
from firstline.incidents.message_facts import why_idle
from firstline.incidents.status import Status
from firstline.models import IncidentRecord

type Style = Literal["main", "yes", "no", ""]


@dataclass(frozen=True)
class PageButton:
    """A button of the console: it sends a form with `fields` for the action `name`, or opens `href` if that is set."""

    name: str
    label: str
    style: Style = ""
    fields: dict[str, str] = field(default_factory=dict)
    href: str = ""


def actions_on(record: IncidentRecord, status: Status, me: Pass) -> list[PageButton]:
    """Return the buttons that have an effect on the incident now and that the visitor may use, the main one first.

    `status` is the incident's at this moment: who has it, and how often people were paged.
    """
    if record.status == "CLOSED":
        buttons = [PageButton("reopen", "It is not over")]
    elif record.live is not None and record.live.resolved_by:
        buttons = []
    else:
        has_owner = status.holder == "person"
        seen = str(record.live.joined) if record.live else ""
        take = PageButton("acknowledge", "I have it", "main")
        resolve = PageButton("resolve", "Resolve", "main" if has_owner else "", {"seen": seen})
        plan = PageButton("refuse", "The plan", href="#plan")
        paged = str(record.live.paged_seq) if record.live else ""
        wake = PageButton("escalate", "Escalate", fields={"seen": paged})
        buttons = [resolve] if has_owner else [take, resolve]
        buttons += [plan] if record.waits_for_approval else []
        buttons += [wake] if status.pages else []
    return [button for button in buttons if me.may(button.name, status.incident_id)]


def decisions_on(record: IncidentRecord, me: Pass, *, scripts_shown: bool) -> list[PageButton]:
    """Return the buttons by which this visitor can decide on the plan; none if no plan waits for an approval.

    A destructive plan has no button to approve it on a page that does not show its scripts (`scripts_shown`).
    """
    plan, incident_id = record.plan, record.incident.incident_id
    if plan is None or not record.waits_for_approval:
        return []
    fields = {"digest": plan.digest()}
    runs = plan.approvals - len(record.approvals) <= 1 and not why_idle(record)
    both = [
        PageButton("approve", "Approve and run" if runs else "Approve", "yes", fields),
        PageButton("refuse", "Refuse", "no", fields),
    ]
    if plan.risk == "destructive" and not scripts_shown:
        both = both[1:]
    return [button for button in both if me.may(button.name, incident_id)]


def why_no_decision(me: Pass) -> str:
    """Return the sentence that says why the visitor cannot approve a plan."""
    if me.incident_id is not None:
        return "This link is good for reading and for taking the incident. To approve, open the console."
    if me.role == "reader":
        return "You may only look: your role is reader."
    return "Only approvers may approve; you may refuse."
