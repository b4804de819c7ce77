"""What the table keeps as evidence: bounded to write, bounded to read, whatever else is in it."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from firstline.adapters import evidence
from firstline.adapters.groups import TableGroups
from firstline.adapters.history import TableIncidents
from firstline.adapters.table import Table
from firstline.classification.evidence import gather
from firstline.grouping import Limits, fold, open_incident
from firstline.models import AlertCount, Deployment, Incident, Outcome
from tests.bench import similar
from tests.support.builders import NOON, alert, at, incident

type Closed = Callable[..., Incident]

_FINGERPRINTS = itertools.count()


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


@pytest.fixture
def receive(table: Table) -> Closed:
    """Take in a new alert at a minute after noon, as ingest does, and return its incident."""
    groups = TableGroups(table)

    def run(minutes: float = 0, **what: Any) -> Incident:
        given = alert(fingerprint=f"fp-{next(_FINGERPRINTS)}", timestamp=at(minutes), **what)
        before = groups.read(given.group_key)
        folded = fold(before, [given], at(minutes))
        if not folded.opens:
            groups.write(before, folded.group, folded.new_alerts, at(minutes))
            return incident()
        after, opened = open_incident(folded, at(minutes))
        limits = Limits(10_000, 10_000)
        groups.open_incident(
            before, after, opened, folded.new_alerts, at(minutes), limits=limits, member=after.group_key
        )
        return opened

    return run


@pytest.fixture
def closed(history: TableIncidents, receive: Closed) -> Closed:
    """An incident that was opened at a minute after noon, and closed a minute later."""

    def run(minutes: float = 0, outcome: Outcome = "resolved", **what: Any) -> Incident:
        opened = receive(minutes, **what)
        history.close(opened.incident_id, outcome, "because", [], at(minutes + 1))
        return opened

    return run


@contextmanager
def counted(table: Table) -> Iterator[Counter[str]]:
    """The requests that go to DynamoDB meanwhile."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    events = table._client.meta.events
    events.register("before-call.dynamodb", count)
    try:
        yield calls
    finally:
        events.unregister("before-call.dynamodb", count)


# --- what is going on ---------------------------------------------------------------------------------------


def test_alerts_are_counted_by_name_and_by_service_for_an_hour_and_a_day(
    history: TableIncidents, receive: Closed
) -> None:
    receive(0, service="Shop", alert_name="DiskFull")
    receive(10 * 60, service="shop", alert_name="HighCpu", group_key="group-2")
    receive(10 * 60 + 30, service="mail", alert_name="HighCpu", group_key="group-3")

    later = at(10 * 60 + 59)
    assert history.alerts_named("HighCpu", later) == AlertCount(last_hour=2, last_day=2)
    assert history.alerts_named("DiskFull", later) == AlertCount(last_hour=0, last_day=1)
    assert history.service_activity("SHOP", later).alerts == AlertCount(last_hour=1, last_day=2)
    assert history.service_activity("shop", at(36 * 60)).alerts == AlertCount(last_hour=0, last_day=0)


def test_a_storm_costs_one_read_and_no_more(
    table: Table, history: TableIncidents, receive: Closed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MAX_COUNTED", 5)
    for number in range(9):
        receive(number, service="shop", raw_payload={"body": "x" * 30_000})

    with counted(table) as calls:
        assert history.alerts_named("DiskFull", at(10)).last_day == 5
        assert history.service_activity("shop", at(10)).alerts.last_day == 5
    assert calls == {"Query": 2}


def test_what_a_sender_posted_stands_beside_the_incident(table: Table, receive: Closed) -> None:
    opened = receive(0, raw_payload={"seen": "as sent"})
    (item,) = table.query(f"INCIDENT#{opened.incident_id}", since="RAW#", until="RAW$")
    assert "as sent" in item["raw"]


def test_a_services_last_deployment_is_known_however_long_ago(history: TableIncidents, receive: Closed) -> None:
    receive(0, service="shop")
    for version, minutes, environment in (("2", -90_000, "prod"), ("1", -95_000, "prod"), ("9", -5, "staging")):
        deployed = Deployment(service="Shop", version=version, environment=environment, deployed_at=at(minutes))
        history.save_deployment(deployed)

    found = history.service_activity("shop", at(1)).deployments

    assert {(one.environment, one.version) for one in found} == {("prod", "2"), ("staging", "9")}
    assert len(history.deployments_since(at(-100_000))) == 3


def test_a_deployment_costs_one_request(table: Table, history: TableIncidents) -> None:
    with counted(table) as calls:
        history.save_deployment(Deployment(service="shop", version="2", deployed_at=NOON))
        history.save_deployment(Deployment(service="shop", version="2", deployed_at=NOON))
    assert calls == {"TransactWriteItems": 2}


# --- what was -----------------------------------------------------------------------------------------------


def test_incidents_of_the_same_name_and_of_the_same_service_are_candidates(
    history: TableIncidents, closed: Closed
) -> None:
    same_name = closed(0, alert_name="disk-full-web-1", service="mail", group_key="a")
    same_service = closed(1, alert_name="Crashing", service="SHOP", group_key="b")
    both = closed(2, alert_name="DiskFull", service="shop", group_key="c")
    closed(3, alert_name="Crashing", service="mail", group_key="d")

    found = history.incidents_like(alert(service="shop"))

    assert [one.incident_id for one in found] == [both.incident_id, same_service.incident_id, same_name.incident_id]
    assert {one.outcome for one in found} == {"resolved"}
    assert found[0].template == "disk full: disk is full"
    assert [one.incident_id for one in history.incidents_like(alert())] == [
        both.incident_id,
        same_name.incident_id,
    ]


def test_a_group_has_one_place_a_day_and_the_newest_takes_it(history: TableIncidents, closed: Closed) -> None:
    for minutes in range(0, 100, 10):
        last = closed(minutes, group_key="chatty", outcome="self_cleared")
    other = closed(5, group_key="quiet")
    next_day = closed(24 * 60, group_key="chatty")

    found = [one.incident_id for one in history.incidents_like(alert())]

    assert found == [next_day.incident_id, last.incident_id, other.incident_id]


def test_who_writes_late_of_an_older_one_does_not_take_the_newers_place(
    history: TableIncidents, closed: Closed
) -> None:
    first, second = closed(0), closed(40)
    record = history.record(first.incident_id)
    assert record is not None
    history.remember_the_end(record)
    assert [one.incident_id for one in history.incidents_like(alert())] == [second.incident_id]


def test_a_storm_is_no_candidate(history: TableIncidents, table: Table) -> None:
    groups = TableGroups(table)
    before = groups.read("storm")
    folded = fold(before, [alert(group_key="storm", service="shop")], NOON)
    after, opened = open_incident(folded, NOON)
    groups.open_incident(before, after, opened, folded.new_alerts, NOON, limits=None, member="storm")
    history.close(opened.incident_id, "resolved", "", [], at(1))
    assert opened.storm
    assert history.incidents_like(alert(service="shop")) == []
    assert len(history.earlier_incidents("storm")) == 1


def test_what_is_kept_for_others_is_short(history: TableIncidents, table: Table, receive: Closed) -> None:
    opened = receive(0, service="shop", message="disk is full " * 300)
    history.close(opened.incident_id, "resolved", "because " * 400, [], at(1))
    for key in ("LIKE#NAME#disk full", "LIKE#SERVICE#shop"):
        (item,) = table.query(key)
        assert len(item["earlier"]) < 2_000


def test_closing_takes_one_request_more_for_each_place(table: Table, history: TableIncidents, receive: Closed) -> None:
    opened = receive(0, service="shop")
    with counted(table) as calls:
        history.close(opened.incident_id, "resolved", "", [], at(1))
    assert calls == {"UpdateItem": 2, "PutItem": 3}


def test_a_look_up_takes_two_queries_however_much_is_in_the_table(table: Table, history: TableIncidents) -> None:
    similar.fill(table, incidents=2_000, now=NOON)
    with counted(table) as calls:
        found = history.incidents_like(alert(alert_name=similar.NAMES[7], service="service-7"))
    assert calls == {"Query": 2}
    assert evidence.CANDIDATES < len(found) <= evidence.CANDIDATES * 2
    with counted(table) as calls:
        history.incidents_like(alert(alert_name=similar.NAMES[7]))
    assert calls == {"Query": 1}


def test_all_evidence_together_takes_six_queries(table: Table, history: TableIncidents) -> None:
    similar.fill(table, incidents=600, now=NOON)
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
