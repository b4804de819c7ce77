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


# The names of the service and the namespace come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_METRICS_NAMESPACE.
logger = Logger(log_uncaught_exceptions=False, json_serializer=_line, version=firstline.__version__)
metrics = Metrics()


def count(name: str) -> None:
    """Emit a metric of one at once, because a thread may outlive the invocation and its metrics."""
    service = {"service": os.environ.get("POWERTOOLS_SERVICE_NAME", "firstline")}
    with single_metric(name=name, unit=MetricUnit.Count, value=1, default_dimensions=service):
        pass
