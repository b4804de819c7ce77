"""The only Logger and Metrics. Import them from here, so that every line and number carries the same names.

Traces come from the platform (Lambda, API Gateway and Step Functions with active tracing); see
docs/decisions/0002-traces-without-the-xray-sdk.md.
"""

import os

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

# The names of the service and the namespace come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_METRICS_NAMESPACE.
logger = Logger(log_uncaught_exceptions=False)
metrics = Metrics()


def count(name: str) -> None:
    """Count one, at once and by itself: for a thread that may outlive the invocation, whose metrics are one set."""
    service = {"service": os.environ.get("POWERTOOLS_SERVICE_NAME", "firstline")}
    with single_metric(name=name, unit=MetricUnit.Count, value=1, default_dimensions=service):
        pass
