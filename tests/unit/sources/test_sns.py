"""SNS over HTTPS: its signature, the addresses a certificate may come from, and subscription confirmations."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from firstline.errors import CertificateUnavailable, Unauthenticated, UnreadablePayload
from firstline.sources import authenticate, normalize, signals
from firstline.sources.signal import SubscriptionConfirmation
from firstline.sources.sns import allowed_topics, subscription_confirmation
from tests.unit.sources.events import event

NOW = datetime(2026, 2, 11, 8, 15, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:210987654321:ops-alarms"
URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"


@cache
def key_pair(who: str) -> tuple[Any, str]:
    key: Any = ec.generate_private_key(ec.SECP256R1()) if who == "elliptic" else rsa.generate_private_key(65_537, 2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{who}.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=365))
        .sign(key, SHA256())
    )
    return key, certificate.public_bytes(Encoding.PEM).decode()


CERTIFICATE = key_pair("sns")[1]


def signed(message: dict[str, Any], version: str = "1", who: str = "sns") -> dict[str, Any]:
    """Return the message signed as SNS signs it, written from its documentation and not from our code."""
    names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
    if message["Type"] == "Notification":
        names = [name for name in names if name not in ("SubscribeURL", "Token")]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    signature = key_pair(who)[0].sign(text.encode(), PKCS1v15(), SHA1() if version == "1" else SHA256())
    return message | {"SignatureVersion": version, "Signature": b64encode(signature).decode()}


def check(
    message: dict[str, Any] | bytes,
    *secrets: str,
    headers: dict[str, str] | None = None,
    certificate: str = CERTIFICATE,
    now: datetime = NOW,
) -> list[str]:
    """Authenticate a message, and return the addresses that were fetched."""
    fetched: list[str] = []

    def fetch(url: str) -> str:
        fetched.append(url)
        return certificate

    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    authenticate("cloudwatch", headers=headers or {}, body=body, secrets=secrets, now=now, certificate=fetch)
    return fetched


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "name", ["sns-alarm", "sns-plain-text", "sns-contributor-alarm", "sns-subscription-confirmation"]
)
def test_a_signed_message_of_an_allowed_topic_is_accepted_with_one_certificate_fetched(version: str, name: str) -> None:
    assert len(check(signed(event(f"cloudwatch/{name}"), version), TOPIC)) == 1


def test_a_subject_of_null_is_verified_like_a_missing_one() -> None:
    message = event("cloudwatch/sns-alarm")
    del message["Subject"]

    check(signed(message) | {"Subject": None}, TOPIC)


def test_a_message_of_one_of_several_allowed_topics_is_accepted() -> None:
    other_topic = "arn:aws:sns:us-east-1:210987654321:other"

    check(signed(event("cloudwatch/sns-alarm")), "token", other_topic, TOPIC)


def test_with_the_token_a_message_is_accepted_and_no_certificate_is_fetched() -> None:
    message = event("cloudwatch/sns-alarm") | {"SigningCertURL": URL.replace("eu-west-1", "zz-nowhere-1")}

    assert check(message, "token", TOPIC, headers={"X-Firstline-Token": "token"}) == []


@pytest.mark.parametrize(("hours", "taken"), [(0, True), (1.9, True), (2.1, False), (24 * 365, False)])
def test_a_message_signed_more_than_two_hours_ago_is_unreadable(hours: float, taken: bool) -> None:
    message = signed(event("cloudwatch/sns-alarm"))
    now = datetime.fromisoformat(message["Timestamp"]) + timedelta(hours=hours)
    if taken:
        check(message, TOPIC, now=now)
        return
    with pytest.raises(UnreadablePayload, match="may be a replay"):
        check(message, TOPIC, now=now)


def test_an_old_message_with_a_wrong_signature_is_refused_for_its_signature() -> None:
    message = signed(event("cloudwatch/sns-alarm"))
    now = datetime.fromisoformat(message["Timestamp"]) + timedelta(days=365)

    with pytest.raises(Unauthenticated, match="does not match"):
        check(message, TOPIC, certificate=key_pair("other")[1], now=now)


def test_a_certificate_that_cannot_be_fetched_raises_its_own_error_so_that_sns_tries_again() -> None:
    def late(url: str) -> str:
        raise CertificateUnavailable(url)

    body = json.dumps(signed(event("cloudwatch/sns-alarm"))).encode()
    with pytest.raises(CertificateUnavailable):
        authenticate("cloudwatch", headers={}, body=body, secrets=[TOPIC], now=NOW, certificate=late)


def test_a_message_is_refused_where_no_certificate_can_be_fetched() -> None:
    body = json.dumps(signed(event("cloudwatch/sns-alarm"))).encode()

    with pytest.raises(Unauthenticated, match="cannot be checked without its certificate"):
        authenticate("cloudwatch", headers={}, body=body, secrets=[TOPIC], now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"},
        {"Subject": "another"},
        {"MessageId": "another"},
        {"Timestamp": "2026-02-11T08:14:27.562Z"},
        {"Timestamp": None},
        {"Message": {"AlarmName": "x"}},
        {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "u"},
        {"SignatureVersion": "2"},
        {"SignatureVersion": "3"},
        {"SignatureVersion": None},
        {"Signature": ""},
        {"Signature": "!"},
        {"Signature": None},
        {"Signature": "é"},
        {"TopicArn": "arn:aws:sns:eu-west-1:999999999999:ops-alarms"},
        {"TopicArn": [TOPIC]},
        {"Type": "Other"},
        {"Type": ["Notification"]},
    ],
)
def test_a_message_changed_after_it_was_signed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        check(signed(event("cloudwatch/sns-alarm")) | change, TOPIC)


@pytest.mark.parametrize(
    ("secrets", "certificate", "reason"),
    [
        (["token"], CERTIFICATE, "no topic may send without one"),
        (["arn:aws:sns:eu-west-1:210987654321:others"], CERTIFICATE, "the topic is not allowed"),
        ([TOPIC], key_pair("other")[1], "does not match"),
        ([TOPIC], key_pair("elliptic")[1], "does not match"),
        ([TOPIC], "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----", "does not match"),
    ],
)
def test_the_error_says_whether_topic_or_signature_is_wrong(secrets: list[str], certificate: str, reason: str) -> None:
    with pytest.raises(Unauthenticated, match=reason):
        check(signed(event("cloudwatch/sns-alarm")), *secrets, certificate=certificate)


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b"\xff", b"[]", b'{"Type": "Notification"}', b"text"])
def test_an_unsigned_body_of_any_kind_is_refused(body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        check(body, TOPIC)


def test_raw_delivery_needs_the_token() -> None:
    raw = event("cloudwatch/raw-alarm")

    with pytest.raises(Unauthenticated, match="raw delivery"):
        check(raw, "token", TOPIC, headers={"X-Amz-Sns-Rawdelivery": "true"})
    check(raw, "token", TOPIC, headers={"Authorization": "Bearer token"})


def test_the_name_of_an_allowed_topic_is_not_accepted_as_a_token() -> None:
    with pytest.raises(Unauthenticated):
        check(b"{}", TOPIC, headers={"X-Firstline-Token": TOPIC})


@pytest.mark.parametrize(
    ("topic", "host"),
    [
        (TOPIC, "sns.eu-west-1.amazonaws.com"),
        (TOPIC.replace("aws:sns:eu-west-1", "aws-us-gov:sns:us-gov-west-1"), "sns.us-gov-west-1.amazonaws.com"),
        (TOPIC.replace("aws:sns:eu-west-1", "aws-cn:sns:cn-north-1"), "sns.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_certificate_is_fetched_from_the_sns_host_of_the_topics_region(topic: str, host: str) -> None:
    url = URL.replace("sns.eu-west-1.amazonaws.com", host)
    message = signed(event("cloudwatch/sns-alarm") | {"TopicArn": topic, "SigningCertURL": url})

    assert check(message, "token", topic) == [url]


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        URL.replace("https", "http"),
        URL.replace("https", "HTTPS"),
        URL.replace("https://", "file://"),
        URL.replace("amazonaws.com", "amazonaws.com.evil.example"),
        URL.replace("amazonaws.com", "amazonaws.com.cn.evil.example"),
        URL.replace("sns.", "evil.example/sns."),
        URL.replace("sns.", "xsns."),
        URL.replace("sns.eu-west-1", "sns"),
        URL.replace("sns.eu-west-1", "sns.eu-west-1.evil"),
        URL.replace("sns.eu-west-1", "bucket.s3.sns.eu-west-1"),
        URL.replace("sns.eu-west-1", "SNS.eu-west-1"),
        URL.replace("sns.eu", "user@sns.eu"),
        URL.replace("sns.eu", "evil.example@sns.eu"),
        URL.replace("sns.eu", "evil.example#@sns.eu"),
        URL.replace("sns.eu", "evil.example\\@sns.eu"),
        URL.replace(".com/", ".com:443/"),
        URL.replace(".com/", ".com:8443/"),
        URL.replace("eu-west-1", "eu-central-1"),
        URL.replace("eu-west-1", "zz-nowhere-1"),
        URL.replace("amazonaws.com", "amazonaws.com.cn"),
        URL.replace("0123456789abcdef0", "0123456789ABCDEF0"),
        URL.replace("SimpleNotificationService-", ""),
        URL + "?",
        URL + "?redirect=https://evil.example",
        URL + "#.pem",
        URL + "\n",
        URL + "/",
        URL.replace(".pem", ".pem.txt"),
        URL.replace(".pem", ""),
        URL.replace("/Simple", "/../Simple"),
        URL.replace("/Simple", "/%2e%2e/Simple"),
        URL.replace("eu-west-1", "eu-west-1\u3002evil"),
        "https://[::1/a.pem",
        "https://sns.eu-west-1.amazonaws.com/" + "a" * 400 + ".pem",
    ],
)
def test_no_certificate_is_fetched_from_any_other_address(url: Any) -> None:
    with pytest.raises(Unauthenticated, match="no certificate of SNS"):
        check(event("cloudwatch/sns-alarm") | {"SigningCertURL": url}, TOPIC)


def test_a_subscription_confirmation_is_read_with_topic_and_token() -> None:
    message = event("cloudwatch/sns-subscription-confirmation")

    assert subscription_confirmation(message) == SubscriptionConfirmation(TOPIC, message["Token"])


@pytest.mark.parametrize(
    ("secrets", "confirmed"), [(["token", TOPIC], True), (["token"], False), ([TOPIC + "2"], False)]
)
def test_only_an_allowed_topic_is_confirmed(secrets: list[str], confirmed: bool) -> None:
    message = event("cloudwatch/sns-subscription-confirmation")

    expected = [SubscriptionConfirmation(TOPIC, message["Token"])] if confirmed else []
    assert signals("cloudwatch", message, secrets) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"Type": "UnsubscribeConfirmation"},
        {"Type": "Notification"},
        {"Token": ""},
        {"Token": None},
        {"TopicArn": "arn:aws:s3:::bucket"},
        {"TopicArn": None},
    ],
)
def test_a_message_without_type_topic_or_token_of_a_confirmation_is_none(change: dict[str, Any]) -> None:
    assert subscription_confirmation(event("cloudwatch/sns-subscription-confirmation") | change) is None


def test_the_allowed_topics_are_the_secrets_that_are_arns_of_topics() -> None:
    secrets = ["token", TOPIC, "arn:aws:sns:eu-west-1:1:x", "arn:aws-cn:sns:cn-north-1:210987654321:a.fifo"]

    assert allowed_topics(secrets) == (TOPIC, "arn:aws-cn:sns:cn-north-1:210987654321:a.fifo")


def test_a_plain_text_by_raw_delivery_is_read_and_without_its_headers_refused() -> None:
    headers = {"X-Amz-Sns-Rawdelivery": "true", "X-Amz-Sns-Topic-Arn": "arn:aws:sns:eu-west-1:210987654321:ops"}
    (alert,) = normalize("cloudwatch", "The nightly export failed", headers=headers)

    assert (alert.alert_name, alert.account, alert.region) == ("The nightly export failed", "210987654321", "eu-west-1")
    with pytest.raises(UnreadablePayload):
        normalize("cloudwatch", "The nightly export failed")
