"""The alarms, the logs and the dashboard that watch Firstline itself."""

import json
import re
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from firstline.sources.cloudwatch_alarm import OWN_ALARMS
from tests.template.stack import FUNCTIONS, Resources, every_function, of_type

ROOT = Path(__file__).parents[2]


@every_function
def test_a_function_logs_as_json_into_a_group_of_its_own(noun: str, functions: Resources) -> None:
    assert functions[f"{noun}Function"]["LoggingConfig"] == {
        "LogFormat": "JSON",
        "SystemLogLevel": "WARN",
        "LogGroup": {"Ref": f"{noun}LogGroup"},
    }


def test_no_log_is_kept_for_ever(resources: Resources) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")

    assert len(groups) > len(FUNCTIONS)
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_functions_and_state_machines_are_traced(functions: Resources, resources: Resources) -> None:
    assert all(function["TracingConfig"] == {"Mode": "Active"} for function in functions.values())
    assert resources["IncidentStateMachine"]["Properties"]["TracingConfiguration"] == {"Enabled": True}


def test_every_alarm_reaches_people_and_says_what_to_do(observability: Resources) -> None:
    alarms = of_type(observability, "AWS::CloudWatch::Alarm")

    assert len(alarms) >= 4
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "PageTopicArn"}], name
        assert len(alarm["AlarmDescription"]) > 40, name


def test_the_alarms_are_no_more_than_an_account_has_free(observability: Resources) -> None:
    """CloudWatch's first ten alarms of one metric are free; any further trouble is told by a message of reconcile."""
    alarms = of_type(observability, "AWS::CloudWatch::Alarm").values()

    assert sum(len(alarm.get("Metrics", [None])) for alarm in alarms) <= 10


def test_each_failed_execution_raises_an_alarm(observability: Resources) -> None:
    alarms = of_type(observability, "AWS::CloudWatch::Alarm").values()

    assert [alarm["Threshold"] for alarm in alarms if alarm["MetricName"] == "ExecutionsFailed"] == [1]


def test_reconcile_that_cannot_tell_operators_raises_an_alarm(observability: Resources) -> None:
    alarm = observability["ReconcileFailedAlarm"]["Properties"]

    assert (alarm["MetricName"], alarm["Threshold"]) == ("ReconcileFailed", 1)
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 1800


def test_each_alert_that_comes_into_the_quarantine_raises_the_alarm(observability: Resources) -> None:
    """The alarm counts those that come: one on those that lie there would stay on and not tell of the next."""
    alarm = observability["QuarantineAlarm"]["Properties"]

    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == ("NumberOfMessagesSent", "Sum", 1)


def test_an_alert_in_the_quarantine_raises_an_alarm_two_days_before_it_is_lost(
    written: dict[str, Any], observability: Resources
) -> None:
    kept = written["Resources"]["QuarantineQueue"]["Properties"]["MessageRetentionPeriod"]
    age = observability["QuarantineAgeAlarm"]["Properties"]

    assert age["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert age["Threshold"] <= kept - 2 * 86_400


def test_what_the_gateway_refuses_as_too_large_raises_an_alarm(
    written: dict[str, Any], observability: Resources
) -> None:
    logged = json.loads(written["Resources"]["HttpApi"]["Properties"]["AccessLogSettings"]["Format"])
    counted = observability["TooLargeFilter"]["Properties"]
    (metric,) = counted["MetricTransformations"]

    assert logged["status"] == "$context.status"
    assert counted["FilterPattern"] == '{ $.status = "413" }'
    alarm = observability["TooLargeAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])


def test_every_alarm_is_in_the_operations_guide(observability: Resources) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()

    for alarm in of_type(observability, "AWS::CloudWatch::Alarm").values():
        assert f"`…-{alarm['AlarmName']['Fn::Sub'].split('-', 1)[1]}`" in guide


def test_own_alarms_never_come_back_in_as_alerts(resources: Resources, observability: Resources) -> None:
    pattern = resources["AlarmRule"]["Properties"]["EventPattern"]
    (excluded,) = pattern["detail"]["alarmName"]
    assert excluded["anything-but"]["prefix"] == OWN_ALARMS
    assert resources["ObservabilityStack"]["Properties"]["Parameters"]["Stack"] == {"Ref": "AWS::StackName"}

    for alarm in of_type(observability, "AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmName"]["Fn::Sub"].startswith(f"{OWN_ALARMS}${{Stack}}-")


def test_reconcile_that_stops_raises_an_alarm(observability: Resources) -> None:
    """Each minute in which no invocation ended well counts. A metric of Firstline's own would cost more."""
    alarm = observability["HeartbeatAlarm"]["Properties"]

    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Lambda", "Errors", "Minimum")
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 5)


def test_a_dashboard_is_made_only_if_it_is_wanted(written: dict[str, Any], observability: Resources) -> None:
    assert written["Parameters"]["Observability"]["Default"] == "true"
    assert written["Conditions"]["DashboardIsWanted"] == {"Fn::Equals": [{"Ref": "Observability"}, "dashboard"]}
    assert observability["FirstlineDashboard"]["Condition"] == "DashboardIsWanted"


def test_the_dashboard_shows_metrics_that_are_counted(observability: Resources) -> None:
    body = observability["FirstlineDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    first = re.findall(r'\["Firstline", "(\w+)"', body)
    more = re.findall(r'\["\.", "(\w+)", "\.", "\."', body)
    sources = [*(ROOT / "layers/core/firstline").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    code = "\n".join(path.read_text() for path in sources)

    ours = {name for name in (*first, *more) if not name.startswith("Executions")}
    assert len(ours) > 8
    assert {name for name in ours if name not in code} == set()


def test_the_dashboard_shows_every_metric_that_the_guide_says_reconcile_counts(observability: Resources) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    section = guide.split("## What reconcile mends", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"\| `(\w+)` \|$", section, re.MULTILINE)
    body = observability["FirstlineDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]

    assert len(named) > 5
    assert [name for name in named if f'"{name}"' not in body] == []


def test_the_nested_stack_gets_every_parameter_that_it_asks_for(resources: Resources) -> None:
    asked = yaml_parse((ROOT / "observability.yaml").read_text())["Parameters"]

    assert set(resources["ObservabilityStack"]["Properties"]["Parameters"]) == set(asked)
