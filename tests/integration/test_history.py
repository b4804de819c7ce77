"""Incidents and evidence against DynamoDB: moto, and Amazon's own DynamoDB Local where it is there."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from firstline import judging
from firstline.adapters.groups import TableGroups
from firstline.adapters.history import TableIncidents
from firstline.adapters.table import Table
from firstline.errors import FeedbackRefused, HistoryUnavailable
from firstline.grouping import Limits, fold, open_incident
from firstline.models import Classification, Deployment, Feedback, Page, StepResult
from tests.support.builders import NOON, alert, at

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
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


@pytest.fixture
def incident_id(table: Table) -> str:
    """An open incident."""
    groups = TableGroups(table)
    before = groups.read("group-1")
    folded = fold(before, [alert()], NOON)
    after, incident = open_incident(folded, NOON)
    groups.open_incident(
        before, after, incident, folded.new_alerts, NOON, limits=Limits(100, 100), member=after.group_key
    )
    return incident.incident_id


def test_an_unknown_incident_has_no_record_and_cannot_be_touched(history: TableIncidents) -> None:
    assert history.record("nobody") is None
    assert history.acknowledge("nobody", "ada", NOON) is None
    assert history.resolve("nobody", "ada", NOON) is None
    with pytest.raises(HistoryUnavailable, match="nobody is not in table"):
        history.close("nobody", "resolved", "", [], NOON)
    assert history.record("nobody") is None


def test_the_record_keeps_what_happened(history: TableIncidents, incident_id: str) -> None:
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


def test_only_the_first_acknowledgement_counts_and_none_after_the_end(
    history: TableIncidents, incident_id: str
) -> None:
    assert history.acknowledge(incident_id, "ada", at(1)) is not None
    assert history.acknowledge(incident_id, "bob", at(2)) is None
    assert history.resolve(incident_id, "bob", at(3)) is not None
    assert history.resolve(incident_id, "ada", at(4)) is None


def test_closing_is_idempotent_and_leaves_evidence(history: TableIncidents, incident_id: str) -> None:
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


def word(said: Any, person: str = "slack:U1") -> Feedback:
    return Feedback(person=person, by=person, said=said, at=at(20))


def test_what_people_say_reaches_the_evidence_before_and_after_the_end(
    history: TableIncidents, incident_id: str
) -> None:
    history.save_classification(incident_id, VERDICT.model_copy(update={"is_deployment_related": True}))
    judging.give(incident_id, word("noise"), history=history)
    assert history.earlier_incidents("group-1") == []

    history.close(incident_id, "resolved", "", [], at(9))
    judging.give(incident_id, word("real", "slack:U2"), history=history)
    judging.note(incident_id, "ana", "restarted it", at(30), history=history)

    (earlier,) = history.earlier_incidents("group-1")
    assert [(one.person, one.said) for one in earlier.feedback] == [("slack:U1", "noise"), ("slack:U2", "real")]
    assert earlier.note == "restarted it"
    assert earlier.blamed_deployment


def test_people_who_speak_at_the_same_moment_are_all_heard(history: TableIncidents, incident_id: str) -> None:
    history.close(incident_id, "resolved", "", [], at(9))

    with ThreadPoolExecutor(6) as pool:
        people = [word("real", f"slack:U{number}") for number in range(6)]
        list(pool.map(lambda one: judging.give(incident_id, one, history=history), people))

    record = history.record(incident_id)
    assert record is not None
    assert {one.person for one in record.feedback} == {one.person for one in people}
    (earlier,) = history.earlier_incidents("group-1")
    assert {one.person for one in earlier.feedback} == {one.person for one in people}


def test_whoever_knows_less_and_writes_later_takes_nothing_back(history: TableIncidents, incident_id: str) -> None:
    before = history.close(incident_id, "resolved", "", [], at(9))
    judging.give(incident_id, word("real"), history=history)

    history.remember_the_end(before)
    history.close(incident_id, "resolved", "", [], at(9))

    (earlier,) = history.earlier_incidents("group-1")
    assert [one.said for one in earlier.feedback] == ["real"]


def test_a_hidden_one_that_was_real_is_found_however_many_came_since(
    history: TableIncidents, table: Table, incident_id: str
) -> None:
    history.close(incident_id, "suppressed", "noise", [], at(9))
    closed = history.record(incident_id)
    assert closed is not None
    for number in range(30):
        later = closed.incident.model_copy(update={"incident_id": f"later-{number}"})
        history.remember_the_end(
            closed.model_copy(update={"incident": later, "closed_at": at(20 + number), "outcome": "suppressed"})
        )

    judging.give(incident_id, word("real"), history=history)

    earlier = history.earlier_incidents("group-1", limit=20)
    assert [one.incident_id for one in earlier][-1] == incident_id
    assert [one.closed_at for one in earlier] == sorted((one.closed_at for one in earlier), reverse=True)

    judging.give(incident_id, word("noise"), history=history)

    assert [one.said for one in history.earlier_incidents("group-1")[-1].feedback] == ["noise"]


def test_a_word_on_what_is_not_in_the_table_writes_nothing(history: TableIncidents, table: Table) -> None:
    with pytest.raises(FeedbackRefused):
        judging.give("unknown", word("real"), history=history)
    assert table._client.scan(TableName=table.name)["Items"] == []


def test_a_task_token_does_not_survive_the_end_and_never_shows_in_a_log(
    history: TableIncidents, table: Table, incident_id: str
) -> None:
    waiting = {":token": "secret-token", ":awaiting": "recovery"}
    table.update(f"INCIDENT#{incident_id}", "INCIDENT", "SET task_token = :token, awaiting = :awaiting", waiting)
    record = history.record(incident_id)

    closed = history.close(incident_id, "resolved", "", [], at(1))

    assert record is not None
    assert record.task_token == "secret-token"
    assert "secret-token" not in repr(record)
    assert closed.task_token is None


def test_deployments_are_found_by_time_newest_first_and_once(history: TableIncidents) -> None:
    for minutes in (-300, -30, -10, -10):
        deployed = Deployment(service="shop", version=f"v{minutes}", deployed_at=at(minutes))
        history.save_deployment(deployed)

    assert [one.version for one in history.deployments_since(at(-240))] == ["v-10", "v-30"]


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
    """Whoever is rolled back must not take an outage for it, nor lose what the table knows."""
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
    assert [one.incident_id for one in history.earlier_incidents(group_key)] == [incident_id]
    assert TableGroups(table).read(group_key).incident_id == incident_id
