"""Checks of the sources: which are open, and when each was last heard of."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from firstline.text import count, short_duration
from firstline_cli.doctor.findings import Finding, client, secret_name

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

LOOKS_BACK = timedelta(days=7)
MOST_INCIDENTS = 500


def sources(stack: "Stack") -> Iterator[Finding]:
    """Say which sources have a secret and when each last opened an incident; it is wrong if none is open."""
    from firstline.sources import SOURCES

    path = secret_name(stack, "sources")
    pages = client(stack, "ssm").get_paginator("get_parameters_by_path").paginate(Path=path, WithDecryption=False)
    has_secret = {parameter["Name"].rpartition("/")[2] for page in pages for parameter in page["Parameters"]}
    heard = last_heard(stack, datetime.now(UTC))
    named = [*SOURCES, *(["deployments"] if "deployments" not in SOURCES else [])]
    closed = []
    for source in named:
        by_event = source == "cloudwatch" and stack.parameters.get("EventBridgeAlarms", "true") == "true"
        if source not in has_secret and not by_event:
            closed.append(source)
            continue
        said = f"{source} is open" + (", by EventBridge" if by_event else "")
        yield Finding("ok", "sources", said + ("" if source == "deployments" else f"; {heard.get(source, _QUIET)}"))
    if len(closed) == len(named):
        yield Finding("wrong", "sources", "none is open: no alert can come in", "firstline init --sources prometheus")
    elif closed:
        yield Finding("note", "sources", f"closed, as they have no secret: {', '.join(closed)}")


_QUIET = f"no incident of it in {LOOKS_BACK.days} days"


def last_heard(stack: "Stack", now: datetime) -> dict[str, str]:
    """Return for each source how long ago its newest incident began, of those that are open or closed lately."""
    from firstline.adapters.dynamodb.incidents import TableIncidents

    incidents = TableIncidents(stack.table)
    newest: dict[str, datetime] = {}
    total = 0
    for record in islice(chain(incidents.open_records(), incidents.closed_since(now - LOOKS_BACK)), MOST_INCIDENTS):
        source, began = record.incident.alert.source, record.incident.opened_at
        newest[source] = max(began, newest.get(source, began))
        total += 1
    more = f" (of {count(total, 'incident')} that were looked at)" if total == MOST_INCIDENTS else ""
    return {source: f"its newest incident began {short_duration(now - at)} ago{more}" for source, at in newest.items()}
