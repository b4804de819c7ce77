"""Incidents and evidence against DynamoDB: moto, and Amazon's own DynamoDB Local where it is there."""

import json

import pytest

from firstline.adapters.groups import Groups, Limits
from firstline.adapters.history import History
from firstline.adapters.table import Table
from firstline.errors import HistoryUnavailable
from firstline.grouping import fold, open_incident
from firstline.models import Classification, Deployment, Page, StepResult
from tests.alerts import NOON, alert, at

VERDICT = Classification(
    severity="high",
    cause="the disk is full",
    is_deployment_related=False,
    can_be_remediated=True,
    runbook_id="low-disk",
    confidence=0.9,
    summary="web-1 is out of space",
    first_steps=["look at /data"],
    decided_by="rules",
    reasons=["rule disk"],
)
RESULT = StepResult(
    step_id="free", kind="act", instance_id="i-0123456789abcdef0", command_id="c-1", status="Success", output="ok"
)
PAGE = Page(
    level=0,
    on_call="primary",
    delivered_to=["sns"],
    acknowledge_within_seconds=300,
    has_next_level=True,
    resolve_within_seconds=3_600,
)


@pytest.fixture
def history(table: Table) -> History:
    return History(table)


@pytest.fixture
def incident_id(table: Table) -> str:
    """An open incident."""
    groups = Groups(table)
    before = groups.read("group-1")
    folded = fold(before, [alert()], NOON)
    after, incident = open_incident(folded, NOON)
    groups.open_incident(
        before, after, incident, folded.new_alerts, NOON, limits=Limits(100, 100), member=after.group_key
    )
    return incident.incident_id


def test_an_unknown_incident_has_no_record_and_cannot_be_touched(history: History) -> None:
    assert history.record("nobody") is None
    assert history.acknowledge("nobody", "ada", NOON) is None
    assert history.resolve("nobody", "ada", NOON) is None
    with pytest.raises(HistoryUnavailable, match="nobody is not in table"):
        history.close("nobody", "resolved", "", [], NOON)
    assert history.record("nobody") is None


def test_the_record_keeps_what_happened(history: History, incident_id: str) -> None:
    history.save_classification(incident_id, VERDICT)
    history.save_slack_message(incident_id, "C1", "1.2")
    history.save_page(incident_id, PAGE, at(1))
    history.save_page(incident_id, PAGE.model_copy(update={"level": 1}), at(6))
    history.acknowledge(incident_id, "ada", at(7))

    record = history.record(incident_id)

    assert record is not None
    assert record.classification == VERDICT
    assert (record.slack_channel, record.slack_ts) == ("C1", "1.2")
    assert [page.level for page in record.pages] == [0, 1]
    assert record.paged_at == at(1)
    assert (record.acknowledged_by, record.acknowledged_at) == ("ada", at(7))


def test_only_the_first_acknowledgement_counts_and_none_after_the_end(history: History, incident_id: str) -> None:
    assert history.acknowledge(incident_id, "ada", at(1)) is not None
    assert history.acknowledge(incident_id, "bob", at(2)) is None
    assert history.resolve(incident_id, "bob", at(3)) is not None
    assert history.resolve(incident_id, "ada", at(4)) is None


def test_closing_is_idempotent_and_leaves_evidence(history: History, incident_id: str) -> None:
    history.save_classification(incident_id, VERDICT)

    first = history.close(incident_id, "auto_resolved", "verified", [RESULT], at(9))
    second = history.close(incident_id, "expired", "later", [], at(99))

    assert first == second
    assert (first.status, first.outcome, first.closed_at, first.results) == ("CLOSED", "auto_resolved", at(9), [RESULT])
    assert list(history.open_records()) == []
    assert [record.incident.incident_id for record in history.closed_since(at(0))] == [incident_id]
    assert list(history.closed_since(at(10))) == []
    (earlier,) = history.earlier_incidents("group-1")
    assert (earlier.outcome, earlier.severity, earlier.outcome_reason) == ("auto_resolved", "high", "verified")
    assert history.earlier_incidents("group-2") == []


def test_a_task_token_does_not_survive_the_end_and_never_shows_in_a_log(
    history: History, table: Table, incident_id: str
) -> None:
    waiting = {":token": "secret-token", ":awaiting": "recovery"}
    table.update(f"INCIDENT#{incident_id}", "INCIDENT", "SET task_token = :token, awaiting = :awaiting", waiting)
    record = history.record(incident_id)

    closed = history.close(incident_id, "resolved", "", [], at(1))

    assert record is not None
    assert record.task_token == "secret-token"
    assert "secret-token" not in repr(record)
    assert closed.task_token is None


def test_deployments_are_found_by_time_newest_first_and_once(history: History) -> None:
    for minutes in (-300, -30, -10, -10):
        deployed = Deployment(service="shop", version=f"v{minutes}", deployed_at=at(minutes))
        history.save_deployment(deployed)

    assert [one.version for one in history.deployments_since(at(-240))] == ["v-10", "v-30"]


def test_everything_written_expires(table: Table, history: History, incident_id: str) -> None:
    history.save_deployment(Deployment(service="shop", version="v1", deployed_at=NOON))
    history.close(incident_id, "resolved", "", [], at(1))

    items = table._client.scan(TableName=table.name)["Items"]

    assert len(items) >= 6
    assert [json.dumps(item["pk"]) for item in items if "expires_at" not in item] == []


def test_a_table_that_is_not_there_is_unavailable(table: Table) -> None:
    gone = History(Table(table._client, "gone"))

    with pytest.raises(HistoryUnavailable, match="table gone"):
        gone.record("x")
    with pytest.raises(HistoryUnavailable, match="table gone"):
        list(gone.open_records())
    with pytest.raises(HistoryUnavailable, match="table gone"):
        gone.resolve("x", "ada", NOON)
