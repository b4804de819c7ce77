"""The CPU time of a cold start of ingest and of classify, against a function that only has a DynamoDB client."""

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = 15
HEAVY = ("openai", "httpx2", "slack_sdk", "cryptography", "yaml")

BARE = "import boto3\ndef handler(event, context): ...\nboto3.client('dynamodb')\n"
# What a handler of this kind has in any case: two clients, a model, a Logger and Metrics.
USUAL = (
    "import boto3\nfrom pydantic import BaseModel\nfrom aws_lambda_powertools import Logger, Metrics\n"
    "class Event(BaseModel):\n    name: str\n"
    "logger, metrics = Logger(), Metrics()\ndef handler(event, context): ...\n"
    "boto3.client('dynamodb')\nboto3.client('stepfunctions')\n"
)
# With every part that the first event needs, but with one client, as the bare handler has. Tests compare the modules of
# CLASSIFY with those of a real first call.
INGEST = "import app, firstline.adapters.aws.executions\napp.wiring.executions = None\napp.wiring.front_door\n"
CLASSIFY = (
    "import app, firstline.adapters.aws.alarm_evidence, firstline.policy.model\n"
    "app.wiring.incidents, app.wiring.trail\n"
)
WITH_MODEL = f"{CLASSIFY}import firstline.adapters.llm.chat_model, firstline.adapters.dynamodb.spending\n"
WITH_CIRCUIT = f"{WITH_MODEL}import aws_lambda_powertools.utilities.circuit_breaker.persistence.dynamodb\n"
WITH_QUESTION = f"{WITH_CIRCUIT}app.wiring.secrets\nimport firstline.adapters.llm.openai_chat\n"

SETTINGS = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "HISTORY_DAYS": "90",
    "INCIDENTS_PER_MINUTE": "60",
    "INCIDENTS_PER_MINUTE_AND_ALERT": "20",
    "BACKLOG_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/backlog",
    "ERROR_LOG_GROUP_ARNS": "",
    "QUARANTINE_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/quarantine",
    "RUNBOOKS_DIR": "runbooks",
    "SECRETS_PREFIX": "/firstline/bench",
    "STACK_NAME": "bench",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:1:stateMachine:bench",
    "TABLE_NAME": "bench",
    "FLAP_QUIET_SECONDS": "600",
    "PAGE_AFTER_SECONDS": "300",
    "RESOLVE_WITHIN_SECONDS": "604800",
    "TIME_ZONE": "UTC",
}

PROGRAMS = {
    "bare handler": ("ingest", BARE),
    "usual handler": ("ingest", USUAL),
    "ingest": ("ingest", INGEST),
    "classify, no model": ("classify", CLASSIFY),
    "classify, a model that a ruled verdict does not ask": ("classify", WITH_MODEL),
    "classify, circuit open or ceiling reached": ("classify", WITH_CIRCUIT),
    "classify, a model is asked": ("classify", WITH_QUESTION),
}


AGAINST_USUAL = {"ingest": 1.20, "classify, no model": 1.35}
"""The largest ratio of a start's CPU time to that of a handler with what all of its kind have."""


def rows() -> list[tuple[str, str, str]]:
    """Measure the CPU time of imports and client against a bare handler's, and list what must not be imported."""
    ingest, bare = (set(_modules(program)) for program in (INGEST, BARE))
    found = [name for name in HEAVY if name in ingest - bare]
    classify = _modules(CLASSIFY, "classify")
    clients = [name for name in ("openai", "httpx2") if name in classify]
    seconds = _measure()
    ratios = [
        (f"import and client, {name} ÷ bare handler (CPU)", f"{seconds[name] / seconds['bare handler']:.2f}")
        for name in PROGRAMS
        if name != "bare handler"
    ]
    return [
        *((name, ratio, "≤ 1.80" if ", ingest " in name else "") for name, ratio in ratios),
        *(
            (f"the same, {name} ÷ usual handler", f"{seconds[name] / seconds['usual handler']:.2f}", f"≤ {limit:.2f}")
            for name, limit in AGAINST_USUAL.items()
        ),
        (f"ingest brings in of {', '.join(HEAVY)}", ", ".join(found) or "none", "none"),
        ("classify brings in of openai, httpx2 before it asks", ", ".join(clients) or "none", "none"),
        ("modules, ingest and bare handler", f"{len(ingest)} and {len(bare)}", ""),
    ]


def _measure() -> dict[str, float]:
    """Return the least CPU seconds of each program over several rounds.

    In each round all programs run one after the other, so that a disturbance of the machine disturbs all of them.
    """
    for function, program in PROGRAMS.values():
        _cpu_seconds(program, function)  # bytecode is written and files are cached before anything counts
    least = dict.fromkeys(PROGRAMS, float("inf"))
    for _ in range(RUNS):
        for name, (function, program) in PROGRAMS.items():
            least[name] = min(least[name], _cpu_seconds(program, function))
    return least


def _modules(program: str, function: str = "ingest") -> list[str]:
    return _run(f"{program}import sys\nprint(*sys.modules)\n", function).split()


def _cpu_seconds(program: str, function: str) -> float:
    # `os.times` counts in hundredths of a second, which is too coarse for these programs.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(program, function)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _run(program: str, function: str) -> str:
    paths = [str(ROOT / "functions" / function), str(ROOT / "layers" / "core")]
    # The SAM CLI brings pyOpenSSL, which urllib3 would then load; Lambda has none.
    lines = f"import sys\nsys.modules['OpenSSL'] = None\nsys.path[:0] = {paths!r}\n{program}"
    # Lambda has the layers' bytecode, so a setting that keeps Python from writing any must not count here.
    environment = os.environ | SETTINGS | {"PYTHONDONTWRITEBYTECODE": ""}
    environment.pop("PYDANTIC_DISABLE_PLUGINS", None)  # set by firstline in this process; the usual handler has it not
    done = subprocess.run([sys.executable, "-c", lines], check=True, capture_output=True, text=True, env=environment)
    return done.stdout
