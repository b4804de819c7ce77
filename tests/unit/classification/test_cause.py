"""The cause of an incident without a model: named only if structured evidence shows it."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from firstline.classification import cause
from firstline.classification.classify import classify
from firstline.classification.prompt import pack
from firstline.classification.vital_signs import KINDS, ResourceKind, VitalSign, amount, lines
from firstline.models import (
    Classification,
    ErrorLine,
    ErrorLog,
    Evidence,
    Incident,
    MetricReading,
    Resource,
    ResourceChange,
    ResourceFact,
    Word,
    kind_of,
)
from firstline.policy.rules import NO_RULES
from tests.support.classification_fixtures import NOW

type Decide = Callable[..., Classification]

GIB = 2**30
QUIET: dict[str, Any] = {
    "CPUUtilization": (20, 21),
    "DatabaseConnections": (90, 95),
    "FreeStorageSpace": (80 * GIB, 80 * GIB),
}


def around(
    namespace: str = "AWS/RDS",
    *,
    state: str | None = "available",
    facts: dict[str, str] | None = None,
    changes: tuple[ResourceChange, ...] = (),
    **metrics: tuple[float | None, ...],
) -> Evidence:
    """Return evidence about one resource; each metric has its value now, an hour ago and a week ago."""
    readings = [
        MetricReading(name=name, now=now or 0, hour_ago=hour, week_ago=week[0] if week else None)
        for name, (now, hour, *week) in metrics.items()
    ]
    return Evidence(
        same_name_last_hour=1,
        earlier=[],
        deployments=[],
        local_time=NOW,
        business_hours=True,
        readings=readings,
        resource=Resource(
            kind=namespace.removeprefix("AWS/"),
            namespace=namespace,
            id="orders-db",
            state=state,
            facts=[ResourceFact(name=name, value=value) for name, value in (facts or {}).items()],
        ),
        changes=list(changes),
    )


def event(category: str, minutes: int = 5) -> ResourceChange:
    return ResourceChange(at=NOW - timedelta(minutes=minutes), what="Multi-AZ failover", categories=[category])


def write(what: str = "UpdateFunctionCode20150331v2", minutes: int = 9, who: str | None = "anna") -> ResourceChange:
    return ResourceChange(at=NOW - timedelta(minutes=minutes), what=what, who=who)


def failed(name: str, now: int, hour_ago: int = 0) -> dict[str, Any]:
    return {name: (now, hour_ago)}


API, ALB, FUNCTION = "AWS/ApiGateway", "AWS/ApplicationELB", "AWS/Lambda"
STARTING = {"running": "3", "desired": "6", "pending": "3", "rollout": "COMPLETED"}
LOW_BALANCE: dict[str, Any] = {"EBSIOBalance%": (2, 80)}
TOMORROW = (NOW + timedelta(days=1)).isoformat()
SLOW_API: dict[str, Any] = {"Count": (1_000, 900), "IntegrationLatency": (9_000, 200)}


@pytest.mark.parametrize(
    ("category", "evidence"),
    [  # each metric with its value now, an hour ago and a week ago
        ("changed", around(FUNCTION, state=None, changes=(write(),), Errors=(41, 0, 0))),
        ("changed", around(FUNCTION, state=None, changes=(write(),), Errors=(41, None))),
        ("changed", around(ALB, state=None, changes=(write("ModifyListener"),), HTTPCode_Target_5XX_Count=(9, None))),
        ("throttled", around(FUNCTION, state=None, changes=(write(),), Errors=(41, 0), Throttles=(5, 0))),
        ("backend slow", around(API, state=None, **SLOW_API, **failed("5XXError", 20))),
        ("backend slow", around(API, state=None, **SLOW_API, **failed("5xx", 20))),
        (
            "backend slow",
            around(
                ALB,
                state=None,
                RequestCount=(1_000, 900),
                HTTPCode_ELB_5XX_Count=(10, None),
                TargetResponseTime=(9, 0.2, 0.2),
            ),
        ),
        ("storage full", around(FreeStorageSpace=(0.4 * GIB, 13 * GIB))),
        ("storage full", around(FreeStorageSpace=(4 * GIB, 9 * GIB), facts={"allocated_storage_gib": "100"})),
        ("storage full", around(state="storage-full")),
        ("storage full", around(FreeStorageSpace=(1.5 * GIB, 40 * GIB))),  # filled within the hour
        ("storage full", around(changes=(event("low storage"),))),
        ("storage full", around(changes=(event("failover"),), FreeStorageSpace=(0.2 * GIB, 13 * GIB))),
        ("stopped", around(state="stopped")),
        ("misconfigured", around(state="incompatible-parameters", CPUUtilization=(99, 5))),
        ("misconfigured", around(state="inaccessible-encryption-credentials")),
        ("replication lag", around(facts={"replication": "error"})),
        ("replication lag", around(ReplicaLag=(90, 2))),
        ("replication lag", around(changes=(event("maintenance"),), ReplicaLag=(900, 1))),
        ("maintenance", around(changes=(event("maintenance"),), state="upgrading", CPUUtilization=(99, 5))),
        ("CPU saturated", around(changes=(event("maintenance"),), CPUUtilization=(99, 5))),
        ("connections exhausted", around(facts={"max_connections": "112"}, DatabaseConnections=(108, 107))),
        ("connections exhausted", around(facts={"max_connections": "500"}, DatabaseConnections=(380, 200))),
        ("memory short", around(FreeableMemory=(2 * GIB, 30 * GIB, 31 * GIB))),
        ("burst credits used up", around(CPUCreditBalance=(0, 0, 144), CPUUtilization=(12, 12))),
        ("burst credits used up", around(**LOW_BALANCE)),
        ("changed", around(changes=(write("ModifyDBInstance"),), DatabaseConnections=(1, 200, 190))),
        ("tasks missing", around("AWS/ECS", facts={"running": "1", "desired": "3", "pending": "1"})),
        ("tasks missing", around("AWS/ECS", facts=STARTING | {"rollout": "FAILED"})),
        ("failover", around(changes=(event("failover"),))),
        ("maintenance", around(changes=(event("maintenance"),))),
        ("replication lag", around(ReplicaLag=(900, 1), CPUUtilization=(95, 30))),
        ("CPU saturated", around(CPUUtilization=(94, 30, 25))),
        ("memory short", around(FreeableMemory=(60 * 2**20, GIB))),
        ("memory short", around(SwapUsage=(3 * GIB, GIB))),
        ("connections exhausted", around(DatabaseConnections=(480, 300, 310))),
        ("burst credits used up", around(BurstBalance=(1, 60), CPUUtilization=(95, 20))),
        ("disk saturated", around(DiskQueueDepth=(64, 2))),
        ("hardware", around("AWS/EC2", state="running", facts={"system_check": "impaired"})),
        ("maintenance", around("AWS/EC2", state="running", facts={"scheduled_event": "system-reboot"})),
        ("stopped", around("AWS/EC2", state="stopped")),
        ("CPU saturated", around("AWS/EC2", state="running", CPUUtilization=(99, 20))),
        ("unhealthy targets", around("AWS/ApplicationELB", facts={"healthy": "1", "unhealthy": "2"})),
        ("throttled", around("AWS/Lambda", Throttles=(40, 0))),
        (
            "not consumed",
            around(
                "AWS/SQS",
                ApproximateAgeOfOldestMessage=(1800, 2),
                NumberOfMessagesSent=(9, 9),
                NumberOfMessagesDeleted=(0, 9),
            ),
        ),
        ("tasks missing", around("AWS/ECS", facts={"running": "1", "desired": "3"})),
        ("throttled", around("AWS/DynamoDB", WriteThrottleEvents=(12, 0))),
    ],
)
def test_the_evidence_names_the_cause(category: str, evidence: Evidence) -> None:
    found = cause.find(evidence, NOW)
    assert found is not None
    assert found.category == category
    assert not cause.is_well(evidence, NOW)


@pytest.mark.parametrize(
    "evidence",
    [  # each metric with its value now, an hour ago and a week ago
        around(**QUIET),
        around(**QUIET, changes=(event("read replica"), event("configuration change"), event("availability"))),
        around(FreeStorageSpace=(90 * GIB, 3 * GIB), changes=(event("low storage"),)),  # it has grown since
        around(FreeStorageSpace=(60 * GIB, 61 * GIB), facts={"allocated_storage_gib": "2000"}),
        around(DatabaseConnections=(120, 60), facts={"max_connections": "3604"}),
        around(DatabaseConnections=(0, 200, 190)),  # nobody knows why
        around(DatabaseConnections=(108, 107, 109), facts={"max_connections": "112"}),
        around(CPUCreditBalance=(0, 0, 0)),  # as a week ago
        around(ReplicaLag=(90, 60)),  # hardly more than an hour ago
        around("AWS/EC2", state="running", facts={"scheduled_event": "system-reboot", "scheduled_for": TOMORROW}),
        around("AWS/ECS", facts=STARTING),
        around(CPUUtilization=(94, 93, 96)),  # as at this hour a week ago
        around(DatabaseConnections=(60, 40, 58)),
        around(DatabaseConnections=(30, 10)),  # too few to mean anything
        around(changes=(event("failover", 180),)),  # too long before
        around(changes=(event("backup"),)),
        around("AWS/Unknown", CPUUtilization=(99, 1)),
        around("AWS/ApplicationELB", facts={"healthy": "3", "unhealthy": "0"}),
        around("AWS/ECS", facts={"running": "3", "desired": "3"}),
        around("AWS/SQS", ApproximateAgeOfOldestMessage=(1800, 2), NumberOfMessagesDeleted=(5, 9)),
        around(FUNCTION, state=None, changes=(write(),), Errors=(0, 0)),  # a change on its own
        around(FUNCTION, state=None, changes=(write(),), Errors=(41, 39)),  # it failed before, too
        around(FUNCTION, state=None, changes=(write(),), Errors=(41, 0, 40)),
        around(FUNCTION, state=None, changes=(write(minutes=90),), Errors=(41, 0)),
        around(FUNCTION, state=None, changes=(write(minutes=-1),), Errors=(41, 0)),  # after it
        around(FUNCTION, state=None, changes=(write("TagResource"),), Errors=(41, 0)),
        around(FUNCTION, state=None, changes=(write("UpdateTags"),), Errors=(41, 0)),
        around(FUNCTION, state=None, changes=(write("Update of the platform", who=None),), Errors=(41, 0)),
        around(API, state=None, **SLOW_API, **failed("5XXError", 5)),  # of a thousand requests
        around(API, state=None, Count=(100, 90), IntegrationLatency=(400, 100), **failed("5xx", 20)),  # still quick
    ],
)
def test_without_evidence_no_cause_is_named(evidence: Evidence) -> None:
    assert cause.find(evidence, NOW) is None


def test_connections_that_have_fallen_again_since_their_peak_are_no_cause() -> None:
    reading = MetricReading(name="DatabaseConnections", now=310, hour_ago=100, highest=500)
    assert cause.find(around().model_copy(update={"readings": [reading]}), NOW) is None


@pytest.mark.parametrize(("now", "named"), [(86, True), (74, False)])
def test_a_cpu_that_was_saturated_and_is_still_busy_is_a_cause(now: float, named: bool) -> None:
    reading = MetricReading(name="CPUUtilization", now=now, hour_ago=20, highest=97)
    assert (cause.find(around().model_copy(update={"readings": [reading]}), NOW) is not None) == named


def test_a_cause_holds_its_evidence() -> None:
    found = cause.find(around(FreeStorageSpace=(0.5 * GIB, 13 * GIB, 14 * GIB)), NOW)
    assert found is not None
    assert found.sentence == (
        "The storage of the database is full (RDS orders-db): free storage 0.5 GiB (1 h ago 13 GiB, a week ago 14 GiB)."
    )


QUIET_TASKS: dict[str, Any] = {"state": "ACTIVE", "CPUUtilization": (20, 21), "MemoryUtilization": (40, 40)}


@pytest.mark.parametrize(
    ("evidence", "well"),
    [
        pytest.param(around(**QUIET), True, id="quiet"),
        pytest.param(around(CPUUtilization=(20, 21)), False, id="too little read"),
        pytest.param(around(**QUIET, state="rebooting"), False, id="not available"),
        pytest.param(around(**QUIET, changes=(event("failure"),)), False, id="event of a failure"),
        pytest.param(around(**QUIET | {"DatabaseConnections": (0, 95)}), False, id="connections lost"),
        pytest.param(
            around("AWS/ECS", facts={"running": "3", "desired": "3"}, **QUIET_TASKS), True, id="all tasks run"
        ),
        pytest.param(around("AWS/ECS", facts=STARTING, **QUIET_TASKS), False, id="tasks still start"),
    ],
)
def test_a_resource_is_well_only_if_enough_was_read_and_nothing_is_wrong(evidence: Evidence, well: bool) -> None:
    assert cause.is_well(evidence, NOW) is well


@pytest.mark.parametrize("failures", ["Errors", "5xx", "HTTPCode_Target_5XX_Count", "StatusCheckFailed_System"])
def test_a_resource_is_well_only_without_failures(failures: str) -> None:
    """Count failures for which no rule names a cause."""
    quiet = around(FUNCTION, state=None, Invocations=(50, 50), Duration=(20, 20), **failed(failures, 0))
    assert cause.is_well(quiet, NOW)
    failing = around(FUNCTION, state=None, Invocations=(50, 50), Duration=(20, 20), **failed(failures, 50, 50))
    assert not cause.is_well(failing, NOW)


def test_a_kind_without_a_rule_or_a_listed_count_of_failures_is_never_well(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("IncomingRecords", "WriteProvisionedThroughputExceeded", "GetRecords.IteratorAgeMilliseconds")
    signs = tuple(VitalSign(name, "Sum", "count", name) for name in names)
    monkeypatch.setattr(cause, "KINDS", {**KINDS, "AWS/Kinesis": ResourceKind("Kinesis", ("StreamName",), signs)})
    quiet: dict[str, Any] = dict.fromkeys(names, (0, 0))
    assert not cause.is_well(around("AWS/Kinesis", state="ACTIVE", **quiet), NOW)


@pytest.mark.parametrize("namespace", KINDS)
def test_a_vital_sign_that_counts_failures_is_listed_as_one(namespace: str) -> None:
    words = re.compile(r"(?!4xx).*(error|throttl|5xx|fail|unhealthy|exceeded|reject|dropped)", re.IGNORECASE)
    counted = {sign.name for sign in KINDS[namespace].signs if words.match(sign.name)}

    assert counted <= cause.FAILURES, "add it to FAILURES in classification/cause.py"


def test_a_change_is_a_suspect_and_raises_no_severity(decide: Decide) -> None:
    changed = around(FUNCTION, state=None, changes=(write(),), Errors=(41, 0))
    verdict = decide(changed, severity="medium", severity_stated=False, message="")
    assert verdict.severity == decide(around(), severity="medium", severity_stated=False, message="").severity
    assert verdict.cause == (
        f"Perhaps a change just before it, {write().at:%H:%M} UTC: UpdateFunctionCode20150331v2 by anna "
        "(Lambda orders-db): errors 41 (1 h ago 0)."
    )


def test_the_lines_tell_state_and_cause_then_facts_and_changes() -> None:
    evidence = around(
        **QUIET,
        ReplicaLag=(900, 1),
        facts={"class": "db.r6g.large"},
        changes=(ResourceChange(at=NOW - timedelta(minutes=12), what="ModifyDBInstance", who="anna"),),
    )
    assert lines(evidence, first=("ReplicaLag",)) == [
        "RDS orders-db: available, replica lag 15 min (1 h ago 1 s)",
        "class db.r6g.large",
        "10:18 UTC: ModifyDBInstance by anna",
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.5 * GIB, "bytes", "0.5 GiB"),
        (3 * 2**20, "bytes", "3 MiB"),
        (97.04, "percent", "97 %"),
        (90, "seconds", "90 s"),
        (1500, "milliseconds", "1.5 s"),
        (18230, "count", "18,230"),
    ],
)
def test_amounts_are_written_as_people_do(value: float, unit: Any, text: str) -> None:
    assert amount(value, unit) == text


def test_the_models_prompt_holds_the_evidence_about_the_resource(incident: Callable[..., Incident]) -> None:
    line = ErrorLine(shape="key error <value>", times=41, first_at=NOW - timedelta(minutes=7))
    log = ErrorLog(group="/aws/rds", lines=[line], complete=False)
    evidence = STORAGE_IS_FULL.model_copy(update={"changes": [event("failover")], "log": log})
    items = {item["what"]: item for item in pack(incident(), evidence, NOW).items}
    assert items["state of the affected resource"]["state"] == "available"
    assert items["metrics of the affected resource"]["metrics"] == ["free storage 0.4 GiB (1 h ago 13 GiB)"]
    assert items["change of the affected resource"]["kinds"] == ["failover"]
    told = items["error lines of the affected resource"]
    assert told["lines_masked"] == [{"line": "key error <value>", "times": 41, "first": "7 min"}]
    assert not told["all_were_read"]


# --- what it changes ------------------------------------------------------------------------------------------------

STORAGE_IS_FULL = around(FreeStorageSpace=(0.4 * GIB, 13 * GIB))


@pytest.fixture
def decide(incident: Callable[..., Incident]) -> Decide:
    """Classify an alert without a model, with the given evidence."""

    def run(evidence: Evidence, **changes: Any) -> Classification:
        alert = {"message": "a number", **changes}
        return classify(incident(**alert), evidence=evidence, rules=NO_RULES, offered=[], model=None, now=NOW)

    return run


def test_a_broken_resource_raises_a_severity_that_nobody_stated(decide: Decide) -> None:
    verdict = decide(STORAGE_IS_FULL, severity="medium", severity_stated=False)
    assert verdict.severity == "high"
    assert "Raised to high by its evidence (storage full)" in verdict.reasons[0]
    assert verdict.cause.startswith("The storage of the database is full")


@pytest.mark.parametrize("stated", ["low", "medium", "critical"])
def test_a_broken_resource_does_not_raise_a_stated_severity(decide: Decide, stated: str) -> None:
    assert decide(STORAGE_IS_FULL, severity=stated).severity == stated


def test_a_broken_resource_does_not_raise_the_severity_of_a_persons_word(
    decide: Decide, incident: Callable[..., Incident]
) -> None:
    alert = incident(severity_stated=False).alert
    word = Word(subject=kind_of(alert), severity="low", by="Dora", person="p", at=NOW)
    said = decide(STORAGE_IS_FULL.model_copy(update={"word": word}), severity_stated=False)
    assert said.severity == "low"


def test_planned_work_is_named_and_raises_no_severity(decide: Decide) -> None:
    planned = decide(around(changes=(event("maintenance"),)), severity="medium", severity_stated=False)
    assert planned.severity == decide(around(), severity="medium", severity_stated=False).severity
    assert planned.cause.startswith("AWS works on the database")


def test_no_cause_is_named_for_a_storm(decide: Decide) -> None:
    assert decide(STORAGE_IS_FULL, storm=True).cause == ""


@pytest.mark.parametrize(
    ("namespace", "state", "metrics"),
    [
        ("AWS/Lambda", None, {"Throttles": 9.0}),
        ("AWS/EC2", "running", {"CPUUtilization": 99.0}),
        ("AWS/RDS", "available", {"FreeStorageSpace": 0.0, "BurstBalance": 0.0, "FreeableMemory": 0.0}),
        ("AWS/RDS", "available", {"ReplicaLag": 900.0, "CPUUtilization": 99.0, "OldestReplicationSlotLag": 6.0 * GIB}),
        ("AWS/RDS", "available", {"DatabaseConnections": 900.0, "DiskQueueDepth": 90.0, "Deadlocks": 9.0}),
        (
            "AWS/ApplicationELB",
            None,
            {"RequestCount": 9.0, "HTTPCode_Target_5XX_Count": 9.0, "TargetResponseTime": 9.0},
        ),
        ("AWS/ApiGateway", None, {"Count": 9.0, "5XXError": 9.0, "IntegrationLatency": 9_000.0}),
        (
            "AWS/SQS",
            None,
            {"ApproximateAgeOfOldestMessage": 900.0, "NumberOfMessagesDeleted": 0.0, "NumberOfMessagesSent": 9.0},
        ),
        ("AWS/ECS", "ACTIVE", {"CPUUtilization": 99.0, "MemoryUtilization": 99.0}),
        ("AWS/DynamoDB", "ACTIVE", {"ReadThrottleEvents": 9.0, "WriteThrottleEvents": 9.0}),
    ],
)
@pytest.mark.parametrize(("age", "current"), [(600, True), (601, False), (3_300, False)])
def test_a_value_that_is_not_of_now_names_no_cause(
    namespace: str, state: str | None, metrics: dict[str, float], age: int, current: bool
) -> None:
    small: dict[str, Any] = {name: (value, value / 100) for name, value in metrics.items()}
    seen = around(namespace, state=state, changes=(write(),), **small)
    old = [reading.model_copy(update={"age_seconds": age}) for reading in seen.readings]

    assert (cause.find(seen.model_copy(update={"readings": old}), NOW) is not None) == current


def test_what_sends_no_data_now_is_not_said_to_be_well() -> None:
    checks: dict[str, Any] = {"StatusCheckFailed_System": (0, 0), "StatusCheckFailed_Instance": (0, 0)}
    seen = around("AWS/EC2", state="running", CPUUtilization=(5, 5), **checks)
    old = [reading.model_copy(update={"age_seconds": 3_300}) for reading in seen.readings]

    assert cause.is_well(seen, NOW)
    assert not cause.is_well(seen.model_copy(update={"readings": old}), NOW)


@pytest.mark.parametrize(
    ("namespace", "state", "facts", "described", "well"),
    [
        ("AWS/ApplicationELB", None, {"healthy": "2", "unhealthy": "0"}, True, True),
        ("AWS/ApplicationELB", None, {"healthy": "0", "unhealthy": "0"}, True, False),
        ("AWS/ApplicationELB", None, {}, False, False),
        ("AWS/ECS", "ACTIVE", {"running": "2", "desired": "2"}, True, True),
        ("AWS/ECS", "ACTIVE", {"running": "0", "desired": "0"}, True, False),
        ("AWS/EC2", "running", {}, True, True),
        ("AWS/EC2", None, {}, False, False),
    ],
)
def test_what_was_not_described_or_serves_nobody_is_not_said_to_be_well(
    namespace: str, state: str | None, facts: dict[str, str], *, described: bool, well: bool
) -> None:
    quiet: dict[str, Any] = dict.fromkeys(("CPUUtilization", "MemoryUtilization", "RequestCount"), (1, 1))
    seen = around(namespace, state=state, facts=facts, **quiet)
    resource = seen.resource and seen.resource.model_copy(update={"described": described})

    assert cause.is_well(seen.model_copy(update={"resource": resource}), NOW) == well
