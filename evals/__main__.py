"""Entry point of `python -m evals`."""

import logging
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "layers" / "core"))
# What the package's logger and metrics would otherwise look for, or write into the table on the terminal.
os.environ |= {
    "POWERTOOLS_SERVICE_NAME": "evals",
    "POWERTOOLS_METRICS_NAMESPACE": "Firstline",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}

from evals.cli import app

logging.getLogger("firstline").setLevel(logging.CRITICAL)

app()
