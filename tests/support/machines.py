"""A fleet, and alerts about its machines, each with the instance that it is about or the reason why it has no target.

`{web-1}` stands for the id of that instance and `{near}` for its VPC, which moto makes up.
"""

from typing import Any, NamedTuple

from firstline.models import Location
from firstline.remediation.targets import OwnAccount
from firstline.sources import normalize

OURS, THEIRS = "111122223333", "999988887777"
HOME, AWAY = "eu-central-1", "us-east-1"
HERE = OwnAccount(OURS, HOME)
DOMAINS = ("prod.example.org", "example.net")
UNKNOWN_ID = "i-0fedcba9876543210"


class Machine(NamedTuple):
    """An instance of the fleet; `key` names it in these cases, `name` is its Name tag."""

    key: str
    name: str
    address: str
    network: str = "near"
    state: str = "running"
    tagged: bool = True


FLEET = (
    Machine("web-1", "web-1", "10.0.0.11"),
    Machine("web-2", "web-2", "10.0.0.12"),
    Machine("db-1", "db-1", "10.0.0.21"),
    Machine("worker-a", "worker", "10.0.0.31"),
    Machine("worker-b", "worker", "10.0.0.32"),
    Machine("batch", "batch", "10.0.0.41"),
    Machine("somebodys-batch", "batch", "10.0.0.42", tagged=False),
    Machine("spare", "spare", "10.0.0.51", state="stopped"),
    Machine("new-api", "api", "10.0.0.61"),
    Machine("old-api", "api", "10.0.0.62", state="stopped"),
    Machine("twin", "twin", "10.0.0.71"),
    Machine("other-twin", "other-twin", "10.0.0.71", network="far", tagged=False),
    Machine("bastion", "bastion", "10.0.0.81", tagged=False),
    Machine("legacy", "legacy.corp.example", "10.0.0.91"),
    Machine("mail", "mail", "10.0.0.92"),
    Machine("whole-mail", "mail.prod.example.org", "10.0.0.93"),
)


class Said(NamedTuple):
    """A sender's message, the instance that it is about (None: no target), and words of the reason if it is none."""

    source: str
    payload: dict[str, Any]
    machine: str | None
    reason: str = ""

    def location(self, names: dict[str, str]) -> Location:
        """Return where the alert says its machine is, with the ids of this fleet."""
        (alert,) = normalize(self.source, _filled(self.payload, names))
        return alert.whereabouts


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, names) for item in value]
    if isinstance(value, str):
        for name, real in names.items():
            value = value.replace(f"{{{name}}}", real)
    return value


def prometheus(machine: str | None, reason: str = "", **labels: str) -> Said:
    """Return Alertmanager's message with these labels; `__` in a name stands for a dot."""
    named = {name.replace("__", "."): value for name, value in labels.items()}
    alert = {"status": "firing", "labels": {"alertname": "DiskFull", "severity": "warning", **named}}
    return Said("prometheus", {"status": "firing", "alerts": [alert]}, machine, reason)


def datadog(machine: str | None, reason: str = "", tags: str = "", hostname: str = "") -> Said:
    """Return a Datadog monitor's message with these tags."""
    payload = {"alert_title": "Disk is full", "alert_transition": "Triggered", "tags": tags, "hostname": hostname}
    return Said("datadog", payload, machine, reason)


def generic(machine: str | None, reason: str = "", **fields: Any) -> Said:
    """Return a message of the documented shape with these fields."""
    return Said("generic", {"alert_name": "DiskFull", "status": "firing", **fields}, machine, reason)


def grafana(machine: str | None, reason: str = "", tags: dict[str, str] | None = None, **matched: str) -> Said:
    """Return the message of Grafana's legacy alerting with tags of the rule and tags of the series that matched."""
    payload = {
        "ruleName": "Disk",
        "state": "alerting",
        "tags": tags or {},
        "evalMatches": [{"metric": "disk", "value": 97, "tags": matched}],
    }
    return Said("grafana", payload, machine, reason)


def cloudwatch(
    machine: str | None,
    reason: str = "",
    *,
    account: str = OURS,
    region: str = HOME,
    metric_account: str | None = None,
    **dimensions: str,
) -> Said:
    """Return the state change of a CloudWatch alarm on one metric, which may be another account's."""
    metric = {"metric": {"namespace": "CWAgent", "name": "disk_used_percent", "dimensions": dimensions}}
    stat = {"id": "m1", "metricStat": metric, **({"accountId": metric_account} if metric_account else {})}
    payload = {
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": account,
        "region": region,
        "time": "2026-03-02T09:30:00Z",
        "resources": [f"arn:aws:cloudwatch:{region}:{account}:alarm:disk"],
        "detail": {
            "alarmName": "disk",
            "state": {"value": "ALARM", "timestamp": "2026-03-02T09:30:00Z"},
            "configuration": {"metrics": [stat]},
        },
    }
    return Said("cloudwatch", payload, machine, reason)


_ACCOUNT, _REGION = f"is about account {THEIRS}", f"is about region {AWAY}"
_DOMAIN, _NONE, _TWO = "not among the stack's HostDomains", "fits no instance of account", "names two hosts"
_ADDRESS, _POD = "is a private address", "does not name its node"

_AZURE = "/subscriptions/0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f/resourceGroups/shop"
_AZURE_ALERT = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {
        "essentials": {
            "alertRule": "DiskFull",
            "monitorCondition": "Fired",
            "alertTargetIDs": [f"{_AZURE}/providers/microsoft.compute/virtualmachines/web-1"],
            "configurationItems": ["web-1"],
        }
    },
}

REFUSED = (
    # --- another account ---
    prometheus(None, _ACCOUNT, instance="web-1:9100", account=THEIRS),
    prometheus(None, _ACCOUNT, instance="10.0.0.11:9100", aws_account_id=THEIRS),
    prometheus(None, _ACCOUNT, instance="{web-1}", cloud__account__id=THEIRS),
    prometheus(None, _ACCOUNT, instance="web-1", account=OURS, aws_account=THEIRS),
    prometheus(None, "is about account staging", instance="web-1", account="staging"),
    prometheus(None, _ACCOUNT, instance="web-1", resource_arn=f"arn:aws:ec2:{HOME}:{THEIRS}:instance/{{web-1}}"),
    prometheus(None, _ACCOUNT, host=f"arn:aws:ec2:{HOME}:{THEIRS}:instance/{{web-1}}"),
    prometheus(None, _ACCOUNT, instance="web-1", arn=f"arn:aws:ec2:{HOME}:{THEIRS}:instance/{{web-1}}"),
    prometheus(None, _ACCOUNT, instance="web-1", resource=f"arn:aws:ec2:{HOME}:{THEIRS}:instance/{{web-1}}"),
    # What is scraped is not what the alert is about.
    prometheus(None, _TWO, instance="web-1:9100", exported_instance="db-1:9100"),
    prometheus(None, _TWO, instance="web-1:9100", exported_host="db-1"),
    prometheus(None, _TWO, instance="web-1", private_ip="10.0.0.21", account=OURS),
    prometheus(None, _REGION, instance="web-1", ec2_region=AWAY),
    prometheus(None, _REGION, instance="web-1", region_name=AWAY),
    datadog(None, _ACCOUNT, tags=f"aws_account:{THEIRS}", hostname="web-1"),
    datadog(None, _ACCOUNT, tags=f"aws_account:{OURS},aws_account:{THEIRS},host:web-1"),
    generic(None, _ACCOUNT, host="web-1", account=THEIRS),
    generic(None, _ACCOUNT, host="web-1", account=OURS, labels={"account_id": THEIRS}),
    grafana(None, _ACCOUNT, host="web-1", account=THEIRS),
    cloudwatch(None, _ACCOUNT, account=THEIRS, host="ip-10-0-0-11"),
    cloudwatch(None, _ACCOUNT, account=THEIRS, InstanceId="{web-1}"),
    cloudwatch(None, _ACCOUNT, metric_account=THEIRS, host="ip-10-0-0-11"),
    prometheus(None, "is about account 0a1b2c3d", instance="web-1", cloud__resource_id=f"{_AZURE}/web-1"),
    Said("generic", _AZURE_ALERT, None, "is about account 0a1b2c3d"),
    generic(None, "is about account my-project", host="web-1", labels={"cloud.account.id": "my-project"}),
    # --- another account, said by a value in whatever label ---
    *(
        prometheus(None, _ACCOUNT, instance="web-1:9100", **{name: THEIRS})
        for name in ("aws_account_number", "cloud_account", "owner_id", "recipientAccountId", "account_alias")
    ),
    prometheus(None, _ACCOUNT, instance="web-1", cluster_arn=f"arn:aws:eks:{HOME}:{THEIRS}:cluster/x"),
    prometheus(None, _ACCOUNT, instance="web-1", aws__ecs__cluster__arn=f"arn:aws:ecs:{HOME}:{THEIRS}:cluster/x"),
    prometheus(None, _ACCOUNT, instance="web-1", resource_arn=f"arn:aws:ec2:{HOME}:{THEIRS}:volume/vol-1"),
    prometheus(None, _REGION, instance="web-1", cluster=f"arn:aws:eks:{AWAY}:{OURS}:cluster/x"),
    prometheus(None, "is about account gcp", instance="web-1", cloud__provider="gcp"),
    datadog(None, "is about account azure", tags="cloud_provider:azure", hostname="web-1"),
    generic(None, "'account without a text' is not the name", host="web-1", account={"id": THEIRS}),
    generic(None, "'region without a text' is not the name", host="web-1", region=[AWAY]),
    generic(None, "'host without a text' is not the name", host={"name": "db-1"}, labels={"host": "web-1"}),
    # --- another region, said by a value in whatever label ---
    *(
        prometheus(None, _REGION, instance="web-1", **{name: AWAY})
        for name in ("datacenter", "dc", "location", "site", "topology_kubernetes_io_region")
    ),
    prometheus(None, "is about region us-east-1a", instance="web-1", aws_zone="us-east-1a"),
    prometheus(None, "is about region use1-az1", instance="web-1", availability_zone_id="use1-az1"),
    prometheus(None, "is about region euw1-az1", instance="web-1", az="euw1-az1"),
    datadog(None, "is about region us-east-1a", tags="availability-zone:us-east-1a", hostname="web-1"),
    # --- the machine that looks, and not the one that fails ---
    *(
        prometheus(None, _TWO, instance="web-1:9115", **{name: "db-1"})
        for name in ("target", "remote_host", "db_host", "monitored_host", "docker_host", "host_aliases")
    ),
    prometheus(None, _DOMAIN, instance="web-1:9115", target="https://shop.example.com/health"),
    prometheus(None, "names no host", target="web-1"),
    # --- what is written in another way, or cannot be read, and may be another host ---
    prometheus(None, "is not the name of a host", instance="db-1\u200b", host="web-1"),
    prometheus(None, "is not the name of a host", instance="x" * 300, host="web-1"),
    prometheus(None, "is not the name of a host", instance="w\u0435b-1"),
    prometheus(None, "is not the name of a host", instance="\uff57\uff45\uff42-1"),
    prometheus(None, "is not the name of a host", instance="web-1\r\ndb-1"),
    prometheus(None, "is not the name of a host", instance="web-1,db-1"),
    prometheus(None, "is not the name of a host", instance="web-1;db-1"),
    prometheus(None, "is not the name of a host", instance="evil.example/web-1"),
    prometheus(None, "is an IPv6 address", instance="[::ffff:10.0.0.11]:9100", account=OURS),
    prometheus(None, "fits no instance", instance="167772171", account=OURS),
    prometheus(None, "is not the name of a host", instance="10.0.0.11/24", account=OURS),
    prometheus(None, "not among the stack's", instance="010.0.0.11", account=OURS),
    prometheus(None, _NONE, instance="IP-10-0-0-11", account=OURS),
    prometheus(None, _DOMAIN, instance="http://web-1@evil.example:9100/"),
    prometheus(None, _NONE, instance="https://proxy.example.net/?target=web-1"),
    prometheus(None, "is about region eu-west-1", instance="ip-10-0-0-11.EU-WEST-1.compute.internal", account=OURS),
    prometheus(None, _REGION, instance="{web-1}.ec2.internal."),
    prometheus(None, _NONE, instance="3f2a9c1d7b6e:8080", container="shop", host="web-1"),
    prometheus(None, _NONE, instance="10.244.0.7:8080", container="shop", account=OURS),
    prometheus(None, _NONE, node="gke-web-1", pod="shop-7f9"),
    prometheus(None, _TWO, node="web-1", exported_node="db-1"),
    datadog(None, _TWO, hostname="web-1", tags="kube_node:db-1"),
    datadog(None, _DOMAIN, tags="host:web-1,host:web-1.other.example"),
    cloudwatch(None, "region us-west-2", host="ip-10-0-0-11.us-west-2.compute.internal"),
    cloudwatch(None, "names no host", DBInstanceIdentifier="web-1"),
    # --- another region ---
    prometheus(None, _REGION, instance="web-1:9100", region=AWAY),
    prometheus(None, _REGION, instance="web-1:9100", region=HOME, aws_region=AWAY),
    prometheus(None, "is about region us-east-1b", instance="web-1:9100", availability_zone="us-east-1b"),
    prometheus(None, "is about region europe-west1-b", instance="web-1", cloud__availability_zone="europe-west1-b"),
    prometheus(None, _REGION, node="ip-10-0-0-11.ec2.internal", account=OURS),
    prometheus(None, "region eu-west-1", node="ip-10-0-0-11.eu-west-1.compute.internal", account=OURS),
    prometheus(None, "region eu-west-1", instance="{web-1}.eu-west-1.compute.internal:9100"),
    prometheus(None, "region eu-central-2", instance="web-1", region="eu-central-2"),
    datadog(None, _REGION, tags=f"region:{AWAY}", hostname="{web-1}"),
    datadog(None, _REGION, tags=f"region:{HOME},region:{AWAY}", hostname="{web-1}"),
    generic(None, _REGION, host="web-1", region=AWAY),
    cloudwatch(None, _REGION, region=AWAY, host="web-1"),
    # --- names that are only in part a host's ---
    prometheus(None, _DOMAIN, instance="web-1.staging.other-corp.example:9100"),
    prometheus(None, _DOMAIN, instance="https://web-1.other-corp.example/health"),
    prometheus(None, _DOMAIN, instance="web-1.example.org"),
    prometheus(None, _DOMAIN, instance="web-1.prod.example.org.evil.example"),
    prometheus(None, _DOMAIN, instance="web-1.notprod.example.org"),
    prometheus(None, _DOMAIN, instance="ip-10-0-0-11.other-corp.example", account=OURS),
    prometheus(None, _DOMAIN, instance="{web-1}.other-corp.example"),
    prometheus(None, _NONE, instance="legacy"),
    prometheus(None, _NONE, instance="web-1.staging.prod.example.org"),
    prometheus(None, _DOMAIN, instance="web-1.prod"),
    prometheus(None, _NONE, instance="WEB-1"),
    prometheus(None, _NONE, instance="web"),
    prometheus(None, _NONE, instance="web-11"),
    prometheus(None, _NONE, instance=UNKNOWN_ID),
    prometheus(None, "is not the name of a host", instance="web-*"),
    prometheus(None, "is not the name of a host", instance="web-1 web-2"),
    prometheus(None, "is an IPv6 address", instance="[fd00::11]:9100", account=OURS),
    # --- private addresses ---
    prometheus(None, _ADDRESS, instance="10.0.0.12:9100"),
    prometheus(None, _ADDRESS, instance="ip-10-0-0-12"),
    prometheus(None, _ADDRESS, node="ip-10-0-0-12.eu-central-1.compute.internal"),
    prometheus(None, _ADDRESS, instance="10.0.0.12:9100", region=HOME),
    prometheus(None, "fits no instance", instance="10.0.0.12:9100", vpc_id="vpc-0123456789abcdef0"),
    prometheus(None, "fits no instance", instance="10.0.0.12:9100", vpc_id="{far}"),
    prometheus(None, "fits several instances", instance="10.0.0.71:9100", account=OURS),
    prometheus(None, "does not carry the stack's tag", instance="10.0.0.71:9100", vpc_id="{far}"),
    datadog(None, _ADDRESS, hostname="10.0.0.12"),
    generic(None, _ADDRESS, host="10.0.0.12"),
    # --- names that several carry, and machines that are not ours to touch ---
    prometheus(None, "fits several instances", instance="worker"),
    prometheus(None, "fits several instances", instance="batch"),
    prometheus(None, "fits several instances", instance="api"),
    prometheus(None, "fits several instances", instance="mail.prod.example.org"),
    prometheus(None, "is stopped", instance="spare"),
    prometheus(None, "does not carry the stack's tag", instance="bastion"),
    prometheus(None, "does not carry the stack's tag", instance="{bastion}"),
    prometheus(None, "does not carry the stack's tag", instance="10.0.0.81", account=OURS),
    # --- ids out of other labels, and hints that disagree ---
    prometheus(None, "names no host", deployed_from="{web-1}"),
    prometheus(None, _TWO, instance="db-1", instance_id="{web-1}"),
    prometheus(None, _TWO, instance="db-1:9187", server="web-1"),
    prometheus(None, _TWO, instance="10.0.0.12:9100", nodename="web-1"),
    prometheus(None, _TWO, instance="10.0.0.12:9100", nodename="web-1", account=OURS),
    prometheus(None, _TWO, instance="worker", instance_id="{web-1}"),
    prometheus(None, _TWO, instance_id="{web-1}", host_id="{web-2}"),
    prometheus(None, _NONE, instance="exporter-gateway:9100", server="web-1"),
    prometheus(None, _DOMAIN, instance="web-1", fqdn="web-1.other-corp.example"),
    prometheus(None, "is in vpc-", instance="web-1", vpc_id="{far}"),
    prometheus(None, "is in vpc-", instance="{web-1}", vpc="vpc-0123456789abcdef0"),
    datadog(None, _TWO, tags="host:web-1,host:web-2"),
    datadog(None, _TWO, tags="instance_id:{web-1}", hostname="web-2"),
    generic(None, _TWO, host="web-1", instance_id="{web-2}"),
    generic(None, _TWO, host="web-1", labels={"node": "web-2"}),
    grafana(None, _TWO, {"host": "web-1"}, host="web-2"),
    cloudwatch(None, _TWO, InstanceId="{web-1}", host="web-2"),
    # --- Kubernetes ---
    prometheus(None, _POD, instance="10.0.0.11:8080", pod="shop-7f9", namespace="shop", account=OURS),
    prometheus(None, _POD, instance="web-1:8080", pod="shop-7f9", namespace="shop"),
    prometheus(None, _POD, pod="{web-1}", namespace="shop"),
    prometheus(None, _ADDRESS, pod="shop-7f9", node="ip-10-0-0-11.eu-central-1.compute.internal"),
    prometheus(None, _NONE, pod="shop-7f9", node="node-of-another-cluster"),
    datadog(None, _POD, tags="pod_name:shop-7f9,kube_namespace:shop", hostname="web-1"),
)
"""The messages that must get no target, each with the reason."""

FOUND = (
    prometheus("web-1", instance="web-1"),
    prometheus("web-1", instance="web-1:9100"),
    prometheus("web-1", instance="http://web-1:9100/metrics"),
    prometheus("web-1", instance="web-1.prod.example.org:9100"),
    prometheus("web-1", instance="web-1.PROD.example.org."),
    prometheus("db-1", instance="db-1.example.net"),
    prometheus("legacy", instance="legacy.corp.example"),
    prometheus("web-1", instance="{web-1}"),
    prometheus("web-1", instance="{web-1}:9100"),
    prometheus("web-1", instance="{web-1}.eu-central-1.compute.internal:9100"),
    prometheus("web-1", instance="{web-1}.prod.example.org"),
    prometheus("web-1", instance="10.0.0.11:9100", account=OURS),
    prometheus("web-1", instance="10.0.0.11:9100", account="1111-2222-3333"),
    prometheus("web-1", instance="10.0.0.11:9100", vpc_id="{near}"),
    prometheus("twin", instance="10.0.0.71:9100", account=OURS, vpc_id="{near}"),
    prometheus("web-1", instance="ip-10-0-0-11:9100", account=OURS),
    prometheus("web-1", node="ip-10-0-0-11.eu-central-1.compute.internal", aws_account_id=OURS),
    prometheus("web-1", instance="ip-10-0-0-11.prod.example.org", account=OURS),
    prometheus("web-1", instance="10.0.0.11:9100", instance_id="{web-1}"),
    prometheus("web-1", instance="10.0.0.11:9100", nodename="web-1"),
    prometheus("web-1", instance="web-1", fqdn="web-1.prod.example.org", instance_id="{web-1}"),
    prometheus("worker-a", instance="worker", instance_id="{worker-a}"),
    prometheus("worker-b", host="worker", instance="10.0.0.32:9100", account=OURS),
    prometheus("web-1", instance="web-1", region=HOME, account=OURS),
    prometheus("web-1", instance="web-1", region="EU-Central-1", availability_zone="eu-central-1b", zone="dmz"),
    prometheus("db-1", instance="db-1", deployed_from="{web-1}"),
    prometheus("db-1", instance="db-1", host_id="8f14e45fceea167a5a36dedd4bea2543"),
    prometheus("web-1", instance="localhost:9100", host="web-1"),
    prometheus("web-1", resource_arn=f"arn:aws:ec2:{HOME}:{OURS}:instance/{{web-1}}"),
    prometheus("web-1", node="web-1", namespace="kube-system", instance="10.244.0.7:8080"),
    prometheus("web-1", pod="shop-7f9", instance="10.244.0.7:8080", node="web-1"),
    prometheus(
        "web-1", pod="node-exporter-x", node="ip-10-0-0-11.eu-central-1.compute.internal", account=OURS, region=HOME
    ),
    # The account, region and cloud of the stack, in whatever label; and ARNs that say nothing of the machine.
    prometheus("web-1", instance="web-1", datacenter=HOME, site="eu-central-1a", owner_id=OURS, cloud__provider="aws"),
    prometheus("web-1", instance="web-1", az="euc1-az2", account_name="production", dc="fra-2"),
    prometheus("web-1", instance="web-1", cluster_arn=f"arn:aws:eks:{HOME}:{OURS}:cluster/x", cluster="us-east"),
    prometheus("web-1", instance="web-1", role_arn=f"arn:aws:iam::{THEIRS}:role/x", phone="111122223333"),
    prometheus("web-1", instance="web-1", topic=f"arn:aws:sns:{AWAY}:{THEIRS}:alerts"),
    prometheus("web-1", instance="web-1:9100", target="web-1.prod.example.org:9100"),
    prometheus("web-1", instance="{{ $labels.instance }}", host="web-1"),
    prometheus("web-1", instance="web-1\n"),
    datadog("web-1", hostname="web-1", tags="host:web-1,env:prod"),
    datadog("web-1", hostname="{web-1}", tags=f"aws_account:{OURS},region:{HOME},pod_name:shop-7f9"),
    datadog("worker-a", hostname="worker", tags="instance_id:{worker-a}"),
    generic("web-1", host="web-1", account=OURS, region=HOME),
    generic("web-2", host="10.0.0.12", labels={"account_id": OURS}),
    grafana("web-1", host="web-1"),
    cloudwatch("web-1", InstanceId="{web-1}"),
    cloudwatch("web-1", host="ip-10-0-0-11"),
    cloudwatch("web-1", host="ip-10-0-0-11.eu-central-1.compute.internal", metric_account=OURS),
)
"""The messages that must find their instance."""
