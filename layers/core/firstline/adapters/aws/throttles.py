"""Throttles of Lambda functions (invocations that Lambda refused), as CloudWatch counts them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from firstline.adapters.aws.clients import raising
from firstline.errors import MetricsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient

HOUR_SECONDS = 3600


class LambdaThrottles:
    """The throttles of some Lambda functions.

    CloudWatch bills each metric that is read. So the account's sum is read first, and each function's only if the sum
    is not 0.
    """

    def __init__(self, client: "CloudWatchClient", functions: Sequence[str]) -> None:
        self._client = client
        self._functions = functions

    def between(self, begin: datetime, end: datetime) -> dict[str, int]:
        """Return the number of throttles of each function that has any, by the function's name.

        CloudWatch counts them by the hour, so pass full hours.

        Raises
        ------
        MetricsUnavailable
            CloudWatch did not answer.
        """
        if not self._functions or not any(self._sums([()], begin, end)):
            return {}
        sums = self._sums([({"Name": "FunctionName", "Value": name},) for name in self._functions], begin, end)
        return {name: total for name, total in zip(self._functions, sums, strict=True) if total}

    def _sums(self, dimensions: Sequence[Sequence[Any]], begin: datetime, end: datetime) -> list[int]:
        queries: list[Any] = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Throttles", "Dimensions": list(each)},
                    "Period": HOUR_SECONDS,
                    "Stat": "Sum",
                },
            }
            for number, each in enumerate(dimensions)
        ]
        with raising(MetricsUnavailable, "CloudWatch did not return Lambda's throttles"):
            found = self._client.get_metric_data(MetricDataQueries=queries, StartTime=begin, EndTime=end)
        values = {result["Id"]: sum(result["Values"]) for result in found["MetricDataResults"]}
        return [round(values.get(query["Id"], 0)) for query in queries]
