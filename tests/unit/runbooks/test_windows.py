"""Tests of hosts on Windows: only runbooks for Windows run there, and these only send documents of the owner."""

from typing import Any

import pytest
from pydantic import ValidationError

from firstline.models import PlannedStep, Target
from firstline.remediation.steps import Document
from firstline.runbooks import documents
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook
from tests.support.checked import all_checked
from tests.support.memory import HASH, MemoryDocuments
from tests.support.spool import a_runbook, an_alert, an_incident, runbook_fields
from tests.unit.remediation.desk import Desk, a_desk

SCRIPT = {
    "schemaVersion": "2.2",
    "parameters": {"Service": {"type": "String"}},
    "mainSteps": [
        {
            "action": "aws:runPowerShellScript",
            "name": "restart",
            "precondition": {"StringEquals": ["platformType", "Windows"]},
            "inputs": {"runCommand": ["Restart-Service -Name '{{ Service }}'"]},
        }
    ],
}
STEP = {
    "id": "restart",
    "kind": "ssm_document",
    "document": "team-restart-service",
    "version": 3,
    "parameters": {"Service": "spool"},
}
FOR_WINDOWS: dict[str, Any] = {
    "platforms": ["windows"],
    "risk": "disruptive",
    "steps": [STEP],
    "verify": None,
    "resolves_within": "15m",
}
APP_1 = Target(instance_id="i-0aaaaaaaaaaaaaaaa", name="app-1")


@pytest.fixture
def desk() -> Desk:
    return a_desk()


@pytest.fixture
def of_windows(desk: Desk) -> Desk:
    """A desk with an incident of the host app-1, which runs Windows."""
    desk.inventory.hosts["app-1"] = APP_1
    desk.inventory.windows = {"app-1"}
    desk.incident = an_incident(an_alert(host="app-1"))
    return desk


def with_runbook(desk: Desk, runbook: Runbook) -> Desk:
    desk.runbooks = [runbook]
    desk.documents = MemoryDocuments(desk.runbooks, "firstline-dev")
    desk.documents.deployed["team-restart-service"] = Document(version="3", content=SCRIPT, hash=HASH)
    return desk


def test_a_runbook_of_scripts_is_refused_for_a_host_on_windows(of_windows: Desk) -> None:
    assert of_windows.refusal() == (
        "app-1 runs Windows, and drain-spool has no steps for that; "
        "if its steps fit, name the platform under `platforms`"
    )


def test_a_runbook_with_documents_for_windows_is_planned(of_windows: Desk) -> None:
    plan = with_runbook(of_windows, a_runbook(**FOR_WINDOWS)).plan().plan

    assert plan is not None
    assert plan.targets == [APP_1]
    (step,) = all_checked(PlannedStep, plan.steps)
    assert (step.document, step.document_version, step.kind) == ("team-restart-service", "3", "act")
    assert step.parameters == {"Service": ["mail"]}
    # No verification runs on Windows, so the plan waits 900 seconds for the alert to resolve.
    assert (plan.verify, plan.rollback, plan.recovery_wait_seconds) == (None, [], 900)


def test_a_runbook_for_windows_is_refused_for_a_host_on_linux(desk: Desk) -> None:
    refused = with_runbook(desk, a_runbook(**FOR_WINDOWS)).refusal()
    assert refused.startswith("not every target runs Windows, and drain-spool is written for Windows only")


def test_a_hybrid_node_on_windows_needs_a_runbook_for_both_platforms(of_windows: Desk) -> None:
    of_windows.inventory.hosts["app-1"] = Target(instance_id="mi-0123456789abcdef0", name="app-1")

    refused = with_runbook(of_windows, a_runbook(**FOR_WINDOWS)).refusal()
    both = a_runbook(**FOR_WINDOWS | {"platforms": ["windows", "hybrid"]})

    assert refused.startswith("app-1 is a hybrid node, and drain-spool is not written for those")
    assert with_runbook(of_windows, both).plan().plan is not None


def test_the_template_has_no_document_for_a_windows_runbook() -> None:
    template = documents.render_template(Catalogue([a_runbook(**FOR_WINDOWS)]))

    assert "AWS::SSM::Document" not in template


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"steps": [STEP, {"id": "look", "kind": "diagnose", "run": "dir"}]}, "bash, which Windows does not run"),
        ({"verify": {"run": "true", "within": "1m"}}, "`resolves_within` in place of `verify`"),
        ({"rollback": [{"id": "undo", "run": "true"}]}, "and no `rollback`"),
        ({"resolves_within": None}, "add the time in which the alert must resolve, as in `resolves_within: 10m`"),
        ({"platforms": ["win"]}, "'ec2', 'hybrid' or 'windows'"),
    ],
    ids=str,
)
def test_a_step_that_windows_cannot_run_is_refused_when_the_runbook_is_read(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        Runbook.model_validate(runbook_fields(**FOR_WINDOWS | changes))
