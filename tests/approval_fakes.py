"""An incident whose plan waits for people, and both halves of deciding on it: the table and the execution."""

from datetime import datetime, timedelta
from typing import Any

from firstline.errors import DocumentUnreadable, ExecutionsUnavailable
from firstline.models import Approval, Decision, IncidentRecord, PlannedStep, RemediationPlan, RunbookRun
from tests.notifications import NOW, a_plan, a_record

DEADLINE = NOW + timedelta(minutes=23)


def a_waiting_record(plan: RemediationPlan | None = None, **changes: Any) -> IncidentRecord:
    """An incident whose execution waits for a decision on its plan."""
    plan = plan or a_plan(decision="approve", decision_reason="runbook low-disk asks for approval")
    waiting: dict[str, Any] = {
        "plan": plan,
        "plan_digest": plan.digest(),
        "awaiting": "approval",
        "task_token": "token",
        "decide_by": DEADLINE,
    }
    return a_record(**waiting | changes)


class Scripts:
    """The stack's documents: every step has the same script, unless they can't be read."""

    def __init__(self, script: str = "#!/usr/bin/env bash\nset -euo pipefail\nlogrotate --force\n") -> None:
        self.text: str | None = script

    def script(self, step: PlannedStep) -> str:
        if self.text is None:
            raise DocumentUnreadable(f"document {step.document}: AccessDenied")
        return self.text


class Waiting:
    """One incident in a table that keeps its promises, and the execution that is told. Every call is counted."""

    def __init__(self, record: IncidentRecord | None) -> None:
        self.kept = record
        self.signals: list[tuple[str, str]] = []
        self.writes = 0
        self.runs: list[RunbookRun] = []
        self.gone = False
        self.step_functions_down = False
        self.meanwhile: list[IncidentRecord] = []
        """What the record becomes between a read and the write that follows it."""

    def record(self, incident_id: str) -> IncidentRecord | None:
        return self.kept

    def decide(
        self, incident_id: str, word: Approval, decision: Decision | None, *, seen: IncidentRecord
    ) -> IncidentRecord | None:
        self.writes += 1
        if self.meanwhile:
            self.kept = self.meanwhile.pop(0)
        if self.kept != seen:
            return None
        changes: dict[str, Any] = {}
        if decision != "refused":
            changes["approvals"] = [*seen.approvals, word]
        if decision:
            by = [*seen.approvals, word] if decision == "approved" else [word]
            changes |= {"decision": decision, "decided_at": word.at, "decided_by": " and ".join(one.by for one in by)}
        self.kept = seen.model_copy(update=changes)
        return self.kept

    def signal(self, token: str, signal: str, by: str) -> bool:
        if self.step_functions_down:
            raise ExecutionsUnavailable("throttled")
        self.signals.append((signal, by))
        return not self.gone

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        raise AssertionError("a decision never interrupts")

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        return self.runs

    # What Slack's other buttons need of the table.

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        if self.kept is None or self.kept.acknowledged_at or self.kept.resolved_at:
            return None
        return self._keep(self.kept, acknowledged_at=now, acknowledged_by=by)

    def resolve(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        if self.kept is None or self.kept.resolved_at:
            return None
        return self._keep(self.kept, resolved_at=now, resolved_by=by)

    def _keep(self, record: IncidentRecord, **changes: Any) -> IncidentRecord:
        self.kept = record.model_copy(update=changes)
        return self.kept
