"""Tests of the front door for deliveries without HTTP: from EventBridge, SNS and Firstline's own queues."""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable, UnreadablePayload
from firstline.ingest.quarantine import Quarantined
from tests.support.builders import NOON
from tests.unit.ingest.behind_the_door import TOPIC, World, alertmanager, firing, handle, post
from tests.unit.sources.events import event
from tests.unit.sources.test_sns import CERTIFICATE, signed

URL_OF_TOPIC = f"https://sns.{TOPIC.split(':')[3]}.amazonaws.com/SimpleNotificationService-{'0a' * 16}.pem"


@pytest.fixture
def world() -> World:
    return World()


# --- what comes without HTTP -----------------------------------------------------------------------------------------

ALARM = {
    "AlarmName": "cpu-high",
    "AlarmDescription": None,
    "AWSAccountId": "123456789012",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed",
    "StateChangeTime": "2026-03-02T11:59:00.000+0000",
    "Region": "Europe (Frankfurt)",
    "AlarmArn": "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:cpu-high",
    "OldStateValue": "OK",
    "Trigger": {"MetricName": "CPUUtilization", "Namespace": "AWS/EC2", "Dimensions": []},
}


def sns(message: Any, **more: str) -> dict[str, Any]:
    notification = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-03-02T11:59:01.000Z",
    }
    return notification | more


def state_change(name: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "123456789012",
        "time": "2026-03-02T11:59:00Z",
        "region": "eu-central-1",
        "resources": [f"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{name}"],
        "detail": {
            "alarmName": name,
            "state": {"value": "ALARM", "reason": "r", "timestamp": "2026-03-02T11:59:00.000+0000"},
            "previousState": {"value": "OK"},
            "configuration": {"metrics": []},
        },
    }


def test_an_alarm_from_eventbridge_is_accepted_and_an_alarm_about_firstline_is_not(world: World) -> None:
    handle(world, state_change("cpu-high"))
    handle(world, state_change("Firstline/firstline-test-heartbeat"))

    assert [alert.alert_name for alert in world.alerts] == ["cpu-high"]


def test_an_alarm_through_sns_to_lambda_is_accepted(world: World) -> None:
    handle(world, {"Records": [{"EventSource": "aws:sns", "Sns": sns(ALARM)}]})

    assert [alert.alert_name for alert in world.alerts] == ["cpu-high"]


def test_an_event_raises_while_the_table_is_down_so_that_lambda_tries_again(world: World) -> None:
    world.table_is_down = True

    with pytest.raises(HistoryUnavailable):
        handle(world, state_change("cpu-high"))


def test_a_deployment_from_eventbridge_is_recorded(world: World) -> None:
    event = {
        "version": "0",
        "id": "e-2",
        "detail-type": "CodeDeploy Deployment State-change Notification",
        "source": "aws.codedeploy",
        "account": "123456789012",
        "time": "2026-03-02T11:50:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {"application": "shop", "deploymentId": "d-1", "deploymentGroup": "prod", "state": "SUCCESS"},
    }

    handle(world, event)

    assert [(deployment.service, deployment.version) for deployment in world.deployments] == [("shop", "d-1")]
    assert not world.alerts


# --- out of the quarantine -------------------------------------------------------------------------------------------


class FakeQueue:
    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        self.bodies.append(MessageBody)


def test_a_quarantined_body_is_accepted_by_a_redrive_once_it_can_be_read(world: World) -> None:
    from firstline.adapters.aws.quarantine import Quarantine

    queue: Any = FakeQueue()
    body = json.dumps(alertmanager(firing())).encode()
    Quarantine(lambda: queue, "url").keep(Quarantined("prometheus", "a bug of ours", body, "application/json"))

    handle(world, {"Records": [{"eventSource": "aws:sqs", "body": queue.bodies[0]}]})

    assert [alert.alert_name for alert in world.alerts] == ["DiskFull"]


def test_a_body_too_big_for_one_message_is_quarantined_in_parts_and_read_only_with_all_parts(world: World) -> None:
    from firstline.adapters.aws.quarantine import Quarantine

    random = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(60_000))
    text = base64.b64encode(random).decode()
    queue: Any = FakeQueue()
    body = json.dumps({"alert_name": "Big", "unknown": text}).encode()

    Quarantine(lambda: queue, "url").keep(Quarantined("generic", "noise", body, "application/json"))
    records = [{"eventSource": "aws:sqs", "body": message} for message in queue.bodies]

    assert len(records) > 1
    # SQS takes 1 MiB: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
    assert max(map(len, queue.bodies)) < 1_048_576
    assert [(m["part"], m["of"]) for m in map(json.loads, queue.bodies)] == [
        (n, len(records)) for n in range(1, len(records) + 1)
    ]
    with pytest.raises(UnreadablePayload, match="batch size"):
        handle(world, {"Records": records[1:]})
    handle(world, {"Records": records[::-1]})
    assert [each.alert_name for each in world.alerts] == ["Big"]


@pytest.mark.parametrize(
    "wrap",
    [lambda event: event, lambda event: {"version": "1.0", "requestPayload": event}],
    ids=["EventBridge", "Lambda"],
)
def test_an_event_that_lambda_or_eventbridge_gave_up_on_is_accepted_by_a_redrive(world: World, wrap: Any) -> None:
    message = json.dumps(wrap(state_change("cpu-high")))

    handle(world, {"Records": [{"eventSource": "aws:sqs", "body": message}]})

    assert [alert.alert_name for alert in world.alerts] == ["cpu-high"]


def test_a_body_that_is_still_unreadable_raises_so_that_it_stays_in_the_queue(world: World) -> None:
    from firstline.adapters.aws.quarantine import Quarantine

    queue: Any = FakeQueue()
    Quarantine(lambda: queue, "url").keep(Quarantined("generic", "why", b"[1]", "application/json"))

    with pytest.raises(UnreadablePayload):
        handle(world, {"Records": [{"eventSource": "aws:sqs", "body": queue.bodies[0]}]})
    assert not world.kept


def test_a_signed_sns_message_of_yesterday_is_quarantined_and_opens_an_incident(world: World) -> None:
    """SNS delivers for an hour at most, so an older message is a replay, or a clock is wrong."""
    message = signed(event("cloudwatch/sns-alarm") | {"TopicArn": TOPIC, "SigningCertURL": URL_OF_TOPIC})
    assert NOON - datetime.fromisoformat(message["Timestamp"]) > timedelta(days=1)
    world.certificate = CERTIFICATE

    status, answer = post(world, "/alerts/cloudwatch", message, token=None)

    assert (status, answer["status"]) == (202, "quarantined")
    assert "may be a replay" in world.kept[0].reason
    assert [alert.alert_name for alert in world.alerts] == ["Unreadable message from cloudwatch"]
