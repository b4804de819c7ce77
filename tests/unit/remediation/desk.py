"""The desk: an incident, its runbooks and everything else that planning needs, in memory."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from firstline.contracts import PlanRemediationOutput
from firstline.models import (
    Classification,
    Incident,
)
from firstline.policy.remediation import RemediationPolicy
from firstline.remediation.decide import Switch
from firstline.remediation.plan import Planning, RemediationRules, plan
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook
from tests.support.machines import HERE
from tests.support.memory import (
    MemoryDocuments,
    MemoryReleases,
    MemoryRemediations,
    MemoryStore,
    MemoryTargets,
)
from tests.support.spool import NOW, WEB_1, WEB_2, a_classification, a_runbook, an_incident


@dataclass
class Desk:
    """An incident, its runbooks and everything else that planning needs, in memory, for a test to change."""

    incident: Incident
    classification: Classification
    runbooks: list[Runbook]
    inventory: MemoryTargets
    now: datetime
    mode: str = "auto"
    switch: Switch = "on"
    store: MemoryStore = field(default_factory=MemoryStore)
    documents: MemoryDocuments | None = None
    releases: MemoryReleases = field(default_factory=MemoryReleases)
    release_arns: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ("U0ADA", "U0GRACE")
    shared_approvers: tuple[str, ...] = ()

    @property
    def remediations(self) -> MemoryRemediations:
        return self.store.remediations

    def plan(self) -> PlanRemediationOutput:
        self.store.admit(self.incident)
        rules: dict[str, Any] = {
            "remediation_mode": self.mode,
            "environment": "staging",
            "document_prefix": "firstline-dev",
            "approvers": self.approvers,
            "shared_approvers": self.shared_approvers,
            "policy": RemediationPolicy(),
            "release_arns": self.release_arns,
        }
        return plan(
            Planning(
                incident=self.incident,
                classification=self.classification,
                catalogue=Catalogue(self.runbooks),
                targets=self.inventory,
                documents=self.documents or MemoryDocuments(self.runbooks, "firstline-dev"),
                releases=self.releases,
                remediations=self.remediations,
                deployments=self.store.incidents.last_deployments,
                switch=lambda: self.switch,
                rules=RemediationRules(**rules),
                here=HERE,
                now=self.now,
            ),
            trail=self.store.trail,
        )

    def refusal(self) -> str:
        """Plan, check that there is no plan and that only the reason was stored, and return the reason."""
        output = self.plan()
        assert output.plan is None
        assert not self.remediations.runs
        assert self.store.records[self.incident.incident_id].plan is None
        assert not self.remediations.locks
        what, facts = self.store.told(self.incident.incident_id)[-1]
        assert (what, facts["reason"]) == ("planned", output.reason)
        return output.reason


def a_desk() -> Desk:
    """Return a desk with an incident about a full spool on web-1, its runbook, and the hosts web-1 and web-2."""
    return Desk(
        incident=an_incident(),
        classification=a_classification(),
        runbooks=[a_runbook()],
        inventory=MemoryTargets({"web-1": WEB_1, "web-2": WEB_2}),
        now=NOW,
    )
