"""The state of AWS resources, by describe calls that only read: one function for each kind.

The resource is named by the dimensions of an alarm, as CloudWatch itself describes it. Only named fields are kept, and
all of their text is redacted and cut. `GetFunctionConfiguration` is not called: it would return the function's
environment, which may hold secrets.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from firstline.adapters.aws.database_limits import most_connections
from firstline.classification.vital_signs import KINDS
from firstline.models import Resource, ResourceFact
from firstline.privacy.safe_text import safe_line

MAX_CHARS = 200
MAX_TARGET_GROUPS = 2

type Clients = Callable[[str], Any]
"""A function that returns the boto3 client of a service by its name."""


class Watched(NamedTuple):
    """The resource that an alarm watches: a namespace of CloudWatch and the dimensions that name it there."""

    namespace: str
    dimensions: Mapping[str, str]
    account: str
    region: str
    partition: str

    @property
    def id(self) -> str:
        """The resource's name: the value of the dimension for its kind, such as `InstanceId`."""
        return next(self.dimensions[name] for name in KINDS[self.namespace].dimensions if name in self.dimensions)

    @property
    def own_arn(self) -> str | None:
        """The resource's ARN, or None if it cannot be built from the alarm's dimensions."""
        named = _ARNS.get(self.namespace)
        if self.namespace == "AWS/ApplicationELB":
            group = self.dimensions.get("TargetGroup")
            return self.arn("elasticloadbalancing", group or f"loadbalancer/{self.id}")
        if self.namespace == "AWS/ECS":
            return self.arn("ecs", f"service/{self.dimensions['ClusterName']}/{self.id}")
        return self.arn(named[0], f"{named[1]}{self.id}") if named else None

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource (such as `service/shop/web`) of an AWS service, in the alarm's region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


_ARNS: Mapping[str, tuple[str, str]] = {
    "AWS/RDS": ("rds", "db:"),
    "AWS/EC2": ("ec2", "instance/"),
    "AWS/Lambda": ("lambda", "function:"),
    "AWS/SQS": ("sqs", ""),
    "AWS/DynamoDB": ("dynamodb", "table/"),
}
"""The service, and the prefix of the resource's name, in the ARNs of a namespace's resources."""


def describe(watched: Watched, clients: Clients) -> Resource:
    """Return the resource with its present state and facts, as AWS describes them.

    Raises
    ------
    botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
        AWS refused or did not answer in time.
    LookupError
        AWS does not know the resource.
    """
    # What API Gateway says of a stage is its configuration, variables included, and no state.
    read = _DESCRIBE.get(watched.namespace)
    state, facts = read(watched, clients) if read else (None, {})
    return resource_of(watched, state, facts)


def resource_of(watched: Watched, state: object = None, facts: Mapping[str, object] | None = None) -> Resource:
    """Return the resource with its state (None: unknown), and with those facts, by name, that have a value."""
    known = {name: value for name, value in (facts or {}).items() if value not in (None, "")}
    return Resource(
        kind=KINDS[watched.namespace].word,
        namespace=watched.namespace,
        id=text(watched.id),
        state=text(state) if state else None,
        facts=[ResourceFact(name=name, value=text(value)) for name, value in known.items()],
    )


def text(value: object) -> str:
    """Return a value from an AWS response as one line of text, redacted and cut to 200 characters (`MAX_CHARS`)."""
    return safe_line(str(value), MAX_CHARS)


type _State = tuple[object, dict[str, object]]


def _known(answer: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the one resource in an answer of AWS, or raise LookupError if the answer is empty."""
    if not answer:
        raise LookupError("AWS does not know it, or not any more")
    return answer[0]


def _rds(watched: Watched, clients: Clients) -> _State:
    answer = clients("rds").describe_db_instances(DBInstanceIdentifier=watched.id)
    found = _known(answer["DBInstances"])
    groups = [group.get("DBParameterGroupName", "") for group in found.get("DBParameterGroups", [])]
    facts = {
        "class": found.get("DBInstanceClass"),
        "engine": f"{found.get('Engine', '')} {found.get('EngineVersion', '')}".strip(),
        "allocated_storage_gib": found.get("AllocatedStorage"),
        "storage_grows_to_gib": found.get("MaxAllocatedStorage"),
        "iops": found.get("Iops"),
        "multi_az": "yes" if found.get("MultiAZ") else "no",
        "pending_changes": ", ".join(found.get("PendingModifiedValues") or {}),
        "max_connections": most_connections(found.get("DBInstanceClass", ""), found.get("Engine", ""), groups),
        "replication": _replication(found),
    }
    return found.get("DBInstanceStatus"), facts


def _replication(database: Mapping[str, Any]) -> object:
    """Return the state of a read replica's replication as RDS names it, or None if RDS calls it normal."""
    infos = database.get("StatusInfos", [])
    return next(
        (info.get("Status") for info in infos if info.get("StatusType") == "read replication" and not info["Normal"]),
        None,
    )


def _ec2(watched: Watched, clients: Clients) -> _State:
    answer = clients("ec2").describe_instance_status(InstanceIds=[watched.id], IncludeAllInstances=True)
    found = _known(answer["InstanceStatuses"])
    event: dict[str, Any] = next((found_event for found_event in found.get("Events", []) if _open(found_event)), {})
    facts = {
        "system_check": found.get("SystemStatus", {}).get("Status"),
        "instance_check": found.get("InstanceStatus", {}).get("Status"),
        "scheduled_event": f"{event['Code']}, not before {event.get('NotBefore', 'now')}" if event else None,
        "scheduled_for": event["NotBefore"].isoformat() if "NotBefore" in event else None,
    }
    return found.get("InstanceState", {}).get("Name"), facts


def _open(event: Mapping[str, Any]) -> bool:
    """Return True unless EC2's description of a scheduled event begins with `[Completed]` or `[Canceled]`."""
    return not str(event.get("Description", "")).startswith(("[Completed]", "[Canceled]"))


def _alb(watched: Watched, clients: Clients) -> _State:
    client = clients("elbv2")
    if "TargetGroup" in watched.dimensions:
        arns = [watched.arn("elasticloadbalancing", watched.dimensions["TargetGroup"])]
    else:
        arn = watched.arn("elasticloadbalancing", f"loadbalancer/{watched.dimensions['LoadBalancer']}")
        groups = client.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
        arns = [group["TargetGroupArn"] for group in groups[:MAX_TARGET_GROUPS]]
    health = [
        target["TargetHealth"]
        for arn in arns
        for target in client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    ]
    sick = [target for target in health if target["State"] == "unhealthy"]
    facts: dict[str, object] = {
        "healthy": sum(target["State"] == "healthy" for target in health),
        "unhealthy": len(sick),
        "unhealthy_because": sick[0].get("Reason") if sick else None,
    }
    return None, facts


def _lambda(watched: Watched, clients: Clients) -> _State:
    answer = clients("lambda").get_function_concurrency(FunctionName=watched.id)
    return None, {"reserved_concurrency": answer.get("ReservedConcurrentExecutions")}


def _sqs(watched: Watched, clients: Clients) -> _State:
    client = clients("sqs")
    url = client.get_queue_url(QueueName=watched.id)["QueueUrl"]
    names = {
        "waiting": "ApproximateNumberOfMessages",
        "in_flight": "ApproximateNumberOfMessagesNotVisible",
        "delayed": "ApproximateNumberOfMessagesDelayed",
    }
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names.values())).get("Attributes", {})
    return None, {name: found.get(attribute) for name, attribute in names.items()}


def _ecs(watched: Watched, clients: Clients) -> _State:
    cluster, service = watched.dimensions["ClusterName"], watched.dimensions["ServiceName"]
    found = _known(clients("ecs").describe_services(cluster=cluster, services=[service])["services"])
    newest = (found.get("deployments") or [{}])[0]
    facts = {
        "running": found.get("runningCount"),
        "desired": found.get("desiredCount"),
        "pending": found.get("pendingCount"),
        "rollout": newest.get("rolloutState"),
    }
    return found.get("status"), facts


def _dynamodb(watched: Watched, clients: Clients) -> _State:
    table = clients("dynamodb").describe_table(TableName=watched.id)["Table"]
    units = table.get("ProvisionedThroughput", {})
    facts = {
        "billing_mode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "read_units": units.get("ReadCapacityUnits") or None,
        "write_units": units.get("WriteCapacityUnits") or None,
    }
    return table.get("TableStatus"), facts


_DESCRIBE: Mapping[str, Callable[[Watched, Clients], _State]] = {
    "AWS/RDS": _rds,
    "AWS/EC2": _ec2,
    "AWS/ApplicationELB": _alb,
    "AWS/Lambda": _lambda,
    "AWS/SQS": _sqs,
    "AWS/ECS": _ecs,
    "AWS/DynamoDB": _dynamodb,
}
