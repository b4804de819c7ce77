"""Each function may do what it does: its calls to the table, made against moto, judged by its own role's statements."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import boto3
import pytest
from moto import mock_aws

from firstline.adapters.dynamodb.circuit import FAILURES_IN_A_ROW, PARTITION, SharedCircuit
from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.spending import Spending
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.errors import CeilingReached, ModelUnavailable
from firstline.incidents.audit_trail import classified, judged, planned
from firstline.ingest.fold import STORM_GROUP_KEY, Limits, fold, open_incident
from firstline.models import Deployment, Feedback, Incident, Page, RunbookRun, Usage
from firstline.people import feedback_store
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from firstline.policy.model import Ceiling
from tests.integration.conftest import declared_table
from tests.support.builders import NOON, a_classification, a_plan, alert, at

type Resources = dict[str, dict[str, Any]]

VERDICT = a_classification(runbook_id=None)
PAGE = Page(
    level=0,
    on_call="primary",
    delivered_to=["sns"],
    acknowledge_within_seconds=300,
    has_next_level=False,
    resolve_within_seconds=3_600,
)


SILENCE = Silence(
    id="s-1",
    match=AlertMatch(host=("web-1",)),
    owner="ada",
    reason="because",
    created_at=NOON,
    expires_at=at(30),
)


class Access(NamedTuple):
    """One thing done to the table, as IAM judges it."""

    action: str
    key: str
    index_name: str | None


class World(NamedTuple):
    """The adapters that functions use, on one table."""

    groups: TableGroups
    history: TableIncidents
    remediations: TableRemediations
    trail: TableTrail
    silences: TableSilences
    heartbeats: TableHeartbeats
    table: Table
    circuit: SharedCircuit


def accesses(operation: str, body: dict[str, Any]) -> Iterator[Access]:
    """Yield the accesses of one request; each part of a transaction counts by itself."""
    if operation == "TransactWriteItems":
        for part in body["TransactItems"]:
            ((kind, write),) = part.items()
            yield Access(f"dynamodb:{kind}Item", write.get("Item", write.get("Key"))["pk"]["S"], None)
    elif operation == "Query":
        yield Access("dynamodb:Query", body["ExpressionAttributeValues"][":pk"]["S"], body.get("IndexName"))
    else:
        yield Access(f"dynamodb:{operation}", (body.get("Item") or body["Key"])["pk"]["S"], None)


def allows(statement: dict[str, Any], access: Access) -> bool:
    """Tell whether a statement grants an access."""
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    index = access.index_name
    resource = {"Fn::Sub": f"${{Table.Arn}}/index/{index}"} if index else {"Fn::GetAtt": ["Table", "Arn"]}
    if access.action not in actions or statement["Resource"] != resource:
        return False
    keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
    return keys is None or any(fnmatchcase(access.key, pattern) for pattern in keys)


@pytest.fixture
def seen() -> list[Access]:
    return []


@pytest.fixture
def world(seen: list[Access]) -> Iterator[World]:
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(TableName="any", **declared_table())

        def note(params: dict[str, Any], model: Any, **_: Any) -> None:
            seen.extend(accesses(model.name, params))

        client.meta.events.register("provide-client-params.dynamodb", note)
        table = Table(client, "any")
        yield World(
            TableGroups(table),
            TableIncidents(table),
            TableRemediations(table),
            TableTrail(table),
            TableSilences(table),
            TableHeartbeats(table),
            table,
            SharedCircuit(client, "any"),
        )


def open_one(world: World, **what: Any) -> Incident:
    """Open an incident, as ingest does."""
    given = alert(**what)
    before = world.groups.read(given.group_key)
    folded = fold(before, [given], NOON)
    after, incident = open_incident(folded, NOON)
    world.groups.open_incident(
        before, after, incident, folded.new_alerts, NOON, limits=Limits(9, 9), member=after.group_key
    )
    return incident


def ingests(world: World, incident: Incident) -> None:
    world.groups.mark_started(incident.incident_id, "group-1")
    before = world.groups.read("group-1")
    folded = fold(before, [alert(fingerprint="fp-3")], at(1))
    world.groups.write(before, folded.group, folded.new_alerts, at(1))
    world.groups.execution_input(incident.incident_id)
    world.groups.join_storm(incident.incident_id, "group-9", 1, at(1))
    world.groups.worsen(incident.incident_id, "critical")
    world.groups.mark_quiet_since(incident.incident_id, at(2))
    world.silences.since(at(2), limit=9)
    world.heartbeats.beat(alert(), at(2))
    world.history.record(incident.incident_id)
    world.history.hold_back(incident.incident_id, "high")
    world.history.end_hold(incident.incident_id, "somebody joined", at(2))
    world.history.acknowledge(incident.incident_id, "ada", at(2))
    world.groups.leave(incident.incident_id, "group-1", "generic", at(3))
    world.history.resolve(incident.incident_id, "ada", at(4))
    world.history.remember_page("PD1", incident.incident_id, at(3))
    assert world.history.incident_paged_as("PD1") == incident.incident_id
    closed = world.history.record(incident.incident_id)
    assert closed is not None
    feedback_store.save_note(incident.incident_id, "ada", "restarted it", at(3), incidents=world.history)
    world.history.remember_the_end(closed.model_copy(update={"closed_at": at(9), "outcome": "resolved"}))
    world.groups.remember_storm("DiskFull", at(4))
    world.groups.read(STORM_GROUP_KEY)
    world.history.save_deployment(Deployment(service="shop", version="1", environment="prod", deployed_at=NOON))


def classifies(world: World, incident: Incident) -> None:
    world.history.alerts_named("DiskFull", NOON)
    world.history.service_activity("shop", NOON)
    world.history.earlier_incidents("group-1")
    world.history.incidents_like(alert(service="shop"))
    world.history.deployments_since(NOON)
    world.history.calibration(NOON)
    world.history.record(incident.incident_id)
    world.silences.since(NOON)
    world.history.save_classification(incident.incident_id, VERDICT)
    world.trail.append(incident.incident_id, [classified(VERDICT)], NOON)


def asks_a_model(world: World, incident: Incident) -> None:
    def fails() -> None:
        raise ModelUnavailable("no answer")

    for _ in range(FAILURES_IN_A_ROW):
        with pytest.raises(ModelUnavailable):
            world.circuit.call(incident.incident_id, fails)
    # Its minute is over: the next one probes, and closes it.
    key = PARTITION, incident.incident_id
    world.table.update(*key, "SET opened_at = :long_ago", {":long_ago": 1})
    SharedCircuit(world.table._client, "any").call(incident.incident_id, lambda: None)
    circuit = world.table.get(*key)
    assert circuit is not None
    assert circuit["state"] == "CLOSED"

    account = Spending(world.table, Ceiling(tokens=100))
    account.settle(account.hold(Usage(prompt_tokens=60)), Usage(prompt_tokens=60))
    with pytest.raises(CeilingReached):
        account.hold(Usage(prompt_tokens=60))


def plans(world: World, incident: Incident) -> None:
    plan = a_plan(planned_at=NOON)
    run = RunbookRun(
        runbook_id=plan.runbook_id,
        incident_id=incident.incident_id,
        instance_ids=["i-0123456789abcdef0"],
        decision="auto",
        at=NOON,
        until=plan.lease_until,
    )
    assert world.remediations.plan_of(incident.incident_id) is None
    state = world.remediations.state(plan.runbook_id, NOON)
    world.remediations.reserve(plan, run, state=state, now=NOON)
    world.remediations.keep_shadow(run)
    world.trail.append(incident.incident_id, [planned(plan)], NOON)


def settles(world: World, incident: Incident) -> None:
    plan = a_plan(planned_at=NOON)
    world.remediations.settle(plan, incident.incident_id, "failed", accepted=True, demote="it did not help", at=NOON)
    world.trail.append(incident.incident_id, [planned(plan)], NOON)


def escalates(world: World, incident: Incident) -> None:
    world.history.record(incident.incident_id)
    world.history.save_page(incident.incident_id, PAGE, NOON)
    world.history.save_slack_message(incident.incident_id, "#ops", "1.2")


def notifies(world: World, incident: Incident) -> None:
    world.history.record(incident.incident_id)
    world.history.save_slack_message(incident.incident_id, "#ops", "1.2")
    world.history.close(incident.incident_id, "resolved", "over", [], at(5))
    world.history.close(incident.incident_id, "resolved", "over", [], at(5))
    world.silences.save(SILENCE)
    world.silences.end_resolved(SILENCE.id, at(5))


def responds(world: World, incident: Incident) -> None:
    world.history.record(incident.incident_id)
    world.history.acknowledge(incident.incident_id, "ada", at(1))
    world.history.resolve(incident.incident_id, "ada", at(1))
    world.history.save_slack_message(incident.incident_id, "#ops", "1.2")


def hears(world: World, incident: Incident) -> None:
    incident_id = incident.incident_id
    real = Feedback(person="slack:U1", by="ada", said="real", at=at(9))
    feedback_store.save_feedback(incident_id, real.model_copy(update={"said": "noise"}), incidents=world.history)
    feedback_store.save_note(incident_id, "ada", "restarted it", at(9), incidents=world.history)
    # Closed by somebody else; what was said late goes to the group.
    record = world.history.record(incident_id)
    assert record is not None
    world.history.remember_the_end(
        record.model_copy(update={"closed_at": at(9), "outcome": "suppressed", "feedback": [real]})
    )
    world.trail.append(incident_id, [judged(real)], at(9))


def reconciles(world: World, incident: Incident) -> None:
    assert list(world.history.open_records())
    world.groups.execution_input(incident.incident_id)
    world.groups.mark_started(incident.incident_id, "group-1")
    world.history.mark_paged(incident.incident_id, at(1))
    world.silences.since(at(1))
    world.history.end_hold(incident.incident_id, "silence s-1 was ended", at(1))
    world.history.resolve(incident.incident_id, "reconcile", at(1))
    world.history.close(incident.incident_id, "resolved", "gone", [], at(1) + timedelta(hours=3))


def watches(world: World, incident: Incident) -> None:
    world.heartbeats.expect("backup", alert(), NOON)
    (pulse,), before = world.heartbeats.pulses()
    world.heartbeats.watch(before, NOON)
    world.heartbeats.mark(pulse, NOON, NOON)
    world.groups.leave(incident.incident_id, "group-1", "firstline", at(3))
    world.history.record(incident.incident_id)


def opens(world: World, incident: Incident) -> None:
    open_one(world, alert_name="Other", group_key="group-2")


@pytest.mark.parametrize(
    ("role", "does"),
    [
        ("IngestFunctionRole", opens),
        ("IngestFunctionRole", ingests),
        ("ClassifyFunctionRole", classifies),
        ("ClassifyFunctionRole", asks_a_model),
        ("RemediateFunctionRole", plans),
        ("EscalateFunctionRole", escalates),
        ("EscalateFunctionRole", settles),
        ("NotifyFunctionRole", notifies),
        ("NotifyFunctionRole", settles),
        ("RespondFunctionRole", responds),
        ("RespondFunctionRole", hears),
        ("ReconcileFunctionRole", reconciles),
        ("ReconcileFunctionRole", opens),
        ("ReconcileFunctionRole", watches),
    ],
)
def test_a_function_may_do_what_it_does(
    role: str,
    does: Callable[[World, Incident], None],
    world: World,
    seen: list[Access],
    statements: dict[str, list[dict[str, Any]]],
) -> None:
    incident = open_one(world)
    # Classified and taken, so that its end has something to count.
    world.history.save_classification(incident.incident_id, VERDICT)
    world.history.acknowledge(incident.incident_id, "grace", at(0))
    seen.clear()

    does(world, incident)

    given = [statement for statement in statements[role] if "dynamodb" in str(statement["Action"])]
    assert seen
    assert [access for access in seen if not any(allows(statement, access) for statement in given)] == []


def test_what_a_role_may_not_touch_is_refused(statements: dict[str, list[dict[str, Any]]]) -> None:
    given = [s for s in statements["EscalateFunctionRole"] if "dynamodb" in str(s["Action"])]

    for refused in (
        Access("dynamodb:UpdateItem", "GROUP#any", None),
        Access("dynamodb:PutItem", "RUNS#any", None),
        Access("dynamodb:Query", "OPEN", "by_status"),
    ):
        assert not any(allows(statement, refused) for statement in given)
