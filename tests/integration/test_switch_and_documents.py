"""The kill switch and the documents in Systems Manager, as planning and approvers read them."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from firstline.adapters.aws.documents import SsmDocuments
from firstline.adapters.aws.switch import RemediationSwitch
from firstline.errors import DocumentUnreadable
from firstline.models import PlannedStep
from tests.support.builders import a_plan
from tests.support.checked import all_checked

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

SWITCH = "/firstline/prod/remediation"
CONTENT: dict[str, Any] = {
    "schemaVersion": "2.2",
    "description": "any",
    "mainSteps": [{"action": "aws:runShellScript", "name": "any", "inputs": {"runCommand": ["echo hello\n"]}}],
}

SCRIPT = "#!/usr/bin/env bash\nset -e\necho hello\n"


@pytest.fixture
def ssm() -> "Iterator[SSMClient]":
    with mock_aws():
        yield boto3.client("ssm")


def test_a_switch_that_is_not_there_is_on(ssm: "SSMClient") -> None:
    assert RemediationSwitch(ssm, SWITCH).read() == "on"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("on", "on"), (" ON\n", "on"), ("off", "off"), ("Off", "off"), ("stop", "off"), ("false", "off"), ("onn", "off")],
)
def test_only_on_is_on_and_each_reading_is_fresh(ssm: "SSMClient", value: str, expected: str) -> None:
    switch = RemediationSwitch(ssm, SWITCH)
    assert switch.read() == "on"

    ssm.put_parameter(Name=SWITCH, Value=value, Type="String")

    assert switch.read() == expected


def test_a_switch_that_cannot_be_read_is_not_on(ssm: "SSMClient") -> None:
    with Stubber(ssm) as stub:
        stub.add_client_error("get_parameter", "AccessDeniedException")

        assert RemediationSwitch(ssm, SWITCH).read() == "unreadable"


def test_a_document_is_read_with_the_version_that_counts_now(ssm: "SSMClient") -> None:
    ssm.create_document(Name="any", Content=json.dumps(CONTENT), DocumentType="Command")
    changed = CONTENT | {"description": "another"}
    ssm.update_document(Name="any", Content=json.dumps(changed), DocumentVersion="$LATEST")
    before = SsmDocuments(ssm).read("any")
    ssm.update_document_default_version(Name="any", DocumentVersion="2")
    after = SsmDocuments(ssm).read("any")

    assert before is not None
    assert after is not None
    assert (before.version, before.content) == ("1", CONTENT)
    assert (after.version, after.content) == ("2", changed)
    assert [before.hash, after.hash] == [
        ssm.describe_document(Name="any", DocumentVersion=version)["Document"]["Hash"] for version in ("1", "2")
    ]
    assert before.hash != after.hash


def test_no_document_is_none_and_one_that_is_refused_says_so(ssm: "SSMClient") -> None:
    assert SsmDocuments(ssm).read("nobody") is None
    with Stubber(ssm) as stub:
        stub.add_client_error("get_document", "AccessDeniedException")

        with pytest.raises(DocumentUnreadable, match=r"document any: .*AccessDenied"):
            SsmDocuments(ssm).read("any")


@pytest.fixture
def commands() -> Iterator[Any]:
    """Provide a Systems Manager with a document like the shipped ones, and one of another kind."""
    with mock_aws():
        client = boto3.client("ssm")
        for name, step in {
            "firstline-low-disk-rotate-logs": {
                "action": "aws:runShellScript",
                "name": "rotate",
                "inputs": {"runCommand": [SCRIPT]},
            },
            "firstline-other": {"action": "aws:runDocument", "name": "other", "inputs": {"documentPath": "x"}},
        }.items():
            content = json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})
            client.create_document(Name=name, Content=content, DocumentType="Command", DocumentFormat="JSON")
        yield client


def test_the_script_of_a_step_is_the_one_in_its_document(commands: Any) -> None:
    (step,) = all_checked(PlannedStep, a_plan().steps)
    assert SsmDocuments(commands).script(step) == SCRIPT


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("firstline-gone", "document firstline-gone: version 1 does not exist"),
        ("firstline-other", "holds no shell script"),
    ],
)
def test_what_cannot_be_shown_says_why(commands: Any, document: str, words: str) -> None:
    (step,) = all_checked(PlannedStep, a_plan().steps)
    with pytest.raises(DocumentUnreadable, match=words):
        SsmDocuments(commands).script(step.model_copy(update={"document": document}))
