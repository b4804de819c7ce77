"""`firstline test`: what is sent is read as a test that joins nobody's incident, and each leg is told as it ended."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from firstline.models import IncidentRecord
from firstline.reports.lessons import lessons
from firstline.reports.periods import real_incidents
from firstline.sources import normalize
from firstline_cli.drill import senders, watch
from firstline_cli.drill.senders import TestAlert
from tests.support.builders import OPENED, a_page, a_record, an_alert, an_incident

ALERT = TestAlert("1a2b3c4d", "critical", "This is a test.", host="web-1", labels={"groupname": "shop"})
MARK = {"firstline_test": "1a2b3c4d"}


@pytest.mark.parametrize("source", list(senders.BODIES))
def test_a_drills_alert_keeps_its_mark_and_its_resolved_alert_ends_it(source: str) -> None:
    sent = [normalize(source, senders.BODIES[source](ALERT, status)) for status in ("firing", "resolved")]
    (fired,), (ended,) = sent

    assert (fired.status, ended.status) == ("firing", "resolved")
    assert (fired.fingerprint, fired.group_key) == (ended.fingerprint, ended.group_key)
    assert fired.labels.items() >= MARK.items()


@pytest.mark.parametrize("source", list(senders.BODIES))
def test_a_drills_alert_has_the_severity_and_host_that_were_asked_for_and_no_environment(source: str) -> None:
    (fired,) = normalize(source, senders.BODIES[source](replace(ALERT, severity="critical", host="web-1"), "firing"))

    assert (fired.severity, fired.host, fired.environment) == ("critical", "web-1", None)


@pytest.mark.parametrize("source", list(senders.BODIES))
def test_a_drills_alert_joins_no_incident_of_the_same_alert_of_a_real_service(source: str) -> None:
    body = senders.BODIES[source](ALERT, "firing")
    (drill,) = normalize(source, body)
    (real,) = normalize(source, json.loads(json.dumps(body).replace(ALERT.service, "shop")))

    assert real.group_key != drill.group_key


def test_a_drills_cloudwatch_alarm_fires_ends_and_is_deleted() -> None:
    with mock_aws():
        cloudwatch = boto3.client("cloudwatch", "eu-central-1")
        sender = senders.CloudWatch(cloudwatch)
        sender.send(ALERT, "firing")
        (alarm,) = cloudwatch.describe_alarms()["MetricAlarms"]
        assert (alarm["StateValue"], alarm["ActionsEnabled"]) == ("ALARM", False)
        event = {
            "source": "aws.cloudwatch",
            "detail-type": "CloudWatch Alarm State Change",
            "account": "123456789012",
            "region": "eu-central-1",
            "detail": {
                "alarmName": alarm["AlarmName"],
                "state": {"value": "ALARM", "timestamp": "2026-11-29T14:00:00.000+0000"},
                "configuration": {
                    "description": alarm["AlarmDescription"],
                    "metrics": [
                        {
                            "metricStat": {
                                "metric": {
                                    "namespace": alarm["Namespace"],
                                    "name": alarm["MetricName"],
                                    "dimensions": {
                                        dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]
                                    },
                                }
                            }
                        }
                    ],
                },
            },
        }
        (alert,) = normalize("cloudwatch", event)
        assert alert.severity == "critical"
        assert alert.labels.items() >= MARK.items()
        sender.send(ALERT, "resolved")
        assert cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "OK"
        sender.forget(ALERT)
        assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def closed(**alert: Any) -> IncidentRecord:
    incident = an_incident(alert=an_alert(**alert))
    return a_record(incident=incident, status="CLOSED", outcome="resolved", closed_at=OPENED + timedelta(minutes=9))


def test_reports_and_lessons_leave_drills_out() -> None:
    real, drill = closed(), closed(labels=MARK)
    assert real_incidents([real, drill]) == [real]
    assert lessons([real, drill]).deciders == lessons([real]).deciders


@pytest.mark.parametrize(
    ("changes", "seen", "said"),
    [
        ({"classification": None}, watch.classified, None),
        ({}, watch.told, None),
        ({"pages": [a_page(at=None)]}, watch.paged, None),
        (
            {"pages": [a_page(at=OPENED, delivered_to=["pagerduty"], on_call="ada")]},
            watch.paged,
            "ada, through pagerduty",
        ),
        ({"slack_ts": "1.0", "shown": 1}, watch.told, "its message is in Slack"),
        ({"shown": 1}, watch.told, "every connected channel took its message"),
        (
            {"slack_ts": "1.0", "awaiting": "resolution"},
            watch.told,
            "its message is in Slack; A CHANNEL FAILED: the log of notify says which one, and why",
        ),
        ({"awaiting": "resolution"}, watch.told, "NOBODY was told: no channel took its message"),
        (
            {"status": "CLOSED", "outcome": "suppressed"},
            watch.told,
            "NOBODY was told: the incident is over (suppressed)",
        ),
    ],
    ids=[
        "not classified yet",
        "not told yet",
        "the page is claimed and not sent",
        "paged",
        "told in Slack",
        "told without Slack",
        "a channel failed",
        "every channel failed",
        "over before anybody was told",
    ],
)
def test_each_leg_is_over_when_the_record_shows_it(changes: dict[str, Any], seen: watch.Seen, said: str | None) -> None:
    assert seen(a_record(**changes)) == said


def test_a_leg_that_does_not_end_is_given_up_when_its_time_is_over() -> None:
    now = [0.0]
    watched = watch.Watch(None, "1a2b", "none", lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))  # type: ignore[arg-type]
    watched.record = lambda: None  # type: ignore[method-assign]
    assert list(watched.until("told", watch.told, 5)) == []
    assert now[0] == 5
