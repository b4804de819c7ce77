"""The only Logger and Metrics. Import them from here, so that every line and number carries the same names.

Traces come from the platform (Lambda, API Gateway and Step Functions with active tracing); see
docs/decisions/0002-traces-without-the-xray-sdk.md.
"""

from aws_lambda_powertools import Logger, Metrics

logger = Logger(service="firstline", log_uncaught_exceptions=False)
metrics = Metrics(namespace="Firstline", service="firstline")
