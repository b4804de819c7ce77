"""Tests of the source cloudwatch, beyond the tables in test_normalize.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.ingest.changes import incident_of
from firstline.policy import rules
from firstline.sources import normalize, normalize_batch
from firstline.sources.cloudwatch_alarm import severity_word, topic_severity_word
from tests.unit.sources.events import alert, event

SHIPPED = rules.load(Path("runbooks/policy/rules.yaml"))


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
def test_the_severity_word_in_a_name_is_found_but_not_a_word_about_a_metric(name: str | None, word: str | None) -> None:
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
def test_the_severity_word_in_the_name_of_a_topic_is_found(topic: str | None, word: str | None) -> None:
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
def test_the_severity_is_read_from_the_description_or_a_field_and_medium_without_one(
    change: dict[str, Any], severity: str
) -> None:
    assert normalize("cloudwatch", alarm(**change))[0].severity == severity


def test_an_alarm_without_a_severity_takes_it_from_the_topics_name() -> None:
    payload = event("cloudwatch/sns-alarm")
    payload["Message"] = json.dumps(alarm(AlarmName="checkout"))
    payload["TopicArn"] = "arn:aws:sns:eu-west-1:210987654321:alerts-critical"

    assert normalize("cloudwatch", payload)[0].severity == "critical"


TAGS = {"severity": "critical", "service": "checkout", "environment": "prod", "team": "shop", "Host": "db-9"}


def tagged(shape: str, name: str = "checkout") -> dict[str, Any]:
    """Return an alarm whose payload carries the alarm's tags, as an SNS message, an event or a Lambda action."""
    if shape.startswith("sns"):
        listed = [{"Key": key, "Value": value} for key, value in TAGS.items()]
        return alarm(AlarmName=name, AlarmTags=TAGS if shape == "sns" else listed, AlarmTagsStatus="SUCCESS")
    payload = event(f"cloudwatch/{shape}")
    inner = payload["detail"] if "detail" in payload else payload["alarmData"]
    inner |= {"alarmName": name, "alarmTags": TAGS, "alarmTagsStatus": "SUCCESS"}
    return payload


@pytest.mark.parametrize("shape", ["sns", "sns, as a list", "eventbridge-alarm", "lambda-action"])
def test_the_alarms_tags_in_its_payload_state_what_the_alarm_leaves_open(shape: str) -> None:
    found = normalize("cloudwatch", tagged(shape))[0]

    assert (found.severity, found.severity_stated) == ("critical", True)
    assert (found.environment, found.labels["team"]) == ("prod", "shop")
    assert found.service == "checkout"


@pytest.mark.parametrize("shape", ["sns", "sns, as a list", "eventbridge-alarm", "lambda-action"])
def test_a_host_in_an_alarms_tags_names_no_machine(shape: str) -> None:
    """A tag is people's word on whom an alarm is for; only what the alarm measures names a machine."""
    assert TAGS["Host"] == "db-9"
    found = normalize("cloudwatch", tagged(shape))[0]

    assert found.host != "db-9"
    assert "db-9" not in found.whereabouts.hosts


@pytest.mark.parametrize("shape", ["sns", "sns, as a list", "eventbridge-alarm", "lambda-action"])
def test_the_severity_in_an_alarms_name_counts_before_its_tag(shape: str) -> None:
    assert TAGS["severity"] == "critical"
    assert normalize("cloudwatch", tagged(shape, "checkout P3"))[0].severity == "medium"


def test_an_alarms_tag_counts_before_the_name_of_its_topic() -> None:
    assert TAGS["severity"] == "critical"
    payload = event("cloudwatch/sns-alarm") | {"TopicArn": "arn:aws:sns:eu-west-1:210987654321:alerts-low"}
    payload["Message"] = json.dumps(tagged("sns"))

    assert normalize("cloudwatch", payload)[0].severity == "critical"


@pytest.mark.parametrize("tags", [None, 7, "x", [], [7], [{"Key": 1}], [{"Key": "severity", "Value": {}}], {"a": None}])
def test_unreadable_tags_of_an_alarm_state_nothing(tags: Any) -> None:
    plain = normalize("cloudwatch", alarm(AlarmName="checkout"))[0]

    found = normalize("cloudwatch", alarm(AlarmName="checkout", AlarmTags=tags))[0]

    assert found.model_copy(update={"raw_payload": None, "timestamp": plain.timestamp}) == plain.model_copy(
        update={"raw_payload": None}
    )


def test_account_and_region_are_read_from_an_arn_whatever_the_alarms_name_holds() -> None:
    name = 'a "quoted" name: with :alarm: and spaces'
    alert = normalize(
        "cloudwatch",
        alarm(AlarmName=name, AlarmArn=f"arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:{name}", Region="China"),
    )[0]

    assert (alert.alert_name, alert.account, alert.region) == (name, "123456789012", "cn-north-1")
    assert alert.url is not None
    assert alert.url.startswith("https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#alarmsV2:")


def test_the_alarms_name_is_quoted_in_the_link_to_the_console() -> None:
    name = "a b/c#d"
    alert = normalize("cloudwatch", alarm(AlarmName=name, AlarmArn=f"arn:aws:cloudwatch:eu-west-1:1:alarm:{name}"))[0]

    assert alert.url == (
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


def test_the_ok_of_a_muted_alarm_still_resolves() -> None:
    payload = event("cloudwatch/eventbridge-ok")
    payload["detail"]["state"]["actionsSuppressedBy"] = "Alarm"

    assert normalize("cloudwatch", payload)[0].status == "resolved"


@pytest.mark.parametrize(
    ("name", "alerts"),
    [
        ("Firstline/firstline-dev-undelivered", 0),
        ("Firstline/of-any-other-stack-undelivered", 0),
        ("firstline-dev-box-cpu", 1),
        ("firstline/disk", 1),
    ],
)
def test_only_alarms_whose_name_begins_with_firstline_and_a_slash_are_no_alerts(name: str, alerts: int) -> None:
    assert len(normalize("cloudwatch", alarm(AlarmName=name))) == alerts


def test_a_message_that_only_begins_like_json_is_read_as_text() -> None:
    payload = event("cloudwatch/sns-plain-text") | {"Message": '{"AlarmName": "cut sho'}

    alert = normalize("cloudwatch", payload)[0]

    assert alert.alert_name == "Backup failed"
    assert '{"AlarmName": "cut sho' in alert.message


def test_plain_text_without_a_subject_is_named_by_its_first_line() -> None:
    payload = event("cloudwatch/sns-plain-text") | {"Message": "nightly backup of orders-db failed\nexit status 3"}
    del payload["Subject"]

    assert normalize("cloudwatch", payload)[0].alert_name == "nightly backup of orders-db failed"


def test_json_without_a_name_is_named_by_its_topic() -> None:
    payload = event("cloudwatch/sns-plain-text") | {"Subject": None, "Message": '{"rows": 42}'}
    payload["TopicArn"] = "arn:aws:sns:eu-west-1:210987654321:ops-alarms"

    alert = normalize("cloudwatch", payload)[0]

    assert (alert.alert_name, alert.message) == ("message on ops-alarms", "rows=42")


def test_a_raw_delivery_that_is_no_alarm_is_read_as_a_message_of_its_topic() -> None:
    headers = {"X-Amz-Sns-Rawdelivery": "true", "X-Amz-Sns-Topic-Arn": "arn:aws:sns:eu-west-1:210987654321:ops"}

    alert = normalize("cloudwatch", {"rows": 42}, headers=headers)[0]

    assert (alert.alert_name, alert.account) == ("message on ops", "210987654321")


def test_unreadable_records_are_rejected_and_the_good_one_beside_them_is_read() -> None:
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
def test_a_payload_without_a_name_or_a_known_state_or_shape_is_refused(payload: Any) -> None:
    with pytest.raises(UnreadablePayload, match="cloudwatch: "):
        normalize("cloudwatch", payload)


@pytest.mark.parametrize("name", ["codedeploy-start", "cloudformation-update"])
def test_a_deployment_that_did_not_fail_is_no_alert(name: str) -> None:
    batch = normalize_batch("cloudwatch", event(f"deployments/{name}"))

    assert batch.alerts == []
    assert "deployment" in batch.ignored[0].lower()


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("non-critical-queue", None),
        ("Non critical: queue", None),
        ("not_critical", None),
        ("NON-P1 queue", None),
        ("noncritical", None),
        ("no-sev1", None),
        ("queue-non-MAJOR", None),
        ("uncritical", None),
        ("non-critical, now critical", "critical"),
        ("canon-critical", "critical"),
    ],
)
def test_a_negated_word_in_a_name_or_topic_is_no_severity(name: str, word: str | None) -> None:
    assert severity_word(name) == word
    assert topic_severity_word(f"arn:aws:sns:eu-west-1:210987654321:{name}") == word


@pytest.mark.parametrize(
    ("topic", "word"),
    [
        ("low-latency-trading", None),
        ("high-availability-alerts", None),
        ("major_upgrade", None),
        ("high-priority-alerts", "high"),
        ("low-alarms", "low"),
        ("warning", "warning"),
        ("team-minor.fifo", None),
        ("team-minor", "minor"),
    ],
)
def test_a_word_in_a_topic_is_a_severity_only_if_it_describes_alerts(topic: str, word: str | None) -> None:
    assert topic_severity_word(f"arn:aws:sns:eu-west-1:210987654321:{topic}") == word


def test_insufficient_data_does_not_resolve_an_alarm_but_the_ok_after_it_does() -> None:
    states = [("ALARM", "OK"), ("INSUFFICIENT_DATA", "ALARM"), ("OK", "INSUFFICIENT_DATA")]
    batches = [normalize_batch("cloudwatch", alarm(NewStateValue=new, OldStateValue=old)) for new, old in states]

    assert [[alert.status for alert in batch.alerts] for batch in batches] == [["firing"], [], ["resolved"]]
    assert "goes on firing" in batches[1].ignored[0]
    assert batches[0].alerts[0].fingerprint == batches[2].alerts[0].fingerprint


MISSING = "2 missing datapoints were treated as [NonBreaching]."
NO_DATA = f"Threshold Crossed: no datapoints were received for 2 periods and {MISSING}"
ONE_LEFT = f"Threshold Crossed: 1 datapoint [3.0] was not greater than the threshold (90.0); {MISSING}"


@pytest.mark.parametrize(
    ("reason", "dimensions", "known"),
    [
        (NO_DATA, [{"name": "InstanceId", "value": "i-0123456789abcdef0"}], False),
        (NO_DATA, [{"name": "host", "value": "web-1"}], False),
        (ONE_LEFT, [{"name": "InstanceId", "value": "i-0123456789abcdef0"}], True),
        # No request, no error: without a host, no data is a recovery.
        (NO_DATA, [{"name": "LoadBalancer", "value": "app/shop/1"}], True),
    ],
)
def test_an_alarm_about_a_host_that_is_ok_because_no_data_comes_was_not_seen_to_recover(
    reason: str, dimensions: list[dict[str, str]], known: bool
) -> None:
    trigger = {"MetricName": "cpu_usage_active", "Namespace": "CWAgent", "Dimensions": dimensions}
    (alert,) = normalize("cloudwatch", alarm(NewStateValue="OK", NewStateReason=reason, Trigger=trigger))

    assert alert.status == "resolved"
    assert (alert.nothing_known is None) is known


@pytest.mark.parametrize("name", ["eventbridge-contributor", "sns-contributor-alarm", "sns-contributor-ok"])
def test_an_alarm_and_its_contributors_are_one_incident(name: str) -> None:
    payload = event(f"cloudwatch/{name}")
    contributor = normalize("cloudwatch", payload)[0]
    if name.startswith("sns"):
        message = json.loads(payload["Message"])
        del message["AlarmContributorId"], message["AlarmContributorAttributes"]
        payload["Message"] = json.dumps(message)
    else:
        del payload["detail"]["alarmContributor"]
        payload["detail-type"] = "CloudWatch Alarm State Change"
    whole = normalize("cloudwatch", payload)[0]

    assert contributor.host is not None
    assert whole.group_key == contributor.group_key
    assert whole.fingerprint != contributor.fingerprint


ARN = "arn:aws:cloudwatch:eu-west-1:210987654321:alarm:"


def test_a_composite_alarm_joins_the_incident_of_the_child_that_triggered_it() -> None:
    child = normalize("cloudwatch", alarm(AlarmName="cart-5xx", AlarmArn=f"{ARN}cart-5xx"))[0]
    other = normalize("cloudwatch", alarm(AlarmName="cart-latency", AlarmArn=f"{ARN}cart-latency"))[0]
    children = [{"Arn": f"{ARN}cart-5xx", "State": {"Value": "ALARM"}}]
    composite = alarm(AlarmName="cart-P1", AlarmArn=f"{ARN}cart-P1", Trigger=None, TriggeringChildren=children)
    fired = normalize("cloudwatch", composite)[0]
    over = normalize("cloudwatch", composite | {"NewStateValue": "OK"})[0]

    assert fired.group_key == over.group_key == child.group_key != other.group_key
    assert fired.fingerprint == over.fingerprint != child.fingerprint


def test_a_composite_alarm_from_eventbridge_joins_the_incident_of_the_child_that_triggered_it() -> None:
    child = normalize("cloudwatch", alarm(AlarmName="cart-5xx", AlarmArn=f"{ARN}cart-5xx"))[0]
    composite = event("cloudwatch/eventbridge-alarm")
    composite["resources"] = [f"{ARN}cart-P1"]
    triggering = [{"arn": f"{ARN}cart-5xx", "state": {"value": "ALARM"}}]
    composite["detail"]["state"]["reasonData"] = json.dumps({"triggeringAlarms": triggering})

    assert normalize("cloudwatch", composite)[0].group_key == child.group_key


@pytest.mark.parametrize(
    "children", [None, 7, [], [None], [{"Arn": 7}], [{"Arn": "nonsense"}], [{"Arn": "arn:aws:s3:::bucket"}]]
)
def test_a_composite_alarm_without_a_readable_child_is_an_incident_of_its_own(children: Any) -> None:
    plain = normalize("cloudwatch", alarm())[0]

    assert normalize("cloudwatch", alarm(TriggeringChildren=children))[0].group_key == plain.group_key


@pytest.mark.parametrize("reason_data", [7, "{", "[]", '{"triggeringAlarms": 7}', '{"triggeringAlarms": [7]}'])
def test_unreadable_reason_data_does_not_change_the_incident_of_an_alarm(reason_data: Any) -> None:
    payload = event("cloudwatch/eventbridge-alarm")
    expected = normalize("cloudwatch", payload)[0].group_key
    payload["detail"]["state"]["reasonData"] = reason_data

    assert normalize("cloudwatch", payload)[0].group_key == expected


SCALES = "arn:aws:autoscaling:eu-west-1:210987654321:scalingPolicy:1:autoScalingGroupName/web:policyName/out"
TELLS = "arn:aws:sns:eu-west-1:210987654321:ops-alarms"


@pytest.mark.parametrize(
    ("change", "machine"),
    [
        ({"AlarmName": "TargetTracking-table/cart-AlarmHigh-1"}, True),
        ({"AlarmName": "TargetTracking-table/cart/index/by-day-ProvisionedCapacityHigh-1"}, True),
        ({"AlarmName": "TargetTracking-web-asg-critical-AlarmLow-1"}, True),
        ({"AlarmName": "awseb-e-abc-stack-AWSEBCloudwatchAlarmLow-1XYZ"}, True),
        ({"AlarmDescription": "ElasticBeanstalk Default Scale Down alarm"}, True),
        ({"AlarmDescription": "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy arn:aws:…"}, True),
        ({"AlarmDescription": "Do not edit or delete: the scaling team owns it"}, False),
        ({"AlarmActions": [SCALES]}, True),
        ({"AlarmActions": [SCALES.replace("autoscaling", "application-autoscaling", 1)]}, True),
        # An alarm that also notifies a topic is meant for people.
        ({"AlarmActions": [SCALES, TELLS]}, False),
        ({"AlarmActions": []}, False),
        ({"AlarmName": "awseb-e-abc-stack-OurOwnAlarm-1XYZ"}, False),
        ({"AlarmName": "TargetTrackingBroken"}, False),
    ],
)
def test_an_alarm_that_only_drives_scaling_is_labelled_and_suppressed_by_the_shipped_rules(
    change: dict[str, Any], machine: bool
) -> None:
    found = normalize("cloudwatch", alarm(**change))[0]
    rule = SHIPPED.first(incident_of(found, found.timestamp), found.timestamp)

    assert (found.labels.get("made_for") == "auto-scaling") is machine
    assert (rule is not None and rule.severity == "noise") is machine
