"""Steps that send a document which the stack's owner wrote."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from firstline.models import PlannedStep, RemediationPlan
from firstline.remediation.steps import Document
from firstline.runbooks import catalogue, documents
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook
from tests.support.checked import all_checked
from tests.support.memory import HASH, MemoryDocuments
from tests.support.spool import a_runbook, runbook_fields
from tests.unit.remediation.desk import Desk

CONTENT: dict[str, Any] = {
    "schemaVersion": "2.2",
    "parameters": {"Spool": {"type": "String"}},
    "mainSteps": [{"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["drain"]}}],
}


def own_step(**changes: Any) -> dict[str, Any]:
    """Return a step that sends the owner's document, with some keys changed, or left out with None."""
    fields = {
        "id": "theirs",
        "kind": "ssm_document",
        "document": "team-drain-spool",
        "version": 7,
        "parameters": {"Spool": "spool"},
        **changes,
    }
    return {key: value for key, value in fields.items() if value is not None}


@pytest.fixture
def planned(desk: Desk) -> Callable[..., Desk]:
    """Make a desk with a runbook that sends version 7 of the owner's document; Systems Manager has `in_ssm` of it."""

    def make(in_ssm: str = "7", content: dict[str, Any] | None = None, **step: Any) -> Desk:
        desk.runbooks = [a_runbook(steps=[own_step(**step)])]
        desk.documents = MemoryDocuments(desk.runbooks, "firstline-dev")
        desk.documents.deployed["team-drain-spool"] = Document(version=in_ssm, content=content or CONTENT, hash=HASH)
        return desk

    return make


def made(desk: Desk) -> RemediationPlan:
    plan = desk.plan().plan
    assert plan is not None
    return plan


def test_a_step_with_the_owners_document_is_planned_with_the_pinned_version_7(planned: Callable[..., Desk]) -> None:
    (step,) = all_checked(PlannedStep, made(planned(timeout="2m", on_failure="continue")).steps)

    assert (step.document, step.document_version, step.kind) == ("team-drain-spool", "7", "act")
    assert step.document_hash == HASH
    assert step.parameters == {"Spool": ["mail"]}
    assert (step.timeout_seconds, step.on_failure) == (120, "continue")


def test_a_version_that_systems_manager_does_not_have_stops_the_plan(planned: Callable[..., Desk]) -> None:
    reason = planned(in_ssm="8").refusal()

    assert reason == (
        "version 7 of the document team-drain-spool is not in Systems Manager: correct the runbook's step theirs"
    )


def test_a_parameter_that_the_document_does_not_take_stops_the_plan(planned: Callable[..., Desk]) -> None:
    reason = planned(content={**CONTENT, "parameters": {}}).refusal()

    assert reason == (
        "version 7 of the document team-drain-spool takes no parameter Spool: correct the runbook's step theirs"
    )


def test_the_stack_creates_no_document_for_a_step_that_uses_the_owners() -> None:
    template = documents.render_template(Catalogue([a_runbook(steps=[own_step()])]))

    assert "team-drain-spool" not in template
    assert "DrainSpoolVerify:" in template
    assert "DrainSpoolTheirs" not in template


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"document": "AWS-RunShellScript"}, "is a document of AWS"),
        ({"document": "aws-runshellscript"}, "is a document of AWS"),
        ({"document": "AmazonCloudWatch-ManageAgent"}, "is a document of AWS"),
        ({"document": "arn:aws:ssm:eu-central-1:123456789012:document/mine"}, "should match pattern"),
        ({"version": "$LATEST"}, "should match pattern"),
        ({"version": "$DEFAULT"}, "should match pattern"),
        ({"version": None}, "Field required"),
        ({"parameters": {"Spool": "spoool"}}, "uses the parameter 'spoool', but `parameters` does not declare"),
        ({"run": "ls"}, "Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_a_wrong_step_with_the_owners_document_is_refused_when_the_runbook_is_read(
    change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        Runbook.model_validate(runbook_fields(steps=[own_step(**change)]))


def test_an_unknown_key_of_the_step_is_named_by_line_and_key() -> None:
    text = yaml.safe_dump(runbook_fields(steps=[own_step(vershun=1)]), sort_keys=False)

    _, (problem,) = catalogue.parse(text, "drain-spool.yaml")

    assert problem.key == "steps.0.vershun"
    assert text.splitlines()[problem.line - 1].strip() == "vershun: 1"
    assert problem.message == "unknown key; did you mean 'version'?"


def test_a_step_with_the_owners_document_needs_a_verification_like_every_act() -> None:
    with pytest.raises(ValidationError, match="the runbook acts but never checks whether that helped"):
        Runbook.model_validate(runbook_fields(steps=[own_step()], verify=None))


def test_the_timeout_of_a_step_with_the_owners_document_is_not_extended() -> None:
    runbook = a_runbook(steps=[own_step(timeout="2m")])

    assert runbook.timeout_of(runbook.steps[0]).total_seconds() == 120
