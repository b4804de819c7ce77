"""The dollars of a path and of an idle month: counted units and stated assumptions, times list prices.

Prices are those of us-east-1 without any free tier; other regions differ by up to a fifth.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from firstline.models import Usage
from firstline.policy.model import Price
from tests.bench.paths import Work

ROOT = Path(__file__).parents[2]

MILLION = 1e6
REQUEST = 1.00 / MILLION
TRANSITION = 25.0 / MILLION
WRITE_UNIT, READ_UNIT = 0.625 / MILLION, 0.125 / MILLION
INVOCATION, GB_SECOND = 0.20 / MILLION, 0.0000133334
LOGGED_GB = 0.50
SCHEDULED = 1.00 / MILLION
QUEUE_REQUEST = 0.40 / MILLION
KEY_REQUEST = 3.0 / MILLION
ALARM, DASHBOARD, METRIC = 0.10, 3.00, 0.30
ASKED_METRIC = 0.01 / 1_000
FREE_ALARMS = 10

GB = 0.5
SECONDS = {"ingest": 0.05, "reconcile": 0.15, "respond": 0.15, "remediate": 0.10}
OTHER_SECONDS = 0.20
"""The assumed seconds of a warm function with 512 MB; nothing here measures Lambda."""

LOGGED = 700
"""The assumed bytes that an invocation logs: a line of metrics and one of Firstline."""

MINUTES = 30 * 24 * 60

QUESTION = Usage(prompt_tokens=1_200, completion_tokens=300)
"""The tokens of a question to a model: the mean prompt of the evals' cases at four bytes a token, an assumed answer."""

MODEL = Price(prompt=0.40, completion=1.60)
"""An example of what a million tokens cost."""

FLIGHT = "paged, resolved before anybody answered"
"""The path that a flight of the canary takes."""

FLIGHTS = MINUTES / 15
WAITING_FOR_FLIGHTS = 0.10


@dataclass(frozen=True)
class Priced:
    """The dollars of a thousand incidents, by AWS service."""

    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        """Return the dollars of all services."""
        return sum(self.parts.values())


def of_path(work: Work) -> Priced:
    """Return the dollars of a thousand incidents of a path. Write units are the documented ones, which AWS bills."""
    parts = Counter(
        {
            "API Gateway": work.posts * REQUEST,
            "Step Functions": work.transitions * TRANSITION,
            "DynamoDB": work.documented * WRITE_UNIT + work.read_units * READ_UNIT,
            "Lambda and logs": sum(number * _invocation(name) for name, number in work.invocations.items()),
        }
    )
    return Priced({name: 1_000 * dollars for name, dollars in parts.items()})


def idle_month() -> dict[str, tuple[float, str, bool]]:
    """Return an idle month's parts: the dollars, what they consist of, and False if a lasting free tier covers them."""
    alarms = _alarms()
    keys = MINUTES / 5 * 2
    return {
        "alarms": (
            alarms * ALARM,
            f"{alarms} alarms of one metric each; the first {FREE_ALARMS} of an account are free, always",
            alarms > FREE_ALARMS,
        ),
        "metrics": (0.0, "none is sent while nothing happens", True),
        "reconcile": (
            MINUTES * _invocation("reconcile"),
            f"{MINUTES:,} runs of {SECONDS['reconcile']:g} s with 512 MB, {LOGGED:,} bytes of log each at most",
            True,
        ),
        "its questions to the table": (MINUTES * 18 * READ_UNIT / 2, "18 queries a run that find nothing", True),
        "the table's KMS key": (
            keys * KEY_REQUEST,
            "asked for about twice in five minutes; none with AWS's own key",
            True,
        ),
        "asking for throttles": (
            MINUTES / 60 * ASKED_METRIC,
            "one metric an hour; each function's only if the account had any",
            True,
        ),
        "the schedule": (MINUTES * SCHEDULED, "the first 14 million are free, always", False),
        "reading the backlog queue": (
            5 * 3 * MINUTES * QUEUE_REQUEST,
            "five pollers of Lambda, three times a minute; the first million is free, always",
            False,
        ),
    }


def canary_month(thousand: float) -> float:
    """Return what the canary costs a month if a thousand flights cost so much, with its metric, alarm and function."""
    return FLIGHTS / 1_000 * thousand + METRIC + ALARM + WAITING_FOR_FLIGHTS


def model_thousand() -> float:
    """Return what a model costs if it is asked about a thousand incidents, once each."""
    return 1_000 * (MODEL.of(QUESTION).cost or 0.0)


def page(paths: Mapping[str, Work]) -> str:
    """Return docs/cost.md."""
    lines = []
    for name, work in paths.items():
        priced = of_path(work)
        calls = sum(work.invocations.values())
        lines.append(
            f"| {name} | {work.posts} | {work.transitions} | {calls} | {work.requests.total()} | {work.documented:g} "
            f"({work.write_units:g}) | {work.read_units:g} | **${priced.total:.3f}** | "
            f"{priced.parts['Step Functions']:.3f} / {priced.parts['DynamoDB']:.3f} / "
            f"{priced.parts['Lambda and logs']:.3f} |"
        )
    idle = idle_month()
    rows = [
        f"| {name} | ${dollars:.2f} | {how} | {'yes' if billed else 'no'} |"
        for name, (dollars, how, billed) in idle.items()
    ]
    billed = sum(dollars for dollars, _, is_billed in idle.values() if is_billed)
    everything = sum(dollars for dollars, _, _ in idle.values())
    text = (Path(__file__).parent / "cost.md.txt").read_text(encoding="utf-8")
    return text.format(
        paths="\n".join(lines),
        idle="\n".join(rows),
        billed=f"{billed:.2f}",
        everything=f"{everything:.2f}",
        gb=GB,
        tokens_in=f"{QUESTION.prompt_tokens:,}",
        tokens_out=f"{QUESTION.completion_tokens:,}",
        model=f"{model_thousand():.2f}",
        canary=f"{canary_month(round(of_path(paths[FLIGHT]).total, 3)):.2f}",
    )


def _invocation(name: str) -> float:
    seconds = SECONDS.get(name, OTHER_SECONDS)
    return INVOCATION + seconds * GB * GB_SECOND + LOGGED / 1e9 * LOGGED_GB


def _alarms() -> int:
    """Return how many metrics the alarms watch, each of which CloudWatch bills."""
    resources: Mapping[str, Mapping[str, Any]] = yaml_parse((ROOT / "observability.yaml").read_text())["Resources"]
    alarms = [
        each for each in resources.values() if each["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in each
    ]
    return sum(len(each["Properties"].get("Metrics", [None])) for each in alarms)
