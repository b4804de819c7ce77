"""The permission of a plan to act, checked again at its approval and before each act.

Between planning and acting, time passes. Meanwhile a freeze may begin, a runbook may lose its mode or its autonomy, the
service may be deployed, and a person may resolve the incident.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from firstline.incidents.what_now import stale_resolve
from firstline.models import Deployment, IncidentRecord, RemediationPlan
from firstline.remediation.decide import Situation, services_touched, why_withdrawn
from firstline.remediation.plan import RemediationRules
from firstline.remediation.store import Standing
from firstline.runbooks.catalogue import Catalogue
from firstline.text import one_line


@dataclass(frozen=True)
class Permission:
    """The readers of the facts that decide whether a plan may act now.

    `standing` returns a runbook's record by its id, `deployments` the last deployments of a service, and `holds_locks`
    whether the remediation of an incident holds its locks at a time.
    """

    catalogue: Catalogue
    standing: Callable[[str], Standing]
    holds_locks: Callable[[str, datetime], bool]
    deployments: Callable[[str], list[Deployment]]
    rules: RemediationRules
    now: datetime

    def withdrawn(self, plan: RemediationPlan, record: IncidentRecord | None) -> str | None:
        """Return why the plan may no longer act, or None if it may.

        `record` is the incident's; None if it is not in the table, and then the plan may not act. The kill switch is
        not looked at, because the state machine reads it itself before each act.
        """
        runbook = self.catalogue.get(plan.runbook_id)
        if runbook is None:
            return f"runbook {plan.runbook_id} is no longer deployed"
        if record is None or record.classification is None:
            return "its incident is not in the table"
        if record.live is not None and record.live.resolved_by is not None and not stale_resolve(record.live):
            return f"{one_line(record.live.resolved_by, 80)} has resolved the incident"
        approved = plan.decision == "approve" and record.decision == "approved"
        if plan.decision == "approve" and not approved:
            return "nobody has approved it"
        # Records of an older release have no names of approvers.
        if approved and record.approvals and (gone := self._no_longer_approvers(plan, record)):
            return f"its approval does not count any more: {gone} may not approve now"
        if not self.holds_locks(record.incident.incident_id, self.now):
            return "its locks have ended, so another remediation may be on its hosts"
        values = {name: given[0] for step in plan.commands for name, given in step.parameters.items()}
        services = services_touched(runbook, record.incident.alert, values)
        situation = Situation(
            runbook=runbook,
            incident=record.incident,
            classification=record.classification,
            targets=plan.targets,
            releases=plan.releases,
            runs=[],
            held=[],
            fleet=None,
            standing=self.standing(plan.runbook_id).of(runbook.scripts),
            switch="on",
            policy=self.rules.policy,
            remediation_mode=self.rules.remediation_mode,
            environment=self.rules.environment,
            approvers=len(self.rules.approvers),
            services=services,
            deployments=[deployment for service in services for deployment in self.deployments(service)],
            now=self.now,
        )
        return why_withdrawn(situation, record.decided_at if approved else None)

    def _no_longer_approvers(self, plan: RemediationPlan, record: IncidentRecord) -> str | None:
        """Return who approved but is no longer an approver, as `ada, bob`, if too few others approved; else None."""
        gone = [approval for approval in record.approvals if approval.approver not in self.rules.approvers]
        if len(record.approvals) - len(gone) >= plan.approvals:
            return None
        return ", ".join(approval.by for approval in gone) or None
