"""CloudWatch is asked, too, whether an alarm is over: its message may be late, or lost."""

from typing import Any

import pytest

from local.emulator.iam import ACCOUNT
from tests.statemachine.incident import Incident
from tests.statemachine.run_command import Run
from tests.statemachine.world import REGION, World

A_MOVE = ["Next Move"]
A_STEP = ["Run Step", "Await Step", "Read Step", *A_MOVE]


def alarm_fires(world: World, *, account: str = ACCOUNT, region: str = REGION) -> Incident:
    """Fire the alarm SearchSlow of web-1 through EventBridge."""
    metric = {"name": "Latency", "namespace": "Search", "dimensions": {"InstanceId": world.instance_ids["web-1"]}}
    event: dict[str, Any] = {
        "version": "0",
        "id": "e-1",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": account,
        "time": "2026-03-02T11:59:00Z",
        "region": region,
        "resources": [f"arn:aws:cloudwatch:{region}:{account}:alarm:SearchSlow"],
        "detail": {
            "alarmName": "SearchSlow",
            "state": {"value": "ALARM", "reason": "slow", "timestamp": "2026-03-02T11:59:00.000+0000"},
            "previousState": {"value": "OK"},
            "configuration": {"metrics": [{"id": "m1", "metricStat": {"metric": metric, "stat": "Average"}}]},
        },
    }
    world.functions.call("ingest", event)
    (record,) = world.history.open_records()
    return Incident(world, record.incident.incident_id)


@pytest.fixture
def alarm_says(world: World) -> Any:
    """Set the state that CloudWatch reports for the alarm."""

    def say(state: str, reason: str = "a test says so") -> None:
        client = world.client("cloudwatch")
        client.put_metric_alarm(
            AlarmName="SearchSlow",
            MetricName="Latency",
            Namespace="Search",
            Period=60,
            Statistic="Average",
            Threshold=1,
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        client.set_alarm_state(AlarmName="SearchSlow", StateValue=state, StateReason=reason)

    yield say
    world.client("cloudwatch").delete_alarms(AlarmNames=["SearchSlow"])


def test_an_alarm_that_cloudwatch_calls_ok_closes_the_incident_without_a_verification(
    world: World, alarm_says: Any
) -> None:
    alarm_says("OK")
    incident = alarm_fires(world)
    incident.stands_in("Await Recovery").times_out()

    path = incident.ends()

    assert path[-5:] == ["Await Recovery", *A_MOVE, "Ask CloudWatch", *A_MOVE, "Close Incident"]
    assert world.commands.steps() == ["peek", "reindex"]
    record = incident.record
    assert record.outcome == "auto_resolved"
    assert record.outcome_reason == "Restart a slow search ran, and CloudWatch says that the alarm is OK."


@pytest.mark.parametrize("state", ["INSUFFICIENT_DATA", None], ids=str)
def test_an_alarm_without_a_known_state_leaves_the_decision_to_the_verification(
    world: World, alarm_says: Any, state: str | None
) -> None:
    if state:
        alarm_says(state)
    incident = alarm_fires(world)
    incident.stands_in("Await Recovery").times_out()

    path = incident.ends()

    assert path[-9:] == ["Await Recovery", *A_MOVE, "Ask CloudWatch", *A_MOVE, *A_STEP, "Close Incident"]
    assert incident.record.outcome_reason == "Restart a slow search ran, and its verification holds."


@pytest.mark.parametrize("verified", [True, False], ids=["it holds", "it does not"])
def test_an_alarm_that_is_ok_because_no_data_comes_leaves_the_decision_to_the_verification(
    world: World, alarm_says: Any, verified: bool
) -> None:
    """CloudWatch may take missing data for good: then the alarm of a host that died is OK."""
    missing = "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as"
    alarm_says("OK", f"{missing} [NonBreaching].")
    if not verified:
        world.commands.script("verify", *[Run("Undeliverable")] * 3)
    incident = alarm_fires(world)
    incident.stands_in("Await Recovery").times_out()

    if verified:
        assert incident.ends()[-9:] == ["Await Recovery", *A_MOVE, "Ask CloudWatch", *A_MOVE, *A_STEP, "Close Incident"]
    else:
        incident.stands_in("Await Recovery")
    assert (incident.record.outcome == "auto_resolved") is verified
    assert world.commands.steps() == ["peek", "reindex", "verify"]


def test_while_cloudwatch_says_alarm_no_verification_closes_the_incident(world: World, alarm_says: Any) -> None:
    alarm_says("ALARM")
    incident = alarm_fires(world)
    for _ in range(3):  # as often as the runbook verifies
        incident.stands_in("Await Recovery").times_out()

    incident.stands_in("Await Resolution")

    assert incident.path[-2:] == ["Notify Ops", "Await Resolution"]
    assert incident.record.outcome is None
    assert any("CloudWatch still says ALARM" in message.text for message in world.told("slack"))


def test_cloudwatch_is_asked_again_after_a_failed_verification(world: World, alarm_says: Any) -> None:
    world.commands.script("verify", Run("Failed"))
    alarm_says("ALARM")
    incident = alarm_fires(world)
    incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Recovery")
    alarm_says("OK")
    incident.times_out()

    assert incident.ends()[-3:] == ["Ask CloudWatch", *A_MOVE, "Close Incident"]
    assert world.commands.steps() == ["peek", "reindex", "verify"]


def test_without_an_answer_of_cloudwatch_the_verification_decides(world: World) -> None:
    world.aws.down.add("monitoring")
    incident = alarm_fires(world)
    incident.stands_in("Await Recovery").times_out()

    assert incident.ends()[-7:] == ["Ask CloudWatch", *A_MOVE, *A_STEP, "Close Incident"]


@pytest.mark.parametrize("elsewhere", [{"account": "210987654321"}, {"region": "us-east-1"}], ids=str)
def test_an_alarm_of_another_account_or_region_ends_at_a_human_who_reads_why(
    world: World, elsewhere: dict[str, str]
) -> None:
    incident = alarm_fires(world, **elsewhere)
    incident.stands_in("Await Resolution")

    assert world.commands.sent == []
    ((kind, where),) = elsewhere.items()
    assert f"no target: the alert is about {kind} {where}, and this stack acts in {kind}" in world.told("slack")[0].text


def test_cloudwatch_is_not_asked_about_an_alert_of_another_source(world: World) -> None:
    incident = world.fires("SearchSlow", severity="high", host="web-1")
    incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Resolution")

    assert incident.path[-7:] == ["Await Recovery", *A_MOVE, *A_STEP, "Await Resolution"]
