"""The resources of each statement, against those that AWS asks about for its actions.

A grant on anything else looks careful and allows nothing. The service authorization reference says what AWS asks
about; cfn-lint brings it along as data.
"""

import json
import re
from importlib.resources import files
from typing import Any

import pytest

from local.emulator.iam import Statement, fits
from tests.template.access import as_list
from tests.template.test_iam_releases import LISTED
from tests.template.test_iam_senders import statements_by_role, template

type Services = dict[str, dict[str, Any]]

DOCUMENTED_ELSEWHERE = {
    # CodeDeploy's user guide, "Permissions reference", against the service authorization reference, which names none.
    "codedeploy:StopDeployment": ["arn:*:codedeploy:*:*:deploymentgroup:*"],
    # cfn-lint names kinds of which it has no form. https://docs.aws.amazon.com/apigateway/latest/developerguide/
    # arn-format-reference.html
    "apigateway:GET": ["arn:*:apigateway:*::/restapis", "arn:*:apigateway:*::/apis/*/stages/*"],
    # What the AWS CDK's `grantTaskResponse` grants, too.
    "states:SendTaskSuccess": ["arn:*:states:*:*:stateMachine:*"],
    "states:SendTaskFailure": ["arn:*:states:*:*:stateMachine:*"],
}
"""The ARN patterns of actions of which the reference names none. If AWS denies one after all, a human is called."""

LOGS = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/*:*"
PLACEHOLDER = re.compile(r"\$\{[A-Za-z]+\}")


@pytest.fixture(scope="module")
def services() -> Services:
    """Return the service authorization reference."""
    known: Services = json.loads((files("cfnlint.data.AdditionalSpecs") / "Policies.json").read_text())
    return known


@pytest.fixture(scope="module")
def roles() -> dict[str, list[Statement]]:
    """Return each role's statements in a stack with every option."""
    own = "arn:aws:ssm:eu-central-1:123456789012:document/ours"
    return statements_by_role(template(ReleaseArns=",".join(LISTED), OwnDocumentArns=own, ErrorLogGroupArns=LOGS))


def formats(services: Services, action: str) -> list[str]:
    """Return the ARN patterns of an action's resources, with IAM's wildcards; none if the action takes no resource."""
    if action in DOCUMENTED_ELSEWHERE:
        return DOCUMENTED_ELSEWHERE[action]
    service, name = action.split(":")
    known = services[service]
    kinds = known["Actions"][name.lower()].get("Resources", [])
    return [
        PLACEHOLDER.sub("*", form).replace(".*", "*")
        for kind in kinds
        for form in known["Resources"][kind]["ARNFormats"]
    ]


def test_every_action_is_granted_on_the_resources_that_aws_asks_about(
    services: Services, roles: dict[str, list[Statement]]
) -> None:
    wrong = []
    looked_at = 0
    for role, statements in roles.items():
        for statement in statements:
            if "NotResource" in statement:
                continue  # a phone number, which is no ARN
            resources = as_list(statement["Resource"])
            for action in as_list(statement["Action"]):
                asked = formats(services, action)
                looked_at += 1
                if "*" in resources:
                    continue
                # The names of what the stack makes itself are unknown here; only their service is.
                ours = any(resource.startswith("arn:aws:any:") for resource in resources)
                if not asked or not (ours or any(fits(form, resource) for form in asked for resource in resources)):
                    wrong.append(f"{role}: {action} on {resources[0]}, asked about {asked or 'nothing: it needs *'}")

    assert wrong == []
    assert looked_at > 60


def test_the_reference_tells_actions_without_resources_from_others(services: Services) -> None:
    """Without the difference, the test of every action could not fail."""
    assert formats(services, "ssm:CancelCommand") == formats(services, "ec2:DescribeInstances") == []
    assert formats(services, "codedeploy:CreateDeployment") == ["arn:*:codedeploy:*:*:deploymentgroup:*"]
