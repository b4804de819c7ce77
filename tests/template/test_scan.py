"""Findings of cfn-lint's information rules, each accepted with a reason. `make scan` runs checkov and parliament."""

import pytest
import yaml

from scripts import scan
from tests.template.stack import linted

TEMPLATES = ["template.yaml", "observability.yaml"]


def test_every_finding_of_the_information_rules_is_accepted() -> None:
    found = [
        ("cfn-lint", match.rule.id, str(match.path[1] if match.path and len(match.path) > 1 else "-"))
        for name in TEMPLATES
        for match in linted(name)
        if match.rule.severity == "informational"
    ]

    assert found
    assert list(scan.differences(found, ["cfn-lint"])) == []


def test_each_accepted_finding_has_a_reason() -> None:
    accepted = yaml.safe_load(scan.ACCEPTED.read_text())

    assert all(len(entry["reason"]) > 30 for entry in accepted)
    assert [entry for entry in accepted if entry["rule"] != "I3011" and entry["places"] == ["*"]] == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([("checkov", "CKV_AWS_26", "PageTopic")], "checkov CKV_AWS_26 PageTopic: mend it"),
        ([], "found no more"),
    ],
)
def test_a_finding_that_is_new_and_an_accepted_one_that_is_gone_are_told(found: list[scan.Finding], words: str) -> None:
    assert words in "\n".join(scan.differences(found, ["checkov"]))


def test_the_policies_that_are_scanned_are_all_of_a_stack_with_every_option() -> None:
    policies = scan.policies()

    assert {"UseKeyPolicy", "LogMachinesPolicy", "TakeReleasesBack", "SendOwnDocuments", "deployer"} <= set(policies)
    assert any(name.startswith("CanaryFunctionRole/") for name in policies)
