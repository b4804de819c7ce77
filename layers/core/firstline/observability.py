"""The one logger and the one collection of metrics: every function imports them from here.

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
    """Return a log record as JSON, with secrets and personal data removed, also from an exception's text."""
    from firstline.privacy import redact_log  # imported late: a start writes no log line

    return json.dumps(redact_log(record), default=str, separators=(",", ":"), ensure_ascii=False)


NO_METRICS = "POWERTOOLS_METRICS_DISABLED"
_YES = frozenset({"true", "1", "yes", "y", "t", "on"})


class _Metrics(Metrics):
    """Metrics that are not collected if the environment variable `POWERTOOLS_METRICS_DISABLED` is true.

    Powertools alone would only leave out the last flush: it would still print every hundredth value, and raise an
    error then if no namespace is set, as in a terminal.
    """

    def add_metric(self, *args: Any, **values: Any) -> None:
        """Add a metric as Powertools does, or do nothing if metrics are disabled."""
        if os.environ.get(NO_METRICS, "").lower() not in _YES:
            super().add_metric(*args, **values)


# The names of the service and the namespace come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_METRICS_NAMESPACE.
logger = Logger(log_uncaught_exceptions=False, json_serializer=_line, version=firstline.__version__)
metrics = _Metrics()


def count(name: str) -> None:
    """Emit the metric `name` with the value 1 at once: a thread may outlive the invocation that flushes `metrics`."""
    service = {"service": os.environ.get("POWERTOOLS_SERVICE_NAME", "firstline")}
    with single_metric(name=name, unit=MetricUnit.Count, value=1, default_dimensions=service):
        pass
