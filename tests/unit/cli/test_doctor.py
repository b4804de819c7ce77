"""`firstline doctor` against scripted answers of AWS: each check says what is wrong and what mends it."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from firstline_cli import aws_words, checkout
from firstline_cli.doctor import account, command, hosts, people, sources
from firstline_cli.doctor.findings import Check, Finding
from firstline_cli.stacks import Stack

ROOT = Path(__file__).parents[3]
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:firstline-dev-incident"
DENIED = "User: arn:aws:iam::1:user/ada is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:x:1:p"


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Asked")


class Scripted:
    """A client whose operations, also those of paginators, answer as scripted: exceptions are raised, functions run."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def get_paginator(self, operation: str) -> Any:
        paginator = Scripted({})
        paginator.paginate = lambda **asked: iter([self._answer(operation, asked)])  # type: ignore[attr-defined]
        return paginator

    def __getattr__(self, operation: str) -> Any:
        return lambda **asked: self._answer(operation, asked)

    def _answer(self, operation: str, asked: dict[str, Any]) -> Any:
        answer = self._answers[operation]
        if isinstance(answer, Exception):
            raise answer
        return answer(**asked) if callable(answer) else answer


def stack(answers: dict[str, Any] | None = None, **changes: Any) -> Stack:
    scripted = Scripted(answers or {})
    fields = {"name": "firstline-dev", "deployed": "firstline-dev", "outputs": {"PageTopicArn": "arn:aws:sns:x:1:page"}}
    return Stack(**{"table": None, "state_machine": MACHINE, "client": lambda *_, **__: scripted} | fields | changes)


def told(check: Check, **given: Any) -> list[str]:
    return [finding.line() for finding in check(stack(**given))]


def subscription(endpoint: str, arn: str = "arn:aws:sns:x:1:page:1", protocol: str = "email") -> dict[str, str]:
    return {"Endpoint": endpoint, "Protocol": protocol, "SubscriptionArn": arn}


NOT_SET = refused("ParameterNotFound")
PENDING = subscription("ops@example.com", "PendingConfirmation")


@pytest.mark.parametrize(
    ("subscribed", "key", "said"),
    [
        ([], NOT_SET, ["✗ pages        NOBODY IS WOKEN"]),
        ([PENDING], NOT_SET, ["! pages        ops@example.com has not confirmed", "✗ pages        NOBODY IS WOKEN"]),
        ([], {"Parameter": {"Value": "key"}}, ["✗ pages        nobody is subscribed to the page topic: alarms about"]),
        ([subscription("ops@example.com")], NOT_SET, ["✓ pages        the page topic wakes ops@example.com (email)"]),
        (
            [subscription("+49151", protocol="sms")],
            NOT_SET,
            ["✓ pages        the page topic wakes +49151 (sms)", "! pages        the account is in SNS's SMS sandbox"],
        ),
    ],
    ids=["nobody", "unconfirmed", "only PagerDuty", "mail", "sms sandbox"],
)
def test_each_subscription_to_the_page_topic_is_reported_and_an_empty_one_is_wrong(
    subscribed: list[Any], key: Any, said: list[str]
) -> None:
    answers = {
        "list_subscriptions_by_topic": {"Subscriptions": subscribed},
        "get_parameter": key,
        "get_sms_sandbox_account_status": {"IsInSandbox": True},
    }
    lines = told(people.who_is_woken, answers=answers)
    assert [line[: len(expected)] for line, expected in zip(lines, said, strict=True)] == said


def node(**changes: str) -> dict[str, str]:
    healthy = {"PingStatus": "Online", "AgentVersion": "3.3.2746.0", "PlatformType": "Linux"}
    return {"InstanceId": "i-1"} | healthy | changes


@pytest.mark.parametrize(
    ("listed", "instance", "said"),
    [
        ([node()], {}, "✓ hosts        1 tagged Firstline=firstline-dev, 1 of them known"),
        ([node(AgentVersion="3.3.2745.9")], {}, "✗ hosts        i-1 (web-1) has the SSM agent 3.3.2745.9"),
        ([node(PingStatus="ConnectionLost")], {}, "✗ hosts        i-1 (web-1) is ConnectionLost"),
        ([node(PlatformType="Windows")], {}, "! hosts        i-1 (web-1) runs Windows"),
        ([], {}, "✗ hosts        i-1 (web-1) is not known to Systems Manager: it has no instance profile"),
        (
            [],
            {"IamInstanceProfile": {"Arn": "arn:x/p"}},
            "✗ hosts        i-1 (web-1) is not known to Systems",
        ),
    ],
    ids=["usable", "old agent", "offline", "Windows", "no profile", "unknown with a profile"],
)
def test_a_host_that_no_runbook_can_use_is_named_with_its_reason(
    listed: list[Any], instance: dict[str, Any], said: str
) -> None:
    found = {"InstanceId": "i-1", "Tags": [{"Key": "Name", "Value": "web-1"}], **instance}
    answers = {
        "describe_instances": {"Reservations": [{"Instances": [found]}]},
        "describe_instance_information": {"InstanceInformationList": listed},
        "get_instance_profile": {"InstanceProfile": {"Roles": [{"Arn": "arn:r", "RoleName": "web"}]}},
        "simulate_principal_policy": {"EvaluationResults": []},
    }
    assert told(hosts.hosts, answers=answers)[0].startswith(said)


def test_without_a_tagged_host_the_fix_is_to_tag_one() -> None:
    assert "tag the instances" in told(hosts.hosts, answers={"describe_instances": {"Reservations": []}})[0]


def hosts_role_is_simulated(simulated: Any) -> list[str]:
    """Check a host with the role web-role, and let AWS answer this when it simulates the role."""
    profile = {"InstanceId": "i-1", "IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/web"}}
    answers = {
        "describe_instances": {"Reservations": [{"Instances": [profile]}]},
        "describe_instance_information": {"InstanceInformationList": [node()]},
        "get_instance_profile": {"InstanceProfile": {"Roles": [{"Arn": "arn:r", "RoleName": "web-role"}]}},
        "simulate_principal_policy": simulated,
    }
    return told(hosts.hosts, answers=answers)


def test_a_hosts_role_that_cannot_write_logs_is_named() -> None:
    denied = {"EvalActionName": "logs:PutLogEvents", "EvalDecision": "implicitDeny"}
    lines = hosts_role_is_simulated({"EvaluationResults": [denied]})
    assert lines[-1].startswith("! hosts        the role web-role lacks logs:PutLogEvents")


def test_who_may_not_simulate_a_hosts_role_reads_which_permission_is_missing() -> None:
    lines = hosts_role_is_simulated(refused("AccessDenied", "no"))
    assert "your role lacks iam:SimulatePrincipalPolicy" in lines[-1]


def test_the_secrets_of_the_console_that_nobody_set_are_named() -> None:
    missing = [f"/firstline/firstline-dev/console/{name}" for name in ("link-key", "calendar-key")]
    link, calendar = told(people.keys, answers={"get_parameters": {"InvalidParameters": missing}})
    assert link.startswith(
        "✗ keys         the secret console/link-key is not set, so its links do not work → firstline secret set"
    )
    assert calendar.startswith("! keys         the secret console/calendar-key is not set")
    (line,) = told(people.keys, answers={"get_parameters": {"InvalidParameters": []}})
    assert line.startswith("✓ keys")


def test_refused_requests_are_counted_for_each_path_with_the_last_senders_address() -> None:
    def line(path: str, minutes: int) -> dict[str, Any]:
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        message = json.dumps({"status": "401", "path": path, "ip": f"198.51.100.{minutes}"})
        return {"message": message, "timestamp": int(at.timestamp() * 1000)}

    events = [line("/alerts/prometheus", 50), line("/alerts/prometheus", 20), line("/alerts/x\u202e\n", 5)]
    lines = told(sources.refused, answers={"filter_log_events": {"events": events}})
    assert lines[0].startswith("! refused      /alerts/prometheus refused 2 requests within a day, the last 20 min ago")
    assert "from 198.51.100.20 → if that is your sender" in lines[0]
    assert "sources/prometheus" in lines[0]
    assert len(lines) == 2
    assert lines[1].isprintable(), "a stranger may have chosen the path"
    (none,) = told(sources.refused, answers={"filter_log_events": {"events": []}})
    assert none.startswith("✓ refused")


def test_functions_whose_invocations_lambda_refused_are_named() -> None:
    kind = "AWS::Lambda::Function"
    names = [{"ResourceType": kind, "PhysicalResourceId": name} for name in ("ingest", "notify")]
    answers = {"list_stack_resources": {"StackResourceSummaries": names}}
    data = {"MetricDataResults": [{"Id": "m0", "Values": [3.0]}, {"Id": "m1", "Values": [2.0, 1.0]}]}
    none: dict[str, Any] = {"MetricDataResults": []}
    assert told(account.throttles, answers=answers | {"get_metric_data": none})[0].startswith("✓ throttles")
    lines = told(account.throttles, answers=answers | {"get_metric_data": data})
    assert [line.partition(" →")[0] for line in lines] == [
        "! throttles    Lambda refused 3 invocations of ingest in 7 days",
        "! throttles    Lambda refused 3 invocations of notify in 7 days",
    ]


def other(**parameters: str) -> dict[str, Any]:
    return {
        "StackName": "firstline-prod",
        "Outputs": [{"OutputKey": key, "OutputValue": "x"} for key in ("TableName", "StateMachineArn")],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([{"StackName": "shop"}], ["✓ neighbours   no other Firstline"]),
        ([other(EventBridgeEvents="deployments")], []),
        (
            [other(EventBridgeEvents="alarms")],
            ["✗ neighbours   the stack firstline-prod takes each alarm of the account too"],
        ),
        ([other(TargetTagValue="firstline-dev")], ["✗ neighbours   the stack firstline-prod may touch the same hosts"]),
    ],
    ids=["no Firstline", "other events", "same alarms", "same hosts"],
)
def test_another_stack_on_the_same_alarms_or_hosts_is_wrong(others: list[Any], said: list[str]) -> None:
    lines = told(
        account.neighbours, answers={"describe_stacks": {"Stacks": others}}, parameters={"EventBridgeEvents": "alarms"}
    )
    assert [line[: len(expected)] for line, expected in zip(lines, said, strict=True)] == said


@pytest.mark.parametrize(
    ("value", "mode", "said"),
    [
        (NOT_SET, "approve", "✓ remediation  RemediationMode is approve (each asks a person)"),
        ({"Parameter": {"Value": "off"}}, "auto", "! remediation  the switch /firstline/"),
        (NOT_SET, "off", "! remediation  RemediationMode is off"),
    ],
    ids=["asks", "switched off", "mode off"],
)
def test_the_doctor_says_whether_runbooks_may_act(value: Any, mode: str, said: str) -> None:
    (line,) = told(account.remediation, answers={"get_parameter": value}, parameters={"RemediationMode": mode})
    assert line.startswith(said)


@pytest.mark.parametrize(
    ("most", "free", "mark"),
    [(10, 10, "✗"), (1000, 40, "!"), (1000, 900, "✓")],
    ids=["a small quota", "little left", "enough"],
)
def test_too_few_concurrent_executions_are_reported(most: int, free: int, mark: str) -> None:
    limits = {"ConcurrentExecutions": most, "UnreservedConcurrentExecutions": free}
    (line,) = told(account.quotas, answers={"get_account_settings": {"AccountLimit": limits}})
    assert line.startswith(mark)


def function(layer: int, **changes: str) -> dict[str, Any]:
    layers = [{"Arn": f"arn:aws:lambda:x:1:layer:CoreLayerA1:{layer}"}]
    return {"FunctionName": "f", "Layers": layers, "LastModified": "2026-11-29T14:02:11", **changes}


@pytest.mark.parametrize(
    ("status", "configuration", "said"),
    [
        ("UPDATE_COMPLETE", function(12), "✓ version      1 function with CoreLayerA1:12, changed 2026-11-29T14:02"),
        ("UPDATE_COMPLETE", function(12, LastUpdateStatus="Failed"), "✗ version      f could not be updated"),
        ("UPDATE_ROLLBACK_COMPLETE", function(12), "✗ deployment   the last deployment was taken back"),
        ("UPDATE_IN_PROGRESS", function(12), "✗ deployment   the stack is in UPDATE_IN_PROGRESS"),
    ],
    ids=["good", "function not updated", "rolled back", "in progress"],
)
def test_functions_and_deployments_that_failed_are_reported(status: str, configuration: Any, said: str) -> None:
    resources = [
        {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": "f"},
        {"ResourceType": "AWS::S3::Bucket"},
    ]
    answers = {
        "list_stack_resources": {"StackResourceSummaries": resources},
        "get_function_configuration": configuration,
    }
    assert told(account.state, answers=answers, status=status)[0].startswith(said)


def test_alarms_of_the_stack_that_are_on_are_named() -> None:
    on = {"MetricAlarms": [{"AlarmName": "Firstline/firstline-dev-unheard"}]}
    assert told(account.alarms, answers={"describe_alarms": on})[0].startswith(
        "✗ alarms       Firstline/firstline-dev-unh"
    )
    assert told(account.alarms, answers={"describe_alarms": {"MetricAlarms": []}})[0].startswith("✓")


def test_parameters_that_differ_from_the_checkouts_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("template.yaml", "samconfig.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(checkout, "CHECKOUT", tmp_path)
    parameters = {"EnvironmentName": "dev", "PageAfterSeconds": "600", "LogRetentionDays": "7", "Left": "x"}
    lines = told(account.parameters, parameters=parameters)
    assert lines[0].startswith("! parameters   PageAfterSeconds is 600, and a deployment would set it to 300")
    assert "has no Left: another release is deployed" in lines[1]
    (line,) = told(account.parameters, parameters={"LogRetentionDays": "7", "PageAfterSeconds": "300"})
    assert line == "✓ parameters   as in this checkout; not at their defaults: LogRetentionDays"


# --- the command ---


def test_a_check_that_fails_or_hangs_leaves_the_other_checks_alone() -> None:
    over = threading.Event()

    def hangs(_: Stack) -> Iterator[Finding]:
        over.wait(30)
        yield Finding("ok", "slow", "too late")

    def denied(_: Stack) -> Iterator[Finding]:
        yield Finding("ok", "before", "seen")
        raise refused("AccessDeniedException", DENIED)

    def fine(_: Stack) -> Iterator[Finding]:
        yield Finding("ok", "after", "seen")

    found = [
        finding.line() for finding in command.examine(stack(), {"denied": denied, "slow": hangs, "fine": fine}, 0.5)
    ]
    over.set()
    assert found[0] == "✓ before       seen"
    assert found[1].startswith(
        "! denied       not checked: AWS refused the call: your role lacks ssm:GetParameter on arn:aws:ssm"
    )
    assert found[2].startswith("! slow         not checked: no answer within 0.5 seconds")
    assert found[3] == "✓ after        seen"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused("AccessDenied", DENIED), "your role lacks ssm:GetParameter on arn:aws:ssm:x:1:p."),
        (
            refused("UnauthorizedOperation", "You are not authorized to perform this operation."),
            "your role lacks ec2:X.",
        ),
        (refused("ExpiredTokenException", "expired"), "your AWS credentials are not valid any more"),
        (refused("ThrottlingException", "Rate  exceeded"), "AWS refused the call (ThrottlingException: Rate exceeded)"),
        (OSError("no route"), "AWS cannot be reached (no route)"),
    ],
    ids=["denied with the action", "denied without it", "expired", "throttled", "unreachable"],
)
def test_each_error_of_aws_is_said_in_words(error: Exception, said: str) -> None:
    assert said in aws_words.in_words(error, "ec2:X")


@pytest.mark.parametrize(
    ("code", "is_denied"), [("AccessDenied", True), ("UnauthorizedOperation", True), ("ThrottlingException", False)]
)
def test_an_error_that_aws_denied_the_call_is_known_within_an_error_of_ours(code: str, is_denied: bool) -> None:
    wrapped = RuntimeError("ours")
    wrapped.__cause__ = refused(code)
    assert aws_words.is_denied(wrapped) is is_denied
