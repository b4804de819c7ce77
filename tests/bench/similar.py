"""The cost of looking for similar incidents among 100,000: requests, and time against one query.

DynamoDB Local keeps its table in memory and answers from this machine, so a query costs only what it takes to ask,
carry and read some dozens of items. That is as far as a ratio can be had without AWS.
"""

import timeit
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from firstline.adapters.dynamodb.evidence import CANDIDATES
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table, stamp
from firstline.classification.similar import most_similar
from firstline.classification.templates import family
from firstline.models import EarlierIncident, NormalizedAlert
from tests.bench.table import create_table
from tests.support.builders import alert
from tests.support.dynamodb_local import dynamodb_local
from tests.support.needs import NEEDS

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
INCIDENTS = 100_000
RUNS = 25

_WORDS = ("queue", "disk", "memory", "replica", "login", "certificate", "broker", "tunnel", "backup", "index")
_STATES = ("Full", "Slow", "Down", "Failing", "Missing")
NAMES = tuple(f"{word.title()}{state}" for word in _WORDS for state in _STATES)
SERVICES = 50


def fill(table: Table, *, incidents: int, now: datetime) -> None:
    """Write so many closed incidents, spread over names, services, groups and 60 days."""
    requests: list[dict[str, Any]] = []
    for number in range(incidents):
        name, service = number % len(NAMES), (number // len(NAMES) + number) % SERVICES
        closed_at, group_key = now - timedelta(days=60) * number / incidents, f"bench:{name}:{service}"
        words = family(NAMES[name])
        earlier = EarlierIncident(
            incident_id=f"bench-{number}",
            opened_at=closed_at - timedelta(minutes=20),
            closed_at=closed_at,
            severity="medium",
            outcome="resolved",
            outcome_reason="Somebody looked after it and wrote some words about what it was." * 3,
            group_key=group_key,
            alert_name=NAMES[name],
            service=f"service-{service}",
            template=f"{words}: {words} of <host> is <value> since <n> and grows",
            cause="The consumers of the queue were too few for the evening's orders." * 2,
        )
        kept = {"earlier": {"S": earlier.model_dump_json(exclude_defaults=True)}}
        day = stamp(closed_at)[:10]
        places = (
            (f"GROUP#{group_key}", f"CLOSED#{stamp(closed_at)}#bench-{number}"),
            (f"LIKE#NAME#{words}", f"{day}#{group_key}#{number}"),
            (f"LIKE#SERVICE#service-{service}", f"{day}#{group_key}#{number}"),
        )
        requests += ({"PutRequest": {"Item": kept | {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in places)
    for begin in range(0, len(requests), 25):
        batch: Any = requests[begin : begin + 25]
        table._client.batch_write_item(RequestItems={table.name: batch})


def rows() -> list[tuple[str, str, str]]:
    """Measure requests and time of a look-up among 100,000 incidents in DynamoDB Local, if it is installed."""
    lack = NEEDS["dynamodb-local"]()
    if lack is not None:
        return [("looking for similar incidents", f"not measured: {lack}", "")]
    with dynamodb_local("1g") as address:
        client = boto3.client("dynamodb", endpoint_url=address)
        table = create_table(client)
        fill(table, incidents=INCIDENTS, now=NOW)
        history = TableIncidents(table)
        calls: Counter[str] = Counter()
        client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.update([model.name]))
        wanted_alert = _alert()
        found = most_similar(wanted_alert, history.incidents_like(wanted_alert), group_key="other", now=NOW)
        requests = sum(calls.values())
        nameless = wanted_alert.model_copy(update={"service": None})
        seconds = _best(lambda: history.incidents_like(nameless))
        both = _best(lambda: history.incidents_like(wanted_alert))
        whole = _best(
            lambda: most_similar(wanted_alert, history.incidents_like(wanted_alert), group_key="other", now=NOW)
        )
    return [
        (f"requests, with {INCIDENTS:,} incidents in the table", str(requests), "≤ 2"),
        (f"both reads ÷ one, of {CANDIDATES} items each", f"{both / seconds:.2f}", ""),
        ("both reads and the comparison ÷ one read", f"{whole / seconds:.2f}", ""),
        ("similar incidents found", str(len(found)), ""),
    ]


def _alert() -> NormalizedAlert:
    message = "queue of web-1 is full since 12:30 and grows"
    return alert(alert_name=NAMES[7], message=message, timestamp=NOW, group_key="other", service="service-7")


def _best(what: Callable[[], object]) -> float:
    """Return the least seconds of several runs, because everything that disturbs a run makes it slower."""
    return min(timeit.repeat(what, number=1, repeat=RUNS))
