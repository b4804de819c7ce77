"""The page of a plan with its scripts, as the hosts will run them, and the form to decide on it."""

from firstline.console.actions import decisions_on, why_no_decision
from firstline.console.approval_page import review
from firstline.console.frame import Frame
from firstline.console.render import render
from firstline.incidents.message_facts import why_idle
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, RemediationPlan
from firstline.remediation.steps import Documents
from firstline.text import one_line


def plan_page(
    record: IncidentRecord, plan: RemediationPlan, frame: Frame, *, documents: Documents, incidents: Incidents
) -> str:
    """Render the page of a plan. A plan with a script that cannot be shown has no button that approves.

    `frame` has the visitor and the time, and `documents` reads the scripts.
    """
    gathered = review(record, plan, frame.now, documents=documents, incidents=incidents)
    decides = decisions_on(record, frame.visitor, scripts_shown=True)
    if gathered.unreadable:
        decides = [action for action in decides if action.name != "approve"]
    return render(
        "plan.html",
        **frame.values(one_line(plan.title, 200), "incidents"),
        review=gathered,
        record=record,
        plan=plan,
        base=f"/console/incidents/{record.incident.incident_id}",
        decides=decides,
        idle=why_idle(record),
        why_not=why_no_decision(frame.visitor),
    )
