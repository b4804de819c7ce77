"""Commands by role: every role is asked about every document and instance, as IAM would judge it."""

import re
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.emulator.iam import NotUnderstood, Statement, allows, fits
from local.emulator.template import Template, expand
from tests.template.access import as_list

ROOT = Path(__file__).parents[2]
STACK = "ops"
ACCOUNT = "123456789012"
REGION = "eu-central-1"
MACHINE = "IncidentStateMachineRole"
PSEUDO = {
    "AWS::StackName": STACK,
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1",
    "AWS::URLSuffix": "amazonaws.com",
}
type Resolved = dict[str, tuple[str, dict[str, Any]]]


class Instance(NamedTuple):
    """An instance that a command may be sent to, with its tags."""

    arn: str
    tags: Mapping[str, str]
    ours: bool

    @property
    def context(self) -> dict[str, str]:
        """Return the condition keys with which IAM judges a command to this instance."""
        return {f"{prefix}/{key}": value for prefix in KEYS for key, value in self.tags.items()}


KEYS = ("ssm:resourceTag", "aws:ResourceTag", "ec2:ResourceTag")
"""The condition keys by which a statement may name an instance's tag."""

_EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0123456789abcdef0"
_HYBRID = f"arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/mi-0123456789abcdef0"
INSTANCES = {
    "tagged": Instance(_EC2, {"Firstline": STACK}, True),
    "tagged hybrid node": Instance(_HYBRID, {"Firstline": STACK, "Name": "web-1"}, True),
    "without a tag": Instance(_EC2, {}, False),
    "hybrid node without a tag": Instance(_HYBRID, {}, False),
    "another tag": Instance(_EC2, {"Name": STACK}, False),
    "another value": Instance(_EC2, {"Firstline": f"{STACK}-of-somebody-else"}, False),
    "a value with a wildcard": Instance(_EC2, {"Firstline": "*"}, False),
    "an empty value": Instance(_EC2, {"Firstline": ""}, False),
    # IAM reads the names of condition keys without case, the tag's key at the end of one too.
    "a tag in another case": Instance(_EC2, {"firstline": STACK}, True),
    "of another account": Instance(_EC2.replace(ACCOUNT, "210987654321"), {"Firstline": STACK}, False),
    "of another region": Instance(_EC2.replace(REGION, "us-east-1"), {"Firstline": STACK}, False),
}


def of_this_account(name: str) -> str:
    """Return the ARN of a document that this account owns and the stack did not make."""
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/{name}"


OTHERS_DOCUMENTS = {
    "any script": f"arn:aws:ssm:{REGION}::document/AWS-RunShellScript",
    "any script, named as of this account": of_this_account("AWS-RunShellScript"),
    "any script of the internet": f"arn:aws:ssm:{REGION}::document/AWS-RunRemoteScript",
    "another document": f"arn:aws:ssm:{REGION}::document/AWS-RunDocument",
    "somebody's": of_this_account("restart-everything"),
    "somebody's who likes the stack's name": of_this_account("ops"),
    "somebody's who likes it more": of_this_account("ops-restart-everything"),
    "another stack's": of_this_account("firstline_runbook-low-disk-free-space"),
    "a stack's whose name begins alike": of_this_account("ops-prod_runbook-low-disk-free-space"),
    "a stack's whose name ends alike": of_this_account("dev-ops_runbook-low-disk-free-space"),
    "another account's": of_this_account("ops_runbook-low-disk-free-space").replace(ACCOUNT, "210987654321"),
    "another region's": of_this_account("ops_runbook-low-disk-free-space").replace(REGION, "us-east-1"),
    "a session": f"arn:aws:ssm:{REGION}::document/SSM-SessionManagerRunShell",
}


@cache
def template(**parameters: str) -> Template:
    """Return the whole template with the parameters of this stack."""
    given = {"EnvironmentName": "prod", **parameters}

    def attribute(logical_id: str, name: str | None) -> str:
        return f"arn:aws:any:{REGION}:{ACCOUNT}:{logical_id}" + (f"/{name}" if name not in (None, "Arn") else "")

    return Template(expand(ROOT / "template.yaml", given, REGION), given, pseudo=PSEUDO, attribute=attribute)


def statements_by_role(whole: Template) -> dict[str, list[Statement]]:
    """Return each role's statements, from its own policies and from separate ones."""
    found: dict[str, list[Statement]] = {}
    for name, (kind, properties) in whole.resources().items():
        if kind == "AWS::IAM::Role":
            found[name] = []
            for policy in whole.resolve(properties).get("Policies", []):
                found[name].extend(as_list(policy["PolicyDocument"]["Statement"]))
    for kind, properties in whole.resources().values():
        if kind == "AWS::IAM::Policy":
            statements = as_list(whole.resolve(properties)["PolicyDocument"]["Statement"])
            for role in properties["Roles"]:
                found[role["Ref"]].extend(statements)
    return found


@pytest.fixture(scope="session")
def whole() -> Template:
    return template()


@pytest.fixture(scope="session")
def roles(whole: Template) -> dict[str, list[Statement]]:
    return statements_by_role(whole)


@pytest.fixture(scope="session")
def own_documents(whole: Template) -> list[str]:
    """Return the ARNs of the nested stack's documents, with the prefix that the template passes."""
    _, properties = whole.resources()["Documents"]
    prefix = whole.resolve(properties["Parameters"])["DocumentPrefix"]
    rendered = yaml_parse((ROOT / "runbooks" / "documents" / "template.yaml").read_text())
    nested = Template(rendered, {"DocumentPrefix": prefix}, pseudo=PSEUDO, attribute=lambda *_: "")
    return [
        of_this_account(nested.resolve(properties)["Name"])
        for kind, properties in nested.resources().values()
        if kind == "AWS::SSM::Document"
    ]


def can_send(statements: list[Statement], document: str, instance: Instance) -> bool:
    """Return True if SendCommand is allowed on both the document and the instance."""
    return allows(statements, "ssm:SendCommand", document, {}) and allows(
        statements, "ssm:SendCommand", instance.arn, instance.context
    )


def test_only_the_machine_sends_commands_and_only_its_own_documents_to_tagged_instances(
    roles: dict[str, list[Statement]], own_documents: list[str]
) -> None:
    documents = {**dict.fromkeys(own_documents, True), **dict.fromkeys(OTHERS_DOCUMENTS.values(), False)}
    assert len(own_documents) > 50
    assert len(roles) >= 8

    wrong = [
        (role, document, kind)
        for (role, given), (document, own), (kind, instance) in product(
            roles.items(), documents.items(), INSTANCES.items()
        )
        if can_send(given, document, instance) != (role == MACHINE and own and instance.ours)
    ]

    assert wrong == []


LISTED = of_this_account("restart-everything")


def test_documents_of_the_owners_are_sent_only_when_they_are_listed(own_documents: list[str]) -> None:
    opened = statements_by_role(template(OwnDocumentArns=LISTED))
    documents = {**dict.fromkeys(OTHERS_DOCUMENTS.values(), False), own_documents[0]: True, LISTED: True}

    wrong = [
        (role, document, kind)
        for (role, given), (document, listed), (kind, instance) in product(
            opened.items(), documents.items(), INSTANCES.items()
        )
        if can_send(given, document, instance) != (role == MACHINE and listed and instance.ours)
    ]

    assert wrong == []
    assert {role for role, given in opened.items() if allows(given, "ssm:GetDocument", LISTED, {})} == {
        "RemediateFunctionRole",
        "RespondFunctionRole",
        "ConsoleFunctionRole",
    }


@pytest.mark.parametrize(
    "arn",
    [
        *(OTHERS_DOCUMENTS["any script"], OTHERS_DOCUMENTS["another document"], "*", of_this_account("*")),
        *(of_this_account("rest?rt"), f"{LISTED}/*", "arn:aws:ssm:*:*:document/mine", f"{_EC2}"),
    ],
)
def test_neither_wildcards_nor_documents_of_aws_can_be_listed(arn: str) -> None:
    declared = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]["OwnDocumentArns"]

    assert re.fullmatch(declared["AllowedPattern"], LISTED)
    assert re.fullmatch(declared["AllowedPattern"], "")
    assert not re.fullmatch(declared["AllowedPattern"], arn)


def test_commands_reach_only_instances_with_the_tag_value_of_the_parameter(own_documents: list[str]) -> None:
    machine = statements_by_role(template(TargetTagValue="team-a"))[MACHINE]
    tagged = INSTANCES["tagged"]

    assert not can_send(machine, own_documents[0], tagged)
    assert can_send(machine, own_documents[0], tagged._replace(tags={"Firstline": "team-a"}))


@pytest.mark.parametrize(
    "action",
    [
        *("ssm:StartAutomationExecution", "ssm:StartSession", "ssm:CreateAssociation", "ssm:UpdateAssociation"),
        *(
            "ssm:CreateDocument",
            "ssm:UpdateDocument",
            "ssm:UpdateDocumentDefaultVersion",
            "ssm:ModifyDocumentPermission",
        ),
        *("ssm:RegisterTaskWithMaintenanceWindow", "ssm:AddTagsToResource", "ec2:CreateTags", "ec2:RunInstances"),
        *("iam:PassRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:CreateServiceLinkedRole", "sts:AssumeRole"),
        *("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "states:UpdateStateMachine"),
        *("cloudformation:UpdateStack", "events:PutTargets", "ec2-instance-connect:SendSSHPublicKey"),
    ],
)
def test_no_role_may_send_commands_in_a_roundabout_way(
    action: str, roles: dict[str, list[Statement]], whole: Template, own_documents: list[str]
) -> None:
    """No role may change a document, tag an instance, act through another service, or assume another role."""
    arns = [
        *(own_documents[0], _EC2, _HYBRID, *OTHERS_DOCUMENTS.values()),
        *(f"arn:aws:any:{REGION}:{ACCOUNT}:{name}" for name in whole.resources()),
        f"arn:aws:iam::{ACCOUNT}:role/admin",
    ]
    context = {f"{key}/Firstline": STACK for key in KEYS}

    assert [(role, arn) for role, given in roles.items() for arn in arns if allows(given, action, arn, context)] == []


def test_every_principal_of_the_stack_is_among_the_roles(whole: Template) -> None:
    """Policies name roles only, never users or groups, and AWS's managed ones grant nothing of Systems Manager."""
    kinds = {kind for kind, _ in whole.resources().values() if kind.startswith("AWS::IAM::")}
    assert kinds == {"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}
    shared = [properties for kind, properties in whole.resources().values() if kind == "AWS::IAM::Policy"]
    assert all(set(properties) == {"PolicyName", "PolicyDocument", "Roles"} for properties in shared)
    for_people = [properties for kind, properties in whole.resources().values() if kind == "AWS::IAM::ManagedPolicy"]
    assert all(set(properties) == {"Description", "PolicyDocument"} for properties in for_people)
    managed = {
        arn.rsplit("/", 1)[-1]
        for kind, properties in whole.resources().values()
        if kind == "AWS::IAM::Role"
        for arn in whole.resolve(properties).get("ManagedPolicyArns", [])
    }
    # Logs, and traces: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/
    assert managed == {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}


def test_the_nested_stack_holds_documents_and_nothing_else() -> None:
    rendered = yaml_parse((ROOT / "runbooks" / "documents" / "template.yaml").read_text())

    assert {resource["Type"] for resource in rendered["Resources"].values()} == {"AWS::SSM::Document"}


@pytest.mark.parametrize(
    "change",
    [
        {"Resource": "arn:aws:ssm:*:*:document/*"},
        {"Resource": of_this_account(f"{STACK}*")},
        {"Resource": [_EC2.replace("i-0123456789abcdef0", "*")], "Condition": {}},
        {"Resource": "*"},
        {"Action": "ssm:*", "Resource": "*"},
        {"Condition": {"StringLike": {"ssm:resourceTag/Firstline": "*"}}, "Resource": "*"},
    ],
    ids=str,
)
def test_a_wider_statement_would_be_noticed(
    change: dict[str, Any], roles: dict[str, list[Statement]], own_documents: list[str]
) -> None:
    extra: Statement = {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*", **change}
    widened = [*roles[MACHINE], extra]

    assert any(
        can_send(widened, document, instance) and not (document in own_documents and instance.ours)
        for document, instance in product([own_documents[0], *OTHERS_DOCUMENTS.values()], INSTANCES.values())
    )


def test_the_evaluator_judges_as_iam_does() -> None:
    assert fits("document/a-*", "document/a-b")
    assert not fits("document/a-?", "document/a-bc")
    assert not fits("document/[ab]", "document/a")
    deny = {"Effect": "Deny", "Action": "ssm:Send*", "Resource": "*"}
    allow = {"Effect": "Allow", "Action": "SSM:sendcommand", "Resource": "*"}
    assert allows([allow], "ssm:SendCommand", "arn", {})
    assert not allows([allow, deny], "ssm:SendCommand", "arn", {})
    assert not allows([], "ssm:SendCommand", "arn", {})
    for wanted, keys in (("true", ["A"]), ("false", [])):
        assert not allows([{**allow, "Condition": {"Null": {"k": wanted}}}], "ssm:SendCommand", "arn", {"k": keys})
    assert allows([{**allow, "Condition": {"ForAllValues:StringLike": {"k": "A*"}}}], "ssm:SendCommand", "arn", {})
    for odd in ({"NotAction": "s3:*"}, {"Condition": {"StringNotEquals": {"a": "b"}}}):
        with pytest.raises(NotUnderstood):
            allows([{**allow, **odd}], "ssm:SendCommand", "arn", {})
