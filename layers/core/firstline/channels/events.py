"""Events for other systems: each tells of a milestone of an incident, and how the incident stands now."""

from firstline.channels.event_facts import facts_of, page_of, plan_of
from firstline.incidents.milestones import Milestone
from firstline.models import Classification, IncidentRecord
from firstline.models.event import EventVerdict, IncidentEvent
from firstline.privacy.alert_redaction import as_people_see_it
from firstline.privacy.redact import redact
from firstline.text import one_line, shorten


def render(milestone: Milestone, record: IncidentRecord, *, stack: str, execution_url: str = "") -> IncidentEvent:
    """Return the event about a milestone (opened, paged, …), without personal data that an alert may quote.

    `stack` is the stack's name.

    `execution_url` is the AWS console's page of the state machine's executions, up to the colon before an execution's
    name; empty for no link.
    """
    return IncidentEvent(
        id=milestone.id,
        type=milestone.type,
        at=milestone.at,
        stack=stack,
        by=one_line(milestone.by, 256) if milestone.by else None,
        reason=shorten(redact(milestone.reason), 4_000) if milestone.reason else None,
        verdict=_verdict_of(milestone.verdict) if milestone.verdict else None,
        page=page_of(milestone.page) if milestone.page else None,
        plan=plan_of(milestone.plan) if milestone.plan else None,
        run=milestone.run.outcome if milestone.run else None,
        outcome=milestone.outcome,
        incident=facts_of(as_people_see_it(record), execution_url=execution_url),
    )


def _verdict_of(verdict: Classification) -> EventVerdict:
    return EventVerdict(
        severity=verdict.severity,
        decided_by=verdict.decided_by,
        confidence=verdict.confidence,
        runbook_id=verdict.runbook_id,
        held_until=verdict.hold.until if verdict.hold else None,
    )
