"""PagerDuty against a server that behaves, refuses or hangs; SNS against moto."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from firstline.adapters.aws.clients import CLIENT_CONFIG
from firstline.adapters.channels.paging import PagerDuty, PageTopic, on_call_name
from firstline.channels.summary import StackInfo
from firstline.errors import ChannelFailed
from tests.integration.http_stub import Answer, Stub, answering
from tests.support.builders import CONSOLE, INCIDENT_ID, a_notification, hostile_notification

STACK = StackInfo()

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

PAGERDUTY_TAKES_BYTES = 512_000
ACCEPTED = Answer(202, {"status": "success", "message": "Event processed", "dedup_key": f"firstline:{INCIDENT_ID}"})


def timeout_seconds(stub: Stub) -> float:
    """Return a short time-out for a server that hangs; another one is given the time of a busy machine."""
    return 0.5 if stub.answers[0].hang else 20


def pagerduty(stub: Stub) -> PagerDuty:
    stack = StackInfo(execution_url=CONSOLE)
    return PagerDuty("R" * 32, events_url=stub.url, stack=stack, timeout_seconds=timeout_seconds(stub))


def test_a_page_triggers_an_incident_in_pagerduty() -> None:
    with answering(ACCEPTED) as stub:
        assert pagerduty(stub).tell(a_notification("paged")) is True
    [asked] = stub.asked
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", "/v2/enqueue", "application/json")
    assert asked.json["routing_key"] == "R" * 32
    assert (asked.json["event_action"], asked.json["dedup_key"]) == ("trigger", f"firstline:{INCIDENT_ID}")


def test_pagerduty_is_not_told_of_a_remediation() -> None:
    with answering(ACCEPTED) as stub:
        assert pagerduty(stub).tell(a_notification("remediating")) is False
    assert stub.asked == []


def test_hostile_text_is_accepted_json() -> None:
    with answering(ACCEPTED) as stub:
        assert pagerduty(stub).tell(hostile_notification("paged")) is True
    assert len(stub.asked[0].body) < PAGERDUTY_TAKES_BYTES
    assert stub.asked[0].json["payload"]["summary"]


@pytest.mark.parametrize(
    ("answer", "retryable", "words"),
    [
        (Answer(400, {"status": "invalid event", "errors": ["bad key"]}), False, "400.*bad key.*pagerduty/routing-key"),
        (Answer(429, {}), True, "429"),
        (Answer(500, b"oops"), True, "500 oops"),
        (Answer(503, b"x" * 100_000), True, "503"),
        (Answer(302, b"", {"Location": "/loop"}), False, "302"),
        (Answer(hang=True), True, "did not answer"),
    ],
    ids=["400", "429", "500", "503 and much text", "a redirect", "hangs"],
)
def test_failures_say_whether_trying_again_helps(answer: Answer, retryable: bool, words: str) -> None:
    with answering(answer) as stub:
        began = time.monotonic()
        with pytest.raises(ChannelFailed, match=words) as caught:
            pagerduty(stub).tell(a_notification("paged"))
    assert caught.value.retryable is retryable
    assert time.monotonic() - began < 20


def test_a_server_that_is_not_there_can_be_tried_later() -> None:
    with answering(ACCEPTED) as stub:
        adapter = pagerduty(stub)
    with pytest.raises(ChannelFailed) as caught:
        adapter.tell(a_notification("paged"))
    assert caught.value.retryable


@pytest.mark.parametrize("url", ["file:///etc", "events.pagerduty.com", ""])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ChannelFailed, match="https://") as caught:
        PagerDuty("R", events_url=url, stack=STACK).tell(a_notification("paged"))
    assert not caught.value.retryable


# --- who is on call ---


def on_call(level: int, name: str) -> dict[str, Any]:
    return {"escalation_level": level, "user": {"summary": name}, "escalation_policy": {"id": "PABC123"}}


def ask(stub: Stub) -> str | None:
    return on_call_name("PABC123", api_url=stub.url, api_token="t0ken", timeout_seconds=timeout_seconds(stub))


def test_the_first_levels_people_are_named() -> None:
    on_calls = [on_call(2, "Lead"), on_call(1, "Ana\nExample"), on_call(1, "Bo"), on_call(1, "Bo")]
    with answering(Answer(body={"oncalls": on_calls})) as stub:
        assert ask(stub) == "Ana Example, Bo"
    [asked] = stub.asked
    assert asked.path.startswith("/oncalls?")
    assert "escalation_policy_ids%5B%5D=PABC123" in asked.path
    assert asked.headers["Authorization"] == "Token token=t0ken"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body={"oncalls": []}),
        Answer(body={}),
        Answer(body=[]),
        Answer(body=b"<html>"),
        Answer(body={"oncalls": [{"user": None, "escalation_level": 1}]}),
        Answer(body={"oncalls": [{"escalation_level": "first"}, {"escalation_level": 1}]}),
        Answer(401, {}),
        Answer(500, b"oops"),
        Answer(hang=True),
    ],
    ids=[
        *("nobody", "no list", "a list alone", "HTML", "no user", "no user, and a level in words"),
        *("wrong token", "500", "hangs"),
    ],
)
def test_a_name_that_cannot_be_had_delays_nothing(answer: Answer) -> None:
    with answering(answer) as stub:
        began = time.monotonic()
        assert ask(stub) is None
    assert time.monotonic() - began < 20


# --- SNS ---


@pytest.fixture
def sns() -> Iterator["SNSClient"]:
    with mock_aws():
        yield boto3.client("sns", region_name="eu-west-1", config=CLIENT_CONFIG)


@pytest.fixture
def topic(sns: "SNSClient") -> str:
    return sns.create_topic(Name="firstline-page")["TopicArn"]


def queue_on(topic: str, sns: "SNSClient") -> str:
    sqs = boto3.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def test_news_of_firstline_itself_is_published_under_a_subject_that_sns_takes(sns: "SNSClient", topic: str) -> None:
    url = queue_on(topic, sns)

    PageTopic(topic, client=sns, stack=STACK).say("s" * 200, "notify 4")

    [message] = boto3.client("sqs", region_name="eu-west-1").receive_message(QueueUrl=url)["Messages"]
    said = json.loads(message["Body"])
    assert said["Message"] == "notify 4"
    assert len(said["Subject"]) < 100, "SNS takes no longer subject"


def test_news_for_a_topic_that_is_gone_fails(sns: "SNSClient", topic: str) -> None:
    with pytest.raises(ChannelFailed):
        PageTopic(f"{topic}-gone", client=sns, stack=STACK).say("s", "notify 4")


@pytest.mark.parametrize("hostile", [False, True])
def test_a_page_is_published(sns: "SNSClient", topic: str, hostile: bool) -> None:
    url = queue_on(topic, sns)

    notification = hostile_notification("paged") if hostile else a_notification("paged")
    assert PageTopic(topic, client=sns, stack=StackInfo(execution_url=CONSOLE)).tell(notification) is True

    [message] = boto3.client("sqs", region_name="eu-west-1").receive_message(QueueUrl=url)["Messages"]
    envelope = json.loads(message["Body"])
    assert envelope["Subject"].startswith("HIGH: ")
    assert INCIDENT_ID in envelope["Message"]


def test_other_moments_are_not_published(sns: "SNSClient") -> None:
    assert (
        PageTopic("arn:aws:sns:eu-west-1:123456789012:none", client=sns, stack=STACK).tell(a_notification("closed"))
        is False
    )


def test_a_topic_that_nobody_reads_wakes_nobody(sns: "SNSClient", topic: str) -> None:
    with pytest.raises(ChannelFailed, match="nobody has a confirmed subscription") as caught:
        PageTopic(topic, client=sns, stack=STACK).tell(a_notification("paged"))
    assert not caught.value.retryable


def test_a_subscription_that_nobody_confirmed_wakes_nobody(sns: "SNSClient", topic: str) -> None:
    pending = {"SubscriptionArn": "PendingConfirmation", "Protocol": "email", "Endpoint": "ops@example.com"}
    with Stubber(sns) as stubber:
        stubber.add_response("publish", {"MessageId": "m1"})
        stubber.add_response("list_subscriptions_by_topic", {"Subscriptions": [pending]})
        with pytest.raises(ChannelFailed, match="nobody has a confirmed subscription"):
            PageTopic(topic, client=sns, stack=STACK).tell(a_notification("paged"))


def test_a_topic_that_is_gone_is_not_tried_again(sns: "SNSClient") -> None:
    with pytest.raises(ChannelFailed, match="SNS") as caught:
        PageTopic("arn:aws:sns:eu-west-1:123456789012:none", client=sns, stack=STACK).tell(a_notification("paged"))
    assert not caught.value.retryable


def test_a_page_counts_as_sent_although_its_subscribers_cannot_be_listed(sns: "SNSClient", topic: str) -> None:
    with Stubber(sns) as stubber:
        stubber.add_response("publish", {"MessageId": "m1"})
        stubber.add_client_error("list_subscriptions_by_topic", "AuthorizationError", "not allowed", 403)
        assert PageTopic(topic, client=sns, stack=STACK).tell(a_notification("paged")) is True


def test_a_busy_sns_can_be_tried_later(sns: "SNSClient", topic: str) -> None:
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish", "Throttled", "slow down", 429)
        with pytest.raises(ChannelFailed) as caught:
            PageTopic(topic, client=sns, stack=STACK).tell(a_notification("paged"))
    assert caught.value.retryable


def test_an_sns_that_is_not_there_can_be_tried_later(topic: str) -> None:
    client = boto3.client(
        "sns",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=CLIENT_CONFIG,
    )
    with pytest.raises(ChannelFailed) as caught:
        PageTopic(topic, client=client, stack=STACK).tell(a_notification("paged"))
    assert caught.value.retryable
