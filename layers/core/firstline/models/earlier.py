"""Incidents that are over, as the next one remembers them."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from firstline.models.feedback import Feedback
from firstline.models.frozen import Frozen, Name, Text
from firstline.models.record import Outcome
from firstline.models.severity import Severity
from firstline.models.verdict import DecidedBy


class EarlierIncident(Frozen):
    """An incident that is over, what Firstline had decided about it, how it ended, and what people say of it.

    runbook_id
        The runbook that was planned. `chosen_runbook_id` is the verdict's, whether or not it was planned.
    template
        The alert's words without numbers, hosts and names (`classification.templates`).
    evidence_class
        The circumstances that the verdict held for (`classification.memory`).
    taken_by
        Who said "mine".
    feedback, note
        The last word of each person, and what they wrote last of what fixed it: text, and no instruction.
    """

    incident_id: Name
    opened_at: AwareDatetime
    closed_at: AwareDatetime
    severity: Severity
    outcome: Outcome
    runbook_id: Name | None = None
    outcome_reason: str | None = None
    feedback: list[Feedback] = []
    note: str | None = None
    group_key: Name | None = None
    alert_name: Name | None = None
    service: Name | None = None
    environment: Name | None = None
    template: Annotated[str, StringConstraints(max_length=1_000)] = ""
    cause: Text | None = None
    blamed_deployment: bool = False
    chosen_runbook_id: Name | None = None
    decided_by: DecidedBy | None = None
    evidence_class: Text | None = None
    taken_by: Text | None = None


class SimilarIncident(Frozen):
    """An incident of another group that reads like this one: 0 is nothing in common, 1 the same words."""

    incident: EarlierIncident
    score: float = Field(ge=0, le=1)
