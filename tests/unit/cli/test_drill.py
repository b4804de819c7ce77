"""`firstline test`: what is sent is read as a test that joins nobody's incident, and each leg is told as it ended."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner, Result

from firstline.incidents.audit_trail import Fact, ran
from firstline.models import IncidentRecord
from firstline.reports.lessons import lessons
from firstline.reports.periods import real_incidents
from firstline.runbooks import catalogue
from firstline.runbooks.examples import ExampleAlert, Examples
from firstline.sources import normalize
from firstline_cli import stacks
from firstline_cli.drill import command, senders, watch
from firstline_cli.drill.senders import TestAlert
from firstline_cli.main import app
from tests.support.builders import (
    INCIDENT_ID,
    NOW,
    OPENED,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
)
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[3]
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


class Tried:
    """A stack that asks before every runbook, with a plan that waits; a person decides when the command first waits."""

    place = "https://api.example/alerts/prometheus"

    def __init__(self, monkeypatch: pytest.MonkeyPatch, approvers: tuple[str, ...] = ("ada",), **plan: Any) -> None:
        asks = a_plan(decision="approve", decision_reason="this stack asks", **plan)
        self.terminal = Terminal(a_waiting_record(asks, awaiting="resolution"))
        self.plan, self.now, self.decides = asks, 0.0, ""
        self.sent: list[str] = []
        self.results = [a_result(step_id="look")]
        stack = stacks.Stack(self.terminal.store.table, "arn:aws:states:eu-west-1:123456789012:stateMachine:i", Any)  # type: ignore[arg-type]
        monkeypatch.setattr(command, "stack_of", lambda name: stack)
        monkeypatch.setattr(command, "_approvers", lambda: list(approvers))
        monkeypatch.setattr(senders, "sender_of", lambda stack, source: self)
        monkeypatch.setattr(watch, "Watch", partial(watch.Watch, clock=lambda: self.now, sleep=self._sleep))

    def send(self, alert: TestAlert, status: str) -> str:
        self.sent.append(status)
        return INCIDENT_ID

    def forget(self, alert: TestAlert) -> None: ...

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.decides and self.terminal.store.only.decision is None:
            assert self.terminal.act(self.decides, plan_digest=self.plan.digest())[0] == 200
            facts = [*(ran(result, self.plan) for result in self.results), Fact(what="over", who="ssm", facts={})]
            self.terminal.store.trail.append(INCIDENT_ID, facts, NOW)

    def __call__(self, *options: str) -> Result:
        return CliRunner().invoke(app, ["test", "runbook", "look-processes", "--host", "web-1", *options])


def test_a_runbook_that_asks_is_tried_to_its_end_if_somebody_approves_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = Tried(monkeypatch)
    tried.decides = "approve"

    done = tried()

    assert (done.exit_code, tried.sent) == (0, ["firing", "resolved"])
    lines = done.stdout.splitlines()
    assert [line[:11].rstrip() for line in lines if line[0] in "✓✗"] == [
        *("✓ sent", "✓ in the ta", "✓ classifie", "✓ planned", "✓ approved", "✓ ran")
    ]
    (hint,) = [line for line in lines if line.startswith("→")]
    for words in ("An approver (ada)", "within 180 seconds", f"`firstline approve {INCIDENT_ID[-8:]}`", "Slack"):
        assert words in hint
    assert "look Success" in done.stdout


@pytest.mark.parametrize(
    ("decides", "plan", "says", "seconds"),
    [
        ("", {}, "✗ approved: not reached within 7 seconds → nobody approved it", 7),
        ("", {"approvals": 2}, "→ 2 approvers (ada) can approve it", 7),
        ("refuse", {}, "REFUSED by ada (command line)", 0.5),
    ],
    ids=["nobody decides", "nobody of two decides", "it is refused"],
)
def test_a_runbook_that_nobody_approves_ends_the_test_in_time(
    monkeypatch: pytest.MonkeyPatch, decides: str, plan: dict[str, Any], says: str, seconds: float
) -> None:
    tried = Tried(monkeypatch, **plan)
    tried.decides = decides

    done = tried("--wait", "7")

    assert (done.exit_code, tried.sent, tried.now) == (1, ["firing", "resolved"], seconds)
    assert says in done.output


def test_an_approved_runbook_of_which_no_step_ran_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = Tried(monkeypatch)
    tried.decides, tried.results = "approve", []
    done = tried()
    assert (done.exit_code, f"NOTHING RAN: firstline show {INCIDENT_ID[-8:]}" in done.stdout) == (1, True)


def test_a_runbook_is_not_tried_if_its_test_alert_would_find_another_that_changes_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The example finds it by a metric. The test alert has none, so it finds dead-service by its name.
    (shipped,) = [runbook for runbook in catalogue.read(ROOT / "runbooks")[0] if runbook.id == "look-units"]
    example = ExampleAlert(alert="SystemdUnitFailed", labels={"name": "shop.service"})
    match = shipped.match.model_copy(update={"alerts": ["NeverSent"], "words": []})
    mine = shipped.model_copy(update={"id": "mine", "match": match, "examples": Examples(match=[example])})
    others = [runbook for runbook in catalogue.read(ROOT / "runbooks")[0] if runbook.id != "look-units"]
    monkeypatch.setattr(catalogue, "read", lambda folder: ([*others, mine], []))
    tried = Tried(monkeypatch)

    done = CliRunner().invoke(app, ["test", "runbook", "mine", "--host", "web-1"])

    assert (done.exit_code, tried.sent) == (2, [])
    assert "would find dead-service before mine, and dead-service changes hosts (disruptive)" in done.stderr


def test_a_runbook_without_an_example_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    (shipped,) = [runbook for runbook in catalogue.read(ROOT / "runbooks")[0] if runbook.id == "look-units"]
    monkeypatch.setattr(catalogue, "read", lambda folder: ([shipped.model_copy(update={"examples": Examples()})], []))

    done = CliRunner().invoke(app, ["test", "runbook", "look-units", "--host", "web-1"])

    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "has no `examples.match`" in done.stderr


@pytest.mark.parametrize("failing", [["put_metric_alarm"], ["put_metric_alarm", "set_alarm_state"]])
def test_the_error_that_kept_a_test_alert_from_being_sent_is_the_one_that_is_told(
    monkeypatch: pytest.MonkeyPatch, failing: list[str]
) -> None:
    cloudwatch = Mock()
    for name in failing:
        why = f"not authorized to perform: cloudwatch:{name}"
        denied = ClientError({"Error": {"Code": "AccessDenied", "Message": why}}, name)
        getattr(cloudwatch, name).side_effect = denied
    Tried(monkeypatch)
    monkeypatch.setattr(senders, "sender_of", lambda stack, source: senders.CloudWatch(cloudwatch))

    done = CliRunner().invoke(app, ["test", "alarm"])

    assert (done.exit_code, done.stderr.count("\n")) == (4, 1)
    assert "your role lacks cloudwatch:put_metric_alarm" in done.stderr
    assert cloudwatch.delete_alarms.called


def test_a_runbook_that_nobody_may_approve_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = Tried(monkeypatch, approvers=())
    done = tried()
    assert (done.exit_code, tried.sent, tried.now) == (1, ["firing", "resolved"], 0)
    assert "nobody may approve plans → give somebody the role approver" in done.stderr
