"""Checks of the hosts that runbooks may work on. docs/hosts.md says how to prepare a host."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from firstline.runbooks.documents import OLDEST_AGENT
from firstline_cli import aws_words
from firstline_cli.doctor.findings import Finding, client

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

MOST_HOSTS, MOST_ROLES = 200, 3
GUIDE = "docs/hosts.md"
WRITE_LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")


def hosts(stack: "Stack") -> Iterator[Finding]:
    """Check each tagged host: its state in Systems Manager, its agent, its platform, and its rights to write logs."""
    tag = tag_value(stack)
    pages = client(stack, "ec2").get_paginator("describe_instances")
    filters = [{"Name": "tag:Firstline", "Values": [tag]}, {"Name": "instance-state-name", "Values": ["running"]}]
    found = [
        instance
        for page in pages.paginate(Filters=filters)
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]
    if not found:
        fix = f"tag the instances that runbooks may work on, Firstline={tag}: {GUIDE}"
        yield Finding("note", "hosts", f"no running instance has the tag Firstline={tag}, so no runbook acts", fix)
        return
    told = client(stack, "ssm").get_paginator("describe_instance_information")
    listed = {
        node["InstanceId"]: node
        for page in told.paginate(Filters=[{"Key": "tag:Firstline", "Values": [tag]}])
        for node in page["InstanceInformationList"]
    }
    wrong = [finding for instance in found[:MOST_HOSTS] for finding in _host(instance, listed)]
    yield from wrong
    if len(wrong) < len(found):
        yield Finding(
            "ok", "hosts", f"{len(found)} tagged Firstline={tag}, {len(listed)} of them known to Systems Manager"
        )
    yield from _log_rights(stack, found)


def tag_value(stack: "Stack") -> str:
    """Return the value that a host's tag `Firstline` must have for the stack's runbooks to work on it."""
    return stack.parameters.get("TargetTagValue") or stack.deployed


def _host(instance: Any, listed: dict[str, Any]) -> Iterator[Finding]:
    instance_id = instance["InstanceId"]
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    name = f"{instance_id} ({tags['Name'][:60]})" if tags.get("Name") else instance_id
    node = listed.get(instance_id)
    if node is None:
        profile = instance.get("IamInstanceProfile")
        why = "its agent does not run or has no way out" if profile else "it has no instance profile"
        yield Finding("wrong", "hosts", f"{name} is not known to Systems Manager: {why}", GUIDE)
        return
    if node.get("PingStatus") != "Online":
        fix = "start the instance or its SSM agent again"
        yield Finding("wrong", "hosts", f"{name} is {node.get('PingStatus')} in Systems Manager", fix)
    version = node.get("AgentVersion") or ""
    if version and tuple(map(int, re.findall(r"\d+", version))) < OLDEST_AGENT:
        oldest = ".".join(map(str, OLDEST_AGENT))
        fix = f"update the agent to {oldest} or later: run the document AWS-UpdateSSMAgent on the host"
        yield Finding("wrong", "hosts", f"{name} has the SSM agent {version}, on which no runbook runs", fix)
    if node.get("PlatformType") not in ("Linux", None):
        said = f"{name} runs {node['PlatformType']}, where only SSM documents of your own run (OwnDocumentArns)"
        yield Finding("note", "hosts", said)


def _log_rights(stack: "Stack", found: list[Any]) -> Iterator[Finding]:
    """Check with IAM that the EC2 instances' roles may write the output of commands into the stack's log group.

    `found` holds the instances as EC2's DescribeInstances returns them.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if stack.is_local:
        return
    group = (
        f"arn:{_partition(stack)}:logs:{stack.region}:{stack.account}:log-group:/firstline/{stack.deployed}/commands:*"
    )
    profiles = {instance["IamInstanceProfile"]["Arn"] for instance in found if instance.get("IamInstanceProfile")}
    iam = client(stack, "iam")
    for arn in islice(sorted(profiles), MOST_ROLES):
        name = arn.rpartition("/")[2]
        try:
            (role,) = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
            judged = iam.simulate_principal_policy(
                PolicySourceArn=role["Arn"], ActionNames=list(WRITE_LOGS), ResourceArns=[group]
            )["EvaluationResults"]
        except (BotoCoreError, ClientError, ValueError) as error:
            said = f"not checked: whether {name} may write the output of commands to the logs"
            yield Finding("note", "hosts", f"{said} ({aws_words.in_words(error, 'iam:SimulatePrincipalPolicy')})")
            continue
        lacking = [result["EvalActionName"] for result in judged if result["EvalDecision"] != "allowed"]
        if lacking:
            said = f"the role {role['RoleName']} lacks {', '.join(lacking)}, so outputs are cut at 24,000 characters"
            yield Finding("note", "hosts", said, f"add the policy of {GUIDE} to the role")


def _partition(stack: "Stack") -> str:
    return stack.state_machine.split(":")[1]
