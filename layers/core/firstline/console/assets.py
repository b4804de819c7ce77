"""The one script of the console: htmx, which refreshes the status of an incident without losing a form."""

import base64
import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path

from firstline.console.web import Response

_HTMX = Path(__file__).parent / "assets" / "htmx.min.js"


@cache
def script_name() -> str:
    """Return the script's file name, which changes with its content, so that browsers may keep the file for ever."""
    return f"htmx-{sha256(_HTMX.read_bytes()).hexdigest()[:12]}.js"


@cache
def script() -> Response:
    """Return the answer to a request for the script, compressed because API Gateway does not compress."""
    return {
        "statusCode": 200,
        "headers": {
            "Content-Type": "text/javascript; charset=utf-8",
            "Content-Encoding": "gzip",
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
        },
        "body": base64.b64encode(gzip.compress(_HTMX.read_bytes(), mtime=0)).decode("ascii"),
        "isBase64Encoded": True,
    }
