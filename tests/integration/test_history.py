"""Incidents in DynamoDB, beside what `ports` promises: items that expire, faults, other versions."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.classification import feedback_store
from firstline.errors import FeedbackRefused, HistoryUnavailable
from firstline.incidents.audit_trail import Fact
from firstline.incidents.groups import Limits
from firstline.models import Approval, Deployment, Feedback, Incident
from firstline.remediation.limits import beginning_of
from firstline.remediation.store import NOTHING_RUNS
from tests.integration.test_evidence import counted
from tests.support.builders import NOON, a_classification, a_page, a_plan, alert, at, open_for
from tests.support.changes import ending, joining, opened_by

VERDICT = a_classification()


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


@pytest.fixture
def incident(table: Table) -> Incident:
    """Open an incident."""
    return open_for(TableGroups(table), alert())


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def test_a_word_on_what_is_not_in_the_table_writes_nothing(history: TableIncidents, table: Table) -> None:
    with pytest.raises(FeedbackRefused):
        feedback_store.save_feedback("unknown", word("real"), incidents=history)
    assert table._client.scan(TableName=table.name)["Items"] == []


def without_expiry(table: Table) -> list[str]:
    items = table._client.scan(TableName=table.name)["Items"]
    return sorted(item["sk"]["S"] for item in items if "expires_at" not in item)


def test_nothing_that_is_open_expires_and_everything_else_does(
    table: Table, history: TableIncidents, incident: Incident
) -> None:
    groups, plan = TableGroups(table), a_plan(decision="approve")
    TableRemediations(table).reserve(beginning_of(plan, incident.incident_id, NOTHING_RUNS, NOON), NOON)
    TableTrail(table).append(incident.incident_id, [Fact(what="paged", who="x", facts={})], NOON)
    history.save_deployment(Deployment(service="shop", version="v1", deployed_at=NOON))
    history.remember_page("PD1", incident.incident_id, NOON)
    groups.take_token("generic", "DiskFull", Limits(1, 1), NOON, paging=False)
    seen = history.live("group-1")
    assert seen is not None
    history.claim_page(incident, a_page(), at(2), at(1), seen=seen)
    planned = history.record(incident.incident_id)
    assert planned is not None
    history.save_answer(incident.incident_id, Approval(approver="U1", by="U1", at=at(1)), "approved", seen=planned)

    assert without_expiry(table) == ["ALERT#fp-1", "INCIDENT", "LIVE"]

    change = ending(incident, *history.members(incident.incident_id), now=at(3))
    groups.apply(replace(change, inhibits={"rule#1": 1}))
    history.close(incident, None, "resolved", "", [], at(4), joined=None)

    assert without_expiry(table) == []


def test_what_an_open_incident_needs_outlives_it(table: Table, incident: Incident) -> None:
    """Take the longest that an execution may run, and the incident's own time after its close."""
    TableTrail(table).append(incident.incident_id, [Fact(what="paged", who="x", facts={})], NOON)
    entry = table.get(f"TRAIL#{incident.incident_id}", "000001")
    assert entry is not None
    assert entry["expires_at"] >= (NOON + timedelta(days=365 + 90)).timestamp()


def test_a_table_that_is_not_there_is_unavailable(table: Table) -> None:
    gone = TableIncidents(Table(table._client, "gone"))

    with pytest.raises(HistoryUnavailable, match="table gone"):
        gone.record("x")
    with pytest.raises(HistoryUnavailable, match="table gone"):
        list(gone.open_records())
    with pytest.raises(HistoryUnavailable, match="table gone"):
        gone.resolve("x", "ada", NOON)


def test_what_a_newer_version_wrote_is_read_as_far_as_it_is_understood(
    table: Table, history: TableIncidents, incident: Incident
) -> None:
    """Roll a version back without an outage and without losing data."""
    newer = {"added_later": {"by": "a newer version"}}
    seen = history.live("group-1")
    history.judge(incident, 1, VERDICT, at(1), seen=seen)
    texts = {"incident", "classification", "live", "alert", "earlier"}
    closed = history.close(incident, 1, "resolved", "done", [], at(5), joined=1)
    for item in [*table.query(f"INCIDENT#{incident.incident_id}"), *table.query("GROUP#group-1")]:
        changed = {name: json.dumps(json.loads(item[name]) | newer) for name in texts & item.keys()}
        table.put(item | changed | {"added_later": 1})

    assert closed is not None
    assert history.record(incident.incident_id) == closed
    assert closed.classification == VERDICT
    assert [earlier.incident_id for earlier in history.earlier_incidents("group-1")] == [incident.incident_id]
    views, _ = TableGroups(table).read({"group-1": ["fp-1"]})
    assert views["group-1"].live is not None
    assert views["group-1"].live.incident_id == views["group-1"].alerts["fp-1"].incident_id == incident.incident_id


# --- requests, and what hinders them --------------------------------------------------------------------------------


def test_a_read_costs_one_request_for_every_hundred_items(table: Table, incident: Incident) -> None:
    groups = TableGroups(table)
    with counted(table) as calls:
        groups.read({"group-1": [f"fp-{number}" for number in range(98)], "storm:generic": ()})
    assert calls == {"BatchGetItem": 1}, "98 alerts and two groups"
    with counted(table) as calls:
        groups.read({"group-1": [f"fp-{number}" for number in range(150)]}, ["rule#1"])
    assert calls == {"BatchGetItem": 2}


def test_to_open_an_incident_costs_one_request_and_to_join_it_two(table: Table) -> None:
    groups, opened = TableGroups(table), opened_by(alert(), now=NOON)
    with counted(table) as calls:
        groups.open(joining(opened, alert(), now=NOON), opened, None, [NOON])
    assert calls == {"TransactWriteItems": 1}
    with counted(table) as calls:
        groups.apply(joining(opened, alert(fingerprint="fp-2"), now=at(1)))
    assert calls == {"TransactWriteItems": 1, "GetItem": 1}


def test_a_record_costs_three_requests(table: Table, history: TableIncidents, incident: Incident) -> None:
    with counted(table) as calls:
        history.record(incident.incident_id)
    assert calls == {"GetItem": 1, "BatchGetItem": 1, "Query": 1}


class Hindered:
    """A client whose calls of some operations fail for the first few times."""

    def __init__(self, client: Any, code: str, *, operation: str, times: int) -> None:
        self._client = client
        self._code = code
        self._operation = operation
        self.left = times

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._operation and self.left else getattr(self._client, name)

    def _fail(self, **_: Any) -> Any:
        self.left -= 1
        raise ClientError({"Error": {"Code": self._code, "Message": "again"}}, self._operation)


def hindered(table: Table, times: int, pauses: list[float]) -> Table:
    client = Hindered(table._client, "TransactionConflictException", operation="update_item", times=times)
    return Table(cast("Any", client), table.name, sleep=pauses.append, chance=lambda: 1.0)


def test_a_plain_write_waits_for_a_transaction_to_end(table: Table, incident: Incident) -> None:
    pauses: list[float] = []
    assert TableIncidents(hindered(table, 3, pauses)).acknowledge(incident.incident_id, "ada", at(1)) is not None
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


def test_a_plain_write_that_never_gets_its_item_fails_within_two_seconds(table: Table, incident: Incident) -> None:
    pauses: list[float] = []
    with pytest.raises(HistoryUnavailable, match="again"):
        TableIncidents(hindered(table, 99, pauses)).acknowledge(incident.incident_id, "ada", at(1))
    assert sum(pauses) < 2


def test_what_a_batch_leaves_is_asked_for_again(
    table: Table, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, client = table._client.batch_get_item, Hindered(table._client, "", operation="", times=0)
    asked = []

    def half(RequestItems: Any) -> Any:
        (wanted,) = RequestItems.values()
        asked.append(len(wanted["Keys"]))
        first = wanted | {"Keys": wanted["Keys"][:1]}
        left = wanted | {"Keys": wanted["Keys"][1:]}
        return real(RequestItems={table.name: first}) | {"UnprocessedKeys": {table.name: left} if left["Keys"] else {}}

    monkeypatch.setattr(client, "batch_get_item", half, raising=False)
    patient = Table(cast("Any", client), table.name, sleep=lambda _: None)
    views, _ = TableGroups(patient).read({"group-1": ["fp-1", "fp-2"]})

    assert asked == [3, 2, 1], "the group and two alerts, of which each answer has one"
    assert views["group-1"].live is not None
    assert set(views["group-1"].alerts) == {"fp-1"}
