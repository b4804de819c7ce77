"""What every test stands on: a region, credentials that open nothing, and names for Powertools."""

import os

os.environ |= {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "POWERTOOLS_SERVICE_NAME": "firstline-test",
    "POWERTOOLS_METRICS_NAMESPACE": "Firstline",
    "POWERTOOLS_TRACE_DISABLED": "true",
}
