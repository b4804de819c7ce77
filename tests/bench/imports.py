"""What a cold start of ingest costs before the first alert, against a function that only has a DynamoDB client."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = 9
HEAVY = ("openai", "httpx2", "slack_sdk", "cryptography", "yaml")

BARE = "import boto3\ndef handler(event, context): ...\nboto3.client('dynamodb')\n"
INGEST = "import app\nimport boto3\nboto3.client('dynamodb')\n"


def rows() -> list[tuple[str, str, str]]:
    """The ratio, and what must not have been imported."""
    ratio = measure_ratio()
    ingest, bare = (set(_run(f"{program}import sys\nprint(*sys.modules)\n").split()) for program in (INGEST, BARE))
    found = [name for name in HEAVY if name in ingest - bare]
    return [
        ("import and client, ingest ÷ bare handler (CPU)", f"{ratio:.2f}", "≤ 1.80"),
        (f"it brings in of {', '.join(HEAVY)}", ", ".join(found) or "none", "none"),
        ("modules, ingest and bare handler", f"{len(ingest)} and {len(bare)}", ""),
    ]


def measure_ratio() -> float:
    """CPU seconds of ingest's import and client over those of a bare handler, the least of several runs each."""
    _cpu_seconds(BARE), _cpu_seconds(INGEST)  # bytecode is written and files are cached before anything counts
    pairs = [(_cpu_seconds(INGEST), _cpu_seconds(BARE)) for _ in range(RUNS)]
    return min(ingest for ingest, _ in pairs) / min(bare for _, bare in pairs)


def _cpu_seconds(program: str) -> float:
    before = os.times()
    _run(program)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _run(program: str) -> str:
    paths = [str(ROOT / "functions" / "ingest"), str(ROOT / "layers" / "core")]
    # The SAM CLI brings pyOpenSSL, which urllib3 would then load; Lambda has none.
    lines = f"import sys\nsys.modules['OpenSSL'] = None\nsys.path[:0] = {paths!r}\n{program}"
    return subprocess.run([sys.executable, "-c", lines], check=True, capture_output=True, text=True).stdout
