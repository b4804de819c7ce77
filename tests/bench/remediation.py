"""The cost of a remediation: planning among many runbooks, and its requests to DynamoDB from plan to end."""

import timeit
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
from moto import mock_aws

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.contracts import CloseIncidentInput
from firstline.incidents.audit_trail import Trail
from firstline.models import Incident, RemediationPlan, StepResult, Target
from firstline.policy.remediation import RemediationPolicy
from firstline.remediation.plan import Planning, RemediationRules, plan
from firstline.remediation.settle import conclude
from firstline.remediation.store import Remediations
from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.match import offered
from tests.bench.table import create_table
from tests.support.builders import a_classification, alert, open_for
from tests.support.machines import HERE
from tests.support.memory import MemoryDocuments, MemoryReleases, MemoryStore, MemoryTargets

ROOT = Path(__file__).parents[2]
MANY = 500
ROUNDS = 30
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOST = Target(instance_id="i-0123456789abcdef0", name="web-1")
RUNBOOK = (ROOT / "runbooks" / "conntrack-full.yaml").read_text(encoding="utf-8")
FIRING = alert(alert_name="HostConntrackLimit", host="web-1")
RULES = RemediationRules(
    remediation_mode="auto",
    environment="dev",
    document_prefix="bench",
    approvers=("U0ADA", "U0GRACE"),
    policy=RemediationPolicy(),
)


def rows() -> list[tuple[str, str, str]]:
    """Measure planning as ratios to loading one runbook, count requests, and return the rows of a table."""
    many = _many()
    loading = _best(lambda: catalogue.parse(RUNBOOK, "conntrack-full.yaml"))
    matching = _best(lambda: offered(many, FIRING))
    planning = _best(lambda: _plan(_incident(), many))
    asked, ended = _requests()
    return [
        (f"match among {MANY} runbooks", f"{matching / loading:.2f} × loading one", "under 5 ms"),
        ("the same in milliseconds, on this machine", f"{matching * 1_000:.1f}", "5"),
        (f"plan among {MANY} runbooks, without AWS", f"{planning / loading:.2f} × loading one", ""),
        ("DynamoDB requests to plan and reserve", str(asked), ""),
        ("DynamoDB requests to settle at the end", str(ended), ""),
    ]


def _shipped() -> Catalogue:
    """Return the shipped runbooks; the one that is planned is promoted."""
    shipped = catalogue.load(ROOT / "runbooks").values()
    return Catalogue(
        [each.model_copy(update={"mode": "auto"}) if each.id == "conntrack-full" else each for each in shipped]
    )


def _many() -> Catalogue:
    """Return the shipped runbooks and copies of them, `MANY` in all."""
    shipped = list(_shipped().values())
    copies = [shipped[n % len(shipped)].model_copy(update={"id": f"copy-{n}"}) for n in range(MANY - len(shipped))]
    return Catalogue([*shipped, *copies])


def _best(work: Callable[[], object]) -> float:
    """Return the least seconds of several rounds of a piece of work."""
    return min(timeit.repeat(work, number=1, repeat=ROUNDS))


def _incident() -> Incident:
    return Incident(incident_id="bench", group_key="g", opened_at=NOW, alert=FIRING, alert_count=1, hosts=[HOST.name])


def _plan(
    incident: Incident,
    runbooks: Catalogue,
    remediations: Remediations | None = None,
    trail: Trail | None = None,
) -> RemediationPlan:
    verdict = a_classification(runbook_id="conntrack-full", confidence=1)
    store = MemoryStore()
    store.admit(incident)
    output = plan(
        Planning(
            incident=incident,
            classification=verdict,
            catalogue=runbooks,
            targets=MemoryTargets({HOST.name: HOST}),
            documents=MemoryDocuments([runbooks["conntrack-full"]], "bench"),
            releases=MemoryReleases(),
            remediations=remediations or store.remediations,
            deployments=lambda service: [],
            switch=lambda: "on",
            rules=RULES,
            here=HERE,
            now=NOW,
        ),
        trail=trail or store.trail,
    )
    if output.plan is None:
        raise RuntimeError(f"the bench's incident got no plan, so there is nothing to measure: {output.reason}")
    return output.plan


def _requests() -> tuple[int, int]:
    """Return the number of requests of planning, and of the end of a remediation."""
    calls: Counter[str] = Counter()
    with mock_aws():
        client = boto3.client("dynamodb")
        table = create_table(client)
        groups, history = TableGroups(table), TableIncidents(table)
        incident = open_for(groups, FIRING, now=NOW)
        client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.update([model.name]))

        remediations, trail = TableRemediations(table), TableTrail(table)
        made = _plan(incident, _shipped(), remediations, trail)
        asked = calls.total()

        success = {"instance_id": HOST.instance_id, "status": "Success", "output": "", "changed": True}
        results = [
            StepResult(step_id=step.step_id, kind=step.kind, command_id=step.step_id, **success) for step in made.steps
        ]
        history.close(incident, 1, "auto_resolved", "It holds.", results, NOW, joined=1)
        calls.clear()
        end = CloseIncidentInput(
            state="Close Incident",
            incident=incident,
            results=results,
            ended_by="verified",
            reason="It holds.",
            joined=1,
        )
        conclude(
            end, records=history, remediations=remediations, trail=trail, say=print, now=NOW + timedelta(minutes=1)
        )
        return asked, calls.total()
