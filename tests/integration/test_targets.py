"""From the host that an alert names to one tagged, running, online instance, against moto's EC2."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from firstline.adapters.aws.targets import TaggedInstances
from firstline.models import Location, Target
from firstline.remediation.plan import Resolution
from tests.support.machines import DOMAINS, FLEET, FOUND, HERE, HOME, OURS, REFUSED


@dataclass
class ManagedNodes:
    """Systems Manager's view of the fleet, which moto does not have: one page for each two nodes."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    tagged: set[str] = field(default_factory=set)

    def get_paginator(self, operation: str) -> "ManagedNodes":
        assert operation == "describe_instance_information"
        return self

    def paginate(self, Filters: list[dict[str, Any]], PaginationConfig: dict[str, int]) -> Iterator[dict[str, Any]]:
        assert len(Filters) == 1, "a tag filter can't be combined with another"
        (only,) = Filters
        wanted = set(only["Values"]) if only["Key"] == "InstanceIds" else self.tagged
        assert only["Key"] in ("InstanceIds", "tag:Firstline")
        found = [{"InstanceId": node_id, **node} for node_id, node in self.nodes.items() if node_id in wanted]
        for start in range(0, len(found), 2):
            yield {"InstanceInformationList": found[start : start + 2]}


@dataclass
class Fleet:
    """Instances to be found, and the resolver that looks for them."""

    ec2: Any
    subnets: dict[str, str]
    names: dict[str, str]
    ssm: ManagedNodes = field(default_factory=ManagedNodes)

    def launch(
        self,
        name: str,
        *,
        tag: str | None = "managed",
        ping: str | None = "Online",
        network: str = "near",
        address: str | None = None,
        **node: str,
    ) -> Any:
        tags = [{"Key": "Name", "Value": name}] + ([{"Key": "Firstline", "Value": tag}] if tag else [])
        (instance,) = self.ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            SubnetId=self.subnets[network],
            **({"PrivateIpAddress": address} if address else {}),
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )["Instances"]
        if ping:
            self.ssm.nodes[instance["InstanceId"]] = {"PingStatus": ping, "PlatformType": "Linux", **node}
        return instance

    def resolution(self, *locations: Location) -> Resolution:
        instances = TaggedInstances(self.ec2, self.ssm, "Firstline", "managed", DOMAINS)  # type: ignore[arg-type]
        return instances.resolve(locations, HERE)

    def resolve(self, *hints: str) -> list[Target] | str:
        """Return the targets of alerts that name one host each, or the problem; never both and never neither."""
        return self.targets(*(Location(hosts=[hint], accounts=[OURS]) for hint in hints))

    def targets(self, *locations: Location) -> list[Target] | str:
        """Return the targets or the problem; never both and never neither."""
        resolution = self.resolution(*locations)
        assert bool(resolution.targets) != bool(resolution.problem)
        return resolution.targets or str(resolution.problem)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        ec2 = boto3.client("ec2", region_name=HOME)
        networks = {name: ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for name in ("near", "far")}
        subnets = {
            name: ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
            for name, vpc in networks.items()
        }
        yield Fleet(ec2, subnets, networks)


@pytest.fixture
def whole_fleet(fleet: Fleet) -> Fleet:
    for machine in FLEET:
        tag = "managed" if machine.tagged else None
        launched = fleet.launch(machine.name, tag=tag, network=machine.network, address=machine.address)
        fleet.names[machine.key] = launched["InstanceId"]
        if machine.state == "stopped":
            fleet.ec2.stop_instances(InstanceIds=[launched["InstanceId"]])
    return fleet


def test_no_alert_reaches_another_machine_and_those_that_are_sure_reach_theirs(whole_fleet: Fleet) -> None:
    for said in REFUSED:
        reason = whole_fleet.targets(said.location(whole_fleet.names))
        assert isinstance(reason, str), said
        assert said.reason in reason
    for said in FOUND:
        found = whole_fleet.targets(said.location(whole_fleet.names))
        assert isinstance(found, list), (said, found)
        assert [target.instance_id for target in found] == [whole_fleet.names[said.machine or ""]]


def test_every_way_in_which_alerts_name_a_host_finds_it(fleet: Fleet) -> None:
    web = fleet.launch("web-1")
    fleet.launch("web-2")
    address, instance_id, dns = web["PrivateIpAddress"], web["InstanceId"], web["PrivateDnsName"]
    expected = [Target(instance_id=instance_id, name="web-1")]

    for hint in (
        instance_id,
        f"{instance_id}.{HOME}.compute.internal",
        f" {instance_id} ",
        dns,
        dns.split(".")[0],
        address,
        "web-1",
        "web-1.prod.example.org",
    ):
        assert fleet.resolve(hint) == expected, hint


@pytest.mark.parametrize(
    "hint",
    ["web-9", "10.255.255.254", "i-0123456789abcdef0", "ip-10-9-9-9", "localhost", "web", "mi-0123456789abcdef0"],
)
def test_a_name_that_fits_nothing_is_no_target(fleet: Fleet, hint: str) -> None:
    fleet.launch("web-1")

    assert fleet.resolve(hint) == f"'{hint}' fits no instance of account {OURS} in {HOME}"


@pytest.mark.parametrize(
    "hint", ["*", "web-?", "we*", "i-*", "web-1,web-2", "   ", "-", "a b", "http://[::1", "é", "*:9100", "web-1/"]
)
def test_what_is_not_the_name_of_a_host_never_becomes_a_filter(fleet: Fleet, hint: str) -> None:
    fleet.launch("web-1")

    assert "is not the name of a host" in fleet.resolve(hint)


def test_a_name_that_fits_several_is_no_target(fleet: Fleet) -> None:
    first, second = (fleet.launch("web-1", tag=tag)["InstanceId"] for tag in ("managed", None))

    reason = fleet.resolve("web-1")

    assert isinstance(reason, str)
    assert reason.startswith("'web-1' fits several instances: web-1 (i-")
    assert all(instance in reason for instance in (first, second))


def test_a_name_that_fits_a_thousand_is_no_target(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.adapters.aws.targets._MOST", 2)
    for name in ("web-1", "worker", "worker", "worker"):
        fleet.launch(name)

    assert fleet.resolve("worker", "web-1") == "the alert's names fit more than 2 instances"


def test_only_running_instances_with_the_tag_are_targets(fleet: Fleet) -> None:
    untagged = fleet.launch("web-1", tag=None)
    other = fleet.launch("web-2", tag="other")
    stopped = fleet.launch("web-3")
    fleet.ec2.stop_instances(InstanceIds=[stopped["InstanceId"]])

    tagless = "does not carry the stack's tag"
    for name, instance, why in (("web-1", untagged, tagless), ("web-2", other, tagless), ("web-3", stopped, "stopped")):
        for hint in (name, instance["InstanceId"], instance["PrivateIpAddress"]):
            assert why in fleet.resolve(hint)


def test_a_terminated_instance_has_no_name(fleet: Fleet) -> None:
    old, new = fleet.launch("web-1"), fleet.launch("web-1")
    fleet.ec2.terminate_instances(InstanceIds=[old["InstanceId"]])

    assert fleet.resolve("web-1") == [Target(instance_id=new["InstanceId"], name="web-1")]


def test_when_a_machine_was_started_is_told_unless_its_id_was_given(fleet: Fleet) -> None:
    old = fleet.launch("web-1")
    fleet.ec2.terminate_instances(InstanceIds=[old["InstanceId"]])
    new = fleet.launch("web-1")

    for hint, told in (("web-1", True), (new["PrivateIpAddress"], True), (new["InstanceId"], False)):
        found = fleet.resolution(Location(hosts=[hint], accounts=[OURS]))
        assert found.started == ({new["InstanceId"]: new["LaunchTime"]} if told else {})


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        ({"ping": None}, "is not managed by Systems Manager"),
        ({"ping": "ConnectionLost"}, "is not online in Systems Manager: ConnectionLost"),
        ({"PlatformType": "MacOS"}, "runs MacOS; runbooks are for Linux and Windows"),
        ({"PlatformType": "Windows", "ping": "Inactive"}, "is not online in Systems Manager: Inactive"),
        ({"AgentVersion": "3.3.2299.0"}, "the SSM Agent on web-1 is 3.3.2299.0; parameters need 3.3.2746.0 or later"),
    ],
)
def test_an_instance_that_no_command_would_reach_is_no_target(fleet: Fleet, node: dict[str, Any], problem: str) -> None:
    fleet.launch("web-1", **node)

    assert problem in fleet.resolve("web-1")


def test_windows_is_told_from_linux(fleet: Fleet) -> None:
    fleet.launch("web-1")
    # Nothing that hands parameters over in the environment is sent there.
    fleet.launch("app-1", PlatformType="Windows", AgentVersion="3.3.2299.0")

    found = fleet.resolution(Location(hosts=["web-1"]), Location(hosts=["app-1"]))

    assert [target.name for target in found.targets] == ["web-1", "app-1"]
    assert (found.windows, found.problem) == (["app-1"], None)


@pytest.mark.parametrize("version", ["3.3.2746.0", "3.10.0.0", "4.0.0.0"])
def test_an_agent_that_is_new_enough_is_taken(fleet: Fleet, version: str) -> None:
    fleet.launch("web-1", AgentVersion=version)

    assert isinstance(fleet.resolve("web-1"), list)


def test_several_hosts_are_all_found_or_none_is(fleet: Fleet) -> None:
    launched = [fleet.launch(f"web-{n}") for n in range(5)]
    names = [f"web-{n}" for n in range(5)]

    found = fleet.resolve(*names, launched[0]["InstanceId"])
    assert [target.name for target in found if isinstance(target, Target)] == names

    assert "'web-9' fits no instance" in fleet.resolve(*names, "web-9")


def test_an_alert_that_names_no_host_has_no_target(fleet: Fleet) -> None:
    assert fleet.resolve() == "the alert names no host"


def test_more_hosts_than_one_command_can_reach_are_no_targets(fleet: Fleet) -> None:
    reason = fleet.resolve(*["web-1"] * 51)
    assert reason == "more than 50 hosts are affected, which is the most that one command can reach"


def test_a_hybrid_node_is_found_by_its_id_if_it_is_tagged(fleet: Fleet) -> None:
    node_id, stranger = "mi-0123456789abcdef0", "mi-0123456789abcdef1"
    others_first = ["mi-0123456789abcdef2", "mi-0123456789abcdef3"]  # the first page of the tagged nodes
    for hybrid in (stranger, *others_first, node_id):
        fleet.ssm.nodes[hybrid] = {"PingStatus": "Online", "PlatformType": "Linux", "ComputerName": "rack-7"}
    fleet.ssm.tagged = {node_id, *others_first}

    assert fleet.resolve(node_id) == [Target(instance_id=node_id, name="rack-7")]
    assert "fits no instance" in fleet.resolve(stranger)


def test_the_fleet_is_what_is_managed_and_carries_the_tag(fleet: Fleet) -> None:
    for number in range(5):
        instance = fleet.launch(f"web-{number}", ping="ConnectionLost" if number == 4 else "Online")
        fleet.ssm.tagged.add(instance["InstanceId"])
    fleet.launch("somebody-elses", tag=None)

    assert TaggedInstances(fleet.ec2, fleet.ssm, "Firstline", "managed").fleet_size() == 5  # type: ignore[arg-type]
