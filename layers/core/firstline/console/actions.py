"""The buttons of an incident's page for one visitor, the main one first. Pure."""

from dataclasses import dataclass, field
from typing import Literal

from firstline.console.sessions import Pass
from firstline.models import IncidentRecord
from firstline.people.status import Status

type Style = Literal["main", "yes", "no", ""]


@dataclass(frozen=True)
class Action:
    """A button: a form that is sent to `name` with its fields, or a link to `href`."""

    name: str
    label: str
    style: Style = ""
    fields: dict[str, str] = field(default_factory=dict)
    href: str = ""


def actions_on(record: IncidentRecord, status: Status, me: Pass) -> list[Action]:
    """Return the buttons for an incident as it stands, the one to press first at the front."""
    if record.status == "CLOSED" or (record.live is not None and record.live.resolved_by):
        return []
    take = Action("acknowledge", "I have it", "main")
    seen = str(record.live.joined) if record.live else ""
    resolve = Action("resolve", "Resolve", "main" if status.holder == "person" else "", {"seen": seen})
    give_back = Action("giveback", "Give it back")
    order = [resolve, give_back] if status.holder == "person" else [take, resolve]
    if record.waits_for_approval:
        order.insert(0 if status.holder == "person" else 1, Action("approve", "Read the plan", href="#plan"))
    return [action for action in order if me.may(action.name, status.incident_id)]


def decisions_on(record: IncidentRecord, me: Pass, *, scripts_shown: bool) -> list[Action]:
    """Return the buttons that decide on the plan. What loses data is approved only where its scripts are shown."""
    plan, incident_id = record.plan, record.incident.incident_id
    if plan is None or not record.waits_for_approval:
        return []
    fields = {"digest": plan.digest()}
    runs = plan.approvals - len(record.approvals) <= 1
    both = [
        Action("approve", "Approve and run" if runs else "Approve", "yes", fields),
        Action("refuse", "Refuse", "no", fields),
    ]
    if plan.risk == "destructive" and not scripts_shown:
        both = both[1:]
    return [action for action in both if me.may(action.name, incident_id)]


def why_no_decision(me: Pass) -> str:
    """Say why the visitor cannot decide on a plan."""
    if me.incident_id is not None:
        return "This link is good for reading and for taking the incident. To approve, open the console."
    if me.role == "reader":
        return "You may only look."
    return "Only approvers may approve; you may refuse."
