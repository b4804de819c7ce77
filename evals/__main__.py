"""Entry point of `python -m evals`."""

import logging
import os

# Powertools would otherwise miss these settings, or write into the tables on the terminal.
os.environ |= {
    "POWERTOOLS_SERVICE_NAME": "evals",
    "POWERTOOLS_METRICS_NAMESPACE": "Firstline",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}

from evals.cli import app

logging.getLogger("firstline").setLevel(logging.CRITICAL)

app()
