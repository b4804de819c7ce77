"""Checks of the sources: which are open, when each last opened an incident, and which requests were refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from firstline.text import count, one_line, short_duration
from firstline_cli.doctor.findings import Finding, client, secret_name
from firstline_cli.environments import comes_by_event

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

LOOKS_BACK = timedelta(days=7)
MOST_INCIDENTS = 500
A_DAY = timedelta(days=1)
MOST_REFUSED = 1_000


def sources(stack: "Stack") -> Iterator[Finding]:
    """Report which sources are open to alerts and when each last opened an incident, or that none is open."""
    from firstline.sources import SOURCES

    path = secret_name(stack, "sources")
    pages = client(stack, "ssm").get_paginator("get_parameters_by_path").paginate(Path=path, WithDecryption=False)
    has_secret = {parameter["Name"].rpartition("/")[2] for page in pages for parameter in page["Parameters"]}
    heard = _last_heard(stack, datetime.now(UTC))
    named = [*SOURCES, *(["deployments"] if "deployments" not in SOURCES else [])]
    closed = []
    for source in named:
        by_event = comes_by_event(stack.parameters, source)
        if source not in has_secret and not by_event:
            closed.append(source)
            continue
        said = f"{source} is open" + (", by EventBridge" if by_event else "")
        yield Finding("ok", "sources", said + ("" if source == "deployments" else f"; {heard.get(source, _QUIET)}"))
    if len(closed) == len(named):
        fix = "firstline init --sources prometheus"
        yield Finding("wrong", "sources", "no source is open, so no alert can come in", fix)
    elif closed:
        fix = "firstline init --sources <name> opens one"
        yield Finding("note", "sources", f"closed, because they have no secret: {', '.join(closed)}", fix)


def refused(stack: "Stack") -> Iterator[Finding]:
    """Report each path of the API that refused requests in the last day, because their secret was wrong or missing."""
    if stack.is_local:
        return
    pages = (
        client(stack, "logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=f"/aws/apigateway/{stack.deployed}",
            filterPattern='{ $.status = "401" || $.status = "403" }',
            startTime=int((datetime.now(UTC) - A_DAY).timestamp() * 1000),
            PaginationConfig={"MaxItems": MOST_REFUSED},
        )
    )
    lines = [json.loads(event["message"]) | {"at": event["timestamp"]} for page in pages for event in page["events"]]
    by_path: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_path.setdefault(one_line(str(line.get("path")), 60), []).append(line)
    for path, found in sorted(by_path.items()):
        last = max(found, key=lambda line: line["at"])
        ago = short_duration(datetime.now(UTC) - datetime.fromtimestamp(last["at"] / 1000, UTC))
        more = " and more" if len(lines) == MOST_REFUSED else ""
        said = f"{path} refused {count(len(found), 'request')}{more} within a day, the last {ago} ago from {last['ip']}"
        source = path.rpartition("/")[2]
        fix = f"if that is your sender, its alerts are lost: give it the secret of sources/{source}"
        yield Finding("note", "refused", said, fix)
    if not lines:
        yield Finding("ok", "refused", "no request was refused for its secret within a day")


_QUIET = f"no incident from it in {LOOKS_BACK.days} days"


def _last_heard(stack: "Stack", now: datetime) -> dict[str, str]:
    """Return by source, in words, how long ago its newest incident began, of those open or closed in the last week."""
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
