"""Evidence in the table: bounded to write, bounded to read, whatever else is in it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from firstline.adapters.dynamodb import evidence
from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.classification.evidence import gather
from firstline.models import Deployment, Incident
from tests.bench import similar
from tests.support.builders import NOON, alert, at, incident, receive_into
from tests.support.changes import joining

type Closed = Callable[..., Incident]


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


@pytest.fixture
def receive(table: Table) -> Closed:
    """Take in a new alert at a minute after noon, as ingest does, and return its incident."""
    return partial(receive_into, TableGroups(table))


@contextmanager
def counted(table: Table) -> Iterator[Counter[str]]:
    """Record the requests that go to DynamoDB meanwhile."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    events = table._client.meta.events
    events.register("before-call.dynamodb", count)
    try:
        yield calls
    finally:
        events.unregister("before-call.dynamodb", count)


def test_a_count_is_one_query_that_ends_at_its_most_in_a_storm(
    table: Table, history: TableIncidents, receive: Closed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MAX_COUNTED", 5)
    for number in range(9):
        receive(number, service="shop", raw_payload={"body": "x" * 30_000})

    with counted(table) as calls:
        assert history.alerts_named("DiskFull", at(10)).last_day == 5
        assert history.service_activity("shop", at(10)).alerts.last_day == 5
    assert calls == {"Query": 2}, "one for each count"


def test_what_a_sender_posted_is_stored_with_the_incident_and_not_with_the_count(table: Table, receive: Closed) -> None:
    opened = receive(0, raw_payload={"seen": "as sent"})

    (counted,) = table.query("ALERT#DiskFull")
    (item,) = table.query(f"INCIDENT#{opened.incident_id}", since="RAW#", until="RAW$")

    assert "as sent" in item["raw"]
    assert counted.keys().isdisjoint({"raw"})


def test_a_deployment_costs_one_request(table: Table, history: TableIncidents) -> None:
    with counted(table) as calls:
        history.save_deployment(Deployment(service="shop", version="2", deployed_at=NOON))
        history.save_deployment(Deployment(service="shop", version="2", deployed_at=NOON))
    assert calls == {"TransactWriteItems": 2}


def test_the_evidence_that_is_kept_for_similar_incidents_is_short(
    history: TableIncidents, table: Table, receive: Closed
) -> None:
    opened = receive(0, service="shop", message="disk is full " * 300)
    history.close(opened, None, "resolved", "because " * 400, [], at(1), joined=1)
    for key in ("LIKE#NAME#disk full", "LIKE#SERVICE#shop"):
        (item,) = table.query(key)
        assert len(item["earlier"]) < 2_000


def test_closing_takes_one_request_more_for_each_place_of_its_evidence(
    table: Table, history: TableIncidents, receive: Closed
) -> None:
    opened = receive(0, service="shop")
    with counted(table) as calls:
        history.close(opened, None, "resolved", "", [], at(1), joined=1)
    reads = {"GetItem": 2, "BatchGetItem": 2, "Query": 2}  # the record before and after
    places = 3  # its group, its name and its service
    assert calls == reads | {"TransactWriteItems": 1, "PutItem": places}


def test_closing_what_was_just_read_reads_it_once(table: Table, history: TableIncidents, receive: Closed) -> None:
    opened = receive(0)
    seen = history.record(opened.incident_id)
    with counted(table) as calls:
        history.close(opened, None, "resolved", "", [], at(1), joined=1, seen=seen)
    assert (calls["GetItem"], calls["BatchGetItem"], calls["Query"]) == (1, 1, 1)


def test_a_record_that_was_read_before_an_alert_joined_is_read_again_to_close(
    table: Table, history: TableIncidents, receive: Closed
) -> None:
    opened = receive(0)
    seen = history.record(opened.incident_id)
    TableGroups(table).apply(joining(opened, alert(fingerprint="late"), now=at(1)))

    assert history.close(opened, None, "suppressed", "", [], at(2), joined=1, seen=seen) is None
    closed = history.close(opened, None, "suppressed", "", [], at(2), joined=2, seen=seen)
    assert closed is not None
    assert closed.alert_count == 2


def test_a_look_up_takes_a_query_by_name_and_one_by_service_however_much_is_in_the_table(
    table: Table, history: TableIncidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "CANDIDATES", 5)
    similar.fill(table, incidents=400, now=NOON)  # eight of each name, and as many of each service
    with counted(table) as calls:
        found = history.incidents_like(alert(alert_name=similar.NAMES[7], service="service-7"))
    assert calls == {"Query": 2}
    assert evidence.CANDIDATES < len(found) <= evidence.CANDIDATES * 2
    with counted(table) as calls:
        history.incidents_like(alert(alert_name=similar.NAMES[7], service=None))
    assert calls == {"Query": 1}, "by name alone"


def test_all_evidence_together_takes_six_queries(table: Table, history: TableIncidents) -> None:
    similar.fill(table, incidents=400, now=NOON)
    wanted = incident(
        alert=alert(
            alert_name=similar.NAMES[7], service="service-7", message="queue of web-1 is full since 12:30 and grows"
        )
    )
    with counted(table) as calls:
        found = gather(wanted, history, time_zone="UTC", now=at(1))
    assert calls == {"Query": 6}
    assert found.missing == []
    assert found.similar
