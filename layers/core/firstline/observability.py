"""The only Logger and Metrics: imported from here, every log line and metric carries the same names.

Traces come from the platform (Lambda, API Gateway and Step Functions with active tracing); see
docs/decisions/0002-traces-without-the-xray-sdk.md.
"""

import json
import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

import firstline


def _line(record: dict[str, Any]) -> str:
    """Write a log record as JSON without secrets and personal data, an exception's text included."""
    from firstline.privacy import redact_log  # imported late: a start writes no log line

    return json.dumps(redact_log(record), default=str, separators=(",", ":"), ensure_ascii=False)


NO_METRICS = "POWERTOOLS_METRICS_DISABLED"
_YES = frozenset({"true", "1", "yes", "y", "t", "on"})


class _Metrics(Metrics):
    """Metrics that are not even collected where `NO_METRICS` says so.

    Powertools itself only leaves out the last flush: each hundredth value is printed all the same, and is an error
    where nobody named a namespace, as on a terminal.
    """

    def add_metric(self, *args: Any, **values: Any) -> None:
        """Add a metric, unless metrics are disabled."""
        if os.environ.get(NO_METRICS, "").lower() not in _YES:
            super().add_metric(*args, **values)


# The names of the service and the namespace come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_METRICS_NAMESPACE.
logger = Logger(log_uncaught_exceptions=False, json_serializer=_line, version=firstline.__version__)
metrics = _Metrics()


def count(name: str) -> None:
    """Emit a metric of one at once, because a thread may outlive the invocation and its metrics."""
    service = {"service": os.environ.get("POWERTOOLS_SERVICE_NAME", "firstline")}
    with single_metric(name=name, unit=MetricUnit.Count, value=1, default_dimensions=service):
        pass
