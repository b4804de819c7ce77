"""CloudWatch beyond the tables in test_normalize.py."""

import json
from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.sources import normalize, normalize_batch
from firstline.sources.cloudwatch_alarm import severity_word, topic_severity_word
from tests.unit.sources.events import alert, event, read


def alarm(**change: Any) -> dict[str, Any]:
    return event("cloudwatch/raw-alarm") | change


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("checkout-cpu-P1", "p1"),
        ("P3: queue grows", "p3"),
        ("SEV-1 checkout", "sev1"),
        ("[critical] checkout", "critical"),
        ("[High] checkout", "High"),
        ("checkout-CRITICAL", "critical"),
        ("checkout_WARNING", "WARNING"),
        ("checkout critical", "critical"),
        ("severity=low for checkout", "low"),
        # What the metric does is no severity.
        ("cpu-high", None),
        ("Low disk space", None),
        ("latency-p99", None),
        ("error-rate", None),
        ("criticality-report", None),
        (None, None),
    ],
)
def test_the_severity_in_a_name(name: str | None, word: str | None) -> None:
    assert severity_word(name) == word


@pytest.mark.parametrize(
    ("topic", "word"),
    [
        ("arn:aws:sns:eu-west-1:210987654321:alerts-critical", "critical"),
        ("arn:aws:sns:eu-west-1:210987654321:ops_low", "low"),
        ("arn:aws:sns:eu-west-1:210987654321:ops-alarms", None),
        (None, None),
    ],
)
def test_the_severity_in_a_topic(topic: str | None, word: str | None) -> None:
    assert topic_severity_word(topic) == word


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({"AlarmName": "checkout", "AlarmDescription": "[critical] pages"}, "critical"),
        ({"AlarmName": "checkout", "AlarmDescription": "Severity: P4"}, "low"),
        ({"AlarmName": "checkout", "AlarmDescription": "not critical at all"}, "medium"),
        ({"AlarmName": "checkout", "AlarmDescription": None}, "medium"),
        ({"AlarmName": "checkout", "AlarmDescription": 7, "Severity": "sev-1"}, "critical"),
    ],
)
def test_where_the_severity_is_stated(change: dict[str, Any], severity: str) -> None:
    assert normalize("cloudwatch", alarm(**change))[0].severity == severity


def test_the_topic_decides_when_the_alarm_says_nothing() -> None:
    payload = event("cloudwatch/sns-alarm")
    payload["Message"] = json.dumps(alarm(AlarmName="checkout"))
    payload["TopicArn"] = "arn:aws:sns:eu-west-1:210987654321:alerts-critical"

    assert normalize("cloudwatch", payload)[0].severity == "critical"


def test_an_arn_may_hold_anything_in_its_name() -> None:
    name = 'a "quoted" name: with :alarm: and spaces'
    one = normalize(
        "cloudwatch",
        alarm(AlarmName=name, AlarmArn=f"arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:{name}", Region="China"),
    )[0]

    assert (one.alert_name, one.account, one.region) == (name, "123456789012", "cn-north-1")
    assert one.url is None  # another console, at another address


def test_the_console_s_link_is_quoted() -> None:
    name = "a b/c#d"
    one = normalize("cloudwatch", alarm(AlarmName=name, AlarmArn=f"arn:aws:cloudwatch:eu-west-1:1:alarm:{name}"))[0]

    assert one.url == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/a%20b%2Fc%23d"
    )


def test_contributors_are_alerts_of_one_incident() -> None:
    first = alert("cloudwatch/sns-contributor-alarm")
    payload = event("cloudwatch/sns-contributor-alarm")
    payload["Message"] = payload["Message"].replace("9f86d081884c7d65", "ffffffffffffffff")
    second = normalize("cloudwatch", payload)[0]

    assert first.fingerprint != second.fingerprint
    assert first.group_key == second.group_key


def test_one_alarm_per_instance_is_one_incident() -> None:
    first, second = (
        normalize("cloudwatch", alarm(AlarmName=f"cpu-{i}", AlarmArn=f"arn:aws:cloudwatch:eu-west-1:1:alarm:cpu-{i}"))
        for i in ("i-0a1b2c3d4e5f60718", "i-0ffeeddccbbaa9988")
    )

    assert first[0].group_key == second[0].group_key
    assert first[0].fingerprint != second[0].fingerprint


def test_a_recovery_while_muted_still_resolves() -> None:
    payload = event("cloudwatch/eventbridge-ok")
    payload["detail"]["state"]["actionsSuppressedBy"] = "Alarm"

    assert normalize("cloudwatch", payload)[0].status == "resolved"


def test_own_alarms_are_alerts_of_any_other_stack() -> None:
    assert read("cloudwatch/sns-own-alarm", own_stack="firstline").alerts == []
    assert len(read("cloudwatch/sns-own-alarm", own_stack="firstline-prod").alerts) == 1
    assert len(read("cloudwatch/sns-own-alarm").alerts) == 1


def test_text_that_only_looks_like_json_is_text() -> None:
    payload = event("cloudwatch/sns-plain-text") | {"Message": '{"AlarmName": "cut sho'}

    one = normalize("cloudwatch", payload)[0]

    assert one.alert_name == "Backup failed"
    assert '{"AlarmName": "cut sho' in one.message


def test_plain_text_without_a_subject_is_named_by_its_first_line() -> None:
    payload = event("cloudwatch/sns-plain-text")
    del payload["Subject"]

    assert normalize("cloudwatch", payload)[0].alert_name == "nightly backup of orders-db failed"


def test_json_without_a_name_is_named_by_its_topic() -> None:
    payload = event("cloudwatch/sns-plain-text") | {"Subject": None, "Message": '{"rows": 42}'}

    one = normalize("cloudwatch", payload)[0]

    assert (one.alert_name, one.message) == ("message on ops-alarms", "rows=42")


def test_raw_delivery_of_something_else_is_a_message_too() -> None:
    headers = {"X-Amz-Sns-Rawdelivery": "true", "X-Amz-Sns-Topic-Arn": "arn:aws:sns:eu-west-1:210987654321:ops"}

    one = normalize("cloudwatch", {"rows": 42}, headers=headers)[0]

    assert (one.alert_name, one.account) == ("message on ops", "210987654321")


def test_a_bad_record_among_good_ones() -> None:
    payload = event("cloudwatch/sns-to-lambda")
    payload["Records"] += [{"EventSource": "aws:sqs", "body": "?"}, None]

    batch = normalize_batch("cloudwatch", payload)

    assert len(batch.alerts) == 1
    assert len(batch.rejected) == 2


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {},
        {"Type": "Notification"},
        {"AlarmName": ""},
        {"AlarmName": {"a": 1}},
        {"AlarmName": "x", "NewStateValue": "ON_FIRE"},
        {"AlarmName": "x", "NewStateValue": ["ALARM"]},
        {"detail-type": "CloudWatch Alarm State Change", "detail": "none"},
        {"Records": [{}]},
    ],
)
def test_what_is_no_alarm(payload: Any) -> None:
    with pytest.raises(UnreadablePayload, match="cloudwatch: "):
        normalize("cloudwatch", payload)


@pytest.mark.parametrize("name", ["codedeploy-start", "cloudformation-update"])
def test_deployments_are_no_alerts(name: str) -> None:
    batch = normalize_batch("cloudwatch", event(f"deployments/{name}"))

    assert batch.alerts == []
    assert "deployment" in batch.ignored[0]
