"""From the host that an alert names to the instance that a command may be sent to."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
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
"""Instance ids that one SendCommand takes."""

_MANAGED_NODES = 1_000
"""How many tagged hybrid nodes are looked through for one id."""

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,254}")
_INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")
_MANAGED_ID = re.compile(r"mi-[0-9a-f]{17}")
_PRIVATE_DNS = re.compile(r"ip-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}")


class TaggedInstances:
    """Find instances by what alerts call them, among those that carry the stack's tag and are online in SSM.

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
        """Every hint must stand for exactly one instance that is tagged, running, online, and on Linux or Windows.

        One that does not is a problem for all of them: to cure a part of an incident's hosts would look like a
        recovery. What an alert says only ever selects; it cannot widen the choice.
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
        nodes = self._nodes(targets)
        reasons = (_why_unreachable(target, nodes.get(target.instance_id)) for target in targets.values())
        if unreachable := next(filter(None, reasons), None):
            return _problem(unreachable)
        windows = [one.name for one in targets.values() if nodes[one.instance_id].get("PlatformType") == "Windows"]
        return Resolution(targets=list(targets.values()), problem=None, windows=windows)

    def fleet_size(self) -> int:
        """How many nodes, EC2 or hybrid, carry the stack's tag and are managed by Systems Manager, online or not."""
        pages = self._ssm.get_paginator("describe_instance_information").paginate(
            Filters=[{"Key": f"tag:{self._tag_key}", "Values": [self._tag_value]}], PaginationConfig={"PageSize": 50}
        )
        return sum(len(page.get("InstanceInformationList", [])) for page in pages)

    def _instances(self, hint: str) -> list[Target] | str:
        """At most two instances that a hint fits (two are as wrong as twenty), or why it cannot be looked up."""
        host = _host(hint)
        # EC2 reads * and ? in a filter's value as wildcards, so only what a host is made of gets there.
        if not _HOST.fullmatch(host):
            return f"{hint[:100]!r} is not the name of a host"
        label = host.split(".")[0]
        if _MANAGED_ID.fullmatch(host):
            return self._managed(host)
        if _INSTANCE_ID.fullmatch(label):
            return self._find("instance-id", [label])
        # A private DNS name is the private address, spelt with dashes, whatever its domain is.
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
        instances = (
            instance
            for page in pages
            for reservation in page.get("Reservations", [])
            for instance in reservation.get("Instances", [])
        )
        return [Target(instance_id=found["InstanceId"], name=_name(found)) for found in islice(instances, 2)]

    def _managed(self, node_id: str) -> list[Target]:
        """A hybrid node. SSM takes no other filter beside a tag, so the id is compared here."""
        pages = self._ssm.get_paginator("describe_instance_information").paginate(
            Filters=[{"Key": f"tag:{self._tag_key}", "Values": [self._tag_value]}],
            PaginationConfig={"MaxItems": _MANAGED_NODES, "PageSize": 50},
        )
        nodes = (node for page in pages for node in page.get("InstanceInformationList", []))
        return [
            Target(instance_id=node_id, name=node.get("Name") or node.get("ComputerName") or node_id)
            for node in nodes
            if node["InstanceId"] == node_id
        ]

    def _nodes(self, targets: dict[str, Target]) -> dict[str, "InstanceInformationTypeDef"]:
        pages = self._ssm.get_paginator("describe_instance_information").paginate(
            Filters=[{"Key": "InstanceIds", "Values": list(targets)}], PaginationConfig={"PageSize": 50}
        )
        return {node["InstanceId"]: node for page in pages for node in page.get("InstanceInformationList", [])}


def _why_unreachable(target: Target, node: "InstanceInformationTypeDef | None") -> str | None:
    if node is None:
        return f"{target.name} ({target.instance_id}) is not managed by Systems Manager"
    if node.get("PingStatus") != "Online":
        return f"{target.name} ({target.instance_id}) is not online in Systems Manager: {node.get('PingStatus')}"
    platform = node.get("PlatformType", "Linux")
    if platform not in ("Linux", "Windows"):
        return f"{target.name} ({target.instance_id}) runs {platform}; runbooks are for Linux and Windows"
    version = node.get("AgentVersion")
    # On Windows nothing of the stack's own is run.
    if platform == "Linux" and version and _numbers(version) < OLDEST_AGENT:
        oldest = ".".join(map(str, OLDEST_AGENT))
        return f"the SSM Agent on {target.name} is {version}; parameters need {oldest} or later"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _host(hint: str) -> str:
    """The host of `host`, `host:port`, `[v6]:port` or a URL."""
    text = hint.strip()
    if _address(text):
        return text
    try:
        address = urlsplit(text).netloc.rpartition("@")[2] if "://" in text else text
    except ValueError:
        return ""
    # Not `hostname`, which is in lower case: the values of tags are compared with case.
    return address[1:].partition("]")[0] if address.startswith("[") else address.partition(":")[0]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _name(instance: "InstanceTypeDef") -> str:
    tags: Iterable[tuple[str, str]] = ((tag["Key"], tag["Value"]) for tag in instance.get("Tags", []))
    return next((value for key, value in tags if key == "Name" and value), instance["InstanceId"])


def _problem(reason: str) -> Resolution:
    return Resolution(targets=[], problem=reason)
