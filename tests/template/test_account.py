"""Demands of an account on a stack: a boundary, a key, reserved concurrency, protection. Each may be left out."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from firstline.incidents.canary import LONGEST
from firstline.sources.cloudwatch_alarm import OWN_ALARMS
from scripts.table_stack import table_template
from tests.template.access import as_list
from tests.template.stack import lint_text
from tests.template.test_iam_senders import Resolved, template

ROOT = Path(__file__).parents[2]
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@cache
def deployed(**parameters: str) -> Resolved:
    """Return the resources of a stack with their properties resolved."""
    whole = template(**parameters)
    return {name: (kind, whole.resolve(given)) for name, (kind, given) in whole.resources().items()}


def of_kind(resources: Resolved, kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of a type, by logical id."""
    return {name: properties for name, (each, properties) in resources.items() if each == kind}


def places(value: Any, text: str) -> Iterator[str]:
    """Yield the key of every property whose value is this text."""
    if isinstance(value, dict):
        for key, item in value.items():
            if item == text:
                yield key
            yield from places(item, text)
    elif isinstance(value, list):
        for item in value:
            yield from places(item, text)


def test_every_role_has_the_boundary_and_none_without_one() -> None:
    bounded = of_kind(deployed(PermissionsBoundaryArn=BOUNDARY), "AWS::IAM::Role")
    free = of_kind(deployed(), "AWS::IAM::Role")

    assert len(bounded) > 10
    assert {name: role.get("PermissionsBoundary") for name, role in bounded.items()} == dict.fromkeys(bounded, BOUNDARY)
    assert [name for name, role in free.items() if "PermissionsBoundary" in role] == []


@pytest.mark.parametrize(
    ("kind", "own", "by_default"),
    [
        ("AWS::Logs::LogGroup", {"KmsKeyId": KEY}, {}),
        ("AWS::SQS::Queue", {"KmsMasterKeyId": KEY}, {"SqsManagedSseEnabled": True}),
        ("AWS::SNS::Topic", {"KmsMasterKeyId": KEY}, {}),
        (
            "AWS::DynamoDB::Table",
            {"SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}},
            {"SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"}},
        ),
    ],
)
def test_tables_queues_topics_and_logs_are_encrypted_with_the_owners_key_if_given(
    kind: str, own: dict[str, Any], by_default: dict[str, Any]
) -> None:
    for parameters, wanted in (({"KmsKeyArn": KEY}, own), ({}, by_default)):
        found = of_kind(deployed(MachineLogLevel="ERROR", **parameters), kind)
        keys = {"KmsKeyId", "KmsMasterKeyId", "SqsManagedSseEnabled", "SSESpecification"}
        assert found
        for name, properties in found.items():
            assert {key: properties[key] for key in keys & set(properties)} == wanted, name


def test_every_role_with_data_may_use_the_key_and_only_through_the_services() -> None:
    resources = deployed(KmsKeyArn=KEY)
    roles = set(of_kind(resources, "AWS::IAM::Role"))
    policy = of_kind(resources, "AWS::IAM::Policy")["UseKeyPolicy"]
    (statement,) = policy["PolicyDocument"]["Statement"]

    given = {str(role) for role in policy["Roles"]}
    without = {name for name in roles if not any(name in role for role in given)}
    # The one deploys releases, the other only starts reconcile.
    assert without == {"ReleaseStateMachineRole", "ReconcileFunctionEveryMinuteRole"}
    assert statement["Resource"] == KEY
    services = statement["Condition"]["StringEquals"]["kms:ViaService"]
    assert sorted(service.split(".")[0] for service in services) == ["dynamodb", "sns", "sqs", "ssm"]


def test_the_policy_of_the_key_is_an_output_and_without_a_key_nothing_names_one() -> None:
    assert list(places(deployed(), KEY)) == []
    assert "KeyPolicyArn" in template(KmsKeyArn=KEY).outputs()


@pytest.mark.parametrize(("given", "is_protected"), [("true", True), ("false", False)])
def test_the_table_is_protected_if_the_parameter_says_so(given: str, is_protected: bool) -> None:
    (table,) = of_kind(deployed(DeletionProtection=given), "AWS::DynamoDB::Table").values()

    assert table["DeletionProtectionEnabled"] is is_protected


def test_the_table_outlives_its_stack(written: dict[str, Any]) -> None:
    assert written["Resources"]["Table"]["DeletionPolicy"] == "Retain"
    assert written["Resources"]["Table"]["UpdateReplacePolicy"] == "Retain"


def test_concurrency_is_reserved_for_ingest_and_for_the_functions_that_page_only_if_asked_for() -> None:
    def reserved(**parameters: str) -> dict[str, Any]:
        functions = of_kind(deployed(**parameters), "AWS::Lambda::Function")
        found = {name: each.get("ReservedConcurrentExecutions") for name, each in functions.items()}
        return {name: count for name, count in found.items() if count is not None}

    assert reserved() == {}
    assert reserved(ReservedConcurrency="0,5") == {"EscalateFunction": "5", "NotifyFunction": "5"}
    assert reserved(ReservedConcurrency="20,0") == {"IngestFunction": "20"}


def test_state_machines_log_without_execution_data_and_only_if_told_to() -> None:
    loud, quiet = deployed(MachineLogLevel="ERROR"), deployed()
    machines = of_kind(loud, "AWS::StepFunctions::StateMachine")

    assert len(machines) == 2
    for machine in machines.values():
        logging = machine["LoggingConfiguration"]
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
    assert {"MachineLogGroup", "LogMachinesPolicy"} <= set(loud)
    assert not {"MachineLogGroup", "LogMachinesPolicy"} & set(quiet)
    assert all(
        "LoggingConfiguration" not in each for each in of_kind(quiet, "AWS::StepFunctions::StateMachine").values()
    )


def test_each_parameter_for_an_accounts_demands_is_off_by_default_and_in_the_guide(written: dict[str, Any]) -> None:
    *_, demands = written["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    guide = (ROOT / "docs" / "account.md").read_text()

    for name in demands["Parameters"]:
        assert written["Parameters"][name]["Default"] in ("", "0,0", "false", "OFF"), name
        assert f"`{name}" in guide, name


# --- who deploys -----------------------------------------------------------------------------------------------------

SERVICES = {
    "ApiGatewayV2": "apigateway",
    "CloudFormation": "cloudformation",
    "CloudWatch": "cloudwatch",
    "DynamoDB": "dynamodb",
    "Events": "events",
    "IAM": "iam",
    "Lambda": "lambda",
    "Logs": "logs",
    "SNS": "sns",
    "SQS": "sqs",
    "SSM": "ssm",
    "Scheduler": "scheduler",
    "StepFunctions": "states",
}


def test_the_deployers_policy_speaks_of_every_service_and_of_this_stack_alone(observability: Resolved) -> None:
    policy = json.loads((ROOT / "docs" / "deployer-policy.json").read_text())
    kinds = {kind for kind, _ in template(KmsKeyArn=KEY, MachineLogLevel="ALL").resources().values()}
    kinds |= {str(resource["Type"]) for resource in observability.values()}  # type: ignore[call-overload]
    documents = yaml_parse((ROOT / "runbooks/documents/template.yaml").read_text())["Resources"]
    kinds |= {resource["Type"] for resource in documents.values()}
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}

    assert {SERVICES[kind.split("::")[1]] for kind in kinds} <= {action.split(":")[0] for action in actions}
    assert "*" not in actions
    for statement in policy["Statement"]:
        resources = as_list(statement["Resource"])
        if "*" in resources:
            assert statement["Sid"] in {"NamedByNobody", "UseTheKey"}, statement["Sid"]
        else:
            names = ("firstline-prod", "apigateway", "event-source-mapping", "transform/Serverless", "aws-sam-cli")
            assert all(any(name in arn for name in names) for arn in resources), statement["Sid"]


# --- several stacks, and those that are gone -------------------------------------------------------------------------


def test_every_name_of_a_resource_holds_the_stacks_name() -> None:
    """Two stacks of one account would otherwise collide; SAM, for one, names a schedule after its event alone."""
    names = ("Name", "FunctionName", "LayerName", "LogGroupName", "QueueName", "TopicName", "TableName", "RoleName")
    for name, (kind, properties) in deployed(KmsKeyArn=KEY, MachineLogLevel="ALL").items():
        if kind in ("AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"):
            continue  # their FunctionName is a reference
        for key in names:
            assert "ops" in properties.get(key, "ops"), (name, key)


def test_a_stack_of_the_table_alone_has_the_table_as_it_is_deployed() -> None:
    for key in (None, KEY):
        alone = table_template(key)["Resources"]
        (table,) = of_kind(deployed(**({"KmsKeyArn": key} if key else {})), "AWS::DynamoDB::Table").values()

        assert set(alone) == {"Table"}
        assert alone["Table"]["Properties"] == table
        assert alone["Table"]["DeletionPolicy"] == "Retain"
        assert lint_text(table_template(key)) == []


# --- the canary ------------------------------------------------------------------------------------------------------

CANARY = {"CanaryFunction", "CanaryFunctionRole", "CanaryTopic", "CanaryAlarm", "CanarySubscription", "CanaryLogGroup"}


def test_a_stack_has_a_canary_only_if_its_alarm_has_an_address() -> None:
    with_one, without = deployed(CanaryAddress="ops@example.com", KmsKeyArn=KEY), deployed(KmsKeyArn=KEY)

    assert set(with_one) >= CANARY
    assert [name for name in without if "Canary" in name] == []


def test_the_canary_may_use_the_owners_key_and_no_other() -> None:
    with_one = deployed(CanaryAddress="ops@example.com", KmsKeyArn=KEY)
    (statement,) = of_kind(with_one, "AWS::IAM::Policy")["CanaryUsesKeyPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Resource"] == KEY


def test_the_canarys_alarm_reaches_its_address_without_firstline() -> None:
    """It rings if the round trip is late or missing, on a topic of its own, whose only subscriber is the address."""
    resources = deployed(CanaryAddress="ops@example.com")
    alarm = of_kind(resources, "AWS::CloudWatch::Alarm")["CanaryAlarm"]
    subscription = of_kind(resources, "AWS::SNS::Subscription")["CanarySubscription"]
    schedule = of_kind(resources, "AWS::Scheduler::Schedule")["CanaryFunctionEachQuarter"]

    assert "CanaryTopic" in str(alarm["AlarmActions"])
    assert "PageTopic" not in str(alarm)
    assert alarm["AlarmName"].startswith(OWN_ALARMS), "EventBridge would bring it in as an alert"
    assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("CanaryRoundTrip", "breaching")
    assert alarm["Threshold"] < LONGEST
    assert schedule["ScheduleExpression"] == "rate(15 minutes)"
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
    assert '"CanaryRoundTrip"' in (ROOT / "functions" / "canary" / "app.py").read_text()
