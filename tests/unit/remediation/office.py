"""The office: an incident with a reserved remediation, its audit trail, and the ops channel."""

from dataclasses import dataclass, field
from typing import Any

from firstline.contracts import (
    CloseIncidentInput,
    NotifyInput,
    PageOnCallInput,
)
from firstline.models import RunbookRun
from firstline.remediation.limits import beginning_of
from firstline.remediation.settle import conclude
from tests.support.builders import (
    NOW,
    a_plan,
    a_record,
    a_result,
    an_incident,
)
from tests.support.memory import MemoryRemediations, MemoryStore

INCIDENT = an_incident()


PLAN = a_plan()


CLOSE = CloseIncidentInput(
    state="Close Incident", incident=INCIDENT, results=[a_result()], ended_by="verified", reason="It holds.", joined=1
)


CLOSED: dict[str, Any] = {"status": "CLOSED", "closed_at": NOW, "plan": PLAN}


@dataclass
class Office:
    """An incident with a reserved remediation, its audit trail, and the texts (`said`) in the ops channel."""

    store: MemoryStore
    said: list[str] = field(default_factory=list)

    @property
    def remediations(self) -> MemoryRemediations:
        return self.store.remediations

    def conclude(self, event: NotifyInput | PageOnCallInput) -> list[str]:
        """Conclude an event at NOW, and return the kinds of all facts on the incident's trail."""
        store = self.store
        conclude(
            event,
            records=store.incidents,
            remediations=store.remediations,
            trail=store.trail,
            say=self.said.append,
            now=NOW,
        )
        return [what for what, _ in store.told(INCIDENT.incident_id)]

    @property
    def run(self) -> RunbookRun:
        (run,) = self.remediations.runs
        return run


def an_office() -> Office:
    """Return an office with an open incident whose plan has taken its locks."""
    office = Office(MemoryStore(a_record()))
    state = office.remediations.state(PLAN.runbook_id, NOW)
    office.remediations.reserve(beginning_of(PLAN, INCIDENT.incident_id, state, NOW), NOW)
    return office
