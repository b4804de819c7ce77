"""Incidents in DynamoDB, beside what `ports` promises: items that expire, faults, other versions."""

import json
from typing import Any

import pytest

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.errors import FeedbackRefused, HistoryUnavailable
from firstline.models import Deployment, Feedback
from firstline.people import feedback_store
from tests.support.builders import NOON, a_classification, alert, at, open_for

VERDICT = a_classification()


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


@pytest.fixture
def incident_id(table: Table) -> str:
    """Open an incident and return its id."""
    return open_for(TableGroups(table), alert()).incident_id


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def test_a_word_on_what_is_not_in_the_table_writes_nothing(history: TableIncidents, table: Table) -> None:
    with pytest.raises(FeedbackRefused):
        feedback_store.save_feedback("unknown", word("real"), incidents=history)
    assert table._client.scan(TableName=table.name)["Items"] == []


def test_everything_written_expires(table: Table, history: TableIncidents, incident_id: str) -> None:
    history.save_deployment(Deployment(service="shop", version="v1", deployed_at=NOON))
    history.close(incident_id, "resolved", "", [], at(1))

    items = table._client.scan(TableName=table.name)["Items"]

    assert len(items) >= 6
    assert [json.dumps(item["pk"]) for item in items if "expires_at" not in item] == []


def test_a_table_that_is_not_there_is_unavailable(table: Table) -> None:
    gone = TableIncidents(Table(table._client, "gone"))

    with pytest.raises(HistoryUnavailable, match="table gone"):
        gone.record("x")
    with pytest.raises(HistoryUnavailable, match="table gone"):
        list(gone.open_records())
    with pytest.raises(HistoryUnavailable, match="table gone"):
        gone.resolve("x", "ada", NOON)


def test_what_a_newer_version_wrote_is_read_as_far_as_it_is_understood(
    table: Table, history: TableIncidents, incident_id: str
) -> None:
    """Roll a version back without an outage and without losing data."""
    newer = {"added_later": {"by": "a newer version"}}
    history.save_classification(incident_id, VERDICT)
    group_key = history.close(incident_id, "resolved", "done", [], at(5)).incident.group_key
    for pk, sk, name in (
        (f"INCIDENT#{incident_id}", "INCIDENT", "classification"),
        (f"GROUP#{group_key}", "GROUP", "state"),
        *(
            (item["pk"], item["sk"], "earlier")
            for item in table.query(f"GROUP#{group_key}", since="CLOSED#", until="CLOSED$")
        ),
    ):
        item = table.get(pk, sk)
        assert item is not None
        table.put(item | {name: json.dumps(json.loads(item[name]) | newer)})

    record = history.record(incident_id)
    assert record is not None
    assert record.classification == VERDICT
    assert [earlier.incident_id for earlier in history.earlier_incidents(group_key)] == [incident_id]
    assert TableGroups(table).read(group_key).incident_id == incident_id
