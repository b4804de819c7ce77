"""Instances that a command may be sent to, found by the hosts that an alert names."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from firstline.models import Target
from firstline.remediation.plan import Resolution
from firstline.runbooks.documents import OLDEST_AGENT

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeDef
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import InstanceInformationTypeDef

MAX_HOSTS = 50
"""The number of instance ids that one SendCommand takes."""

_MANAGED_NODES = 1_000
"""The number of tagged hybrid nodes that are searched for one id."""

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,254}")
_INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")
_MANAGED_ID = re.compile(r"mi-[0-9a-f]{17}")
_PRIVATE_DNS = re.compile(r"ip-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}")


class TaggedInstances:
    """The instances that carry the stack's tag and are online in Systems Manager, found by the names in alerts.

    Example
    -------
    >>> TaggedInstances(ec2, ssm, "Firstline", "managed").resolve(["10.0.3.17:9100"])
    """

    def __init__(self, ec2: "EC2Client", ssm: "SSMClient", tag_key: str, tag_value: str) -> None:
        self._ec2 = ec2
        self._ssm = ssm
        self._tag_key = tag_key
        self._tag_value = tag_value

    def resolve(self, hints: Sequence[str]) -> Resolution:
        """Return the one instance that each hint stands for: tagged, running, online, and on Linux or Windows.

        A problem with one hint is a problem with all of them: to cure a part of an incident's hosts would look like a
        recovery. An alert's text only selects among the tagged instances; it cannot widen the choice.
        """
        if len(hints) > MAX_HOSTS:
            return _problem(f"{len(hints)} hosts are affected; {MAX_HOSTS} is the limit")
        targets: dict[str, Target] = {}
        for hint in hints:
            found = self._instances(hint)
            if isinstance(found, str):
                return _problem(found)
            if len(found) != 1:
                number = "several instances" if found else "no running instance"
                return _problem(f"{hint[:100]!r} fits {number} with the tag {self._tag_key}={self._tag_value}")
            targets[found[0].instance_id] = found[0]
        if not targets:
            return _problem("the alert names no host")
        nodes = {node["InstanceId"]: node for node in self._nodes("InstanceIds", list(targets))}
        reasons = (_why_unreachable(target, nodes.get(target.instance_id)) for target in targets.values())
        if unreachable := next(filter(None, reasons), None):
            return _problem(unreachable)
        windows = [host.name for host in targets.values() if nodes[host.instance_id].get("PlatformType") == "Windows"]
        return Resolution(targets=list(targets.values()), problem=None, windows=windows)

    def fleet_size(self) -> int:
        """Count the nodes, EC2 or hybrid, online or not, with the stack's tag that Systems Manager manages."""
        return sum(1 for _ in self._tagged_nodes())

    def _instances(self, hint: str) -> list[Target] | str:
        """Return at most two instances that a hint fits (two are as wrong as twenty), or why it cannot be looked up."""
        host = _host(hint)
        # EC2 reads * and ? in a filter's value as wildcards, so only the characters of a host name may get there.
        if not _HOST.fullmatch(host):
            return f"{hint[:100]!r} is not the name of a host"
        label = host.split(".")[0]
        if _MANAGED_ID.fullmatch(host):
            # SSM takes no other filter beside a tag, so the id is compared here.
            nodes = (node for node in islice(self._tagged_nodes(), _MANAGED_NODES) if node["InstanceId"] == host)
            return [
                Target(instance_id=host, name=node.get("Name") or node.get("ComputerName") or host) for node in nodes
            ]
        if _INSTANCE_ID.fullmatch(label):
            return self._find("instance-id", [label])
        # A private DNS name is the private address with dashes, in any domain.
        address = _address(label[3:].replace("-", ".") if _PRIVATE_DNS.fullmatch(label) else host)
        if address and address.version == 6:
            return f"{host} is an IPv6 address; instances are found by their private IPv4 address, id or name"
        if address:
            return self._find("private-ip-address", [str(address)])
        return self._find("tag:Name", sorted({host, label}))

    def _find(self, name: str, values: list[str]) -> list[Target]:
        filters: list[FilterTypeDef] = [
            {"Name": name, "Values": values},
            {"Name": f"tag:{self._tag_key}", "Values": [self._tag_value]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        pages = self._ec2.get_paginator("describe_instances").paginate(Filters=filters)
        reservations = (reservation for page in pages for reservation in page.get("Reservations", []))
        instances = (instance for reservation in reservations for instance in reservation.get("Instances", []))
        return [Target(instance_id=found["InstanceId"], name=_name(found)) for found in islice(instances, 2)]

    def _tagged_nodes(self) -> Iterator["InstanceInformationTypeDef"]:
        return self._nodes(f"tag:{self._tag_key}", [self._tag_value])

    def _nodes(self, key: str, values: list[str]) -> Iterator["InstanceInformationTypeDef"]:
        pages = self._ssm.get_paginator("describe_instance_information").paginate(
            Filters=[{"Key": key, "Values": values}], PaginationConfig={"PageSize": 50}
        )
        return (node for page in pages for node in page.get("InstanceInformationList", []))


def _why_unreachable(target: Target, node: "InstanceInformationTypeDef | None") -> str | None:
    name = f"{target.name} ({target.instance_id})"
    if node is None:
        return f"{name} is not managed by Systems Manager"
    if node.get("PingStatus") != "Online":
        return f"{name} is not online in Systems Manager: {node.get('PingStatus')}"
    platform, version = node.get("PlatformType", "Linux"), node.get("AgentVersion")
    if platform not in ("Linux", "Windows"):
        return f"{name} runs {platform}; runbooks are for Linux and Windows"
    # On Windows only the owner's documents run, not the stack's own.
    if platform == "Linux" and version and tuple(map(int, re.findall(r"\d+", version))) < OLDEST_AGENT:
        oldest = ".".join(map(str, OLDEST_AGENT))
        return f"the SSM Agent on {target.name} is {version}; parameters need {oldest} or later"
    return None


def _host(hint: str) -> str:
    """Return the host of `host`, `host:port`, `[v6]:port` or a URL."""
    text = hint.strip()
    if _address(text):
        return text
    try:
        address = urlsplit(text).netloc.rpartition("@")[2] if "://" in text else text
    except ValueError:
        return ""
    # Not `hostname`, which is in lower case: a tag's value is compared with its case.
    return address[1:].partition("]")[0] if address.startswith("[") else address.partition(":")[0]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _name(instance: "InstanceTypeDef") -> str:
    names = (tag["Value"] for tag in instance.get("Tags", []) if tag["Key"] == "Name" and tag["Value"])
    return next(names, instance["InstanceId"])


def _problem(reason: str) -> Resolution:
    return Resolution(targets=[], problem=reason)
