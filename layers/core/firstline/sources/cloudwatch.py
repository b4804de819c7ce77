"""The source for Amazon CloudWatch alarms in the five shapes that AWS sends, and for other messages of SNS topics.

1. the SNS envelope over HTTPS, with the alarm as a JSON string in `Message`; SNS to Lambda puts it into `Records`
2. SNS's requests to confirm a subscription or its end
3. SNS raw delivery: the body is the alarm
4. the EventBridge events "CloudWatch Alarm State Change" and "… Contributor State Change"
5. the event of an alarm's Lambda action

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from firstline.errors import UnreadablePayload
from firstline.sources import generic, meanings, values
from firstline.sources.body import parse_json
from firstline.sources.cloudwatch_alarm import Alarm, add_alarm, topic_severity_word
from firstline.sources.cloudwatch_metrics import Query, query, single
from firstline.sources.generic import is_documented
from firstline.sources.notices import add_message, is_known
from firstline.sources.reading import Reading
from firstline.sources.signal import Signal
from firstline.sources.sns import allowed_topics, authenticate, subscription_confirmation

__all__ = ["authenticate", "read", "signals"]

_CHANGED_AT = ("StateChangeTime", "StateTransitionedTimestamp", "StateUpdatedTimestamp")
"""The keys that hold the time of a state change, best first: the last one also changes when the state does not.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
"""

_STATE_CHANGES = ("CloudWatch Alarm State Change", "CloudWatch Alarm Contributor State Change")


def read(payload: Any, reading: Reading) -> None:
    """Read a message of SNS, a CloudWatch alarm or an event of EventBridge, and add its alerts to `reading`.

    Raises
    ------
    UnreadablePayload
        The payload is none of them.
    """
    raw = reading.header("x-amz-sns-rawdelivery") is not None
    if type(payload) is not dict and not (raw and type(payload) is str):
        raise UnreadablePayload("cloudwatch: the body is no JSON object: send an SNS message, an alarm or an event")
    reader = next((reader for mark, reader in _SHAPES if type(payload) is dict and mark(payload)), None)
    if reader is not None:
        reader(payload, reading)
    elif raw or is_known(payload):
        add_message(payload, values.name(reading.header("x-amz-sns-topic-arn")), {}, payload, reading)
    else:
        raise UnreadablePayload(
            "cloudwatch: unknown kind of message: send an SNS message (with `Type` and `Message`), an alarm "
            "(`AlarmName`) or an event (`detail-type` or `alarmData`)"
        )


def signals(payload: Any, secrets: Sequence[str]) -> Iterator[Signal]:
    """Yield the payload's request to confirm a subscription to an SNS topic, if `secrets` has the topic's ARN."""
    confirmation = subscription_confirmation(payload)
    if confirmation is not None and confirmation.topic_arn in allowed_topics(secrets):
        yield confirmation


def _read_records(payload: dict[str, Any], reading: Reading) -> None:
    for record in reading.split(payload, "Records"):
        try:
            _read_envelope(record.get("Sns") if type(record) is dict else None, record, reading)
        except UnreadablePayload as error:
            reading.reject(str(error), record)


def _read_action(payload: dict[str, Any], reading: Reading) -> None:
    alarm = _described_alarm(payload, payload["alarmData"], payload.get("alarmArn"), "accountId")
    add_alarm(alarm, payload, reading)


def _read_envelope(envelope: Any, raw: Any, reading: Reading) -> None:
    if type(envelope) is not dict or "Message" not in envelope:
        raise UnreadablePayload("cloudwatch: the SNS message has no `Message`: forward the message as SNS sends it")
    if envelope.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        reading.ignore(f"{envelope['Type']} of SNS is about the subscription")
        return
    topic = values.name(envelope.get("TopicArn"))
    message = envelope["Message"]
    if type(message) is str and message.lstrip().startswith("{"):
        try:
            message = parse_json(message)
        except UnreadablePayload:
            message = envelope["Message"]  # no JSON, so text that a person wanted to be read
    if type(message) is dict and "AlarmName" in message:
        _read_alarm_message(message, raw, topic, reading)
    elif type(message) is dict and str(message.get("detail-type")).startswith("CloudWatch Alarm"):
        _read_event(message, reading)
    elif type(message) is dict and not is_known(message) and is_documented(message):
        _read_documented(message, topic, reading)
    else:
        add_message(message, topic, envelope, raw, reading)


def _read_documented(message: dict[str, Any], topic: str | None, reading: Reading) -> None:
    """Read a message of an SNS topic that has the form of an alert of the generic source (docs/sources/generic.md).

    A missing account, region or severity is taken from `topic`, the ARN of the SNS topic, such as
    `…:alerts-critical`; it is None if the message names no topic.
    """
    arn = (topic or "").split(":")
    told = {"severity": topic_severity_word(topic)} | ({"account": arn[4], "region": arn[3]} if len(arn) > 5 else {})
    missing = {name: word for name, word in told.items() if word and meanings.find(message, name) is None}
    generic.read({**missing, **message}, reading)


def _read_alarm_message(message: dict[str, Any], raw: Any, topic: str | None, reading: Reading) -> None:
    trigger = _object(message.get("Trigger"))
    metrics = [_object(_object(_object(m).get("MetricStat")).get("Metric")) for m in _list(trigger.get("Metrics"))]
    add_alarm(
        Alarm(
            name=message.get("AlarmName"),
            arn=message.get("AlarmArn"),
            # A message without a state is not CloudWatch's own; it was sent because something is wrong.
            state=message.get("NewStateValue", "ALARM"),
            reason=message.get("NewStateReason"),
            description=message.get("AlarmDescription"),
            at=next(filter(None, map(message.get, _CHANGED_AT)), None),
            account=message.get("AWSAccountId"),
            metric=trigger.get("MetricName") or message.get("MetricName"),
            namespace=trigger.get("Namespace") or message.get("Namespace"),
            dimensions=[_pairs(trigger.get("Dimensions")), *(_pairs(m.get("Dimensions")) for m in metrics)],
            contributor_id=message.get("AlarmContributorId"),
            contributor=_object(message.get("AlarmContributorAttributes")),
            severity=message.get("Severity") or message.get("Priority"),
            topic=topic,
            actions=_list(message.get("AlarmActions")),
            children=[_object(child).get("Arn") for child in _list(message.get("TriggeringChildren"))],
            rule=message.get("AlarmRule"),
            accounts=[_object(m).get("AccountId") for m in _list(trigger.get("Metrics"))],
            queries=_queries(trigger.get("Metrics"), single({**message, **trigger})),
            comparison=trigger.get("ComparisonOperator") or message.get("ComparisonOperator"),
            tags=_tags(message.get("AlarmTags")),
        ),
        raw,
        reading,
    )


def _read_event(event: dict[str, Any], reading: Reading) -> None:
    kind = values.name(event.get("detail-type")) or "an event"
    if kind not in _STATE_CHANGES:
        if kind.startswith("CloudWatch Alarm"):
            reading.ignore(f"{kind} is no alert")
        else:
            add_message(event, None, {}, event, reading)
        return
    arns = _list(event.get("resources")) or [None]
    add_alarm(_described_alarm(event, _object(event.get("detail")), arns[0], "account"), event, reading)


def _described_alarm(event: dict[str, Any], detail: dict[str, Any], arn: Any, account_key: str) -> Alarm:
    """Read the alarm in `detail`: an EventBridge event's `detail` or a Lambda action's `alarmData`, which are alike.

    `arn` is the alarm's ARN, and `account_key` the key in `event` of the alarm's account, which the two name
    differently.
    """
    state = _object(detail.get("state"))
    configuration = _object(detail.get("configuration"))
    stats = (_object(_object(m).get("metricStat")) for m in _list(configuration.get("metrics")))
    metrics = [metric for stat in stats if (metric := _object(stat.get("metric")))]
    only = metrics[0] if len(metrics) == 1 else {}
    contributor = _object(detail.get("alarmContributor"))
    muted = state.get("actionsSuppressedBy") or state.get("muteDetail") or detail.get("muteDetail")
    return Alarm(
        name=detail.get("alarmName"),
        arn=arn,
        state=state.get("value"),
        reason=state.get("reason"),
        description=configuration.get("description"),
        at=state.get("timestamp") or event.get("time"),
        account=event.get(account_key),
        region=event.get("region"),
        metric=only.get("name"),
        namespace=only.get("namespace"),
        dimensions=[_object(metric.get("dimensions")) for metric in metrics],
        contributor_id=contributor.get("id") or contributor.get("contributorId"),
        contributor=_object(contributor.get("attributes") or contributor.get("contributorAttributes")),
        children=_triggering(state.get("reasonData")),
        rule=configuration.get("alarmRule"),
        accounts=[_object(m).get("accountId") for m in _list(configuration.get("metrics"))],
        queries=_queries(configuration.get("metrics")),
        tags=_tags(detail.get("alarmTags")),
        muted_by=("a mute rule" if type(muted) is dict else values.name(muted) or "a mute rule") if muted else None,
    )


def _queries(entries: Any, first: Query | None = None) -> list[Query]:
    return [found for found in (first, *(query(_object(entry)) for entry in _list(entries))) if found is not None]


def _triggering(reason_data: Any) -> list[Any]:
    """Return the ARNs of the alarms that triggered a composite alarm, from the JSON text `reasonData`."""
    if type(reason_data) is not str or "triggeringAlarms" not in reason_data:
        return []
    try:
        data = _object(parse_json(reason_data))
    except UnreadablePayload:
        return []
    return [_object(child).get("arn") for child in _list(data.get("triggeringAlarms"))]


def _object(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []


def _pairs(dimensions: Any) -> dict[str, Any]:
    """Return dimensions as `{name: value}`; SNS writes them as `[{name, value}]`, EventBridge as such an object."""
    if type(dimensions) is dict:
        return dimensions
    pairs = ((values.name(_object(d).get("name")), _object(d).get("value")) for d in _list(dimensions))
    return {name: value for name, value in pairs if name}


def _tags(tags: Any) -> dict[str, str]:
    """Return the tags that an alarm sends along, from an object or a list of `{Key, Value}`.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-tags-in-notifications.html
    """
    if type(tags) is list:
        tags = {key: _object(tag).get("Value") for tag in tags if (key := values.name(_object(tag).get("Key")))}
    return values.labels(tags)


_SHAPES: tuple[tuple[Callable[[dict[str, Any]], bool], Callable[[Any, Reading], None]], ...] = (
    (lambda payload: type(payload.get("Records")) is list, _read_records),
    (lambda payload: "detail-type" in payload, _read_event),
    (lambda payload: type(payload.get("alarmData")) is dict, _read_action),
    (lambda payload: "Message" in payload, lambda payload, reading: _read_envelope(payload, payload, reading)),
    (
        lambda payload: "AlarmName" in payload,
        lambda payload, reading: _read_alarm_message(payload, payload, None, reading),
    ),
)
"""A test for each shape and the function that reads the shape; the first test that holds decides."""
