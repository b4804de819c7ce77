"""The labels, tags and dimensions that say which service, environment, account and region an alert is about.

One table for all sources, in the order in which the names are looked up.
"""

from collections.abc import Mapping
from typing import Literal

from firstline.sources import values

type Meaning = Literal["service", "environment", "account", "region"]

_NAMES: dict[Meaning, tuple[str, ...]] = {
    "service": (
        *("service", "service_name", "Service", "ServiceName", "app", "application", "app_kubernetes_io_name", "job"),
        # CloudWatch's dimensions name the resource of a managed service.
        *("FunctionName", "ApiName", "DBInstanceIdentifier", "DBClusterIdentifier", "QueueName", "TableName"),
        *("LoadBalancer", "AutoScalingGroupName", "ClusterName"),
    ),
    "environment": ("environment", "env", "Environment", "stage", "Stage"),
    "account": ("account", "account_id", "aws_account"),
    "region": ("region", "aws_region"),
}

MEANINGS: tuple[Meaning, ...] = ("account", "region", "service", "environment")


def find(labels: Mapping[str, str], meaning: Meaning) -> str | None:
    """Return the value of the first label that has this meaning, as a name, or None."""
    return values.first(labels, *_NAMES[meaning])
