"""Deployments by role: every role is asked about every release, as IAM would judge it."""

import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.emulator.iam import Statement, allows
from tests.template.test_iam_senders import ACCOUNT, MACHINE, REGION, statements_by_role, template

ROOT = Path(__file__).parents[2]
CODE_DEPLOY = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}"
APP_CONFIG = f"arn:aws:appconfig:{REGION}:{ACCOUNT}"
LISTED = (
    f"{CODE_DEPLOY}:application:shop",
    f"{CODE_DEPLOY}:deploymentgroup:shop/live",
    f"{APP_CONFIG}:application/app1234",
    f"{APP_CONFIG}:application/app1234/environment/env1234",
    f"{APP_CONFIG}:application/app1234/configurationprofile/flags12",
)
OTHERS = (
    f"{CODE_DEPLOY}:application:shop2",
    f"{CODE_DEPLOY}:deploymentgroup:shop/live2",
    f"{CODE_DEPLOY}:deploymentgroup:shop/staging",
    f"{CODE_DEPLOY}:deploymentgroup:payments/live",
    f"{CODE_DEPLOY}:deploymentgroup:shop/live".replace(ACCOUNT, "210987654321"),
    f"{CODE_DEPLOY}:deploymentgroup:shop/live".replace(REGION, "us-east-1"),
    f"{APP_CONFIG}:application/other12",
    f"{APP_CONFIG}:application/app1234/environment/other12",
    f"{APP_CONFIG}:application/app1234/configurationprofile/other12",
    f"{APP_CONFIG}:application/app1234/environment/env1234/anything/1",
)
CHANGES = (
    *("codedeploy:CreateDeployment", "codedeploy:StopDeployment"),
    *("appconfig:StartDeployment", "appconfig:StopDeployment"),
)
STRATEGY = f"{APP_CONFIG}:deploymentstrategy/AppConfig.AllAtOnce"
DEPLOYMENT = f"{APP_CONFIG}:application/app1234/environment/env1234/deployment/14"
RELEASES = "ReleaseStateMachineRole"
"""The logical id of the role of the child machine, which takes releases back."""

NEEDED = {
    RELEASES: {
        "codedeploy:CreateDeployment": [LISTED[1]],
        "codedeploy:StopDeployment": [LISTED[1]],
        "codedeploy:GetDeploymentGroup": [LISTED[1]],
        "codedeploy:GetDeployment": [LISTED[1]],
        "codedeploy:GetApplicationRevision": [LISTED[0]],
        "codedeploy:RegisterApplicationRevision": [LISTED[0]],
        "codedeploy:GetDeploymentConfig": [f"{CODE_DEPLOY}:deploymentconfig:CodeDeployDefault.OneAtATime"],
        "appconfig:ListDeployments": [LISTED[2], LISTED[3]],
        "appconfig:StartDeployment": [LISTED[2], LISTED[3], LISTED[4], STRATEGY, DEPLOYMENT],
        "appconfig:StopDeployment": [LISTED[2], LISTED[3], DEPLOYMENT],
        "appconfig:GetDeployment": [LISTED[2], LISTED[3], DEPLOYMENT],
    },
    "RemediateFunctionRole": {
        "codedeploy:GetDeploymentGroup": [LISTED[1]],
        "codedeploy:ListDeployments": [LISTED[1]],
        "codedeploy:BatchGetDeployments": [LISTED[1]],
        "appconfig:GetEnvironment": [LISTED[2], LISTED[3]],
        "appconfig:GetConfigurationProfile": [LISTED[2], LISTED[4]],
        "appconfig:ListDeployments": [LISTED[2], LISTED[3]],
    },
}
"""The calls that each role makes, with every ARN that AWS's service authorization reference names for them."""


@pytest.fixture(scope="module")
def closed() -> dict[str, list[Statement]]:
    """Return each role's statements in a stack without a list of releases."""
    return statements_by_role(template())


@pytest.fixture(scope="module")
def opened() -> dict[str, list[Statement]]:
    """Return each role's statements in a stack whose owner listed `LISTED`."""
    return statements_by_role(template(ReleaseArns=",".join(LISTED)))


def test_without_a_list_nobody_may_do_anything_with_releases(closed: dict[str, list[Statement]]) -> None:
    assert [
        statement
        for given in closed.values()
        for statement in given
        if re.search("codedeploy|appconfig", str(statement["Action"]))
    ] == []


def test_only_the_child_machine_deploys_and_only_what_is_listed(opened: dict[str, list[Statement]]) -> None:
    wrong = [
        (role, action, arn)
        for role, given in opened.items()
        for action in CHANGES
        for arn in (*LISTED, *OTHERS)
        if allows(given, action, arn, {}) and not (role == RELEASES and arn in LISTED)
    ]

    assert wrong == []
    assert allows(opened[RELEASES], CHANGES[0], LISTED[1], {})


def test_only_the_incidents_machine_starts_the_child_and_nobody_stops_it(opened: dict[str, list[Statement]]) -> None:
    """A child that could be stopped might leave a release half taken back."""
    child = f"arn:aws:any:{REGION}:{ACCOUNT}:ReleaseStateMachine"
    execution = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:ops-release:any"

    assert [role for role, given in opened.items() if allows(given, "states:StartExecution", child, {})] == [MACHINE]
    assert [role for role, given in opened.items() if allows(given, "states:StopExecution", execution, {})] == []
    assert [role for role, given in opened.items() if allows(given, "states:SendTaskSuccess", child, {})] == []


@pytest.mark.parametrize("role", NEEDED)
def test_a_role_may_do_what_it_needs_with_listed_releases_and_nothing_with_others(
    opened: dict[str, list[Statement]], role: str
) -> None:
    for action, arns in NEEDED[role].items():
        assert [arn for arn in arns if not allows(opened[role], action, arn, {})] == [], action
        assert [arn for arn in OTHERS if allows(opened[role], action, arn, {})] == [], action


def test_no_role_may_change_a_deployment_group_a_flag_or_a_profile(opened: dict[str, list[Statement]]) -> None:
    """Only what was released before may be deployed, and only where it was."""
    for action in (
        *("codedeploy:UpdateDeploymentGroup", "codedeploy:DeleteDeploymentGroup"),
        *("codedeploy:CreateDeploymentGroup", "codedeploy:UpdateApplication", "codedeploy:ContinueDeployment"),
        *("appconfig:CreateHostedConfigurationVersion", "appconfig:UpdateEnvironment"),
        *("appconfig:DeleteConfigurationProfile", "appconfig:UpdateConfigurationProfile"),
        *("s3:GetObject", "s3:PutObject"),
    ):
        for role, given in opened.items():
            assert [arn for arn in (*LISTED, *OTHERS, STRATEGY) if allows(given, action, arn, {})] == [], (role, action)


@pytest.mark.parametrize(
    "arn",
    [
        *("*", "arn:aws:codedeploy:*:*:deploymentgroup:shop/live", f"{CODE_DEPLOY}:deploymentgroup:shop/*"),
        *(f"{CODE_DEPLOY}:deploymentgroup:*", f"{CODE_DEPLOY}:application:*", f"{CODE_DEPLOY}:deploymentgroup:shop"),
        *(f"{APP_CONFIG}:application/*", f"{APP_CONFIG}:application/app1234/environment/*", f"{APP_CONFIG}:*"),
        *(f"{APP_CONFIG}:application/app1234/environment/env1234/deployment/1", "arn:aws:s3:::releases"),
    ],
)
def test_a_release_place_with_a_wildcard_cannot_be_listed(arn: str) -> None:
    declared: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]["ReleaseArns"]

    assert [arn for arn in ("", *LISTED) if not re.fullmatch(declared["AllowedPattern"], arn)] == []
    assert not re.fullmatch(declared["AllowedPattern"], arn)
