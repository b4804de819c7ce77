"""Least privilege, read from the roles as SAM makes them."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.emulator.iam import allows, conditions_hold
from tests.template.access import as_list
from tests.template.conftest import ROOT
from tests.template.test_iam_senders import statements_by_role, template

KEYS = "dynamodb:LeadingKeys"

type Resources = dict[str, dict[str, Any]]
type Statement = dict[str, Any]

WITHOUT_RESOURCES = {
    "ssm:CancelCommand",
    "ssm:ListCommandInvocations",
    "ssm:DescribeInstanceInformation",
    "ec2:DescribeInstances",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "ec2:DescribeInstanceStatus",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "rds:DescribeEvents",
    "cloudtrail:LookupEvents",
    "application-autoscaling:DescribeScalingActivities",
    "tag:GetResources",
}
"""The reads that are granted on `*`: they know no resource, or show composite alarms only so (AWS's reference)."""

FROM_SAM = {
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}
"""The managed policies of logs and traces, which SAM attaches (docs/decisions/0006-roles-are-made-by-sam.md)."""


@pytest.fixture(scope="session")
def roles(resources: Resources) -> Resources:
    """Return the roles by logical id."""
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::IAM::Role"}


def allowed[S: Mapping[str, Any]](statements: list[S], action: str) -> list[S]:
    """Return the statements that name an action."""
    return [statement for statement in statements if action in as_list(statement["Action"])]


def test_every_function_has_a_role_of_its_own(functions: Resources) -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for function in functions.values()]

    assert len(set(roles)) == len(functions) == 10


def test_no_statement_allows_every_action_or_resources_that_its_actions_do_not_need(
    statements: dict[str, list[Statement]],
) -> None:
    for role, given in statements.items():
        for statement in given:
            assert statement["Effect"] == "Allow"
            assert not [action for action in as_list(statement["Action"]) if "*" in action], role
            if "NotResource" in statement:
                assert statement["Sid"] == "TextPhones", role
            elif "*" in as_list(statement["Resource"]):
                assert set(as_list(statement["Action"])) <= WITHOUT_RESOURCES, role


@pytest.mark.parametrize("role", ["EscalateFunctionRole", "ReconcileFunctionRole"])
def test_who_pages_may_text_any_phone_and_publish_to_no_other_topic(
    role: str, statements: dict[str, list[Statement]]
) -> None:
    to_topic, to_phones = allowed(statements[role], "sns:Publish")

    assert to_topic["Resource"] == {"Ref": "PageTopic"}
    resolved = to_phones | {"NotResource": to_phones["NotResource"]["Fn::Sub"].replace("${AWS::Partition}", "aws")}
    assert allows([resolved], "sns:Publish", "+4915112345678", {})
    assert not allows([resolved], "sns:Publish", "arn:aws:sns:eu-west-1:210987654321:orders", {})
    assert not allows([resolved], "sns:Publish", "arn:aws:sns:eu-west-1:1:endpoint/APNS/app/1", {})


def test_managed_policies_are_for_logs_and_traces_only(roles: Resources) -> None:
    assert {arn for role in roles.values() for arn in role.get("ManagedPolicyArns", [])} == FROM_SAM


def test_only_the_machine_sends_commands(statements: dict[str, list[Statement]]) -> None:
    senders = {role for role, given in statements.items() if allowed(given, "ssm:SendCommand")}

    assert senders == {"IncidentStateMachineRole"}


def test_the_machine_sends_only_this_stacks_documents_and_only_to_tagged_instances(
    statements: dict[str, list[Statement]],
) -> None:
    to_documents, to_instances = allowed(statements["IncidentStateMachineRole"], "ssm:SendCommand")

    looks, acts = as_list(to_documents["Resource"])
    assert looks["Fn::Sub"].endswith(":${AWS::AccountId}:document/${AWS::StackName}_runbook-ro-*")
    switched_off, nothing, all_own = acts["Fn::If"]
    assert (switched_off, nothing) == ("RemediationIsOff", {"Ref": "AWS::NoValue"})
    assert all_own["Fn::Sub"].endswith(":${AWS::AccountId}:document/${AWS::StackName}_runbook-*")
    tag = ["TargetTagIsGiven", {"Ref": "TargetTagValue"}, {"Ref": "AWS::StackName"}]
    kinds = [resource["Fn::Sub"].split(":")[-1] for resource in to_instances["Resource"]]
    assert kinds == ["instance/*", "managed-instance/*"]
    assert to_instances["Condition"] == {"StringEquals": {"ssm:resourceTag/Firstline": {"Fn::If": tag}}}


def test_a_function_that_plans_cannot_act(statements: dict[str, list[Statement]]) -> None:
    actions = {action for s in statements["RemediateFunctionRole"] for action in as_list(s["Action"])}

    writes = {a for a in actions if a.split(":")[1].startswith(("Put", "Update", "Send", "Start", "Cancel", "Delete"))}
    assert writes == {"dynamodb:PutItem", "dynamodb:UpdateItem"}


def test_only_reconcile_asks_for_executions_and_nobody_stops_one(statements: dict[str, list[Statement]]) -> None:
    def who(action: str) -> set[str]:
        return {role for role, given in statements.items() if allowed(given, action)}

    assert who("states:ListExecutions") == {"ReconcileFunctionRole"}
    (asked,) = allowed(statements["ReconcileFunctionRole"], "states:DescribeExecution")
    assert asked["Resource"]["Fn::Sub"].endswith(":execution:${IncidentStateMachine.Name}:*")
    assert who("states:StopExecution") == who("states:SendTaskFailure") == set()


def test_every_write_to_the_table_names_the_keys_it_may_touch(statements: dict[str, list[Statement]]) -> None:
    writing = [
        statement
        for given in statements.values()
        for statement in given
        if {"dynamodb:PutItem", "dynamodb:UpdateItem"} & set(as_list(statement["Action"]))
    ]

    assert len(writing) >= 7
    for statement in writing:
        keys = statement["Condition"]["ForAllValues:StringLike"][KEYS]
        assert keys
        assert "*" not in keys
        assert statement["Resource"] == {"Fn::GetAtt": ["Table", "Arn"]}


def test_only_respond_writes_words_and_only_classify_reads_them(statements: dict[str, list[Statement]]) -> None:
    def who(*actions: str) -> set[str]:
        return {
            role
            for role, given in statements.items()
            for action in actions
            for statement in allowed(given, action)
            if statement["Resource"] == {"Fn::GetAtt": ["Table", "Arn"]}
            and conditions_hold(statement, {KEYS: ["WORDS"]})
        }

    assert who("dynamodb:PutItem", "dynamodb:UpdateItem") == {"RespondFunctionRole"}
    assert who("dynamodb:Query", "dynamodb:BatchGetItem") == {"ClassifyFunctionRole"}


def test_a_condition_on_keys_holds_for_its_own_keys_only_and_for_no_request_without_keys(
    statements: dict[str, list[Statement]],
) -> None:
    """`ForAllValues` alone also holds for a request without keys, so each condition needs `Null: false` beside it."""
    limited = [each for given in statements.values() for each in given if "LeadingKeys" in str(each)]

    assert len(limited) > 15
    for statement in limited:
        mine = [key.replace("*", "any") for key in statement["Condition"]["ForAllValues:StringLike"][KEYS]]
        assert conditions_hold(statement, {KEYS: mine}), "a batch of all of them"
        assert not conditions_hold(statement, {KEYS: [*mine, "OTHER#any"]})
        assert not conditions_hold(statement, {KEYS: []})
        assert not conditions_hold(statement, {})


CHANNELS = ["slack", "pagerduty", "teams", "webhook"]


def test_no_role_may_delete_items_scan_the_table_or_write_or_list_parameters(
    statements: dict[str, list[Statement]],
) -> None:
    for given in statements.values():
        for action in ("dynamodb:DeleteItem", "dynamodb:Scan", "ssm:PutParameter", "ssm:GetParametersByPath"):
            assert allowed(given, action) == []


@pytest.mark.parametrize(
    ("role", "secrets"),
    [
        ("IngestFunctionRole", ["sources"]),
        ("ClassifyFunctionRole", ["llm"]),
        ("RemediateFunctionRole", ["remediation"]),
        ("EscalateFunctionRole", [*CHANNELS, "oncall", "console/url", "console/link-key"]),
        ("NotifyFunctionRole", CHANNELS),
        ("RespondFunctionRole", [*CHANNELS, "approvals", "console"]),
        ("ReconcileFunctionRole", [*CHANNELS, "oncall", "console/url", "console/link-key"]),
        ("ConsoleFunctionRole", ["console/calendar-key"]),
        ("IncidentStateMachineRole", ["remediation"]),
    ],
)
def test_a_role_reads_its_own_secrets_only(
    role: str, secrets: list[str], statements: dict[str, list[Statement]]
) -> None:
    resources = [r["Fn::Sub"] for s in allowed(statements[role], "ssm:GetParameter") for r in as_list(s["Resource"])]

    assert {text.split("parameter/firstline/${AWS::StackName}/")[1] for text in resources} == {
        name if name == "remediation" or "/" in name else f"{name}/*" for name in secrets
    }


LOGS = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/shop-*:*"


def test_logs_and_what_leads_to_them_are_read_only_where_the_owner_lists_logs() -> None:
    search, services = "logs:FilterLogEvents", "ecs:DescribeTaskDefinition"
    by_default, opened = statements_by_role(template()), statements_by_role(template(ErrorLogGroupArns=LOGS))
    for action in (search, services, "apigateway:GET"):  # a service's definition and an API's stage name their logs
        assert not [role for role, given in by_default.items() if allowed(given, action)]
        assert [role for role, given in opened.items() if allowed(given, action)] == ["ClassifyFunctionRole"]
    (statement,) = allowed(opened["ClassifyFunctionRole"], search)
    assert statement["Resource"] == [LOGS]


@pytest.mark.parametrize(
    ("arn", "may_be_listed"),
    [
        ("", True),
        (LOGS, True),
        (LOGS.removesuffix(":*"), False),
        ("*", False),
        ("arn:aws:logs:*:*:log-group:*:*", False),
        ("arn:aws:s3:::logs:*", False),
    ],
)
def test_a_log_group_is_listed_with_its_account_and_region(arn: str, may_be_listed: bool) -> None:
    declared = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]["ErrorLogGroupArns"]
    assert bool(re.fullmatch(declared["AllowedPattern"], arn)) == may_be_listed
