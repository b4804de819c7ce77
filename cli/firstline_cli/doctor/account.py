"""Checks of the stack and of the account around it: state, functions, parameters, the switch of runbooks, limits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from firstline.sources.cloudwatch_alarm import OWN_ALARMS
from firstline.text import count
from firstline_cli.doctor.findings import Finding, client, secret_name
from firstline_cli.doctor.hosts import tag_value
from firstline_cli.environments import comes_by_event

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

NEW_ACCOUNT = 10
"""The concurrent executions of a new account, so few that a storm, or another team's function, takes them all."""

FEW = 100
MOST_SHOWN = 8
WEEK_DAYS = 7


def state(stack: "Stack") -> Iterator[Finding]:
    """Check that the last deployment went through, and that all functions use the same version of the core layer."""
    if stack.is_local:
        yield Finding("ok", "version", "the emulator runs this checkout")
        return
    if not stack.status.endswith("_COMPLETE"):
        fix = "wait until it ends, or see the stack's events in CloudFormation"
        yield Finding("wrong", "deployment", f"the stack is in {stack.status}", fix)
    elif "ROLLBACK" in stack.status:
        fix = "see the stack's events in CloudFormation, and deploy again"
        yield Finding("wrong", "deployment", f"the last deployment was taken back ({stack.status})", fix)
    yield from _functions(stack)


def _names(stack: "Stack") -> list[str]:
    """Return the names of the stack's functions."""
    pages = client(stack, "cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.deployed)
    return [
        resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]


def _functions(stack: "Stack") -> Iterator[Finding]:
    lambda_ = client(stack, "lambda")
    found = [lambda_.get_function_configuration(FunctionName=name) for name in _names(stack)]
    packages: dict[str, list[str]] = {}
    for function in found:
        layers = [layer["Arn"] for layer in function.get("Layers", [])]
        core = next((arn for arn in layers if "CoreLayer" in arn), "no core layer")
        packages.setdefault(":".join(core.split(":")[-2:]), []).append(function["FunctionName"])
        if function.get("LastUpdateStatus", "Successful") != "Successful" or function.get("State") == "Failed":
            why = function.get("LastUpdateStatusReason") or function.get("StateReason") or "no reason is given"
            yield Finding("wrong", "version", f"{function['FunctionName']} could not be updated: {why}", "deploy again")
    if len(packages) == 1:
        changed = max(function["LastModified"] for function in found)
        yield Finding(
            "ok", "version", f"{count(len(found), 'function')} with {next(iter(packages))}, changed {changed[:16]}"
        )
    elif packages:
        each = "; ".join(f"{package}: {', '.join(sorted(names))}" for package, names in sorted(packages.items()))
        yield Finding("wrong", "version", f"the functions have different packages: {each}", "deploy again")


def alarms(stack: "Stack") -> Iterator[Finding]:
    """Report those of Firstline's own alarms that are in the state ALARM."""
    if stack.is_local:
        return
    pages = client(stack, "cloudwatch").get_paginator("describe_alarms")
    found = [
        alarm["AlarmName"]
        for page in pages.paginate(AlarmNamePrefix=f"{OWN_ALARMS}{stack.deployed}-", StateValue="ALARM")
        for alarm in page["MetricAlarms"]
    ]
    for name in found:
        yield Finding("wrong", "alarms", f"{name} is on", "docs/operations.md says what to do")
    if not found:
        yield Finding("ok", "alarms", "none of Firstline's own alarms is on")


def neighbours(stack: "Stack") -> Iterator[Finding]:
    """Report other stacks of Firstline in the account and region that take the same alarms or touch the same hosts."""
    if stack.is_local:
        return
    pages = client(stack, "cloudformation").get_paginator("describe_stacks").paginate()
    others = [
        found
        for page in pages
        for found in page["Stacks"]
        if found["StackName"] != stack.deployed and _is_firstline(found)
    ]
    for other in others:
        name = other["StackName"]
        given = {
            parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in other.get("Parameters", [])
        }
        for source, what in (("cloudwatch", "alarm"), ("deployments", "failed deployment")):
            if comes_by_event(stack.parameters, source) and comes_by_event(given, source):
                said = f"the stack {name} takes each {what} of the account too, so each opens two incidents and pages"
                fix = f"take the {what}s out of EventBridgeEvents of one of the stacks, and deploy"
                yield Finding("wrong", "neighbours", said, fix)
        if (given.get("TargetTagValue") or name) == tag_value(stack):
            said = (
                f"the stack {name} may touch the same hosts (Firstline={tag_value(stack)}), "
                "and knows none of this stack's locks"
            )
            yield Finding("wrong", "neighbours", said, "give one of the stacks another TargetTagValue, and deploy")
    if not others:
        yield Finding("ok", "neighbours", "no other Firstline in this account and region")


def _is_firstline(found: Any) -> bool:
    outputs = {output["OutputKey"] for output in found.get("Outputs", [])}
    return {"TableName", "StateMachineArn"} <= outputs


def parameters(stack: "Stack") -> Iterator[Finding]:
    """Report the deployed parameters that differ from those that this checkout and mine/firstline.toml would deploy."""
    from firstline.errors import ConfigurationError
    from firstline_cli import environments
    from firstline_cli.checkout import CHECKOUT

    if stack.is_local or not (CHECKOUT / "template.yaml").exists():
        return
    try:
        known = {environment.stack_name: environment for environment in environments.load(CHECKOUT).values()}
        defaults = environments.parameters_of_template(CHECKOUT)
    except (ConfigurationError, OSError) as error:
        yield Finding("wrong", "parameters", str(error), f"correct {environments.FILE}")
        return
    chosen = known.get(stack.deployed)
    if chosen is None:
        yield Finding(
            "note", "parameters", f"no environment of this checkout is {stack.deployed}, so nothing is compared"
        )
        return
    drift = [
        f"{name} is {value or 'empty'}, and a deployment would set it to {chosen.parameters[name] or 'empty'}"
        for name, value in sorted(stack.parameters.items())
        if name in chosen.parameters and value != chosen.parameters[name]
    ]
    gone = sorted(stack.parameters.keys() - defaults.keys())
    for said in drift[:MOST_SHOWN]:
        yield Finding("note", "parameters", said, f"write it into {environments.FILE}, or deploy {chosen.name}")
    if len(drift) > MOST_SHOWN:
        yield Finding("note", "parameters", f"and {len(drift) - MOST_SHOWN} more differ")
    if gone:
        yield Finding(
            "note", "parameters", f"this checkout's template has no {', '.join(gone)}: another release is deployed"
        )
    if not drift:
        changed = [
            name for name, value in stack.parameters.items() if value != str(defaults.get(name, {}).get("Default"))
        ]
        said = f"as in this checkout; not at their defaults: {', '.join(sorted(changed)) or 'none'}"
        yield Finding("ok", "parameters", said)


def own_files(stack: "Stack") -> Iterator[Finding]:  # noqa: ARG001 - they are the checkout's
    """Report each file in `mine/` that equals the shipped file it replaces, or lacks some of its keys."""
    from firstline_cli import overlay
    from firstline_cli.checkout import CHECKOUT

    for said in overlay.stale(CHECKOUT):
        what, _, fix = said.partition(": ")
        yield Finding("note", "mine", what, fix)


def remediation(stack: "Stack") -> Iterator[Finding]:
    """Report whether runbooks may act, by the stack's parameter RemediationMode and the SSM parameter `remediation`.

    The SSM parameter is a switch: if it exists with a value other than `on`, no runbook acts.
    """
    from botocore.exceptions import ClientError

    mode, name = stack.parameters.get("RemediationMode", "approve"), secret_name(stack, "remediation")
    try:
        value = client(stack, "ssm").get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        value = "on"
    if value.strip().lower() != "on":
        fix = f"to let runbooks act again: aws ssm delete-parameter --name {name}"
        yield Finding("note", "remediation", f"the switch {name} is {value!r}, so no runbook acts", fix)
    elif mode == "off":
        fix = "to let runbooks act, set RemediationMode in mine/firstline.toml and deploy"
        yield Finding("note", "remediation", "RemediationMode is off, so no runbook acts", fix)
    else:
        asks = "each asks a person" if mode == "approve" else "each runbook's own mode decides"
        yield Finding("ok", "remediation", f"RemediationMode is {mode} ({asks}), and the switch is on")


def throttles(stack: "Stack") -> Iterator[Finding]:
    """Report each function that Lambda throttled in the last week, because too many ran at once."""
    from firstline.adapters.aws.throttles import LambdaThrottles

    if stack.is_local:
        return
    now = datetime.now(UTC)
    watched = LambdaThrottles(client(stack, "cloudwatch"), _names(stack))
    refused = watched.between(now - timedelta(days=WEEK_DAYS), now)
    fix = "raise Lambda's quota Concurrent executions, or reserve some with the parameter ReservedConcurrency"
    for name, times in sorted(refused.items(), key=lambda item: -item[1]):
        said = f"Lambda refused {count(times, 'invocation')} of {name} in {WEEK_DAYS} days"
        yield Finding("note", "throttles", said, fix)
    if not refused:
        yield Finding("ok", "throttles", f"Lambda refused none of the functions in {WEEK_DAYS} days")


def quotas(stack: "Stack") -> Iterator[Finding]:
    """Report if the account allows too few concurrent Lambda executions, or reserves most for other functions."""
    if stack.is_local:
        return
    limits = client(stack, "lambda").get_account_settings()["AccountLimit"]
    most, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    fix = "ask for more in Service Quotas: Lambda, Concurrent executions"
    if most <= NEW_ACCOUNT:
        yield Finding("wrong", "quotas", f"the account has {most} concurrent executions for all functions", fix)
    elif free < FEW:
        yield Finding("note", "quotas", f"{free} of {most} concurrent executions are not reserved for others", fix)
    else:
        yield Finding("ok", "quotas", f"{free} of {most} concurrent executions are free for Firstline")
