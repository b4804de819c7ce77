"""What looking for similar incidents costs: requests, and time against one query, with 100,000 incidents in the table.

DynamoDB Local keeps its table in memory here and answers from this machine, so what is left of a query is what it costs
to ask, to carry and to read some dozens of items: as far as a ratio can be had without AWS.
"""

from datetime import datetime, timedelta
from typing import Any

from firstline.adapters.table import Table, stamp
from firstline.classification.templates import family
from firstline.models import EarlierIncident

_WORDS = ("queue", "disk", "memory", "replica", "login", "certificate", "broker", "tunnel", "backup", "index")
_STATES = ("Full", "Slow", "Down", "Failing", "Missing")
NAMES = tuple(f"{word.title()}{state}" for word in _WORDS for state in _STATES)
SERVICES = 50


def fill(table: Table, *, incidents: int, now: datetime) -> None:
    """Write so many closed incidents as evidence, spread over names, services, groups and 60 days."""
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
        table._client.batch_write_item(RequestItems={table.name: requests[begin : begin + 25]})
