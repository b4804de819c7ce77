"""The labels, tags and dimensions that name the account, region, service and environment of an alert.

One table for all sources, in the order in which the names are looked up.
"""

from collections.abc import Mapping
from typing import NamedTuple

from firstline.sources import values

_NAMES: dict[str, tuple[str, ...]] = {
    "account": ("account", "account_id", "aws_account"),
    "region": ("region", "aws_region"),
    "service": (
        *("service", "service_name", "Service", "ServiceName", "app", "application", "app_kubernetes_io_name", "job"),
        # CloudWatch's dimensions name the resource of a managed service.
        *("FunctionName", "ApiName", "DBInstanceIdentifier", "DBClusterIdentifier", "QueueName", "TableName"),
        *("LoadBalancer", "AutoScalingGroupName", "ClusterName"),
    ),
    "environment": ("environment", "env", "Environment", "stage", "Stage"),
}


class Subject(NamedTuple):
    """The account, region, service and environment that an alert is about, as far as they are known."""

    account: str | None = None
    region: str | None = None
    service: str | None = None
    environment: str | None = None


def find(labels: Mapping[str, str], meaning: str) -> str | None:
    """Return the value of the first label with this meaning (a field of `Subject`), cleaned, or None."""
    return values.first(labels, *_NAMES[meaning])
