"""From an incident and a chosen runbook to a plan, or to a reason why there is none."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.contracts import PlanRemediationOutput
from firstline.models import Classification, Incident, NormalizedAlert, RemediationPlan, RunbookRun, Target
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook
from firstline.runbooks.plan import Resolution, Rules, affected_hosts, plan

type Make[T] = Callable[..., T]


@dataclass
class Inventory:
    """Hosts by name."""

    hosts: dict[str, Target]
    asked: list[list[str]] = field(default_factory=list)

    def resolve(self, hints: Sequence[str]) -> Resolution:
        self.asked.append(list(hints))
        unknown = [hint for hint in hints if hint not in self.hosts]
        if unknown:
            return Resolution(targets=[], problem=f"{unknown[0]} is nobody's name")
        return Resolution(targets=[self.hosts[hint] for hint in hints], problem=None)


@dataclass
class Notebook:
    """Runs and plans in memory."""

    runs: list[RunbookRun] = field(default_factory=list)
    plans: dict[str, RemediationPlan] = field(default_factory=dict)

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        return [run for run in self.runs if run.runbook_id == runbook_id and run.at >= since]

    def record_runs(self, runbook_id: str, incident_id: str, instance_ids: Iterable[str], at: datetime) -> None:
        self.runs += [
            RunbookRun(runbook_id=runbook_id, incident_id=incident_id, instance_id=host, at=at) for host in instance_ids
        ]

    def save_plan(self, incident_id: str, plan: RemediationPlan) -> None:
        self.plans[incident_id] = plan


@dataclass
class Desk:
    """Everything that planning needs, ready to be changed by a test."""

    incident: Incident
    classification: Classification
    runbooks: list[Runbook]
    inventory: Inventory
    history: Notebook
    now: datetime
    mode: str = "auto"

    def plan(self) -> PlanRemediationOutput:
        rules: dict[str, Any] = {
            "remediation_mode": self.mode,
            "environment": "staging",
            "document_prefix": "firstline-dev",
            "approval_timeout_seconds": 900,
        }
        return plan(
            self.incident,
            self.classification,
            catalogue=Catalogue(self.runbooks),
            targets=self.inventory,
            history=self.history,
            rules=Rules(**rules),
            now=self.now,
        )

    def refusal(self) -> str:
        """Why there is no plan; nothing may have been recorded then."""
        output = self.plan()
        assert output.plan is None
        assert not self.history.runs
        assert not self.history.plans
        return output.reason


@pytest.fixture
def desk(
    make_incident: Make[Incident],
    make_classification: Make[Classification],
    make_runbook: Make[Runbook],
    web_1: Target,
    web_2: Target,
    now: datetime,
) -> Desk:
    return Desk(
        incident=make_incident(),
        classification=make_classification(),
        runbooks=[make_runbook()],
        inventory=Inventory({"web-1": web_1, "web-2": web_2}),
        history=Notebook(),
        now=now,
    )


def test_a_plan_has_documents_targets_and_checked_values(
    desk: Desk, make_runbook: Make[Runbook], web_1: Target
) -> None:
    desk.runbooks = [
        make_runbook(
            steps=[
                {"id": "look", "kind": "diagnose", "run": "look", "on_failure": "continue", "timeout": "30s"},
                {"id": "drain", "kind": "act", "run": 'drain "$SSM_spool"'},
            ],
            rollback=[{"id": "refill", "run": 'refill "$SSM_spool"'}],
        )
    ]

    output = desk.plan()

    made = output.plan
    assert made is not None
    assert made.decision == "auto"
    assert made.targets == [web_1]
    assert [(step.document, step.parameters, step.on_failure) for step in made.steps] == [
        ("firstline-dev-drain-spool-look", {}, "continue"),
        ("firstline-dev-drain-spool-drain", {"spool": ["mail"]}, "stop"),
    ]
    assert made.steps[0].timeout_seconds == 30
    assert made.verify is not None
    assert (made.verify.step_id, made.verify.kind, made.verify.document) == (
        "verify",
        "verify",
        "firstline-dev-drain-spool-verify",
    )
    assert (made.verify_attempts, made.recovery_wait_seconds) == (3, 20)
    assert [(step.document, step.kind) for step in made.rollback] == [("firstline-dev-drain-spool-refill", "rollback")]
    assert made.approval_timeout_seconds == 900
    assert RemediationPlan.model_validate(made.model_dump(mode="json")) == made


def test_a_plan_reserves_its_runs_and_is_kept(desk: Desk, web_1: Target) -> None:
    output = desk.plan()

    assert output.plan is not None
    assert desk.history.plans == {desk.incident.incident_id: output.plan}
    assert [(run.runbook_id, run.instance_id, run.at) for run in desk.history.runs] == [
        ("drain-spool", web_1.instance_id, desk.now)
    ]


def test_a_plan_that_waits_for_approval_reserves_its_runs_too(desk: Desk) -> None:
    desk.mode = "approve"

    output = desk.plan()

    assert output.plan is not None
    assert output.plan.decision == "approve"
    assert output.plan.decision_reason == output.reason == "this stack asks for approval before every remediation"
    assert len(desk.history.runs) == 1


def test_the_retry_of_a_plan_is_the_same_plan_and_the_next_incident_waits(
    desk: Desk, make_incident: Make[Incident]
) -> None:
    first = desk.plan()
    again = desk.plan()
    assert first.plan is not None
    assert again.plan == first.plan

    desk.incident = make_incident(incident_id="the-next-one")
    desk.now += timedelta(minutes=5)
    later = desk.plan()
    assert later.plan is None
    assert "ran on web-1 5 minutes ago" in later.reason


def test_no_runbook_chosen_is_no_plan(desk: Desk, make_classification: Make[Classification]) -> None:
    desk.classification = make_classification(runbook_id=None)

    assert desk.refusal() == "no runbook chosen"


def test_a_runbook_that_is_not_offered_for_this_alert_is_refused(
    desk: Desk, make_runbook: Make[Runbook], make_classification: Make[Classification]
) -> None:
    desk.runbooks.append(make_runbook(id="wipe-host", match={"alerts": ["Decommission"]}))

    for chosen in ("wipe-host", "no-such-runbook"):
        desk.classification = make_classification(runbook_id=chosen)
        assert desk.refusal() == f"runbook {chosen!r} is not one that fits this alert"
    assert not desk.inventory.asked


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({}, "the alert has no labels.spool for its parameter spool"),
        ({"spool": ""}, "the alert has no labels.spool for its parameter spool"),
        ({"spool": "mail; reboot"}, "'mail; reboot' does not fit ^[a-z]{1,20}$"),
        ({"spool": "mail\n"}, "does not fit"),
        ({"spool": "$(reboot)"}, "does not fit"),
    ],
)
def test_a_value_that_does_not_fit_is_no_plan_and_asks_nobody(
    desk: Desk, make_incident: Make[Incident], make_alert: Make[NormalizedAlert], labels: dict[str, str], reason: str
) -> None:
    desk.incident = make_incident(make_alert(labels=labels))

    assert reason in desk.refusal()
    assert not desk.inventory.asked


def test_the_first_field_that_the_alert_has_counts_and_a_default_only_fills_a_gap(
    desk: Desk, make_runbook: Make[Runbook], make_incident: Make[Incident], make_alert: Make[NormalizedAlert]
) -> None:
    spool = {"from": ["labels.queue", "labels.spool", "service"], "pattern": "^[a-z]+$", "default": "news"}
    desk.runbooks = [make_runbook(parameters={"spool": spool})]

    def value(**alert: Any) -> str | None:
        desk.incident = make_incident(make_alert(**alert))
        made = desk.plan().plan
        return made.steps[0].parameters["spool"][0] if made else None

    assert value(labels={"spool": "mail", "queue": "fax"}) == "fax"
    assert value(labels={"spool": "mail"}) == "mail"
    assert value(labels={}, service="print") == "print"
    assert value(labels={}) == "news"
    assert value(labels={"spool": "BAD"}) is None, "a bad value must not be replaced by the default"


def test_no_host_an_unknown_host_and_hosts_beyond_the_runbook_are_no_plan(
    desk: Desk, make_incident: Make[Incident], make_alert: Make[NormalizedAlert]
) -> None:
    desk.incident = make_incident(make_alert(host=None))
    assert desk.refusal() == "the alert names no host"

    desk.incident = make_incident(make_alert(host="web-9"))
    assert desk.refusal() == "no target: web-9 is nobody's name"

    desk.incident = make_incident(hosts=["web-1", "web-2"])
    assert desk.refusal() == "2 hosts are affected (web-1, web-2) and drain-spool is for one"


def test_a_runbook_for_hosts_runs_on_all_of_them(
    desk: Desk, make_runbook: Make[Runbook], make_incident: Make[Incident], web_1: Target, web_2: Target
) -> None:
    desk.runbooks = [make_runbook(target="hosts")]
    desk.incident = make_incident(hosts=["web-1", "web-2"])

    output = desk.plan()

    assert output.plan is not None
    assert output.plan.targets == [web_1, web_2]
    assert len(desk.history.runs) == 2


def test_a_runbook_that_only_looks_has_nothing_to_verify(desk: Desk, make_runbook: Make[Runbook]) -> None:
    step = {"id": "look", "kind": "diagnose", "run": "look"}
    desk.runbooks = [make_runbook(steps=[step], verify=None, risk="read_only", parameters={})]

    output = desk.plan()

    assert output.plan is not None
    assert output.plan.verify is None
    assert output.plan.recovery_wait_seconds == 60


def test_an_instance_id_among_the_labels_stands_in_for_a_missing_host(
    make_incident: Make[Incident], make_alert: Make[NormalizedAlert]
) -> None:
    labels = {"InstanceId": "i-0123456789abcdef0", "text": "see i-0123456789abcdef1"}

    assert affected_hosts(make_incident(make_alert(host=None, labels=labels))) == ["i-0123456789abcdef0"]
    assert affected_hosts(make_incident(make_alert(host="web-1", labels=labels))) == ["web-1"]
    assert affected_hosts(make_incident(hosts=["web-2", " web-1", " "])) == ["web-2", "web-1"]
