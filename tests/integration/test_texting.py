"""Text messages to the person whose turn it is: to moto's SNS, and what happens when there is no number."""

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.stub import ANY, Stubber
from moto import mock_aws
from moto.sns.models import sns_backends

from firstline.adapters.channels.texting import TextMessages
from firstline.channels.sns import _places
from firstline.console import page_links
from firstline.errors import ChannelFailed, NotEntitled
from firstline.models import Notification
from firstline.policy.people import People, Person
from tests.support.builders import INCIDENT_ID, NOW, a_notification, hostile_notification

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

NUMBER = "+4915112345678"
KEYS = ["k" * 40]
API = "https://abcdefghij.execute-api.eu-central-1.amazonaws.com"
PEOPLE = People.model_validate(
    {
        "people": {
            "ada": {"phone": NUMBER},
            "bob": {"phone": "ssm:oncall/bob"},
            "cem": {"phone": "oncall/cem"},
            "dora": {"slack": "U4"},
        }
    }
)


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator["SNSClient"]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("sns", region_name="eu-west-1")


def linked(person: Person, incident_id: str) -> str:
    return page_links.address(person, incident_id, API, KEYS, NOW)


def channel(
    sns: "SNSClient", turn: str | None = "ada", secret: Callable[[str], str | None] | None = None, **more: Any
) -> TextMessages:
    known = {"oncall/bob": "+49 151 8765", "oncall/cem": "call me"}
    return TextMessages(lambda: turn, PEOPLE, secret=secret or known.get, client=sns, **{"link": linked, **more})


def test_the_person_gets_the_page_and_a_link_that_is_theirs_alone(sns: "SNSClient") -> None:
    assert channel(sns).tell(a_notification("paged")) is True

    ((number, text),) = [entry[:2] for entry in sns_backends["123456789012"]["eu-west-1"].sms_messages.values()]
    assert number == NUMBER
    assert text.startswith("HIGH DiskFull on web-1: ")
    address, _, token = text.rpartition(" ")[2].partition("?link=")
    assert address == f"{API}/console/enter/{INCIDENT_ID}"
    given = page_links.read(token, INCIDENT_ID, KEYS, NOW)
    assert (given.key, given.incident_id) == ("ada", INCIDENT_ID)


@pytest.mark.parametrize("sender", ["", "Firstline"])
def test_a_text_message_is_transactional_and_names_its_sender_if_there_is_one(sns: "SNSClient", sender: str) -> None:
    named = {"AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": sender}} if sender else {}
    kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
    with Stubber(sns) as stubber:
        stubber.add_response(
            "publish",
            {"MessageId": "m"},
            {"PhoneNumber": "+491518765", "Message": ANY, "MessageAttributes": kind | named},
        )
        assert channel(sns, "bob", sender_id=sender).tell(a_notification("paged")) is True


@pytest.mark.parametrize("notification", [a_notification("paged"), hostile_notification("paged")])
@pytest.mark.parametrize("incident_id", [INCIDENT_ID, "Kube-" + "x" * 75])
def test_a_page_is_at_most_two_parts_with_its_link_whole(
    sns: "SNSClient", notification: Notification, incident_id: str
) -> None:
    incident = notification.record.incident.model_copy(update={"incident_id": incident_id})
    record = notification.record.model_copy(update={"incident": incident})
    channel(sns).tell(notification.model_copy(update={"record": record}))
    (entry,) = sns_backends["123456789012"]["eu-west-1"].sms_messages.values()
    assert f"/console/enter/{incident_id}?link=ada." in entry[1]
    of_one_part = 153  # characters, if a text message has several parts
    assert _places(entry[1]) <= 2 * of_one_part
    assert entry[1].isascii()
    assert entry[1].isprintable()


def test_a_page_without_a_link_is_better_than_none(sns: "SNSClient") -> None:
    def closed(person: Person, incident_id: str) -> str:
        raise NotEntitled("no key")

    assert channel(sns, link=closed).tell(a_notification("paged")) is True


def test_only_pages_are_texted(sns: "SNSClient") -> None:
    assert channel(sns, "dora").tell(a_notification("closed")) is False


def unreadable(name: str) -> str | None:
    raise GetParameterError("AccessDenied")


@pytest.mark.parametrize(
    ("turn", "secret", "retryable", "words"),
    [
        ("dora", None, False, "dora has no phone in runbooks/policy/people.yaml"),
        ("mallory", None, False, "mallory has no phone"),
        (None, None, False, "no schedule says whose turn it is"),
        ("cem", None, False, "parameter oncall/cem with cem's number has no number like"),
        ("bob", lambda name: None, False, "parameter oncall/bob with bob's number does not exist"),
        ("bob", unreadable, True, "oncall/bob with bob's number cannot be read"),
    ],
)
def test_whoever_cannot_be_texted_is_named(
    sns: "SNSClient", turn: str | None, secret: Any, retryable: bool, words: str
) -> None:
    with pytest.raises(ChannelFailed, match=words) as caught:
        channel(sns, turn, secret).tell(a_notification("paged"))
    assert caught.value.retryable is retryable


@pytest.mark.parametrize(("code", "retryable"), [("Throttled", True), ("OptedOut", False), ("InvalidParameter", False)])
def test_a_phone_number_in_an_error_of_sns_is_neither_raised_nor_logged(
    sns: "SNSClient", caplog: pytest.LogCaptureFixture, code: str, retryable: bool
) -> None:
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish", code, f"Invalid parameter: {NUMBER} is not valid to publish to", 400)
        with caplog.at_level(logging.DEBUG, "firstline"), pytest.raises(ChannelFailed, match=code) as caught:
            channel(sns).tell(a_notification("paged"))
    assert caught.value.retryable is retryable
    assert NUMBER[1:] not in f"{caught.value}{caught.value.__cause__}{caplog.text}"
