"""The only Logger and Metrics. Import them from here, so that every line and number carries the same names.

Traces come from the platform (Lambda, API Gateway and Step Functions with active tracing); see
docs/decisions/0002-traces-without-the-xray-sdk.md.
"""

from aws_lambda_powertools import Logger, Metrics

# The names of the service and the namespace come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_METRICS_NAMESPACE.
logger = Logger(log_uncaught_exceptions=False)
metrics = Metrics()
