"""The throttles of functions against moto's CloudWatch, and what its operator gets of them through SNS."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from firstline.adapters.aws.throttles import LambdaThrottles
from tests.support.reconciling import Instead

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
BEGIN = END - timedelta(hours=1)


@pytest.fixture
def cloudwatch() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("cloudwatch", region_name="eu-central-1")


def refuse(cloudwatch: Any, **times: int) -> None:
    """Let Lambda refuse functions of the account that often, half an hour before the end."""
    counts = [([], sum(times.values())), *(([{"Name": "FunctionName", "Value": name}], n) for name, n in times.items())]
    data = [
        {"MetricName": "Throttles", "Dimensions": of, "Value": n, "Timestamp": END - timedelta(minutes=30)}
        for of, n in counts
    ]
    cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=data)


@pytest.mark.parametrize(
    ("times", "found", "metrics"),
    [
        ({"ingest": 0}, {}, [1]),
        ({"ingest": 0, "notify": 4}, {"notify": 4}, [1, 2]),
        ({"shop-cart": 4}, {}, [1, 2]),
    ],
    ids=["nobody is refused", "an own function is", "another function of the account is"],
)
def test_only_own_functions_count_and_one_metric_is_paid_while_nothing_is_refused(
    cloudwatch: Any, times: dict[str, int], found: dict[str, int], metrics: list[int]
) -> None:
    asked = []

    def get(**request: Any) -> Any:
        asked.append(len(request["MetricDataQueries"]))
        return cloudwatch.get_metric_data(**request)

    refuse(cloudwatch, **times)
    client: Any = Instead(cloudwatch, get_metric_data=get)
    throttles = LambdaThrottles(client, ["ingest", "notify"])

    assert throttles.between(BEGIN, END) == found
    assert asked == metrics
