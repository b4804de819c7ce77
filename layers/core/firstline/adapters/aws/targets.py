"""Instances that a command may be sent to: EC2 and Systems Manager are asked which ones an alert's host names mean."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from firstline.models import Location, Target
from firstline.remediation.plan import Resolution
from firstline.remediation.targets import Hint, Instance, OwnAccount, hints, which
from firstline.runbooks.documents import OLDEST_AGENT

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeDef
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import InstanceInformationTypeDef

MAX_HOSTS = 50
"""The most instance ids that one SendCommand takes."""

_MOST = 1_000
"""The most instances that the names of one incident may fit, and the most hybrid nodes that are searched for an id."""

_FILTER_VALUES = 200
"""The most values that one filter of DescribeInstances takes."""

_FILTERS = {"id": "instance-id", "address": "private-ip-address", "name": "tag:Name"}
_STATES = ["pending", "running", "stopping", "stopped"]
"""All states of an instance but `terminated`: a stopped instance has its name, too."""


class TaggedInstances:
    """The instances that carry the stack's tag and are online in Systems Manager, found by the host names in alerts.

    `domains` are the DNS domains of this account's hosts: with `example.org`, `web-1.example.org` also means `web-1`.

    Example
    -------
    >>> TaggedInstances(ec2, ssm, "Firstline", "managed", ["example.org"]).resolve([Location(hosts=["web-1"])], here)
    """

    def __init__(
        self, ec2: "EC2Client", ssm: "SSMClient", tag_key: str, tag_value: str, domains: Sequence[str] = ()
    ) -> None:
        self._ec2 = ec2
        self._ssm = ssm
        self._tag_key = tag_key
        self._tag_value = tag_value
        self._domains = domains

    def resolve(self, locations: Sequence[Location], here: OwnAccount) -> Resolution:
        """Return one tagged, online instance for each location, or the problem that prevents it.

        A location is the host that one alert names, by any of its names, ids and addresses. If one fits no instance or
        several, a problem is returned and no instance at all: to cure only a part of an incident's hosts would look
        like a recovery. `here` is this stack's account and region. An alert's text only selects among the tagged
        instances; it cannot widen the choice.
        """
        if len(locations) > MAX_HOSTS:
            return _problem(f"more than {MAX_HOSTS} hosts are affected, which is the most that one command can reach")
        said = [hint for location in locations for hint in hints(location, self._domains)]
        found = list(islice(self._instances(said), _MOST + 1))
        if len(found) > _MOST:
            return _problem(f"the alert's names fit more than {_MOST} instances")
        targets: dict[str, Target] = {}
        started: dict[str, datetime] = {}
        for location in locations:
            chosen = which(location, found, here, self._domains)
            if isinstance(chosen, str):
                return _problem(chosen)
            targets[chosen.instance_id] = Target(instance_id=chosen.instance_id, name=chosen.name or chosen.instance_id)
            # An id is one machine's for ever; a name and an address pass to the next.
            if chosen.started and not any(hint.kind == "id" for hint in hints(location, self._domains)):
                started[chosen.instance_id] = chosen.started
        if not targets:
            return _problem("the alert names no host")
        nodes = {node["InstanceId"]: node for node in self._nodes("InstanceIds", list(targets))}
        reasons = (_why_unreachable(target, nodes.get(target.instance_id)) for target in targets.values())
        if unreachable := next(filter(None, reasons), None):
            return _problem(unreachable)
        windows = [host.name for host in targets.values() if nodes[host.instance_id].get("PlatformType") == "Windows"]
        return Resolution(targets=list(targets.values()), problem=None, windows=windows, started=started)

    def fleet_size(self) -> int:
        """Count the nodes, EC2 or hybrid, online or not, with the stack's tag that Systems Manager manages."""
        return sum(1 for _ in self._tagged_nodes())

    def _instances(self, said: Iterable[Hint]) -> Iterator[Instance]:
        """Yield each instance that a host name in an alert (a hint) may mean, once.

        EC2 instances without the tag are included, because one with the same name makes the name ambiguous.
        """
        seen: set[str] = set()
        for kind, key in _FILTERS.items():
            values = {value for hint in said if hint.kind == kind for value in hint.values}
            for instance in self._find(key, sorted(values)):
                if instance.instance_id not in seen:
                    seen.add(instance.instance_id)
                    yield instance
        hybrid = {value for hint in said if hint.kind == "id" for value in hint.values if value.startswith("mi-")}
        # SSM takes no other filter beside a tag, so the ids are compared here.
        for node in islice(self._tagged_nodes(), _MOST) if hybrid else ():
            if node["InstanceId"] in hybrid:
                yield Instance(instance_id=node["InstanceId"], name=node.get("Name") or node.get("ComputerName") or "")

    def _find(self, key: str, values: list[str]) -> Iterator[Instance]:
        # EC2 reads * and ? in a filter's value as wildcards; a hint has none.
        for start in range(0, len(values), _FILTER_VALUES):
            filters: list[FilterTypeDef] = [
                {"Name": key, "Values": values[start : start + _FILTER_VALUES]},
                {"Name": "instance-state-name", "Values": _STATES},
            ]
            for page in self._ec2.get_paginator("describe_instances").paginate(Filters=filters):
                for reservation in page.get("Reservations", []):
                    yield from map(self._instance, reservation.get("Instances", []))

    def _instance(self, found: "InstanceTypeDef") -> Instance:
        tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
        return Instance(
            instance_id=found["InstanceId"],
            name=tags.get("Name", ""),
            address=found.get("PrivateIpAddress"),
            network=found.get("VpcId"),
            state=found["State"]["Name"],
            started=found.get("LaunchTime"),
            tagged=tags.get(self._tag_key) == self._tag_value,
        )

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


def _problem(reason: str) -> Resolution:
    return Resolution(targets=[], problem=reason)
